import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { REPOSITORY } from '../../test/harness/repository.js';
import { ALL_FAULTS, faultsText, parseFaults } from './fault-kinds.js';
import { type LabOutcome, LabSwarm, replayCommand } from './lab-swarm.js';
import { makeScenario, type ScenarioOptions } from './scenario.js';

const OPTIONS: ScenarioOptions = { seed: 11, peers: 5, faults: ALL_FAULTS, minutes: 4 };

function outcomeOf(options: ScenarioOptions): LabOutcome {
  const outcome = new LabSwarm(makeScenario(options)).run();
  assert.equal(outcome.failure, null);
  return outcome;
}

describe('LabSwarm', () => {
  test('everybody completes, and nothing is left once all have stopped', () => {
    const { completeCount, virtualMs } = outcomeOf(OPTIONS);
    assert.equal(completeCount, OPTIONS.peers);
    assert.ok(virtualMs > 60_000);
  });

  test('the same seed gives the same trace, another seed another', () => {
    const first = outcomeOf(OPTIONS);
    assert.deepEqual(outcomeOf(OPTIONS), first);
    assert.notEqual(outcomeOf({ ...OPTIONS, seed: 12 }).traceHash, first.traceHash);
    assert.ok(first.traceLines > 500);
  });

  test('the trace is the same in another process', () => {
    const main = join(REPOSITORY, 'build', 'test', 'sim', 'main.js');
    const args = ['--seed', '11', '--peers', '5', '--faults', 'all', '--minutes', '4'];
    const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stdout.trimEnd().split('\n').at(-1), `trace ${outcomeOf(OPTIONS).traceHash}`);
  });

  test('a scenario says how it is run again', () => {
    assert.equal(
      replayCommand(makeScenario({ ...OPTIONS, faults: ['leave'] })),
      'npm run sim -- --seed 11 --peers 5 --faults leave --minutes 4 --trace',
    );
  });
});

describe('faults by name', () => {
  test('all, none, and lists are read and written', () => {
    for (const text of ['all', 'none', 'leave', ALL_FAULTS.slice(0, 2).join(',')]) {
      const faults = parseFaults(text);
      assert.deepEqual(parseFaults(faultsText(faults)), faults);
    }
    assert.deepEqual(parseFaults('none'), []);
  });

  test('a name that is none is refused, with those there are', () => {
    assert.throws(() => parseFaults('leave,gremlins'), { code: 'EOPTION', message: /"gremlins".*leave/ });
  });
});
