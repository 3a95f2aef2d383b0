/**
 * Peer exchange (BEP 11) with real clients: three hosts, of which the last has a bare magnet link and knows the one in the
 * middle alone, which downloads at a crawl from the first, a seed. That the last one completes is the work of the seed, and
 * that it knows of the seed is the word of the one in the middle: nothing else finds peers here, and the seed itself has no
 * peer exchange. Each client is each of the three once. Clients refuse loopback addresses, so each has a host of its own
 * on one network of namespaces; all tests run at one time.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Aria2 } from '../../harness/aria2.js';
import type { ClientPlace } from '../../harness/client-place.js';
import { temporaryDirectory } from '../../harness/content.js';
import { Deluge } from '../../harness/deluge.js';
import { Dtorrent } from '../../harness/dtorrent.js';
import { Libtorrent } from '../../harness/libtorrent.js';
import { type Host, makeNetwork } from '../../harness/namespaces.js';
import { run, until } from '../../harness/process.js';
import { Qbittorrent } from '../../harness/qbittorrent.js';
import { Rtorrent } from '../../harness/rtorrent.js';
import { assertArrived, type Content, makeContent } from '../../harness/transfer.js';
import { Transmission } from '../../harness/transmission.js';
import { WebTorrent } from '../../harness/webtorrent.js';
import { type ClientName, requireClient } from '../clients.js';
import { assertCompletes, type ClientDriver } from '../transfers.js';

type Client = Pick<ClientDriver, 'port' | 'seed' | 'download' | 'isComplete' | 'describe'>;

interface PexClient {
  readonly name: string;
  readonly requires: ClientName;
  readonly start: (t: TestContext, directory: string, place: ClientPlace) => Promise<Client>;
  /** It hears of peers and tells nobody. Default false. */
  readonly isSilent?: boolean;
  /** While a limit makes it wait it reads from no peer: the seed has the limit then. Default false. */
  readonly isDeafened?: boolean;
}

/** First the one that says something only after a minute or more. */
const CLIENTS: readonly PexClient[] = [
  { name: 'rtorrent', requires: 'rtorrent', start: Rtorrent.start },
  { name: 'transmission', requires: 'transmission-daemon', start: Transmission.start },
  { name: 'aria2', requires: 'aria2c', start: Aria2.start, isDeafened: true },
  { name: 'libtorrent', requires: 'libtorrent', start: Libtorrent.start },
  { name: 'qBittorrent', requires: 'qbittorrent-nox', start: Qbittorrent.start },
  { name: 'Deluge', requires: 'deluged', start: Deluge.start },
  { name: 'WebTorrent', requires: 'npm package of the interop tests', start: WebTorrent.start, isSilent: true },
];

/** No empty file: transmission 3.00 does not create them. */
const TREE = { 'a.bin': 3_500_000, 'sub/b.bin': 300_001 };
/** Bytes per second of the one in the middle: much less than the content in all the time that there is. */
const CRAWL = 8192;
/** Of a seed: the one in the middle is not complete before the last one is told, and both are soon enough. */
const WALK = 200_000;
/** Nobody answers there; rtorrent takes no torrent without a tracker. */
const DEAD_TRACKER = 'http://127.0.0.1:9/announce';
/** Of the download that waits for the slowest one's first words. */
const COMPLETE_TIMEOUT_MS = 150_000;

/** At which end of the chain the client is, or between two of ours. */
type Place = 'first' | 'middle' | 'last';
type Hosts = Readonly<Record<Place, Host>>;

test('peer exchange', { timeout: 300_000, concurrency: 10 }, async (t) => {
  if (!requireClient(t, 'network namespaces')) return;
  const talkers = CLIENTS.filter(({ isSilent }) => isSilent !== true);
  const cases: readonly { readonly name: string; readonly client: PexClient | null; readonly place: Place }[] = [
    ...talkers.map((client) => ({
      name: `${client.name} tells a dtorrent of a seed`,
      client,
      place: 'middle' as const,
    })),
    { name: 'a dtorrent tells another one of a seed', client: null, place: 'middle' },
    ...CLIENTS.map((client) => ({ name: `a dtorrent tells ${client.name} of a seed`, client, place: 'last' as const })),
    ...CLIENTS.map((client) => ({
      name: `${client.name} is the seed that is told of`,
      client,
      place: 'first' as const,
    })),
  ];
  const hosts = await makeNetwork(
    t,
    cases.flatMap(() => [1, 1, 1]),
  );
  const content = await makeContent(t, { tree: TREE, kind: 'v1', trackers: [DEAD_TRACKER] });
  await Promise.all(
    cases.map(({ name, client, place }, index) =>
      t.test(name, async (one) => {
        if (client !== null && !requireClient(one, client.requires)) return;
        const [first, middle, last] = hosts.slice(3 * index);
        const scene = new Scene(one, content, { first: first!, middle: middle!, last: last! });
        if (client === null) await scene.ofOurs();
        else await scene[place](client);
      }),
    ),
  );
});

