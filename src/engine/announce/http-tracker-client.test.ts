import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { USER_AGENT } from '../../base/version.js';
import type { HttpResponse } from '../../host/network.js';
import {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResponse,
  type AnnounceResult,
} from '../../protocol/tracker/announce.js';
import { EXAMPLE_ANNOUNCE } from '../../protocol/tracker/testing/example-announce.js';
import { ScriptedHost } from '../testing/scripted-network.js';
import { BrokenFamilies } from './family-announce.js';
import { HttpTrackerClient } from './http-tracker-client.js';
import type { TrackerExchange } from './tracker-client.js';

const REQUEST: AnnounceRequest = {
  ...EXAMPLE_ANNOUNCE,
  infoHash: new Uint8Array(20).fill(0xff),
  peerId: new Uint8Array(20).fill(0x41),
  event: '',
  key: 1,
};

function announce(): { host: ScriptedHost; results: AnnounceResult[]; cancel: () => void } {
  const host = new ScriptedHost();
  const client = new HttpTrackerClient({ turn: host.turn, network: host.network });
  const results: AnnounceResult[] = [];
  const exchange = client.announce('http://t.test/announce', REQUEST, 30_000, (result) => {
    assert.ok(host.turn.isRunning, 'answers enter through a turn');
    results.push(result);
  });
  host.settle();
  return { host, results, cancel: () => exchange.cancel() };
}

test('an announce is one GET, bounded in time, size and redirects', () => {
  const { host } = announce();
  const { url, ...rest } = host.gets[0]!.request;
  assert.match(url, /^http:\/\/t\.test\/announce\?info_hash=(%FF){20}&peer_id=A{20}&port=6881&/);
  assert.deepEqual(rest, {
    userAgent: USER_AGENT,
    timeoutMs: 30_000,
    bodyBytesMax: LIMITS.httpTrackerBodyBytesMax,
    redirectsMax: LIMITS.httpRedirectsMax,
    bindHost: '',
    family: 0,
  });
});

test('answers and failures of every kind arrive as results', () => {
  const good = announce();
  good.host.answer(good.host.gets[0]!, { status: 200, body: fromUtf8('d8:intervali600ee') });
  assert.equal(!(good.results[0] instanceof AnnounceFailure) && good.results[0]?.intervalMs, 600_000);
  const garbage = announce();
  garbage.host.answer(garbage.host.gets[0]!, { status: 404, body: fromUtf8('<html>') });
  assert.ok(garbage.results[0] instanceof AnnounceFailure && garbage.results[0].error.code === 'ETRACKER');
  const broken = announce();
  broken.host.answer(broken.host.gets[0]!, new DtorrentError('ENETWORK', 'reset'));
  assert.ok(broken.results[0] instanceof AnnounceFailure && broken.results[0].error.code === 'ENETWORK');
});

/** Announces to both.test, which has addresses of both families, again and again. */
class DualStack {
  readonly host = new ScriptedHost();
  readonly results: AnnounceResult[] = [];
  readonly #client = new HttpTrackerClient({ turn: this.host.turn, network: this.host.network });

  constructor(addresses: readonly string[] = ['192.0.2.1', '2001:db8::1']) {
    this.host.names.set('both.test', addresses);
  }

  announce(event: AnnounceEvent = ''): TrackerExchange {
    let exchange: TrackerExchange | null = null;
    this.host.act(() => {
      exchange = this.#client.announce('http://both.test/announce', { ...REQUEST, event }, 30_000, (result) => {
        assert.ok(this.host.turn.isRunning);
        this.results.push(result);
      });
    });
    return exchange!;
  }

  /** Family and event of what is asked now, which gets this answer. */
  answer(result: HttpResponse | DtorrentError): string {
    const get = this.host.gets.at(-1)!;
    this.host.answer(get, result);
    return `${get.request.family} ${get.url.searchParams.get('event') ?? '-'}`;
  }

  get #last(): AnnounceResponse {
    const result = this.results.at(-1);
    assert.ok(result !== undefined && !(result instanceof AnnounceFailure));
    return result;
  }

  get peers(): string[] {
    return this.#last.peers.map(({ host }) => host);
  }
}

function answerOf(fields: string): HttpResponse {
  return { status: 200, body: fromUtf8(`d${fields}e`) };
}

const BROKEN = new DtorrentError('ENETWORK', 'no route');

test('a tracker of both families hears of us over both, one after the other', () => {
  const scene = new DualStack();
  scene.announce('started');
  assert.equal(scene.host.gets.length, 1);
  const v4 = scene.answer(
    answerOf('8:completei7e11:external ip7:8.8.8.88:intervali600e5:peersld2:ip9:192.0.2.74:porti1eee'),
  );
  const v6 = scene.answer(
    answerOf(
      '8:completei9e11:external ip9:2001:db::8:intervali900e5:peersld2:ip11:2001:db8::74:porti1eed2:ip9:192.0.2.74:porti1eee',
    ),
  );
  assert.deepEqual([v4, v6], ['4 started', '6 started']);
  const result = scene.results[0] as AnnounceResponse;
  assert.deepEqual([result.seeds, result.leechers, result.intervalMs], [9, null, 900_000]);
  assert.deepEqual([scene.peers, scene.results.length], [['192.0.2.7', '2001:db8::7'], 1]);
  assert.deepEqual(result.externalIps, ['8.8.8.8', '2001:db::']);
  const [first, second] = scene.host.gets;
  for (const name of ['peer_id', 'key', 'port']) {
    assert.equal(first!.url.searchParams.get(name), second!.url.searchParams.get(name));
  }
  assert.equal(second!.request.timeoutMs, LIMITS.trackerSecondFamilyTimeoutMs);
});

