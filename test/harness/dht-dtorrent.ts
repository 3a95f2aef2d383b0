/**
 * A DHT node of ours (`dtorrent/dht`), told what to do by lines of JSON on stdin; dht-peer.ts says what they are.
 * usage: node dht-dtorrent.js ADDRESS PORT [NODE_HOST:PORT ...]
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { makeAddress, parseHostPort } from '../../src/base/address.js';
import { fromHex, toHex } from '../../src/base/bytes.js';
import { DhtClient, immutableTarget, signItem } from '../../src/dht.js';

/** One line of stdin, in parts. */
type Call = Readonly<Record<string, string>>;

const [bindHost = '', port = '', ...bootstrap] = process.argv.slice(2);
const dht = await DhtClient.start({ bind: bindHost, port: Number(port), bootstrap });

const calls: Readonly<Record<string, (call: Call) => unknown>> = {
  countNodes: () => dht.stats().tableNodes,
  announce: async ({ infoHash, port: peerPort }) => {
    await listen(Number(peerPort));
    const search = dht.announce(bytes(infoHash), { port: Number(peerPort), isImpliedPort: false, isSeed: true });
    for await (const _peer of search);
    return Number(peerPort);
  },
  getPeers: async ({ infoHash }) => {
    const peers: string[] = [];
    for await (const { host, port: peerPort } of dht.getPeers(bytes(infoHash))) peers.push(`${host}:${peerPort}`);
    return peers.length === 0 ? null : peers;
  },
  putImmutable: async ({ value }) => {
    const { stored } = await dht.put(bencodedText(value!));
    return stored === 0 ? null : toHex(immutableTarget(bencodedText(value!)));
  },
  getImmutable: async ({ target }) => {
    const value = await dht.get(bytes(target));
    return value === null ? null : textOf(value);
  },
  putMutable: async ({ seed, salt, value, sequence }) => {
    const unsigned = { salt: Buffer.from(salt!), sequence: BigInt(sequence!), value: bencodedText(value!) };
    return (await dht.putMutable(signItem(bytes(seed), unsigned))).stored;
  },
  getMutable: async ({ publicKey, salt }) => {
    const found = await dht.getMutable({ publicKey: bytes(publicKey), salt: Buffer.from(salt!) });
    return found === null ? null : { value: textOf(found.value), sequence: Number(found.sequence) };
  },
  scrape: ({ infoHash }) => dht.scrape(bytes(infoHash)),
  sample: async ({ target }) => {
    const infoHashes = new Set<string>();
    for await (const sample of dht.sample(bytes(target))) {
      for (const infoHash of sample.infoHashes) infoHashes.add(toHex(infoHash));
    }
    return [...infoHashes];
  },
};

for (const node of bootstrap) {
  const { host, port: nodePort } = parseHostPort(node)!;
  dht.addNode(makeAddress(host, nodePort)!);
}
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line));

async function answer({ call, id, ...parameters }: Call): Promise<void> {
  try {
    say({ id, result: await calls[call!]!(parameters) });
  } catch (error) {
    say({ id, error: String(error) });
  }
}

/** Who finds the peer that is announced may dial it. */
function listen(peerPort: number): Promise<void> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    server.on('error', () => resolve()); // it listens already
    server.listen(peerPort, bindHost, resolve);
  });
}

function bytes(hex: string | undefined): Uint8Array {
  return fromHex(hex!)!;
}

function bencodedText(text: string): Uint8Array {
  return Buffer.from(`${Buffer.byteLength(text)}:${text}`);
}

function textOf(bencoded: Uint8Array): string {
  const text = Buffer.from(bencoded).toString();
  return text.slice(text.indexOf(':') + 1);
}

function say(message: unknown): void {
  console.log(JSON.stringify(message));
}
