import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import type { HttpResponse } from '../../host/network.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import { type ScriptedGet, ScriptedHost } from '../testing/scripted-network.js';
import { type AnnouncedTotals, Announcer, type AnnouncerOptions } from './announcer.js';
import { TrackerClients } from './tracker-clients.js';
import type { TrackerStatus } from './tracker-status.js';

const MINUTE_MS = 60_000;
const FIRST_BACK_OFF_MAX_MS = 17_500 * 1.25;
const HASH = new Uint8Array(20).fill(0x61);
const HASH_V2 = new Uint8Array(20).fill(0x62);

function url(name: string): string {
  return `http://${name}.test/announce`;
}

function withoutTime(line: string): string {
  return line.replace(/ \+.*/, '');
}

function reply(answer: BencodeInput): HttpResponse {
  return { status: 200, body: encodeBencode(answer) };
}

/** An announcer of which each tracker's behaviour is scripted by name; those not named answer well. */
class Scene {
  readonly host: ScriptedHost;
  readonly clients: TrackerClients;
  readonly log: string[] = [];
  readonly peers: string[] = [];
  unixTimeAtStart = 1_700_000_000;
  totals: AnnouncedTotals = { uploadedBytes: 0, downloadedBytes: 0, leftBytes: 1000, isPartialSeed: false };
  /** What `tracker.test` does: an answer, an error, or silence (null). */
  readonly trackers = new Map<string, (get: ScriptedGet) => HttpResponse | DtorrentError | null>();
  readonly announcer: Announcer;

  /** `beside`: on the same host, as another torrent of the same engine. */
  constructor(tiers: readonly (readonly string[])[], given: Partial<AnnouncerOptions> = {}, beside?: Scene) {
    this.host = beside?.host ?? new ScriptedHost();
    const { turn, network } = this.host;
    const random = new SeededRandom(1);
    this.clients = beside?.clients ?? new TrackerClients({ turn, network, random });
    this.host.onGet = (get) => {
      const name = get.url.hostname.replace('.test', '');
      return (this.trackers.get(name) ?? (() => reply({ interval: 1800 })))(get);
    };
    this.announcer = new Announcer({
      turn,
      network,
      random,
      settings: { numWant: 200 },
      clients: this.clients,
      tiers,
      infoHashes: [HASH],
      identity: { peerId: new Uint8Array(20).fill(0x41), key: 0xcafe },
      listenPort: () => 6881,
      unixTime: () => this.unixTimeAtStart + Math.floor(this.host.now / 1000),
      totals: () => this.totals,
      isPrivate: false,
      handler: {
        onPeers: (addresses: readonly Address[]) => this.peers.push(...addresses.map(addressKey)),
        onAnnounced: ({ url, peers, seeds, leechers }) => this.log.push(`ok ${url} ${peers} ${seeds} ${leechers}`),
        onTrackerSwitched: () => this.log.push('switched'),
        onExternalIp: () => {},
        onFirstAnswer: () => {},
        onWaiting: (url, seconds) => this.log.push(`waiting ${url} ${seconds}`),
        onWarning: (url, message) => this.log.push(`warning ${url} ${message}`),
        onFailure: (url, error) => this.log.push(`failed ${url} ${error.code}`),
      },
      ...given,
    });
  }

  start(): this {
    this.host.act(() => this.announcer.start());
    return this;
  }

  fails(...names: string[]): this {
    for (const name of names) this.trackers.set(name, () => new DtorrentError('ENETWORK', 'refused'));
    return this;
  }

  works(...names: string[]): this {
    for (const name of names) this.trackers.delete(name);
    return this;
  }

  /** Name and event of each announce since the last call. */
  said(): string[] {
    const gets = this.host.gets.splice(0);
    return gets.map(({ url }) => `${url.hostname.replace('.test', '')} ${url.searchParams.get('event') ?? '-'}`);
  }

  /** When the next announces were made, relative to now, and what they were. */
  next(withinMs: number): string[] {
    const from = this.host.now;
    this.host.runTo(from + withinMs);
    const gets = this.host.gets.splice(0);
    return gets.map(
      ({ url, at }) => `${url.hostname.replace('.test', '')} ${url.searchParams.get('event') ?? '-'} +${at - from}`,
    );
  }

  stop(): { dones: number } {
    const counter = { dones: 0 };
    this.host.act(() => this.announcer.stop(() => counter.dones++));
    return counter;
  }
}

