/**
 * Each invariant that the audit checks, broken by hand in a session that is otherwise in order: it has to be found, and
 * named. That sessions in order pass is what SimEngine asserts in every other test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { Simulator } from '../../sim/simulator.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { Peer } from '../peer/peer.js';
import type { Session } from '../session.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';
import { auditSession } from './audit-session.js';

/** 20 pieces of four blocks. */
const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 10 * 65_536, 'b.bin': 10 * 65_536 }, pieceLength: 65_536 });

interface Side {
  readonly session: Session;
  readonly torrent: Torrent;
  readonly data: TorrentData;
  /** The other side, as this one sees it. */
  readonly peer: Peer;
}

/** A download of which a part has come: four pieces had, blocks outstanding, blocks to be sent. */
interface Scene {
  readonly leech: Side;
  readonly seed: Side;
}

function scene(): Scene {
  const link = { latencyMs: 20, bytesPerMs: 50, lossRatio: 0 };
  const simulator = new Simulator({ seed: 1, link: () => link });
  const seed = new SimEngine(simulator, { uploadLimit: 50_000 });
  seed.give(TORRENT);
  const seeded = seed.add(TORRENT.metainfo);
  simulator.run(() => seeded.phase === 'seeding');
  const leech = new SimEngine(simulator);
  const added = leech.add(TORRENT.metainfo, { from: [seed] });
  const isUnderWay = (): boolean => {
    const [peer] = seeded.swarm.peers;
    return (added.data?.have.count ?? 0) >= 4 && peer!.upload.queuedRequests > 0 && peer!.upload.turns.isWaiting;
  };
  assert.ok(simulator.run(isUnderWay, { maxVirtualMs: 60_000 }));
  // What is broken below is looked for by hand.
  for (const engine of [leech, seed]) engine.isAudited = false;
  return { leech: sideOf(leech, added), seed: sideOf(seed, seeded) };
}

function sideOf({ session }: SimEngine, torrent: Torrent): Side {
  return { session, torrent, data: torrent.data!, peer: [...torrent.swarm.peers][0]! };
}

const NOBODY = makeAddress('12.0.0.1', 6881)!;

