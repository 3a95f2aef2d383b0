import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { PeerDeadlines } from './peer-deadlines.js';

const OPEN = { isHandshakeDone: true, unwrittenBytes: 0 };
const SINCE_MS = 1_000_000;

test('a handshake has its time from when the stream opened, and not a moment more', () => {
  const deadlines = new PeerDeadlines(SINCE_MS);
  const state = { ...OPEN, isHandshakeDone: false };
  assert.equal(deadlines.due(SINCE_MS + LIMITS.handshakeTimeoutMs - 1, state), 'nothing');
  assert.equal(deadlines.due(SINCE_MS + LIMITS.handshakeTimeoutMs, state), 'handshake-timeout');
});

test('a keep-alive is due in time, and whoever is silent for longer than keep-alives come is idle', () => {
  assert.ok(LIMITS.keepAliveAfterMs < LIMITS.idleTimeoutMs);
  const deadlines = new PeerDeadlines(SINCE_MS);
  assert.equal(deadlines.due(SINCE_MS + LIMITS.keepAliveAfterMs - 1, OPEN), 'nothing');
  assert.equal(deadlines.due(SINCE_MS + LIMITS.keepAliveAfterMs, OPEN), 'keep-alive');
  assert.equal(deadlines.due(SINCE_MS + LIMITS.idleTimeoutMs - 1, OPEN), 'keep-alive');
  assert.equal(deadlines.due(SINCE_MS + LIMITS.idleTimeoutMs, OPEN), 'idle');
});

test('whoever takes nothing of what it was given is let go, however much it says', () => {
  const deadlines = new PeerDeadlines(SINCE_MS);
  const now = SINCE_MS + LIMITS.sendStallTimeoutMs;
  deadlines.lastReceivedAtMs = now;
  deadlines.lastSentAtMs = now;
  const owed = { ...OPEN, unwrittenBytes: 1 };
  assert.equal(deadlines.due(now - 1, owed), 'nothing');
  assert.equal(deadlines.due(now, owed), 'idle');
  assert.equal(deadlines.due(now, OPEN), 'nothing', 'nothing is owed');
  deadlines.lastWrittenAtMs = now - 1;
  assert.equal(deadlines.due(now, owed), 'nothing', 'it has taken some');
});
