import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { USER_AGENT } from '../base/version.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResult } from '../protocol/tracker/announce.js';
import { HttpTrackerClient } from './http-tracker-client.js';
import { ScriptedHost } from './testing/scripted-network.js';

const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xff),
  peerId: new Uint8Array(20).fill(0x41),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: '',
  numWant: 50,
  key: 1,
  trackerId: null,
};

function announce(): { host: ScriptedHost; results: AnnounceResult[]; cancel: () => void } {
  const host = new ScriptedHost();
  const client = new HttpTrackerClient({ turn: host.turn, network: host.network, bindHost: '192.0.2.9' });
  const results: AnnounceResult[] = [];
  const exchange = client.announce('http://t.test/announce', REQUEST, 30_000, (result) => {
    assert.ok(host.turn.isRunning, 'answers enter through a turn');
    results.push(result);
  });
  return { host, results, cancel: () => exchange.cancel() };
}

test('an announce is one GET, bounded in time, size and redirects', () => {
  const { host } = announce();
  const { url, ...rest } = host.gets[0]!.request;
  assert.match(url, /^http:\/\/t\.test\/announce\?info_hash=(%FF){20}&peer_id=A{20}&port=6881&/);
  assert.deepEqual(rest, {
    userAgent: USER_AGENT,
    timeoutMs: 30_000,
    bodyBytesMax: LIMITS.httpTrackerBodyBytesMax,
    redirectsMax: LIMITS.httpRedirectsMax,
    bindHost: '192.0.2.9',
    family: 0,
  });
});

test('answers and failures of every kind arrive as results', () => {
  const good = announce();
  good.host.answer(good.host.gets[0]!, { status: 200, body: fromUtf8('d8:intervali600ee') });
  assert.equal(!(good.results[0] instanceof AnnounceFailure) && good.results[0]?.intervalMs, 600_000);
  const garbage = announce();
  garbage.host.answer(garbage.host.gets[0]!, { status: 404, body: fromUtf8('<html>') });
  assert.ok(garbage.results[0] instanceof AnnounceFailure && garbage.results[0].error.code === 'ETRACKER');
  const broken = announce();
  broken.host.answer(broken.host.gets[0]!, new DtorrentError('ENETWORK', 'reset'));
  assert.ok(broken.results[0] instanceof AnnounceFailure && broken.results[0].error.code === 'ENETWORK');
});

test('cancelling an announce cancels its GET', () => {
  const { host, cancel } = announce();
  cancel();
  assert.equal(host.gets[0]!.isCancelled, true);
});