test('the first announce says started, and the next come at the interval', () => {
  const scene = new Scene([[url('a')]]).start();
  const [get] = scene.host.gets;
  assert.equal(
    get!.request.url,
    `http://a.test/announce?info_hash=${'a'.repeat(20)}&peer_id=${'A'.repeat(20)}&port=6881&uploaded=0&downloaded=0` +
      '&left=1000&compact=1&no_peer_id=1&numwant=200&key=0000cafe&event=started',
  );
  assert.equal(get!.request.timeoutMs, LIMITS.httpTrackerTimeoutMs);
  scene.said();
  const announces = scene.next(4 * 30 * MINUTE_MS);
  assert.equal(announces.length, 3);
  announces.forEach((announce, i) => {
    const [, event, at] = /^a (.*) \+(\d+)$/.exec(announce)!;
    assert.equal(event, '-');
    assert.ok(Number(at) >= (i + 1) * 1_800_000 && Number(at) <= (i + 1) * 1_890_000, announce);
  });
});

test('what a tracker answers is handed on', () => {
  const scene = new Scene([[url('a')]]);
  scene.host.names.set('peer.test', ['192.0.2.9', '0.0.0.0']);
  scene.trackers.set('a', () =>
    reply({
      interval: 1800,
      complete: 3,
      incomplete: 4,
      'warning message': 'soon down',
      peers: [
        { ip: '192.0.2.1', port: 6881 },
        { ip: 'peer.test', port: 7000 },
        { ip: 'nowhere.test', port: 7000 },
      ],
    }),
  );
  scene.start();
  assert.deepEqual(scene.log, [`warning ${url('a')} soon down`, `ok ${url('a')} 3 3 4`]);
  assert.deepEqual(scene.peers, ['192.0.2.1:6881', '192.0.2.9:7000']);
});

test('an unknown size is never announced as complete', () => {
  const scene = new Scene([[url('a')]]);
  scene.totals = { ...scene.totals, leftBytes: null };
  scene.start();
  assert.equal(scene.host.gets[0]!.url.searchParams.get('left'), '16384');
  scene.totals = { uploadedBytes: 5, downloadedBytes: 7, leftBytes: 0, isPartialSeed: false };
  scene.host.runTo(32 * MINUTE_MS);
  const { searchParams } = scene.host.gets[1]!.url;
  assert.deepEqual(
    ['uploaded', 'downloaded', 'left'].map((key) => searchParams.get(key)),
    ['5', '7', '0'],
  );
});

test('a tracker gets its tracker id back', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', ({ at }) => reply(at === 0 ? { interval: 60, 'tracker id': 'x y' } : { interval: 60 }));
  scene.start();
  scene.host.runTo(4 * MINUTE_MS);
  const ids = scene.host.gets.map(({ request }) => /trackerid=([^&]*)/.exec(request.url)?.[1]);
  assert.deepEqual(ids.slice(0, 3), [undefined, 'x%20y', 'x%20y']);
});

test('a public torrent announces to one tracker of every tier at once', () => {
  const scene = new Scene([[url('a')], [url('b'), url('c')]]).start();
  const said = scene.said();
  assert.equal(said.length, 2);
  assert.equal(said[0], 'a started');
  assert.match(said[1]!, /^[bc] started$/);
});

test('a tracker that fails makes way for the next of its tier at once, and the one that works stays in front', () => {
  const scene = new Scene([[url('a'), url('b')]]).fails('a', 'b').start();
  const tried = scene.said();
  assert.deepEqual([...tried].sort(), ['a started', 'b started']);
  const [first, second] = tried.map((line) => line[0]!);
  assert.deepEqual(scene.log, [`failed ${url(first!)} ENETWORK`, `failed ${url(second!)} ENETWORK`]);
  scene.works(second!);
  // Both are due after about the same back-off; the first may be asked in vain once more.
  assert.equal(scene.next(FIRST_BACK_OFF_MAX_MS).map(withoutTime).at(-1), `${second} started`);
  scene.works(first!);
  const [again, ...others] = scene.next(32 * MINUTE_MS);
  assert.match(again!, new RegExp(`^${second} - `));
  assert.deepEqual(others, []);
});

test('a failing tracker is asked less and less often', () => {
  const scene = new Scene([[url('a')]]).fails('a').start();
  scene.host.runTo(20 * MINUTE_MS);
  const times = scene.host.gets.map(({ at }) => at);
  const waits = times.slice(1).map((at, i) => at - times[i]!);
  [17_500, 55_000, 117_500, 205_000].forEach((leastMs, i) => {
    assert.ok(waits[i]! >= leastMs && waits[i]! <= leastMs * 1.25, `${waits}`);
  });
});

test('a tracker that says when to retry, or never to, is obeyed', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ 'failure reason': 'busy', 'retry in': 10 }));
  scene.start().said();
  assert.deepEqual(scene.next(10 * MINUTE_MS - 1), []);
  scene.trackers.set('a', () => reply({ 'failure reason': 'gone', 'retry in': 'never' }));
  assert.deepEqual(scene.next(1), ['a started +1']);
  assert.deepEqual(scene.next(100 * 24 * 60 * MINUTE_MS), []);
});

