/**
 * A DHT on loopback: nodes of the sans-IO core, each on a socket and an address of its own, all in this process, and a
 * torrent that some of them announce. Says `ready NODE CONTROL`: where to begin, and where to ask by HTTP how many
 * queries an address has sent (`/?address=IP`).
 * usage: dht-network.js NODES ANNOUNCERS INFO_HASH SEED
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../../src/base/address.js';
import { fromHex, toLatin1 } from '../../src/base/bytes.js';
import { randomBelow, SeededRandom } from '../../src/base/random.js';
import { Dht } from '../../src/protocol/dht/dht.js';
import type { DhtNode } from '../../src/protocol/dht/dht-node.js';

const PORT = 6881;
/** Nodes begin in groups, each after the ones before have found their place. */
const GROUP = 25;
const GROUP_MS = 100;
/** Until all of them have filled their tables. */
const SETTLE_MS = 2000;
const LOOKUPS_EACH = 3;
/** Of those that were there before, whom a node knows when it begins. */
const FRIENDS = 4;
const ADVANCE_EVERY_MS = 5;
/** A node serves in seconds here what it would in hours. */
const UPLOAD_BYTES_PER_SECOND = 10_000_000;

const [nodeCount = '', announcers = '', infoHash = '', seed = ''] = process.argv.slice(2);
const queries = new Map<string, number>();
const random = new SeededRandom(Number(seed));
const nodes: Dht[] = [];
const first: Address = { family: 4, host: hostOf(0), port: PORT };

setInterval(() => {
  const now = performance.now();
  for (const dht of nodes) if (dht.nextDeadline() <= now) dht.advance(now);
}, ADVANCE_EVERY_MS);

for (let index = 0; index < Number(nodeCount); index++) {
  await start(index);
  if (index % GROUP === 0) await sleep(GROUP_MS);
}
// Who has been asked for nothing knows its neighbours alone.
for (let lookup = 0; lookup < LOOKUPS_EACH; lookup++) {
  for (let from = 0; from < nodes.length; from += GROUP) {
    await Promise.all(nodes.slice(from, from + GROUP).map((dht) => countPeers(dht, randomHash())));
  }
}
await sleep(SETTLE_MS);
// On a busy machine a node may have found its place late: announced until who begins at the first node finds them all.
do await Promise.all(nodes.slice(-Number(announcers)).map(announce));
while ((await countPeers(nodes[0]!, fromHex(infoHash)!)) < Number(announcers));
const control = createServer((request, response) => {
  const address = new URL(request.url ?? '/', 'http://localhost').searchParams.get('address') ?? '';
  response.end(String(queries.get(address) ?? 0));
});
control.listen(0, '127.0.0.1', () => {
  console.log(`ready ${first.host}:${first.port} http://127.0.0.1:${(control.address() as AddressInfo).port}`);
});

/** Each in a /24 of its own. */
function hostOf(index: number): string {
  return `127.${1 + Math.floor(index / 250)}.${index % 250}.1`;
}

async function start(index: number): Promise<void> {
  const socket = createSocket('udp4');
  const dht = new Dht({ random, uploadBytesPerSecond: UPLOAD_BYTES_PER_SECOND });
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(PORT, hostOf(index), resolve));
  const send = (packet: Uint8Array, to: Address): void => socket.send(Buffer.from(packet), to.port, to.host);
  const node: DhtNode = dht.open({ family: 4, externalIp: null, send }, performance.now());
  socket.on('message', (packet, from) => {
    if (isQuery(packet)) queries.set(from.address, (queries.get(from.address) ?? 0) + 1);
    node.receive(packet, { family: 4, host: from.address, port: from.port }, performance.now());
  });
  socket.on('error', () => {}); // of one packet
  // Not nodes to begin with: nobody has those in a table, and nobody would be known to anybody for minutes.
  for (let friend = 0; friend < Math.min(FRIENDS, index); friend++) {
    dht.addNode({ ...first, host: hostOf(randomBelow(random, index)) }, performance.now());
  }
  nodes.push(dht);
}

function announce(dht: Dht): Promise<void> {
  const options = { port: PORT, isImpliedPort: false, isSeed: true };
  return new Promise((resolve) => {
    dht.announce(fromHex(infoHash)!, options, { onPeers: () => {}, onDone: () => resolve() }, performance.now());
  });
}

function randomHash(): Uint8Array {
  const hash = new Uint8Array(20);
  random.fill(hash);
  return hash;
}

/** Those that `dht` finds. */
function countPeers(dht: Dht, hash: Uint8Array): Promise<number> {
  return new Promise((resolve) => {
    const onDone = ({ peers }: { readonly peers: number }): void => resolve(peers);
    dht.getPeers(hash, { onPeers: () => {}, onDone }, performance.now());
  });
}

/** The last key of a message is `y`, but for a few that come later. */
function isQuery(packet: Uint8Array): boolean {
  return toLatin1(packet).includes('1:y1:q');
}
