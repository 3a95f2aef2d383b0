import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestPickerPeer } from '../testing/picker-peer.js';
import { UrgentPieces } from './urgent-pieces.js';

const anything = (): boolean => true;

test('the earliest deadline comes first, whatever the index', () => {
  const { urgent, peer } = scene([
    [3, 500],
    [1, 2000],
    [2, 1000],
  ]);
  const fast = peer(10);
  const order: number[] = [];
  for (let i = 0; i < 3; i++) order.push(urgent.choose(fast, [fast], (piece) => !order.includes(piece)));
  assert.deepEqual(order, [3, 2, 1]);
  assert.equal(
    urgent.choose(fast, [fast], () => false),
    -1,
  );
});

test('a peer is asked only for what it has', () => {
  const { urgent, peer } = scene([
    [1, 500],
    [2, 600],
  ]);
  const some = peer(10, { pieces: [2] });
  assert.equal(urgent.choose(some, [some], anything), 2);
});

test('a slow peer leaves what it would deliver late to those that are much faster, and takes what it can', () => {
  const { urgent, peer } = scene([
    [1, 1000],
    [2, 5000],
  ]);
  const slow = peer(3000);
  const fast = peer(100);
  assert.equal(urgent.choose(slow, [slow, fast], anything), 2);
  assert.equal(urgent.choose(fast, [slow, fast], anything), 1);
});

test('nobody waits for a faster peer that lacks the piece, chokes us or is only a little faster', () => {
  for (const other of [
    { blockMs: 100, pieces: [2] },
    { blockMs: Number.POSITIVE_INFINITY, pieces: [1] },
    { blockMs: 1600, pieces: [1] },
  ]) {
    const { urgent, peer } = scene([[1, 1000]]);
    const slow = peer(3000);
    assert.equal(urgent.choose(slow, [slow, peer(other.blockMs, other)], anything), 1);
  }
});

test('each block that is asked for makes the peer less fit for the next', () => {
  const { urgent, peer } = scene([
    [1, 250],
    [2, 10_000],
  ]);
  const [one, two] = [peer(100), peer(100)];
  const taken: number[] = [];
  for (let i = 0; i < 4; i++) {
    taken.push(urgent.choose(one, [one, two], anything));
    urgent.onAsked(one.pick);
  }
  assert.deepEqual(taken, [1, 1, 2, 2]);
});

test('a piece is late when it takes longer than usual and its time is near, and then is asked of one more and one more', () => {
  const { urgent, peer } = scene([[1, 1500]]);
  const fast = peer(50);
  const requestersAt = (now: number): number => {
    urgent.notePeer(fast.pick, 0, 50, now);
    let requesters = 1;
    urgent.forEachLate(
      fast,
      [fast],
      () => ({ freeCount: 0 }),
      (_, max) => {
        requesters = max;
        return true;
      },
    );
    return requesters;
  };
  // Seen as asked for at 0; 1.5 s are the patience before anything is known.
  assert.deepEqual([0, 1000, 1499, 1500, 3000, 9000].map(requestersAt), [1, 1, 1, 2, 3, 3]);
});

test('it is not late while a block of it has still to be asked for, nor for a peer that is slow itself', () => {
  const { urgent, peer } = scene([[1, 0]]);
  const fast = peer(50);
  const late = (freeCount: number, now: number, blockMs: number): boolean => {
    urgent.notePeer(fast.pick, 0, blockMs, now);
    let isLate = false;
    urgent.forEachLate(
      fast,
      [fast],
      () => ({ freeCount }),
      () => {
        isLate = true;
        return true;
      },
    );
    return isLate;
  };
  assert.equal(late(0, 0, 50), false);
  assert.equal(late(1, 5000, 50), false, 'and the patience begins anew');
  assert.equal(late(0, 5001, 50), false);
  assert.equal(late(0, 6000, 50), false);
  assert.equal(late(0, 7000, 2001), false);
  assert.equal(late(0, 7000, 50), true);
});

test('what is had is urgent no more, and how long it took is the measure for the next', () => {
  const { urgent, peer } = scene([
    [1, 0],
    [2, 0],
  ]);
  const fast = peer(50);
  const look = (now: number): number[] => {
    urgent.notePeer(fast.pick, 0, 50, now);
    const late: number[] = [];
    urgent.forEachLate(
      fast,
      [fast],
      () => ({ freeCount: 0 }),
      (piece) => late.push(piece) > 0,
    );
    return late;
  };
  look(0);
  urgent.onVerified(1, 9000);
  assert.equal(urgent.has(1), false);
  assert.deepEqual([...urgent.pieces], [2]);
  assert.deepEqual(look(5000), [], 'nine seconds are not unheard of');
  urgent.replace(new Map());
  assert.equal(urgent.isEmpty, true);
});

function scene(deadlines: readonly (readonly [piece: number, deadlineMs: number])[]): {
  urgent: UrgentPieces;
  peer: (blockMs: number, options?: { readonly pieces: readonly number[] }) => TestPickerPeer;
} {
  const urgent = new UrgentPieces();
  urgent.replace(new Map(deadlines));
  let number = 0;
  const peer = (blockMs: number, options?: { readonly pieces: readonly number[] }): TestPickerPeer => {
    const made = new TestPickerPeer(number++, 10, options?.pieces ?? 'all');
    urgent.notePeer(made.pick, 0, blockMs, 0);
    return made;
  };
  return { urgent, peer };
}