test('completed is said once, at once, also within the min interval', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 900 }));
  scene.start().said();
  scene.host.runTo(1000);
  scene.totals = { ...scene.totals, leftBytes: 0 };
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(scene.said(), ['a completed']);
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(
    scene.next(3 * 32 * MINUTE_MS).map((line) => line.slice(0, 3)),
    ['a -', 'a -', 'a -'],
  );
});

test('a completed that fails is said again, by the next tracker if need be, until one accepts it', () => {
  const scene = new Scene([[url('a'), url('b')]]).start();
  const first = scene.said()[0]![0]!;
  const other = first === 'a' ? 'b' : 'a';
  scene.fails('a', 'b');
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(scene.said(), [`${first} completed`, `${other} started`]);
  scene.works(other);
  // The other has not seen us start: it hears both, one after the other.
  const retried = scene.next(FIRST_BACK_OFF_MAX_MS).map(withoutTime).slice(-2);
  assert.deepEqual(retried, [`${other} started`, `${other} completed`]);
  assert.equal(scene.next(29 * MINUTE_MS).length, 0);
});

test('a completed that fails is said again when the min interval allows', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 600 }));
  scene.start().said();
  scene.fails('a');
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(scene.said(), ['a completed']);
  scene.works('a');
  assert.deepEqual(scene.next(600_000), ['a completed +600000']);
});

test('a download that completes before started was accepted is announced in order', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => null);
  scene.start();
  scene.host.act(() => scene.announcer.complete());
  const [started] = scene.host.gets;
  scene.works('a');
  scene.host.answer(started!, reply({ interval: 1800 }));
  assert.deepEqual(scene.said(), ['a started', 'a completed']);
});

test('stopped is said to those that accepted started, and to nobody else', () => {
  const scene = new Scene([[url('a')], [url('b')], [url('c')]]).fails('b');
  scene.trackers.set('c', () => null);
  scene.start().said();
  const pending = scene.stop();
  assert.equal(pending.dones, 1);
  const [get, ...others] = scene.host.gets;
  assert.equal(get!.request.timeoutMs, LIMITS.stoppedAnnounceTimeoutMs);
  assert.equal(get!.url.searchParams.get('numwant'), '0');
  assert.equal(others.length, 0);
  assert.deepEqual(scene.said(), ['a stopped']);
  assert.deepEqual(scene.next(10 * 60 * MINUTE_MS), []);
  assert.equal(scene.host.turn.timers.size, 0);
});

test('a completed that is under way comes before stopped', () => {
  const scene = new Scene([[url('a')], [url('b')]]).start();
  scene.trackers.set('a', () => null);
  scene.said();
  scene.host.act(() => scene.announcer.complete());
  const [completed] = scene.host.gets;
  assert.deepEqual(scene.said(), ['a completed', 'b completed']);
  const pending = scene.stop();
  assert.equal(completed!.isCancelled, false);
  assert.deepEqual(scene.said(), ['b stopped']);
  scene.works('a');
  assert.equal(pending.dones, 0);
  scene.host.answer(completed!, reply({ interval: 1800 }));
  assert.deepEqual([scene.said(), pending.dones], [['a stopped'], 1]);
});

test('a completed that is not answered holds a stop up no longer than its timeout', () => {
  const scene = new Scene([[url('a')]]).start();
  scene.trackers.set('a', () => null);
  scene.said();
  scene.host.act(() => scene.announcer.complete());
  const [completed] = scene.host.gets;
  const pending = scene.stop();
  scene.host.runTo(LIMITS.stoppedAnnounceTimeoutMs);
  assert.deepEqual([completed!.isCancelled, pending.dones, scene.said()], [true, 1, ['a completed']]);
  // It has not been heard, so it is said again.
  scene.works('a');
  scene.start();
  assert.deepEqual(scene.next(2 * MINUTE_MS).map(withoutTime), ['a started', 'a completed']);
});

test('a stop that trackers do not answer ends after its timeout', () => {
  const scene = new Scene([[url('a')]]).start();
  scene.trackers.set('a', () => null);
  const first = scene.stop();
  const second = scene.stop();
  scene.host.runTo(LIMITS.stoppedAnnounceTimeoutMs - 1);
  assert.deepEqual([first.dones, second.dones], [0, 0]);
  scene.host.runTo(LIMITS.stoppedAnnounceTimeoutMs);
  assert.deepEqual([first.dones, second.dones], [1, 1]);
  assert.ok(scene.host.gets.every((get) => get.isCancelled || get.url.searchParams.get('event') === 'started'));
  assert.deepEqual([scene.stop().dones, scene.said()], [1, ['a started', 'a stopped']]);
});

