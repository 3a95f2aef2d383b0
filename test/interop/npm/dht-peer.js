/**
 * A DHT node of bittorrent-dht, told what to do by lines of JSON on stdin; dht-peer.ts says what they are.
 * usage: node dht-peer.js ADDRESS PORT [NODE_HOST:PORT ...]
 */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Client } from 'bittorrent-dht';

/** What goes before a seed, and before a public key, in DER. */
const SEED_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

const [address, port, ...bootstrap] = process.argv.slice(2);
const dht = new Client({ bootstrap, verify: isSigned });
dht.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
dht.listen(Number(port), address, () => say({ ready: true }));

const calls = {
  countNodes: async () => dht.nodes.count(),
  announce: async ({ infoHash, port: peerPort }) => {
    await listen(peerPort);
    return new Promise((resolve, reject) => {
      dht.announce(infoHash, peerPort, (error) => (error ? reject(error) : resolve(peerPort)));
    });
  },
  getPeers: ({ infoHash }) =>
    new Promise((resolve) => {
      const peers = new Set();
      const onPeer = (peer, hash) => {
        if (Buffer.from(hash).toString('hex') === infoHash) peers.add(`${peer.host}:${peer.port}`);
      };
      dht.on('peer', onPeer);
      dht.lookup(infoHash, () => {
        dht.off('peer', onPeer);
        resolve(peers.size === 0 ? null : [...peers]);
      });
    }),
  putImmutable: ({ value }) => put({ v: Buffer.from(value) }),
  getImmutable: async ({ target }) => (await get(target, {}))?.value ?? null,
  putMutable: ({ seed, publicKey, salt, value, sequence }) =>
    put({
      v: Buffer.from(value),
      k: Buffer.from(publicKey, 'hex'),
      salt: Buffer.from(salt),
      seq: sequence,
      sign: (data) => signed(data, seed),
    }),
  getMutable: ({ target, salt }) => get(target, { salt: Buffer.from(salt) }),
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, call, ...parameters } = JSON.parse(line);
  try {
    say({ id, result: await calls[call](parameters) });
  } catch (error) {
    say({ id, error: String(error) });
  }
});

/** Who finds the peer that is announced may dial it. */
const listening = new Map();
function listen(peerPort) {
  if (!listening.has(peerPort)) {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    listening.set(peerPort, new Promise((resolve) => server.listen(peerPort, address, resolve)));
  }
  return listening.get(peerPort);
}

/** @returns the target, hex. */
function put(item) {
  return new Promise((resolve, reject) => {
    dht.put(item, (error, target) => (error ? reject(error) : resolve(Buffer.from(target).toString('hex'))));
  });
}

/** What the network has, not what this node has put there itself. */
function get(target, options) {
  return new Promise((resolve, reject) => {
    dht.get(target, { ...options, cache: false }, (error, found) => {
      if (error) reject(error);
      else resolve(found ? { value: Buffer.from(found.v).toString(), sequence: found.seq ?? null } : null);
    });
  });
}

function signed(data, seed) {
  const key = createPrivateKey({
    key: Buffer.concat([SEED_PREFIX, Buffer.from(seed, 'hex')]),
    format: 'der',
    type: 'pkcs8',
  });
  return sign(null, data, key);
}

function isSigned(signature, data, publicKey) {
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_KEY_PREFIX, publicKey]), format: 'der', type: 'spki' });
  return verify(null, data, key, signature);
}

function say(message) {
  console.log(JSON.stringify(message));
}
