/**
 * What one picked block costs: a swarm downloads from partial peers and seeds that join, leave and announce pieces
 * all the while. Counts everything the picker does for a block: picking, start, finish, the piece's end, HAVEs, and
 * joins and leaves with their whole bitfields. Sockets, disk and hashing are left out.
 * usage: node build/bench/parts/picker.js [--pieces 100000] [--peers 200]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { LIMITS } from '../../src/base/limits.js';
import { randomBelow, SeededRandom } from '../../src/base/random.js';
import { ByteBudget, SlotPool } from '../../src/base/slot-pool.js';
import { PiecePicker } from '../../src/engine/pieces/piece-picker.js';
import { BenchPeer } from './picker-peer.js';

const BLOCKS_TARGET = 1_500_000;

interface Scenario {
  readonly name: string;
  readonly pieceCount: number;
  readonly blocksPerPiece: number;
  readonly peerCount: number;
  /** Share of the peers that have everything. */
  readonly seedShare: number;
  /** A partial peer has the most common pieces only: the worst case for walking the rarity order. */
  readonly isSkewed: boolean;
  readonly isSequential?: boolean;
  readonly isFast?: boolean;
}

const options = parseArgs({
  options: { pieces: { type: 'string', default: '100000' }, peers: { type: 'string', default: '200' } },
}).values;
const pieceCount = Number(options.pieces);
const peerCount = Number(options.peers);
const usual = { pieceCount, peerCount, blocksPerPiece: 16, seedShare: 0.1, isSkewed: false };
const scenarios: readonly Scenario[] = [
  { ...usual, name: 'all seeds', seedShare: 1 },
  { ...usual, name: 'mixed swarm' },
  { ...usual, name: 'mixed, fast peers', isFast: true },
  { ...usual, name: 'mixed, sequential', isSequential: true },
  { ...usual, name: 'mixed, 64 blocks a piece', blocksPerPiece: 64 },
  { ...usual, name: 'mixed, 1 block a piece', blocksPerPiece: 1 },
  { ...usual, name: 'common pieces only', isSkewed: true, seedShare: 0 },
  { ...usual, name: 'common only, 1 block a piece', isSkewed: true, seedShare: 0, blocksPerPiece: 1 },
];

console.log(`${pieceCount} pieces, ${peerCount} peers; ${cpus()[0]?.model.trim()}, Node ${process.version}\n`);
console.log('| swarm | blocks | HAVEs | joins | µs per block | µs per block without joins |');
console.log('|---|---|---|---|---|---|');
for (const scenario of scenarios) run(scenario);

function run(scenario: Scenario): void {
  const random = new SeededRandom(1);
  const pieceLength = scenario.blocksPerPiece * LIMITS.blockBytes;
  const picker = new PiecePicker({
    geometry: {
      pieceLength,
      pieceCount: scenario.pieceCount,
      pieceBytes: () => pieceLength,
      dataBytes: () => pieceLength,
    },
    // The default writeCacheBytes.
    slots: new SlotPool(pieceLength, new ByteBudget(32 * 1024 * 1024)),
    random,
    isSequential: scenario.isSequential ?? false,
    spill: () => {},
  });
  let number = 0;
  const newPeer = (): BenchPeer => {
    const peer = new BenchPeer(number++, scenario.pieceCount);
    fillPieces(peer, scenario, random);
    return peer;
  };
  const peers = Array.from({ length: scenario.peerCount }, newPeer);
  for (const peer of peers) picker.addPeer(peer);
  const mode = picker.modeFor({ isFast: scenario.isFast ?? false, isSnubbed: false });

  let blocks = 0;
  let haves = 0;
  let joins = 0;
  let joinMs = 0;
  let idle = 0;
  const startedAt = performance.now();
  while (blocks < BLOCKS_TARGET && !picker.isComplete && idle < 10_000) {
    const peer = peers[randomBelow(random, peers.length)]!;
    const received = peer.exchange(picker, mode);
    blocks += received;
    idle = received === 0 ? idle + 1 : 0;
    if (randomBelow(random, 4) === 0) {
      picker.onPeerHave(peers[randomBelow(random, peers.length)]!, randomBelow(random, scenario.pieceCount));
      haves++;
    }
    if (randomBelow(random, 5000) === 0) {
      const at = randomBelow(random, peers.length);
      const newcomer = newPeer();
      const joinAt = performance.now();
      peers[at]!.leave(picker);
      picker.addPeer(newcomer);
      joinMs += performance.now() - joinAt;
      peers[at] = newcomer;
      joins++;
    }
  }
  const totalMs = performance.now() - startedAt;
  const perBlock = (ms: number): string => ((1000 * ms) / blocks).toFixed(2);
  console.log(
    `| ${scenario.name} | ${blocks} | ${haves} | ${joins} | ${perBlock(totalMs)} | ${perBlock(totalMs - joinMs)} |`,
  );
}

function fillPieces(peer: BenchPeer, scenario: Scenario, random: SeededRandom): void {
  if (randomBelow(random, 1000) < 1000 * scenario.seedShare) {
    peer.pieces.fill();
    return;
  }
  const share = 1 + randomBelow(random, 100);
  for (let piece = 0; piece < scenario.pieceCount; piece++) {
    if (scenario.isSkewed) {
      // Half of the pieces everyone has; the other half a few peers have a few of.
      if (piece % 2 === 0 || (peer.number % 20 === 0 && randomBelow(random, 100) < 5)) peer.pieces.add(piece);
    } else if (randomBelow(random, 100) < share) peer.pieces.add(piece);
  }
}