test('a stop sends nothing that was still waiting for its turn', () => {
  const tiers = Array.from({ length: LIMITS.announcesPerHostMax + 3 }, (_, i) => [`http://a.test/${i}/announce`]);
  const scene = new Scene(tiers);
  scene.host.onGet = null;
  scene.start();
  assert.equal(scene.stop().dones, 1);
  assert.equal(scene.host.gets.length, LIMITS.announcesPerHostMax);
});

test('a stop before any start, or without trackers, is done at once', () => {
  assert.equal(new Scene([[url('a')]]).stop().dones, 1);
  assert.equal(new Scene([]).start().stop().dones, 1);
});

test('a torrent that is stopped and started again does not announce within the min interval', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 600 }));
  scene.start();
  scene.stop();
  scene.start();
  assert.deepEqual(scene.said(), ['a started', 'a stopped']);
  assert.deepEqual(scene.next(601_000), ['a started +600000']);
});

test('an announcer that is told what an earlier one knew asks no tracker too early, and gives tracker ids back', () => {
  const tiers = [[url('min')], [url('plain')], [url('retry')], [url('never')], [url('gone')], [url('dead')]];
  const first = new Scene(tiers).fails('dead');
  first.trackers.set('min', () => reply({ interval: 1800, 'min interval': 900, 'tracker id': 'x' }));
  first.trackers.set('retry', () => reply({ 'failure reason': 'busy', 'retry in': '7' }));
  first.trackers.set('never', () => reply({ 'failure reason': 'gone', 'retry in': 'never' }));
  first.start();
  first.stop();
  const memory = first.announcer.memory();

  const starts = (scene: Scene): Record<string, number> =>
    Object.fromEntries(
      scene.host.gets
        .filter(({ url }) => url.searchParams.get('event') === 'started')
        .map(({ url, at }) => [url.hostname.replace('.test', ''), at / 1000]),
    );
  const restarted = (offsetSeconds: number): Scene => {
    const scene = new Scene(tiers.filter(([one]) => one !== url('gone')));
    scene.unixTimeAtStart += offsetSeconds;
    scene.host.act(() => scene.announcer.restore(memory));
    scene.start().host.runTo(25 * 60 * MINUTE_MS);
    return scene;
  };
  const second = restarted(10);
  assert.deepEqual(starts(second), { dead: 0, plain: 51, retry: 411, min: 891, never: 86_391 });
  const again = second.host.gets.find(({ url }) => url.hostname === 'min.test')!;
  assert.equal(again.url.searchParams.get('trackerid'), 'x');
  // A wall clock that was set back by a year has nobody wait longer than he was to, one that was set forward not at all.
  const day = LIMITS.announceIntervalMaxMs / 1000;
  assert.deepEqual(starts(restarted(-31_536_000)), { dead: 0, plain: 61, retry: 421, min: 901, never: day });
  assert.deepEqual(starts(restarted(31_536_000)), { dead: 0, plain: 0, retry: 0, min: 0, never: 0 });
});

test('a person who cannot wait is served as soon as the tracker allows it', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 600 }));
  const announceNow = (): void => scene.host.act(() => scene.announcer.announceNow());
  announceNow();
  scene.start();
  announceNow();
  assert.deepEqual(scene.said(), ['a started'], 'nothing before the start, and nothing twice');
  scene.host.runTo(100_000);
  announceNow();
  announceNow();
  assert.deepEqual(scene.next(700_000), ['a - +500000']);
  scene.host.runTo(1_300_000);
  announceNow();
  assert.deepEqual(scene.next(1), ['a - +0']);
});

test('a person who cannot wait cuts our back-off short, takes "never" back, and overrules nothing else', () => {
  const scene = new Scene([[url('dead')], [url('busy')], [url('rude')], [url('gone')]]).fails('dead');
  scene.trackers.set('busy', () => reply({ 'failure reason': 'busy', 'retry in': 10 }));
  scene.trackers.set('rude', () => reply({ 'failure reason': 'no' }));
  scene.trackers.set('gone', () => reply({ 'failure reason': 'gone', 'retry in': 'never' }));
  scene.start().host.runTo(MINUTE_MS / 2);
  scene.said();
  scene.host.act(() => scene.announcer.announceNow());
  const first = scene.next(11 * MINUTE_MS);
  const firstOf = (name: string): string | undefined => first.find((line) => line.startsWith(name));
  assert.equal(firstOf('dead'), 'dead started +0');
  assert.equal(firstOf('busy'), 'busy started +570000');
  // Those that answered a moment ago are left alone for a minute; `rude` was asked twice by then.
  assert.equal(firstOf('gone'), 'gone started +30000');
  assert.match(firstOf('rude')!, /\+(4[5-9]|5\d)\d\d\d$/);
});

