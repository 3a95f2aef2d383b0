import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DhtNetwork } from './dht-network.js';
import { type DhtReport, goalsOf, reportText } from './dht-report.js';
import { type DhtScenario, HOSTILE_KINDS, MINUTE_MS, makeDhtScenario } from './dht-scenario.js';

/** Less of virtual time than the command takes. */
const SHORT = { settlingMs: 3.5 * MINUTE_MS, pauseMs: 2 * MINUTE_MS };

function run(scenario: DhtScenario): DhtReport {
  return new DhtNetwork(scenario).run();
}

function assertGoals(report: DhtReport): void {
  const missed = goalsOf(report).filter(({ isMet }) => !isMet);
  assert.deepEqual(missed, [], reportText(report));
}

test('the same scenario is the same run to the last packet, another seed is another', () => {
  const scenario = { ...makeDhtScenario({ seed: 5, nodes: 40 }), ...SHORT, lookups: 20 };
  const [one, again, other] = [run(scenario), run(scenario), run({ ...scenario, seed: 6 })];
  assert.deepEqual(one, again);
  assert.notEqual(one.traceHash, other.traceHash);
});

test('where nothing goes wrong everything is found', () => {
  const scenario = { ...makeDhtScenario({ seed: 2, nodes: 60 }), ...SHORT, lookups: 50 };
  const report = run({ ...scenario, hostileShare: 0, nattedShare: 0, lossShare: 0, sessionMs: 0 });
  assertGoals(report);
  assert.ok(report.lookups.every(({ firstPeerMs, falsePeers }) => firstPeerMs !== null && falsePeers === 0));
  assert.ok(report.announces.every(({ stored }) => stored >= 8));
});

test('with loss, NATs, churn and five kinds of hostile nodes nearly everything is found, and nothing false is taken', () => {
  const report = run({ ...makeDhtScenario({ seed: 3, nodes: 300 }), ...SHORT });
  assert.ok(report.forged > 0 && report.counts.lost > 0 && report.counts.filtered > 0);
  assertGoals(report);
});

for (const kind of HOSTILE_KINDS) {
  test(`a tenth of the nodes being of the kind ${kind}, what is announced is found`, () => {
    const scenario = { ...makeDhtScenario({ seed: 4, nodes: 80 }), ...SHORT };
    assertGoals(run({ ...scenario, hostileShare: 0.1, hostileKinds: [kind], lookups: 40 }));
  });
}
