/**
 * A deluged 2.0.3 (libtorrent 2.0.8) with a configuration folder of its own. Its RPC is a TLS connection with compressed
 * messages in a format of Deluge's own, for which Debian installs the Python module: each call is one run of a short
 * script. Which nodes its DHT begins with cannot be set, so it is told by a magnet link.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ClientPlace, introductionTo, LOOPBACK_PLACE } from './client-place.js';
import { freePort, keepsConnections } from './ports.js';
import { Process, run, until } from './process.js';
import type { Content } from './transfer.js';

const PYTHON = '/usr/bin/python3';

/** arguments: PORT AUTH_FILE METHOD JSON_ARGUMENTS. Prints the answer as JSON. */
const CALL = `
import json, socket, ssl, struct, sys, zlib, rencode
port, auth, method, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
connection = context.wrap_socket(socket.create_connection(('127.0.0.1', port), 10))
stream = connection.makefile('rb')
def call(method, arguments, named):
    data = zlib.compress(rencode.dumps(((1, method, arguments, named),)))
    connection.sendall(struct.pack('!BI', 1, len(data)) + data)
    while True:
        length = struct.unpack('!BI', stream.read(5))[1]
        kind, *answer = rencode.loads(zlib.decompress(stream.read(length)), decode_utf8=True)
        if kind == 1: return answer[1]
        if kind == 2: sys.exit(f'{method}: {answer}')
user, password = next(line.split(':')[:2] for line in open(auth) if line.startswith('localclient:'))
call('daemon.login', (user, password), {'client_version': '2.0.3'})
print(json.dumps(call(method, arguments, {})))
`;

export class Deluge {
  readonly #t: TestContext;
  readonly #process: Process;
  readonly #home: string;
  readonly #rpcPort: number;
  readonly #place: ClientPlace;
  readonly port: number;
  #torrentId = '';

  private constructor(
    t: TestContext,
    process: Process,
    {
      home,
      ports,
      place,
    }: {
      readonly home: string;
      readonly ports: { readonly rpc: number; readonly peers: number };
      readonly place: ClientPlace;
    },
  ) {
    this.#t = t;
    this.#process = process;
    this.#home = home;
    this.#rpcPort = ports.rpc;
    this.#place = place;
    this.port = ports.peers;
  }

  static async start(t: TestContext, directory: string, place: ClientPlace = LOOPBACK_PLACE): Promise<Deluge> {
    const home = join(directory, 'deluge');
    mkdirSync(home);
    const ports = { rpc: await freePort(), peers: await freePort() };
    writeFileSync(join(home, 'core.conf'), configuration(ports.peers, place));
    // Its logging does not work with Python 3.11: each line that it would write is an exception.
    const args = ['-d', '-c', home, '-p', `${ports.rpc}`, '-u', '127.0.0.1', '-L', 'none'];
    const process = new Process(t, 'deluged', args, { namespace: place.namespace });
    const client = new Deluge(t, process, { home, ports, place });
    await until('answer of deluged', 20_000, () => client.#call('daemon.get_version').catch(() => null));
    return client;
  }

  async seed(content: Content): Promise<void> {
    await this.#joinDht();
    await this.#add(content.torrent, content.data);
    await until('seed', 20_000, () => this.isComplete());
    if (this.#place.namespace === undefined) {
      await until('seed that takes peers', 10_000, () => keepsConnections(this.port));
    }
  }

  async download(content: Content, source: string): Promise<void> {
    await this.#joinDht();
    await this.#add(source, content.out);
  }

  async addPeer(peer: string): Promise<void> {
    const [host, port] = peer.split(':');
    await this.#call('core.connect_peer', this.#torrentId, host, Number(port));
  }

  async isComplete(): Promise<boolean> {
    const status = await this.#status();
    return status['is_finished'] === true && status['state'] === 'Seeding';
  }

  async describe(): Promise<string> {
    return JSON.stringify(await this.#status());
  }

  /** Who announces before its DHT knows anybody announces again a quarter of an hour later. */
  async #joinDht(): Promise<void> {
    const { dhtNodes } = this.#place;
    if (dhtNodes.length === 0) return;
    await this.#add(introductionTo(dhtNodes), this.#home);
    await until('nodes of the DHT', 20_000, async () => {
      const status = (await this.#call('core.get_session_status', ['dht.dht_nodes'])) as Record<string, number>;
      return status['dht.dht_nodes']! > 0;
    });
  }

  async #add(source: string, directory: string): Promise<void> {
    const { downloadLimit } = this.#place;
    const limits = downloadLimit === undefined ? {} : { max_download_speed: downloadLimit / 1024 };
    const options = { download_location: directory, ...limits };
    const added = source.startsWith('magnet:')
      ? this.#call('core.add_torrent_magnet', source, options)
      : this.#call('core.add_torrent_file', 'content.torrent', readFileSync(source).toString('base64'), options);
    this.#torrentId = String(await added);
  }

  async #status(): Promise<Record<string, unknown>> {
    const fields = ['state', 'is_finished', 'progress', 'message', 'num_peers', 'tracker_status'];
    return (await this.#call('core.get_torrent_status', this.#torrentId, fields)) as Record<string, unknown>;
  }

  async #call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    if (this.#process.hasExited) throw new Error(`deluged ended: ${this.#process.errors}`);
    const args = ['-c', CALL, `${this.#rpcPort}`, join(this.#home, 'auth'), method, JSON.stringify(parameters)];
    return JSON.parse(await run(this.#t, PYTHON, args, { namespace: this.#place.namespace }));
  }
}

/** Nothing that looks for anybody but what is wanted. The first object is the version of the format. */
function configuration(peerPort: number, { address, dhtNodes, usesLsd = false, usesPex = false }: ClientPlace): string {
  return `${JSON.stringify({ file: 1, format: 1 })}${JSON.stringify({
    listen_interface: address,
    listen_ports: [peerPort, peerPort],
    random_port: false,
    dht: dhtNodes.length > 0,
    lsd: usesLsd,
    upnp: false,
    natpmp: false,
    utpex: usesPex,
    new_release_check: false,
  })}`;
}