test('an announce whose answer was not waited for counts: switching on and off is no way around the min interval', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => null);
  for (let i = 0; i < 5; i++) {
    scene.start();
    scene.stop();
  }
  scene.start();
  assert.deepEqual(scene.said(), ['a started']);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 600 }));
  assert.deepEqual(scene.next(LIMITS.announceIntervalMinMs), ['a started +60000']);
  scene.trackers.set('a', () => null);
  scene.host.act(() => scene.announcer.announceNow());
  assert.deepEqual(scene.next(600_000), ['a - +600000']);
  scene.stop();
  scene.start();
  scene.said();
  assert.deepEqual(scene.next(700_000), ['a started +600000']);
});

test('trackers that are replaced while they are asked are not asked twice, and those that are gone are parted with', () => {
  const scene = new Scene([[url('a')], [url('b')]]);
  scene.host.onGet = null;
  scene.start();
  const [first, second] = scene.host.gets;
  scene.host.act(() => scene.announcer.setTiers([[url('b')], [url('c')]]));
  assert.deepEqual(scene.said(), ['a started', 'b started', 'c started']);
  const peers = [{ ip: '192.0.2.1', port: 1 }];
  scene.host.answer(first!, reply({ interval: 1800, peers }));
  assert.deepEqual([scene.said(), scene.peers], [['a stopped'], []]);
  scene.host.answer(second!, reply({ interval: 1800, peers }));
  assert.deepEqual([scene.said(), scene.peers], [[], ['192.0.2.1:1']]);
});

test('a tracker that is still being asked for another reason is waited for, not asked again', () => {
  const scene = new Scene([[url('a')], [url('slow')]]);
  scene.trackers.set('slow', () => null);
  scene.start();
  const slow = scene.host.gets.find(({ url }) => url.hostname === 'slow.test')!;
  scene.host.act(() => scene.announcer.setTiers([[url('a'), url('slow')]]));
  scene.said();
  scene.fails('a');
  const next = scene.next(32 * MINUTE_MS).map(withoutTime);
  assert.equal(next[0], 'a -');
  assert.ok(!next.some((line) => line.startsWith('slow')), `${next}`);
  scene.host.answer(slow, reply({ interval: 1800 }));
  assert.equal(scene.announcer.trackers(scene.host.now).find(({ url }) => url.includes('slow'))!.state, 'working');
});

test('a tracker that is taken away and put back is not asked before it allows it', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 1800, 'min interval': 600, 'tracker id': 'x' }));
  scene.start();
  const setTiers = (tiers: readonly (readonly string[])[]): void =>
    scene.host.act(() => scene.announcer.setTiers(tiers));
  setTiers([]);
  assert.deepEqual(scene.said(), ['a started', 'a stopped']);
  assert.equal(scene.announcer.memory()[0]!.key, 'http://a.test:80/announce', 'nor after a restart');
  setTiers([[url('b'), url('a')]]);
  assert.deepEqual(scene.said(), ['b started']);
  setTiers([]);
  scene.host.act(() => scene.announcer.addTrackers([url('a')]));
  scene.said();
  assert.deepEqual(scene.next(700_000), ['a started +600000']);
  // What has been free to ask for long is not kept in mind.
  setTiers([]);
  scene.host.runTo(scene.host.now + 10 * 600_000);
  setTiers([[url('b')]]);
  assert.deepEqual(
    scene.announcer.memory().map(({ key }) => key),
    ['http://b.test:80/announce'],
  );
});

test('so many trackers that were taken away are kept in mind, and no more', () => {
  const scene = new Scene([]);
  for (let round = 0; round < 3; round++) {
    const tiers = Array.from({ length: LIMITS.trackersPerTorrentMax }, (_, i) => [url(`t${round}x${i}`)]);
    scene.host.act(() => scene.announcer.setTiers(tiers));
    scene.start();
  }
  scene.host.act(() => scene.announcer.setTiers([]));
  assert.equal(scene.announcer.memory().length, LIMITS.trackersPerTorrentMax);
});

