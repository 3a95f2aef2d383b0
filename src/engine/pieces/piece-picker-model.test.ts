/**
 * The picker against a naive model: random swarms come and go, blocks are sent, refused, cut off and corrupted, pieces
 * are restored, wanted more or less or by a reader soon, extents are written sooner or later or not at all, while every
 * pick is checked against plain sets: it is lawful, nothing that could be asked for is left out, the highest priority is
 * begun first, and whoever may have spoiled a piece has the next one to himself. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitfield } from '../../base/bitfield.js';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { ByteBudget, SlotPool } from '../../base/slot-pool.js';
import { type PickedBlock, TestPickerPeer } from '../testing/picker-peer.js';
import { FREE, NOBODY } from './partial-piece.js';
import { PiecePicker } from './piece-picker.js';
import { PRIORITY_DEFAULT } from './rarity-order.js';
import { ENDGAME_REQUESTERS_MAX, STALLED_MS } from './repeat-requests.js';

const STEPS = 4000;
const PEERS_MAX = 8;

class Model {
  readonly random: SeededRandom;
  readonly pieceCount: number;
  readonly pieceLength: number;
  readonly pool: SlotPool;
  readonly picker: PiecePicker;
  readonly peers: TestPickerPeer[] = [];
  readonly have = new Set<number>();
  readonly unwanted = new Set<number>();
  /** Per "piece/block": the peers it is asked of. */
  readonly requesters = new Map<string, Set<TestPickerPeer>>();
  readonly everPicked = new Set<string>();
  /** Pieces of which some blocks were there from an earlier session. */
  readonly restored = new Set<number>();
  readonly priorities: Uint8Array;
  /** Pieces that failed their hash, and have not passed since. */
  readonly failed = new Set<number>();
  /** Extents that the storage has, in no order. */
  readonly writes: { readonly piece: number; readonly extent: number }[] = [];
  readonly #lastPieceBytes: number;
  /** What readers need, and by when. */
  readonly deadlines = new Map<number, number>();
  now = 0;
  #nextNumber = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.pieceCount = 1 + randomBelow(random, 40);
    this.pieceLength = LIMITS.blockBytes * (1 + randomBelow(random, 5));
    this.priorities = new Uint8Array(this.pieceCount).fill(PRIORITY_DEFAULT);
    this.#lastPieceBytes = 1 + randomBelow(random, this.pieceLength);
    // Every third torrent has whole pieces only.
    const blocksPerPiece = this.pieceLength / LIMITS.blockBytes;
    const slotBlocks = seed % 3 === 0 ? blocksPerPiece : 1 + randomBelow(random, blocksPerPiece);
    const slotBytes = slotBlocks * LIMITS.blockBytes;
    this.pool = new SlotPool(slotBytes, new ByteBudget(slotBytes * (2 + randomBelow(random, 10))));
    this.picker = new PiecePicker({
      geometry: {
        pieceLength: this.pieceLength,
        pieceCount: this.pieceCount,
        pieceBytes: (piece) => this.pieceBytes(piece),
        dataBytes: (piece) => (piece % 5 === 4 ? Math.floor(this.pieceBytes(piece) / 2) : this.pieceBytes(piece)),
      },
      slots: this.pool,
      random,
      isSequential: seed % 4 === 0,
      spill: (piece, extent) => this.write(piece, extent),
    });
  }

  pieceBytes(piece: number): number {
    return piece === this.pieceCount - 1 ? this.#lastPieceBytes : this.pieceLength;
  }

  join(kind: number): void {
    if (this.peers.length >= PEERS_MAX) return;
    const pieces = Array.from({ length: this.pieceCount }, (_, i) => i).filter(() => randomBelow(this.random, 3) === 0);
    const peer = new TestPickerPeer(this.#nextNumber++, this.pieceCount, kind === 0 ? 'all' : pieces);
    this.picker.addPeer(peer);
    this.peers.push(peer);
  }

  leave(peer: TestPickerPeer): void {
    this.peers.splice(this.peers.indexOf(peer), 1);
    const isReleasedFirst = randomBelow(this.random, 2) === 0;
    if (!isReleasedFirst) this.picker.removePeer(peer);
    this.releaseAll(peer);
    this.picker.removePeer(peer);
  }

  ask(peer: TestPickerPeer): void {
    const wasEndgame = this.picker.isEndgame;
    const open = this.openPieces(peer);
    const count = 1 + randomBelow(this.random, 6);
    const style = randomBelow(this.random, 4);
    this.picker.urgent.notePeer(peer.pick, peer.count, 10 + 100 * (peer.number % 7), this.now);
    if (style === 3) {
      const allowed = new Set([randomBelow(this.random, this.pieceCount), randomBelow(this.random, this.pieceCount)]);
      const picked = peer.askAllowedFast(this.picker, allowed, count);
      for (const block of picked) assert.ok(allowed.has(block[0]));
      this.checkPicked(peer, picked, { isEndgame: false });
    } else {
      const picked = peer.ask(this.picker, count, { isFast: style === 1, isSnubbed: style === 2 });
      assert.ok(picked.length <= count);
      this.checkBegun(picked, open, this.openPieces(peer));
      this.checkPicked(peer, picked, { isEndgame: wasEndgame });
      const isMore = this.isAskable(peer);
      assert.equal(this.picker.canAsk(peer), isMore);
      assert.ok(picked.length === count || !isMore, 'less is asked for than could be');
    }
  }

  /** Pieces of the peer that we want and nobody has begun. */
  openPieces(peer: TestPickerPeer): number[] {
    const pieces = Array.from({ length: this.pieceCount }, (_, piece) => piece);
    return pieces.filter((piece) => {
      const isMissing = !this.have.has(piece) && !this.unwanted.has(piece);
      return isMissing && peer.pieces.has(piece) && this.picker.partial(piece) === null;
    });
  }

  /** The peer began the most wanted pieces of those that nobody had begun. */
  checkBegun(picked: readonly PickedBlock[], before: readonly number[], after: readonly number[]): void {
    // A reader's go before all others.
    if (!this.picker.urgent.isEmpty) return;
    const left = before.filter((piece) => after.includes(piece)).map((piece) => this.priorities[piece]!);
    for (const [piece] of picked) {
      if (before.includes(piece)) assert.ok(this.priorities[piece]! >= Math.max(0, ...left), 'begun before its time');
    }
  }

  /** Whether there is a block of which nobody is asked that this peer may be asked for now. */
  isAskable(peer: TestPickerPeer): boolean {
    for (let piece = 0; piece < this.pieceCount; piece++) {
      if (this.have.has(piece) || this.unwanted.has(piece) || !peer.pieces.has(piece)) continue;
      const partial = this.picker.partial(piece);
      if (partial === null) {
        if (this.pool.hasRoom) return true;
        continue;
      }
      if (partial.owner !== peer.number && (partial.isSolo || peer.pick.isSuspect)) {
        // Not what others have begun, nor what one peer alone is to send unless nobody is on it.
        if (partial.owner !== NOBODY || (!partial.isSolo && !(partial.isIdle && !partial.hasBytes))) continue;
      }
      for (let block = 0; block < partial.blockCount; block++) {
        const extent = partial.extentOf(block);
        if (partial.blockState[block] === FREE && (extent.isOpen || (extent.slot === null && this.pool.hasRoom)))
          return true;
      }
    }
    return false;
  }

  checkPicked(
    peer: TestPickerPeer,
    picked: readonly PickedBlock[],
    { isEndgame }: { readonly isEndgame: boolean },
  ): void {
    for (const [piece, block] of picked) {
      const key = `${piece}/${block}`;
      assert.ok(peer.pieces.has(piece), 'picked a piece that the peer lacks');
      assert.ok(!this.have.has(piece), 'picked a piece that we have');
      assert.ok(!this.unwanted.has(piece), 'picked a piece that is not wanted');
      assert.ok(block * LIMITS.blockBytes < this.pieceBytes(piece), 'picked a block beyond the piece');
      const requesters = this.requesters.get(key) ?? new Set();
      assert.ok(!requesters.has(peer), 'picked a block twice for one peer');
      const isStalled = [...requesters].every((other) => other.waitMsOf(piece, block) > STALLED_MS);
      const isLate = this.picker.urgent.has(piece);
      assert.ok(isStalled || isEndgame || isLate, 'picked a block for two peers, and it is not late');
      assert.ok(requesters.size === 0 || !peer.pick.isSuspect, 'a suspect has a part in what others send');
      requesters.add(peer);
      assert.ok(requesters.size <= ENDGAME_REQUESTERS_MAX);
      this.requesters.set(key, requesters);
      this.everPicked.add(key);
    }
  }

  deliver(peer: TestPickerPeer, block: PickedBlock): void {
    const [piece] = block;
    this.forget(peer, block);
    const outcome = peer.deliver(this.picker, block);
    if (outcome === 'piece-complete' || outcome === 'extent-complete') {
      const contributors = this.picker.partial(piece)!.contributors();
      assert.ok(contributors.includes(peer.number) && new Set(contributors).size === contributors.length);
      const partial = this.picker.partial(piece)!;
      assert.equal(partial.isSpilled, outcome === 'extent-complete');
      if (outcome === 'piece-complete') this.judge(piece);
      else this.write(piece, partial.extentIndexOf(block[1]));
    }
  }

  write(piece: number, extent: number): void {
    this.picker.extentWriting(piece, extent);
    this.writes.push({ piece, extent });
  }

  finishWrite(): void {
    if (this.writes.length === 0) return;
    const [written] = this.writes.splice(randomBelow(this.random, this.writes.length), 1);
    const { piece, extent } = written!;
    if (this.picker.extentWritten(piece, extent, { isStored: randomBelow(this.random, 8) > 0 })) this.judge(piece);
  }

  /** The hash of a piece that is there is looked at. */
  judge(piece: number): void {
    assert.equal(this.picker.partial(piece)!.isComplete, true);
    if (randomBelow(this.random, 20) === 0) {
      this.picker.pieceLost(piece);
    } else if (randomBelow(this.random, 6) === 0) {
      const senders = this.picker.partial(piece)!.contributors();
      this.picker.pieceFailed(piece);
      this.failed.add(piece);
      for (const peer of this.peers) if (senders.includes(peer.number)) assert.ok(peer.pick.isSuspect);
    } else {
      this.picker.pieceVerified(piece);
      this.picker.urgent.onVerified(piece, this.now);
      this.deadlines.delete(piece);
      this.failed.delete(piece);
      this.have.add(piece);
    }
  }

  /** What was found of it on disk, which is before anything can have failed. */
  restore(piece: number): void {
    if (this.failed.has(piece)) return;
    const blockCount = Math.ceil(this.pieceBytes(piece) / LIMITS.blockBytes);
    const blocks = new Bitfield(blockCount);
    for (let block = 0; block < blockCount; block++) if (randomBelow(this.random, 2) === 0) blocks.add(block);
    const isTaken = this.picker.partial(piece) !== null || this.have.has(piece) || this.unwanted.has(piece);
    const inUse = this.pool.inUse;
    const isRestored = this.picker.restorePartial(piece, blocks.bytes);
    assert.equal(this.pool.inUse, inUse, 'what is on disk takes no memory');
    if (isRestored) this.restored.add(piece);
    if (isTaken || blocks.isFull || blocks.isEmpty) assert.equal(isRestored, false);
  }

  release(peer: TestPickerPeer, block: PickedBlock): void {
    this.forget(peer, block);
    peer.release(this.picker, block);
  }

  releaseAll(peer: TestPickerPeer): void {
    for (const block of [...peer.requests]) this.release(peer, block);
  }

  forget(peer: TestPickerPeer, [piece, block]: PickedBlock): void {
    assert.ok(this.requesters.get(`${piece}/${block}`)?.delete(peer));
  }

  step(): void {
    const { random, peers } = this;
    if (peers.length === 0) this.join(randomBelow(random, 3));
    const peer = peers[randomBelow(random, peers.length)]!;
    const block = peer.requests.length === 0 ? null : peer.requests[randomBelow(random, peer.requests.length)]!;
    const action = randomBelow(random, 114);
    this.now += randomBelow(random, 50);
    if (action < 40) this.ask(peer);
    else if (action < 70) {
      if (block !== null) this.deliver(peer, block);
    } else if (action < 76) {
      if (block !== null) this.release(peer, block);
    } else if (action < 78) {
      if (block !== null && this.picker.startBlock(peer.number, ...block) !== null) this.picker.abortBlock(...block);
    } else if (action < 82) this.releaseAll(peer);
    else if (action < 84) this.lose(peer, randomBelow(random, this.pieceCount));
    else if (action < 92) this.picker.onPeerHave(peer, randomBelow(random, this.pieceCount));
    else if (action < 95) this.join(randomBelow(random, 3));
    else if (action < 97) this.leave(peer);
    else if (action < 99) this.setPriority(randomBelow(random, this.pieceCount), randomBelow(random, 8));
    else if (action < 100) this.setManyPriorities();
    else if (action < 108) this.finishWrite();
    else if (action < 110) this.restore(randomBelow(random, this.pieceCount));
    else if (action < 113) this.read();
    else this.picker.clearSuspects([peer.number]);
  }

  /** A reader needs some pieces soon, or none any more. */
  read(): void {
    const { random, deadlines } = this;
    deadlines.clear();
    for (let left = randomBelow(random, 3) * randomBelow(random, 4); left > 0; left--) {
      const piece = randomBelow(random, this.pieceCount);
      if (!this.have.has(piece) && !this.unwanted.has(piece))
        deadlines.set(piece, this.now + randomBelow(random, 5000));
    }
    this.picker.urgent.replace(deadlines);
  }

  /** The peer has a piece no longer: what it was asked of it is released at once, or answered some time. */
  lose(peer: TestPickerPeer, lost: number): void {
    this.picker.onPeerDontHave(peer, lost);
    if (randomBelow(this.random, 2) === 0) return;
    for (const block of peer.requests.filter(([piece]) => piece === lost)) this.release(peer, block);
  }

  setManyPriorities(): void {
    const first = randomBelow(this.random, this.pieceCount);
    const count = 1 + randomBelow(this.random, this.pieceCount - first);
    const priorities = Uint8Array.from({ length: count }, () => Math.max(randomBelow(this.random, 10) - 2, 0));
    this.picker.setPriorities(first, priorities);
    for (const [i, priority] of priorities.entries()) this.notePriority(first + i, priority);
  }

  notePriority(piece: number, priority: number): void {
    this.priorities[piece] = priority;
    if (priority > 0) this.unwanted.delete(piece);
    else this.unwanted.add(piece);
    // What a reader needs is wanted as long as it does: see PieceDemand.
    if (priority === 0 && this.deadlines.delete(piece)) this.picker.urgent.replace(this.deadlines);
  }

  setPriority(piece: number, priority: number): void {
    this.picker.setPriority(piece, priority);
    this.notePriority(piece, priority);
  }

  check(): void {
    this.picker.verify();
    let slots = 0;
    let missing = 0;
    for (let piece = 0; piece < this.pieceCount; piece++) {
      assert.equal(this.picker.availability(piece), this.peers.filter((peer) => peer.pieces.has(piece)).length);
      slots += this.picker.partial(piece)?.slotCount ?? 0;
      if (!this.have.has(piece) && !this.unwanted.has(piece)) missing++;
    }
    assert.equal(this.pool.inUse, slots);
    assert.equal(this.picker.wantedMissing, missing);
    for (const partial of this.picker.inFlight) {
      const isAlone = partial.contributors().length <= 1;
      assert.ok(isAlone || !this.failed.has(partial.piece), 'several have a part in a piece that had failed');
    }
    for (const peer of this.peers) {
      let interesting = 0;
      for (let piece = 0; piece < this.pieceCount; piece++) {
        if (peer.pieces.has(piece) && !this.have.has(piece) && !this.unwanted.has(piece)) interesting++;
      }
      assert.equal(peer.pick.interestingCount, interesting);
    }
    for (const [key, requesters] of this.requesters) {
      const [piece, block] = key.split('/').map(Number) as [number, number];
      const partial = this.picker.partial(piece);
      if (partial !== null && block < partial.blockCount) assert.equal(partial.requestCount[block], requesters.size);
    }
  }

  /** A seed joins, everything is wanted, everyone answers: every piece has to come. */
  finish(): void {
    this.deadlines.clear();
    this.picker.urgent.replace(this.deadlines);
    for (let piece = 0; piece < this.pieceCount; piece++) this.setPriority(piece, PRIORITY_DEFAULT);
    for (const peer of [...this.peers].slice(0, PEERS_MAX / 2)) this.leave(peer);
    this.join(0);
    let rounds = 0;
    while (!this.picker.isComplete) {
      assert.ok(++rounds < 5000, 'the download does not finish');
      for (const peer of this.peers) {
        this.ask(peer);
        for (const block of [...peer.requests]) this.deliver(peer, block);
      }
      while (this.writes.length > 0) this.finishWrite();
    }
    this.check();
    assert.equal(this.pool.inUse, 0);
    for (let piece = 0; piece < this.pieceCount; piece++) {
      assert.ok(this.everPicked.has(`${piece}/0`) || this.restored.has(piece), `piece ${piece} came from nowhere`);
    }
  }
}