/** What is broken, by name: on which side, how, and what is to be said of it. */
const BROKEN: Readonly<Record<string, readonly ['leech' | 'seed', (side: Side) => void, RegExp]>> = {
  'a dial that nobody makes': ['leech', ({ session }) => session.connector.onDialStarted(), /1 dials .* 0 peers/],
  'a connection that is not there': ['leech', ({ session }) => session.connector.onConnected(), /2 connections .* 1/],
  'a peer that is gone and not forgotten': [
    'leech',
    ({ peer, torrent }) => {
      peer.close('idle');
      (torrent.swarm.peers as Set<Peer>).add(peer);
      torrent.swarm.candidates.clear();
    },
    /connections are counted/,
  ],
  'an address that nobody dials': [
    'leech',
    ({ torrent }) => {
      torrent.swarm.candidates.add(NOBODY, 'tracker');
      torrent.swarm.candidates.onDialled(NOBODY, 0);
    },
    /12\.0\.0\.1:6881 counts as dialling/,
  ],
  'a message that is not flushed': ['leech', ({ peer }) => endsUnflushed(peer), /peer 0 .* not flushed/],
  'a have that is never told': ['leech', ({ peer }) => holdsForEver(peer), /peer 0 .* nobody will flush/],
  'a timer that wakes nobody': [
    'leech',
    ({ session }) => session.context.turn.timers.set(new Timer(() => {}), session.context.turn.now + 1),
    /nobody is woken/,
  ],
  'memory that leaked': ['leech', ({ session }) => assert.ok(session.context.writeBudget.reserve(1)), /write cache/],
  'a slot that leaked': [
    'leech',
    ({ data }) => assert.ok(data.fetching!.slots.acquire() !== null),
    /slots are given out/,
  ],
  'a chunk that stays pinned': [
    'seed',
    ({ data }) => [...data.chunks.values()][0]!.pins++,
    /chunk of piece \d+ is pin/,
  ],
  'a chunk out of nowhere': ['seed', ({ data }) => data.chunks.delete(firstKey(data)), /dropped/],
  'a piece that the peer has, and the picker does not know of': [
    'seed',
    ({ peer }) => peer.pieces.add(19),
    /piece 19 counts as had by 0 peers, and 1 have it/,
  ],
  'a peer that the picker has lost': [
    'leech',
    ({ data, peer }) => data.picker.removePeer(peer),
    /unknown to the picker/,
  ],
  'interest that was not told': [
    'leech',
    ({ peer }) => {
      peer.isInterestingToUs = false;
    },
    /wrong interest/,
  ],
  'a piece that counts twice': ['leech', ({ data }) => data.have.add(inFlight(data)), /missing set is wrong/],
  'a request that the picker has forgotten': [
    'leech',
    ({ data, peer }) => {
      const { piece, block } = outstanding(peer);
      data.picker.releaseRequest(piece, block);
    },
    /piece \d+ block \d+ counts as asked of 0 peers, and is of 1/,
  ],
  'a block that nobody is asked for': [
    'leech',
    ({ peer }) => {
      const { piece, block } = outstanding(peer);
      peer.download.pipeline.cancel(piece, block, 0);
    },
    /counts as asked of 1 peers, and is of 0/,
  ],
  'a peer that nobody thinks of': [
    'leech',
    ({ data, peer }) => peer.download.releaseAll(data.picker, 0),
    /could be ask/,
  ],
  'a request that should have timed out': [
    'leech',
    ({ session }) => {
      session.context.turn.now += 300_000;
    },
    /should have been timed out/,
  ],
  'a piece that waits for a peer that is gone': [
    'leech',
    ({ data }) => {
      data.picker.inFlight[0]!.owner = 99;
    },
    /is kept for peer 99/,
  ],
  'blocks for a peer that is choked': [
    'seed',
    ({ peer }) => {
      peer.isUnchoked = false;
    },
    /is choked, and to be sent piece/,
  ],
  'a slot that stays free': [
    'leech',
    ({ peer }) => {
      peer.isInterested = true;
      // As if it had sent nothing yet.
      Object.defineProperty(peer.download.pipeline, 'totalBytes', { value: 0 });
    },
    /only 0 of 5 slots/,
  ],
  'an upload that stands still': ['seed', ({ session, peer }) => stands(session, peer), /nobody sends them/],
  'a turn that does not come': [
    'seed',
    ({ torrent }) => torrent.swarm.uploadTurns.waiting.splice(0),
    /a group waits of which nobody does/,
  ],
  'bytes counted twice': [
    'leech',
    ({ data }) => {
      data.bytesDone++;
    },
    /bytes are counted/,
  ],
  'a file that is further than its pieces': ['leech', ({ data }) => data.progress.addPiece(inFlight(data)), /file \d/],
  'a priority that no file gives': ['leech', ({ data }) => data.picker.setPriority(19, 7), /piece 19 has priority 7/],
  'a torrent that seeds what it lacks': [
    'leech',
    ({ torrent }) => {
      torrent.phase = 'seeding';
    },
    /seeds, and lacks/,
  ],
  'a swarm that does not run': [
    'leech',
    ({ session, torrent }) => session.inTurn(() => torrent.swarm.stop()),
    /its swarm does not run/,
  ],
  'peers of a torrent that is paused': [
    'leech',
    ({ torrent }) => {
      torrent.phase = 'paused';
    },
    /though it is paused/,
  ],
};

test('a session in the middle of a download has nothing to be found', () => {
  const { leech, seed } = scene();
  assert.equal(auditSession(leech.session), null);
  assert.equal(auditSession(seed.session), null);
  assert.ok(leech.peer.download.pipeline.count > 0);
});

for (const [name, [which, breakIt, expected]] of Object.entries(BROKEN)) {
  test(`it is found: ${name}`, () => {
    const side = scene()[which];
    breakIt(side);
    assert.match(auditSession(side.session) ?? 'nothing', expected);
  });
}

function inFlight(data: TorrentData): number {
  return data.picker.inFlight[0]!.piece;
}

function firstKey(data: TorrentData): number {
  return [...data.chunks.keys()][0]!;
}

/** The request that was made last. */
function outstanding(peer: Peer): { piece: number; block: number } {
  let last = { piece: -1, block: -1 };
  peer.download.pipeline.forEach((piece, block) => {
    last = { piece, block };
  });
  return last;
}

function endsUnflushed(peer: Peer): void {
  Object.defineProperty(peer.connection, 'unflushedBytes', { value: 5 });
}

function holdsForEver(peer: Peer): void {
  Object.defineProperty(peer.connection, 'heldBytes', { value: 9 });
}

/** Everything has been written, and it is not waiting for its turn any more. */
function stands(session: Session, peer: Peer): void {
  Object.defineProperty(peer.connection, 'unwrittenBytes', { value: 0 });
  session.context.rates.upload.leave(peer.upload.turns);
  assert.ok(peer.upload.queuedRequests < LIMITS.peerRequestsQueuedMax);
}