test('of two URLs of one host the one in use is not parted with through the other', () => {
  const tiers = [['http://a.test/announce'], ['https://a.test/announce'], [url('b')]];
  const scene = new Scene(tiers, { isPrivate: true }).fails('a').start();
  assert.deepEqual(scene.said(), ['a started', 'a started', 'b started']);
  scene.works('a').fails('b');
  // At the top again: another host, so another tracker.
  const next = scene.next(32 * MINUTE_MS).map(withoutTime);
  assert.deepEqual(next, ['a started', 'b stopped']);
  assert.deepEqual(scene.log.slice(-2), ['switched', `ok ${tiers[0]![0]} 0 null null`].reverse());
  scene.trackers.set('a', ({ url }) =>
    url.protocol === 'http:' ? new DtorrentError('ENETWORK', 'refused') : reply({ interval: 1800 }),
  );
  assert.deepEqual(scene.next(32 * MINUTE_MS).map(withoutTime), ['a -', 'a started']);
  assert.ok(scene.log.at(-1)!.startsWith('ok https:'), 'and is no other tracker');
  scene.works('a').stop();
  assert.deepEqual(scene.said(), ['a stopped']);
});

test("a private torrent's old peers go before those of its new tracker come", () => {
  const order: string[] = [];
  const handler = {
    onPeers: () => order.push('peers'),
    onTrackerSwitched: () => order.push('switched'),
    onExternalIp: () => {},
    onFirstAnswer: () => {},
    onWaiting: () => {},
    onAnnounced: () => {},
    onWarning: () => {},
    onFailure: () => {},
  };
  const scene = new Scene([[url('a')], [url('b')]], { isPrivate: true, handler }).fails('a');
  scene.trackers.set('b', () => reply({ interval: 1800, peers: [{ ip: '192.0.2.1', port: 1 }] }));
  scene.start();
  assert.deepEqual(order, ['peers']);
  scene.trackers.set('a', scene.trackers.get('b')!);
  scene.next(32 * MINUTE_MS);
  assert.deepEqual(order, ['peers', 'switched', 'peers']);
});

test('a partial seed says paused in every regular announce, and completed only when everything is there', () => {
  const scene = new Scene([[url('a')]]);
  scene.totals = { ...scene.totals, isPartialSeed: true };
  scene.start();
  assert.deepEqual(scene.next(65 * MINUTE_MS).map(withoutTime), ['a started', 'a paused', 'a paused']);
  assert.equal(scene.host.gets.length, 0);
  scene.totals = { ...scene.totals, isPartialSeed: false, leftBytes: 0 };
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(scene.next(32 * MINUTE_MS).map(withoutTime), ['a completed', 'a -']);
});

test('a snapshot tells of each tracker how it is doing', () => {
  const scene = new Scene([[url('good')], [url('dead')], [url('slow')], [url('gone')]]).fails('dead');
  const state = (): unknown[] =>
    scene.announcer.trackers(scene.host.now).map((tracker) => {
      const { state, seeds, leechers, peers, nextAnnounceSeconds, error } = tracker;
      return [tracker.tier, state, seeds, leechers, peers, nextAnnounceSeconds, error];
    });
  assert.deepEqual(state()[0], [0, 'idle', null, null, null, null, null]);
  const peers = [{ ip: '192.0.2.1', port: 1 }];
  scene.trackers.set('good', () => reply({ interval: 1800, complete: 3, incomplete: 4, peers }));
  scene.trackers.set('slow', () => null);
  scene.trackers.set('gone', () => reply({ 'failure reason': 'gone', 'retry in': 'never' }));
  scene.start().host.runTo(10_000);
  const [good, dead, slow, gone] = state() as [number, string, number, number, number, number, string][];
  assert.deepEqual(good!.slice(0, 5), [0, 'working', 3, 4, 1]);
  assert.ok(good![5] >= 1790 && good![5] <= 1880, `${good![5]}`);
  assert.deepEqual(dead!.slice(0, 5), [1, 'failing', null, null, null]);
  assert.ok(dead![5] >= 7 && dead![5] <= 12, `${dead![5]}`);
  assert.equal(dead![6], 'refused');
  assert.deepEqual(slow, [2, 'announcing', null, null, null, null, null]);
  assert.deepEqual(gone, [3, 'failing', null, null, null, null, 'the tracker refuses: gone']);
  scene.stop();
  assert.deepEqual(state()[0], [0, 'idle', 3, 4, 1, null, null]);
});

test('a tracker that an earlier session must not be followed by too early is seen waiting', () => {
  const scene = new Scene([[url('a')]]);
  const notBeforeUnixTime = scene.unixTimeAtStart + 300;
  scene.host.act(() => {
    scene.announcer.restore([
      { key: 'http://a.test:80/announce', notBeforeUnixTime, waitSeconds: 1000, trackerId: null },
    ]);
  });
  scene.start();
  const [{ state, nextAnnounceSeconds }] = scene.announcer.trackers(scene.host.now) as [TrackerStatus];
  assert.deepEqual([state, nextAnnounceSeconds], ['idle', 300]);
  assert.deepEqual(scene.log, [`waiting ${url('a')} 300`]);
});