for (let seed = 1; seed <= 60; seed++) {
  test(`every pick is lawful and every piece comes in the end (seed ${seed})`, () => {
    const model = new Model(seed);
    for (let step = 0; step < STEPS; step++) {
      model.step();
      if (step % 100 === 0) model.check();
    }
    model.check();
    model.finish();
  });
}

for (const seed of [1, 2, 3]) {
  test(`the piece begun is among the rarest the peer has (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const pieceCount = 500;
    const picker = new PiecePicker({
      geometry: {
        pieceLength: LIMITS.blockBytes,
        pieceCount,
        pieceBytes: () => LIMITS.blockBytes,
        dataBytes: () => LIMITS.blockBytes,
      },
      slots: new SlotPool(LIMITS.blockBytes, new ByteBudget(pieceCount * LIMITS.blockBytes)),
      random,
      isSequential: false,
      spill: () => assert.fail('nothing to spill'),
    });
    for (let piece = 0; piece < 4; piece++) picker.markHave(piece);
    const peers = Array.from({ length: 30 }, (_, number) => {
      const pieces = Array.from({ length: pieceCount }, (_piece, i) => i).filter(() => randomBelow(random, 2) === 0);
      const peer = new TestPickerPeer(number, pieceCount, pieces);
      picker.addPeer(peer);
      return peer;
    });
    // Availability does not change in the meantime, so every pick has to be exact.
    for (let i = 0; i < 300; i++) {
      const peer = peers[randomBelow(random, peers.length)]!;
      let rarest = Number.POSITIVE_INFINITY;
      for (let piece = 4; piece < pieceCount; piece++) {
        if (!peer.pieces.has(piece) || picker.partial(piece) !== null) continue;
        rarest = Math.min(rarest, picker.availability(piece));
      }
      for (const [piece] of peer.ask(picker, 1)) assert.equal(picker.availability(piece), rarest);
    }
  });
}
