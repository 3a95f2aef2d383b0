import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { UNKNOWN_PRIORITY } from './peer-priorities.js';
import { GRACE_MS, PATIENCE_MS, type ValuedPeer, valuePeers, WORTH } from './peer-worth.js';

const NOW = 3_600_000;
const LEECHING = { isSeeding: false };
const SEEDING = { isSeeding: true };

interface TestPeer extends ValuedPeer {
  readonly name: string;
}

let hosts = 0;

/** An hour old, on a machine of its own, idle, and with nothing for us. */
function peer(name: string, given: Partial<ValuedPeer> = {}): TestPeer {
  return {
    name,
    remote: makeAddress(`10.1.${hosts++ >> 8}.${hosts & 255}`, 6881)!,
    source: 'tracker',
    priority: UNKNOWN_PRIORITY,
    connectedAtMs: 0,
    isInterested: false,
    isInterestingToUs: false,
    isSuspect: false,
    downloadRate: 0,
    uploadRate: 0,
    lastReceivedAtMs: Number.NEGATIVE_INFINITY,
    lastSentAtMs: Number.NEGATIVE_INFINITY,
    ...given,
  };
}

function sender(name: string, downloadRate: number): TestPeer {
  return peer(name, { isInterestingToUs: true, downloadRate, lastReceivedAtMs: NOW - 1000 });
}

function valued(peers: readonly TestPeer[], mode = LEECHING): [string, number][] {
  return valuePeers(peers, NOW, mode).map(({ peer: { name }, worth }) => [name, worth]);
}

test('while we download: who sends is worth most, then who may, then who takes, and suspects least', () => {
  const peers = [
    sender('fast', 1_000_000),
    sender('slow', 1000),
    peer('named', { source: 'user' }),
    peer('mute', { isInterestingToUs: true, isInterested: true }),
    peer('taker', { isInterested: true }),
    peer('useless'),
    peer('suspect', { isSuspect: true, isInterestingToUs: true, downloadRate: 9e9, lastReceivedAtMs: NOW }),
  ];
  assert.deepEqual(valued(peers), [
    ['suspect', WORTH.suspect],
    ['useless', WORTH.useless],
    ['taker', WORTH.taker],
    ['mute', WORTH.mute],
    ['slow', WORTH.slow],
    ['fast', WORTH.good],
    ['named', WORTH.named],
  ]);
});

test('while we seed: who wants what we have is worth keeping, whether it is its turn or not', () => {
  const peers = [
    peer('waiting', { isInterested: true }),
    peer('fed', { isInterested: true, uploadRate: 5000, lastSentAtMs: NOW }),
    peer('done', { lastSentAtMs: NOW - 1_000_000 }),
    peer('has something', { isInterestingToUs: true }),
  ];
  assert.deepEqual(
    new Map(valued(peers, SEEDING)),
    new Map([
      ['waiting', WORTH.good],
      ['fed', WORTH.good],
      ['done', WORTH.useless],
      ['has something', WORTH.useless],
    ]),
  );
});

test('newcomers are not judged, and those that have something have time to be asked for it', () => {
  const peers = [
    peer('new', { connectedAtMs: NOW - GRACE_MS + 1 }),
    peer('not so new', { connectedAtMs: NOW - GRACE_MS }),
    peer('has something', { connectedAtMs: NOW - PATIENCE_MS + 1, isInterestingToUs: true }),
    peer('had its time', { connectedAtMs: NOW - PATIENCE_MS, isInterestingToUs: true }),
  ];
  assert.deepEqual(
    new Map(valued(peers)),
    new Map([
      ['new', WORTH.good],
      ['not so new', WORTH.useless],
      ['has something', WORTH.good],
      ['had its time', WORTH.mute],
    ]),
  );
});

test('when everyone sends at about the same rate nobody is slow, and the last one that sends never is', () => {
  const peers = [sender('a', 100), sender('b', 90), sender('c', 80)];
  assert.ok(valued(peers).every(([, worth]) => worth === WORTH.good));
  assert.deepEqual(valued([sender('only', 1), peer('useless')])[1], ['only', WORTH.good]);
});

test('among equals the one that nothing has come of for longest goes first', () => {
  const peers = [
    peer('lately', { lastSentAtMs: NOW - 100_000 }),
    peer('long ago', { lastReceivedAtMs: NOW - 2_000_000 }),
    peer('never, younger', { connectedAtMs: NOW - 1_000_000 }),
    peer('never, older', { connectedAtMs: NOW - 3_000_000 }),
  ];
  assert.deepEqual(
    valued(peers).map(([name]) => name),
    ['never, older', 'long ago', 'never, younger', 'lately'],
  );
});

test('among equals of whom nothing comes the least canonical priority goes first, whoever came when', () => {
  const peers = [
    peer('low, lately', { priority: 1, lastReceivedAtMs: NOW - 200_000 }),
    peer('high, younger', { priority: 3000, connectedAtMs: NOW - 1_000_000 }),
    peer('low', { priority: 1000, connectedAtMs: NOW - 1_500_000 }),
    peer('lowest, once', { priority: 10, lastReceivedAtMs: NOW - 2_000_000 }),
    peer('high, older', { priority: 3000, connectedAtMs: NOW - 2_000_000 }),
    peer('not known'),
  ];
  assert.deepEqual(
    valued(peers).map(([name]) => name),
    ['lowest, once', 'low', 'high, older', 'high, younger', 'not known', 'low, lately'],
  );
});

test('no priority is as good as what a peer does', () => {
  const [low, high] = [{ priority: 0 }, { priority: 4_000_000_000 }];
  const peers = [
    { ...sender('gives', 1000), ...low },
    peer('has something', { isInterestingToUs: true, ...low }),
    peer('takes', { isInterested: true, ...high }),
    peer('useless', high),
    peer('suspect', { isSuspect: true, ...high }),
  ];
  assert.deepEqual(
    valued(peers).map(([name]) => name),
    ['suspect', 'useless', 'takes', 'has something', 'gives'],
  );
});

test('among equals those of a crowded machine go first, unless the machine is this one', () => {
  const at = (name: string, ip: string, port: number): TestPeer => peer(name, { remote: makeAddress(ip, port)! });
  const peers = [at('single', '10.9.9.9', 1), at('one of two', '10.8.8.8', 1), at('other of two', '10.8.8.8', 2)];
  assert.deepEqual(valued(peers).at(-1)![0], 'single');
  const local = [at('single', '10.9.9.9', 1), at('a', '127.0.0.1', 1), at('b', '127.0.0.1', 2)];
  assert.deepEqual(valued(local)[0]![0], 'single', 'no reason to change the order');
});