test('a wall clock that was wrong in an earlier session, or is now, makes nobody wait longer than he was to', () => {
  const scene = new Scene([[url('a')]]);
  const notBeforeUnixTime = scene.unixTimeAtStart + 4 * 365 * 86_400;
  scene.host.act(() => {
    scene.announcer.restore([
      { key: 'http://a.test:80/announce', notBeforeUnixTime, waitSeconds: 300, trackerId: null },
    ]);
  });
  scene.start();
  assert.deepEqual(scene.log, [`waiting ${url('a')} 300`]);
});

test('a start during a stop ends the stop', () => {
  const scene = new Scene([[url('a')]]).start();
  scene.trackers.set('a', () => null);
  const pending = scene.stop();
  scene.host.act(() => scene.announcer.start());
  assert.equal(pending.dones, 1);
  assert.equal(scene.host.gets[1]!.isCancelled, true);
});

test('trackers that say 0 are asked once a minute, no more', () => {
  const scene = new Scene([[url('a')]]);
  scene.trackers.set('a', () => reply({ interval: 0, 'min interval': 0 }));
  scene.start().said();
  const count = scene.next(100 * MINUTE_MS).length;
  assert.ok(count <= 100 && count >= 95, `${count} announces in 100 minutes`);
});

test('a private torrent announces to one tracker at a time, in the order of the tiers', () => {
  const scene = new Scene([[url('a')], [url('b')], [url('c')]], { isPrivate: true }).fails('a').start();
  assert.deepEqual(scene.said(), ['a started', 'b started']);
  // The next announce begins at the top again.
  scene.works('a');
  const next = scene.next(32 * MINUTE_MS).map(withoutTime);
  assert.deepEqual(next, ['a started', 'b stopped']);
  assert.equal(scene.stop().dones, 1);
  assert.deepEqual(scene.said(), ['a stopped']);
});

test('a magnet that turns out to be private keeps one tracker and leaves the others', () => {
  const scene = new Scene([[url('a')], [url('b')], [url('c')]]).fails('a').start();
  assert.deepEqual(scene.said().sort(), ['a started', 'b started', 'c started']);
  scene.host.act(() => scene.announcer.setPrivate(true));
  assert.deepEqual(scene.said(), ['c stopped']);
  const next = scene.next(35 * MINUTE_MS).map(withoutTime);
  assert.deepEqual(next, ['a started', 'b -']);
});

test('both swarms of a hybrid torrent are announced to', () => {
  const scene = new Scene([[url('a')]], { infoHashes: [HASH, HASH_V2] }).start();
  const hashes = scene.host.gets.map(({ url }) => url.searchParams.get('info_hash'));
  assert.deepEqual(hashes, ['a'.repeat(20), 'b'.repeat(20)]);
  scene.said();
  scene.host.act(() => scene.announcer.complete());
  assert.deepEqual(scene.said(), ['a completed', 'a completed']);
  scene.stop();
  assert.deepEqual(scene.said(), ['a stopped', 'a stopped']);
});

test('a tracker that takes only one hash of a hybrid torrent is a tracker that works', () => {
  const scene = new Scene([[url('a')]], { infoHashes: [HASH, HASH_V2] });
  scene.trackers.set('a', ({ url }) =>
    url.searchParams.get('info_hash') === 'a'.repeat(20)
      ? reply({ interval: 1800 })
      : reply({ 'failure reason': 'unknown torrent', 'retry in': 'never' }),
  );
  scene.start();
  assert.deepEqual(scene.log, [`ok ${url('a')} 0 null null`]);
  scene.said();
  assert.deepEqual(scene.next(32 * MINUTE_MS).map(withoutTime), ['a -', 'a started']);
  scene.host.act(() => scene.announcer.complete());
  scene.stop();
  assert.deepEqual(scene.said(), ['a completed', 'a stopped']);
});

test('trackers can be replaced: those that stay are not asked again, those that go are told', () => {
  const scene = new Scene([[url('a')], [url('b')]]).start();
  scene.said();
  scene.host.act(() => scene.announcer.setTiers([[url('b')], [url('c')]]));
  assert.deepEqual(scene.said().sort(), ['a stopped', 'c started']);
  scene.stop();
  assert.deepEqual(scene.said().sort(), ['b stopped', 'c stopped']);
});

