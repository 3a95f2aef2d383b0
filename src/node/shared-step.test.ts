import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { type ErrorDone, runInOrder, SharedStep } from './shared-step.js';

const FAULT = new DtorrentError('EFILEIO', 'no');

test('who asks while a step is under way shares its result; after an error it is tried again, after success never', () => {
  const runs: ErrorDone[] = [];
  const step = new SharedStep((done) => runs.push(done));
  const results: unknown[] = [];
  const ask = (): void => step.run((error) => results.push(error));
  ask();
  ask();
  assert.equal(runs.length, 1);
  runs[0]!(FAULT);
  assert.deepEqual(results, [FAULT, FAULT]);
  assert.equal(step.isDone, false);
  ask();
  runs[1]!(null);
  ask();
  assert.deepEqual(results.slice(2), [null, null]);
  assert.equal(runs.length, 2);
  step.reset();
  ask();
  assert.equal(runs.length, 3);
});

test('steps in order stop at the first that fails', () => {
  const log: string[] = [];
  const pass =
    (name: string) =>
    (done: ErrorDone): void => {
      log.push(name);
      done(null);
    };
  runInOrder([pass('a'), pass('b')], (error) => log.push(String(error)));
  runInOrder([pass('c'), (done) => done(FAULT), pass('d')], (error) => log.push(error!.code));
  assert.deepEqual(log, ['a', 'b', 'null', 'c', 'EFILEIO']);
});