test('completed is said over one family, and the other hears nothing before its min interval is over', () => {
  const scene = new DualStack();
  scene.announce('completed');
  assert.equal(scene.answer(answerOf('8:intervali600e')), '4 completed');
  assert.deepEqual([scene.results.length, scene.host.gets.length], [1, 1]);
});

test('a family that does not get through costs one attempt an hour', () => {
  const scene = new DualStack();
  scene.announce('started');
  assert.equal(scene.answer(answerOf('8:intervali600e')), '4 started');
  assert.equal(scene.answer(BROKEN), '6 started');
  scene.announce();
  assert.equal(scene.answer(answerOf('8:intervali600e')), '4 -');
  assert.equal(scene.results.length, 2);
  scene.host.runTo(3_600_000);
  scene.announce();
  scene.answer(answerOf('8:intervali600e'));
  assert.equal(scene.answer(answerOf('8:intervali600e')), '6 -');
});

test('whichever family gets through is enough', () => {
  const scene = new DualStack();
  scene.announce('completed');
  assert.equal(scene.answer(BROKEN), '4 completed');
  assert.equal(scene.host.gets.at(-1)!.request.timeoutMs, 30_000);
  assert.equal(scene.answer(answerOf('8:intervali600e')), '6 completed');
  // The next goes that way first, and turns to the other when it must.
  scene.announce();
  assert.equal(scene.answer(BROKEN), '6 -');
  assert.equal(scene.answer(answerOf('8:intervali600e')), '4 -');
  assert.ok(scene.results.every((result) => !(result instanceof AnnounceFailure)));
  scene.announce();
  scene.answer(BROKEN);
  scene.answer(new DtorrentError('ETIMEOUT', 'late'));
  assert.equal((scene.results.at(-1) as AnnounceFailure).error.code, 'ENETWORK');
});

test('a tracker that refuses is not asked again over the other family', () => {
  const scene = new DualStack();
  scene.announce();
  scene.answer(answerOf('14:failure reason2:no'));
  assert.deepEqual([scene.results.length, scene.host.gets.length], [1, 1]);
  assert.equal((scene.results[0] as AnnounceFailure).error.code, 'ETRACKER');
  // Over the second it may refuse: the first has accepted.
  scene.announce();
  scene.answer(answerOf('8:intervali600e'));
  scene.answer(answerOf('14:failure reason2:no'));
  assert.ok(!(scene.results[1] instanceof AnnounceFailure));
});

test('of one family, of this machine, or without a name that resolves, a tracker is asked once', () => {
  for (const addresses of [['192.0.2.1', '192.0.2.2'], ['2001:db8::1'], ['127.0.0.1', '::1'], []]) {
    const scene = new DualStack(addresses);
    scene.announce();
    assert.equal(scene.answer(answerOf('8:intervali600e')), '0 -');
    assert.deepEqual([scene.results.length, scene.host.gets.length], [1, 1]);
  }
});

test('cancelling ends an announce over two families wherever it is', () => {
  for (const answers of [0, 1]) {
    const scene = new DualStack();
    const exchange = scene.announce();
    for (let i = 0; i < answers; i++) scene.answer(answerOf('8:intervali600e'));
    exchange.cancel();
    scene.host.runTo(600_000);
    assert.deepEqual([scene.results.length, scene.host.gets.at(-1)!.isCancelled], [0, true]);
  }
  const early = new DualStack();
  early.host.turn.run(() => {
    const client = new HttpTrackerClient({ turn: early.host.turn, network: early.host.network });
    client.announce('http://both.test/announce', REQUEST, 1000, () => assert.fail()).cancel();
  });
  early.host.settle();
  assert.equal(early.host.gets.length, 0);
});

test('only so many broken families are remembered', () => {
  const broken = new BrokenFamilies();
  for (let i = 0; i <= LIMITS.trackerFamiliesBrokenMax; i++) broken.add(`t${i}.test`, 6, 0);
  assert.equal(broken.size, LIMITS.trackerFamiliesBrokenMax);
  assert.deepEqual(
    [broken.has('t0.test', 6, 0), broken.has('t1.test', 6, 0), broken.has('t1.test', 4, 0)],
    [false, true, false],
  );
});

test('cancelling an announce cancels its GET', () => {
  const { host, cancel } = announce();
  cancel();
  assert.equal(host.gets[0]!.isCancelled, true);
});
