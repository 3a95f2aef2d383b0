/**
 * Peers that are only there: each listens on a port of its own, takes a connection, has no piece, never asks, and reads
 * whatever it is sent. Most of a large swarm is that to a downloader.
 * usage: idle-peers.js TORRENT COUNT  ->  {"ports":[…]}, and {"connectedMax":n} each time nobody is connected any more
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseMetainfo, wireHashes } from '../../src/metainfo.js';
import { encodeReserved, makePeerId, NodeRandom, WireEncoder } from '../../src/wire.js';

const [torrent, count] = process.argv.slice(2) as [string, string];
const infoHash = wireHashes(parseMetainfo(readFileSync(torrent)).infoHash)[0]!;
const random = new NodeRandom();
let connected = 0;
let connectedMax = 0;

const ports: number[] = [];
for (let i = 0; i < Number(count); i++) ports.push(await listen());
console.log(JSON.stringify({ ports }));

function listen(): Promise<number> {
  const opening = encodeOpening();
  const server = createServer((socket) => serve(socket, opening));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function encodeOpening(): Uint8Array {
  const encoder = new WireEncoder();
  encoder.handshake(encodeReserved({ fast: true }), infoHash, makePeerId(random));
  encoder.haveNone();
  return encoder.take()!;
}

/** Answers the handshake, which is the first that comes. */
function serve(socket: Socket, opening: Uint8Array): void {
  socket.once('data', () => {
    connectedMax = Math.max(connectedMax, ++connected);
    socket.write(opening);
    socket.once('close', () => {
      if (--connected === 0) console.log(JSON.stringify({ connectedMax }));
    });
  });
  socket.resume();
  socket.on('error', () => {});
}
