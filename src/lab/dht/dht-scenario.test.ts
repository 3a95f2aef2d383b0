import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDiallable } from '../../base/address.js';
import { isMadeUp } from './collusion.js';
import { drawHosts, HOSTILE_KINDS, makeDhtScenario } from './dht-scenario.js';

const SCENARIO = makeDhtScenario({ seed: 1, nodes: 1000 });

test('the same scenario is the same hosts', () => {
  assert.deepEqual(drawHosts(SCENARIO), drawHosts(SCENARIO));
});

test('shares are kept, each kind of hostile node has its turn, and no two hosts have one IP', () => {
  const { routers, nodes, newcomers } = drawHosts(SCENARIO);
  const hostile = nodes.filter((node) => node.hostile !== null);
  assert.deepEqual([nodes.length, hostile.length], [1000, 50]);
  for (const kind of HOSTILE_KINDS) assert.equal(hostile.filter((node) => node.hostile === kind).length, 10);
  const natted = nodes.filter(({ isNatted }) => isNatted).length;
  assert.ok(Math.abs(natted - 0.3 * 950) < 60, `${natted} behind NATs`);
  const addresses = [...routers, ...nodes, ...newcomers].map(({ address }) => address);
  assert.equal(new Set(addresses.map(({ host }) => host)).size, addresses.length);
  assert.ok(addresses.every((address) => isDiallable(address) && !isMadeUp(address)));
});

test('half of a gang of sybils is in two networks', () => {
  const sybils = drawHosts(SCENARIO).nodes.filter((node) => node.hostile === 'sybil');
  const networks = sybils.map(({ address }) => address.host.split('.').slice(0, 3).join('.'));
  assert.equal(new Set(networks).size, 7);
});