test('trackers can be added, known ones are not added twice, and there is a limit', () => {
  for (const isPrivate of [false, true]) {
    const scene = new Scene([[url('a')]], { isPrivate }).start();
    scene.said();
    scene.host.act(() => scene.announcer.addTrackers([url('a'), url('b'), 'nonsense']));
    assert.deepEqual(scene.said(), isPrivate ? [] : ['b started']);
  }
  const scene = new Scene([[url('a')]]).start();
  scene.said();
  const many = Array.from({ length: LIMITS.trackersPerTorrentMax + 5 }, (_, i) => url(`t${i}`));
  scene.host.act(() => scene.announcer.addTrackers(many));
  assert.equal(scene.said().length, LIMITS.trackersPerTorrentMax - 1);
});

test('a private torrent without a working tracker tries an added one at once', () => {
  const scene = new Scene([[url('a')]], { isPrivate: true }).fails('a').start();
  scene.said();
  scene.host.act(() => scene.announcer.addTrackers([url('b')]));
  assert.deepEqual(scene.said(), ['b started']);
  const empty = new Scene([], { isPrivate: true }).start();
  empty.host.act(() => empty.announcer.addTrackers([url('b')]));
  assert.deepEqual(empty.said(), ['b started']);
});

test('many torrents fall upon one tracker a few at a time', () => {
  const first = new Scene([[url('a')]]);
  const scenes = [first, ...Array.from({ length: 9 }, () => new Scene([[url('a')]], {}, first))];
  first.host.onGet = null;
  for (const scene of scenes) scene.start();
  const { gets } = first.host;
  assert.equal(gets.length, LIMITS.announcesPerHostMax);
  first.host.answer(gets[0]!, reply({ interval: 1800 }));
  assert.equal(gets.length, LIMITS.announcesPerHostMax + 1);
  // A torrent that stops while it waits gives its place away without asking.
  assert.equal(scenes[9]!.stop().dones, 1);
  assert.equal(gets.length, LIMITS.announcesPerHostMax + 1);
});

test('UDP and HTTP trackers serve one torrent side by side', () => {
  const scene = new Scene([['udp://192.0.2.1:6969/announce'], [url('a')]]);
  const tracker = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(1) });
  const udp = new UdpTrackerServer(tracker, new SeededRandom(2));
  const from: Address = { family: 4, host: '192.0.2.50', port: 1 };
  scene.host.onDatagram = ({ packet }) => udp.receive(packet, from, scene.host.now);
  scene.start();
  assert.deepEqual(scene.log.map((line) => line.split(' ')[1]!.slice(0, 4)).sort(), ['http', 'udp:']);
  assert.equal(tracker.stats(scene.host.now).peers, 1);
  scene.host.act(() => scene.announcer.complete());
  assert.equal(scene.stop().dones, 1);
  assert.deepEqual([tracker.stats(scene.host.now).peers, tracker.stats(scene.host.now).announces], [0, 3]);
});

test('whatever trackers do, a random life of a torrent keeps the rules', () => {
  const seed = Number(process.env['SEED'] ?? 21);
  for (let life = 0; life < 60; life++) {
    const random = new SeededRandom(seed + life);
    const isPrivate = random.uint32() % 2 === 0;
    const scene = new Scene([[url('a'), url('b')], [url('c')]], { isPrivate });
    const members = new Map<string, string>();
    const lastOk = new Map<string, number>();
    let completions = 0;
    for (const name of ['a', 'b', 'c']) {
      scene.trackers.set(name, ({ url, at }) => {
        const event = url.searchParams.get('event') ?? '-';
        const message = `seed ${seed}, life ${life}: ${name} hears ${event} at ${at}`;
        assert.equal(event === 'started', !members.has(name), message);
        const minimum = lastOk.get(name);
        if (minimum !== undefined && event !== 'completed' && event !== 'stopped') {
          assert.ok(at - minimum >= 120_000, `${message}, ${at - minimum} ms after the last`);
        }
        if (random.uint32() % 3 === 0 && event !== 'stopped') return new DtorrentError('ENETWORK', 'down');
        if (event === 'stopped') members.delete(name);
        else members.set(name, event);
        if (event !== 'stopped') lastOk.set(name, at);
        if (event === 'completed') completions++;
        return reply({ interval: 300, 'min interval': 120 });
      });
    }
    scene.start();
    scene.host.runTo((random.uint32() % 3_600_000) + 1);
    scene.host.act(() => scene.announcer.complete());
    scene.host.runTo(scene.host.now + 24 * 60 * MINUTE_MS);
    assert.ok(completions >= 1 && completions <= (isPrivate ? 1 : 2), `seed ${seed}, life ${life}: ${completions}`);
    if (isPrivate) assert.equal(members.size, 1, `seed ${seed}, life ${life}`);
    assert.equal(scene.stop().dones, 1);
    assert.equal(members.size, 0, `seed ${seed}, life ${life}: ${[...members.keys()]} still think we are there`);
    assert.equal(scene.host.turn.timers.size, 0);
  }
});