/** One test: three who know of each other what they are told. */
class Scene {
  readonly #t: TestContext;
  readonly #content: Content;
  readonly #hosts: Hosts;

  /** Seeds share their copy of the content with those of other tests. */
  constructor(t: TestContext, content: Content, hosts: Hosts) {
    this.#t = t;
    this.#hosts = hosts;
    this.#content = { ...content, directory: temporaryDirectory(t), out: temporaryDirectory(t) };
  }

  async ofOurs(): Promise<void> {
    const seed = await this.#ourSeed();
    const middle = await this.#ourMiddle([seed.peer]);
    await this.#assertOursCompletes([middle.peer], seed.peer);
    assert.ok(!isComplete(middle));
  }

  /** The client has everything, and hears of nobody either. */
  async first(tests: PexClient): Promise<void> {
    const client = await this.#start(tests, 'first', { usesPex: false });
    await client.seed(this.#content);
    const seed = await this.#peerOf(client, 'first');
    const middle = await this.#ourMiddle([seed]);
    await this.#assertOursCompletes([middle.peer], seed);
    assert.ok(!isComplete(middle));
  }

  /** The client is dialled by both, and tells one of the other. */
  async middle(tests: PexClient): Promise<void> {
    const isDeafened = tests.isDeafened === true;
    const client = await this.#start(tests, 'middle', isDeafened ? {} : { downloadLimit: CRAWL });
    await client.download({ ...this.#content, out: temporaryDirectory(this.#t) }, this.#content.torrent);
    const middle = await this.#peerOf(client, 'middle');
    const seed = await this.#ourSeed([middle], isDeafened ? ['--upload-limit', `${WALK}`] : []);
    await untilConnected(seed, middle);
    await this.#assertOursCompletes([middle], seed.peer);
    if (!isDeafened) assert.ok(!(await client.isComplete()));
  }

  /** The client is dialled by one that tells it of the seed. */
  async last(tests: PexClient): Promise<void> {
    const client = await this.#start(tests, 'last');
    await client.download(this.#content, this.#content.magnet);
    const seed = await this.#ourSeed();
    const middle = await this.#ourMiddle([seed.peer, await this.#peerOf(client, 'last')]);
    await assertCompletes(client, this.#content);
    await untilConnected(seed, this.#hosts.last.addresses[0]!);
    assert.ok(!isComplete(middle));
  }

  async #assertOursCompletes(peers: readonly string[], seed: string): Promise<void> {
    const { magnet, out } = this.#content;
    const last = await this.#runOurs('last', ['get', magnet, '-o', out], peers);
    await last.process.event('completed', COMPLETE_TIMEOUT_MS);
    assertArrived(this.#content);
    await untilConnected(last, seed);
  }

  /** It hears of nobody: who gets something from it has found it. */
  async #ourSeed(peers: readonly string[] = [], limits: readonly string[] = []): Promise<Ours> {
    const { torrent, data } = this.#content;
    const seed = await this.#runOurs('first', ['seed', torrent, data, '--no-pex', ...limits], peers);
    await seed.process.event('completed', 60_000);
    return seed;
  }

  #ourMiddle(peers: readonly string[]): Promise<Ours> {
    const out = temporaryDirectory(this.#t);
    const limit = ['--download-limit', `${CRAWL}`];
    return this.#runOurs('middle', ['get', this.#content.torrent, '-o', out, ...limit], peers);
  }

  async #runOurs(place: Place, args: readonly string[], peers: readonly string[]): Promise<Ours> {
    const { namespace, addresses } = this.#hosts[place];
    const told = peers.flatMap((peer) => ['--peer', peer]);
    const process = new Dtorrent(this.#t, [...args, ...told, '--port', '0', '--no-trackers', '-v'], { namespace });
    return { process, peer: `${addresses[0]}:${await process.port()}` };
  }

  #start(tests: PexClient, place: Place, options: Partial<ClientPlace> = {}): Promise<Client> {
    const { namespace, addresses } = this.#hosts[place];
    const at = { namespace, address: addresses[0]!, dhtNodes: [], usesPex: true, ...options };
    return tests.start(this.#t, this.#content.directory, at);
  }

  /** HOST:PORT, once it can be dialled: who is not there is dialled again much later. */
  async #peerOf({ port }: Client, place: Place): Promise<string> {
    const { namespace, addresses } = this.#hosts[place];
    await until(`listener on ${port}`, 20_000, async () => {
      const command = ['netns', 'exec', namespace, 'ss', '-Hltn', `sport = :${port}`];
      return (await run(this.#t, 'ip', command)) !== '';
    });
    return `${addresses[0]}:${port}`;
  }
}

/** A dtorrent that tells whom it connects with. */
interface Ours {
  readonly process: Dtorrent;
  /** HOST:PORT. */
  readonly peer: string;
}

function isComplete({ process }: Ours): boolean {
  return process.lines.some((line) => line.includes('"completed"'));
}

/** @param peer the beginning of its address */
async function untilConnected({ process }: Ours, peer: string): Promise<void> {
  await until(`connection with ${peer}`, 20_000, () => process.errors.includes(` connected to ${peer}`));
}
