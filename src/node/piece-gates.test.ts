import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate, PieceGates } from './piece-gates.js';

function make(): {
  gates: PieceGates;
  log: string[];
  enter: (piece: number, access: 'read' | 'write', name: string) => void;
} {
  const gates = new PieceGates();
  const log: string[] = [];
  return { gates, log, enter: (piece, access, name) => gates.enter(piece, access, () => log.push(name)) };
}

test('readers of a piece go together, a writer alone', () => {
  const { gates, log, enter } = make();
  enter(1, 'read', 'r1');
  enter(1, 'read', 'r2');
  enter(1, 'write', 'w');
  assert.deepEqual(log, ['r1', 'r2']);
  gates.leave(1);
  assert.deepEqual(log, ['r1', 'r2']);
  gates.leave(1);
  assert.deepEqual(log, ['r1', 'r2', 'w']);
});

test('nobody overtakes: a reader waits behind a waiting writer', () => {
  const { gates, log, enter } = make();
  enter(1, 'read', 'r1');
  enter(1, 'write', 'w');
  enter(1, 'read', 'r2');
  enter(1, 'read', 'r3');
  assert.deepEqual(log, ['r1']);
  gates.leave(1);
  assert.deepEqual(log, ['r1', 'w']);
  gates.leave(1);
  assert.deepEqual(log, ['r1', 'w', 'r2', 'r3']);
});

test('pieces do not wait for each other, and nothing is kept of one that is left', () => {
  const { gates, log, enter } = make();
  enter(1, 'write', 'one');
  enter(2, 'write', 'two');
  assert.deepEqual(log, ['one', 'two']);
  gates.leave(1);
  gates.leave(2);
  assert.equal(gates.size, 0);
  assert.throws(() => gates.leave(1), /left more often than entered/);
});

test('a gate is open when a reader would start at once, and free when nobody is in it', () => {
  const gate = new Gate();
  const states: boolean[][] = [];
  const note = (): void => void states.push([gate.isOpen, gate.isFree]);
  note();
  gate.enter('read', note);
  gate.enter('write', note);
  note();
  gate.leave();
  gate.leave();
  note();
  assert.deepEqual(states, [
    [true, true],
    [true, false],
    [false, false],
    [false, false],
    [true, true],
  ]);
});
