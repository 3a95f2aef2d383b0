/** What HTTP trackers answer: whatever it is ends in an answer within the limits or in a failure with one sentence. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isDiallable, toCompact } from '../../../src/base/address.js';
import { concatBytes, fromLatin1 } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { LIMITS } from '../../../src/base/limits.js';
import { type BencodeInput, encodeBencode } from '../../../src/format/bencode.js';
import { AnnounceFailure, type AnnounceResponse } from '../../../src/protocol/tracker/announce.js';
import { parseAnnounceResponse, parseScrapeResponse } from '../../../src/protocol/tracker/http.js';
import { isOneLine } from '../expect.js';
import { addresses } from '../generators/addresses.js';
import { bencodeTrees } from '../generators/bencode-values.js';
import type { FuzzTarget } from '../target.js';

const STATUSES = [200, 400, 404, 410, 503] as const;
const HASHES = [new Uint8Array(20).fill(0x61), new Uint8Array(20).fill(0xe9)];

const dictPeers = fc.array(
  fc.record({
    ip: fc.oneof(
      fc.constantFrom('1.2.3.4', '::1', 'peer.example', '1.2.3.999', '0x7f.1', ''),
      fc.string({ maxLength: 20 }),
    ),
    port: fc.oneof(fc.nat({ max: 70_000 }), fc.constantFrom(-1, 0, 6881)),
    'peer id': fc.uint8Array({ maxLength: 20 }),
  }),
  { maxLength: 6 },
);
const compact = (family: 4 | 6): fc.Arbitrary<Uint8Array> =>
  fc
    .array(addresses, { maxLength: 8 })
    .map((some) => concatBytes(some.filter((one) => one.family === family).map(toCompact)));

const answers: fc.Arbitrary<Uint8Array> = fc
  .record(
    {
      interval: fc.oneof(fc.integer(), fc.constantFrom<BencodeInput>(0, -1, 1800, 2n ** 70n, 'x')),
      'min interval': fc.oneof(fc.integer(), bencodeTrees),
      complete: fc.integer(),
      incomplete: fc.oneof(fc.integer(), bencodeTrees),
      downloaded: fc.integer(),
      peers: fc.oneof(compact(4), dictPeers, bencodeTrees, fc.uint8Array({ maxLength: 40 })),
      peers6: fc.oneof(compact(6), bencodeTrees),
      'failure reason': fc.oneof(
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
        { weight: 4, arbitrary: fc.constant(undefined) },
      ),
      'warning message': fc.string({ unit: 'binary', maxLength: 30 }),
      'tracker id': fc.uint8Array({ maxLength: 600 }),
      'external ip': fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.string({ maxLength: 20 })),
      'retry in': fc.oneof(fc.constantFrom<BencodeInput>('never', '5', 5, -1), bencodeTrees),
      files: fc.oneof(bencodeTrees, fc.constant(new Map([['a'.repeat(20), { complete: 3, incomplete: -1 }]]))),
      flags: fc.oneof(bencodeTrees, fc.constant({ min_request_interval: 100 })),
    },
    { requiredKeys: [] },
  )
  .map((answer) => encodeBencode(answer as { [key: string]: BencodeInput | undefined }));

export const httpTrackerTarget: FuzzTarget = {
  name: 'http-tracker',
  inputs: fc.tuple(fc.nat({ max: 255 }), answers).map(([head, body]) => concatBytes([Uint8Array.of(head), body])),
  samples: [
    fromLatin1('\0d8:intervali1800e5:peers12:abcdefghijkle'),
    fromLatin1('\0d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei5e10:downloadedi7e10:incompletei1eeee'),
    fromLatin1('\x01d14:failure reason9:go away\r\n8:retry in1:9e'),
  ],
  tokens: [
    'peers',
    'peers6',
    'interval',
    'min interval',
    'failure reason',
    'retry in',
    'tracker id',
    'files',
    'ip',
    'port',
  ],
  check,
};

function check(input: Uint8Array): void {
  const status = STATUSES[(input[0] ?? 0) % STATUSES.length]!;
  const body = input.subarray(1);
  const announced = parseAnnounceResponse(status, body);
  if (announced instanceof AnnounceFailure) {
    const { error, retryInMs } = announced;
    assert.equal(error.code, 'ETRACKER');
    assert.ok(isOneLine(error.message), JSON.stringify(error.message));
    assert.ok(
      retryInMs === null ||
        (retryInMs > 0 && (retryInMs <= LIMITS.announceIntervalMaxMs || retryInMs === Number.POSITIVE_INFINITY)),
    );
  } else {
    checkResponse(announced);
    if (announced.trackerId !== null) assert.notEqual(announced.trackerId.buffer, input.buffer, 'a view is kept');
  }
  checkScrape(status, body);
}

export function checkResponse(response: AnnounceResponse): void {
  const { intervalMs, minIntervalMs, peers, namedPeers, warning, trackerId } = response;
  assert.ok(intervalMs >= LIMITS.announceIntervalMinMs && intervalMs <= LIMITS.announceIntervalMaxMs);
  assert.ok(minIntervalMs === null || (minIntervalMs > 0 && minIntervalMs <= LIMITS.announceIntervalMaxMs));
  assert.ok(peers.length + namedPeers.length <= LIMITS.peersPerAnnounceMax);
  assert.ok(peers.every(isDiallable));
  assert.ok(namedPeers.length <= LIMITS.peerNamesPerAnnounceMax);
  for (const { host, port } of namedPeers) assert.ok(/^[\w.-]+$/.test(host) && port >= 1 && port <= 65535);
  for (const count of [response.seeds, response.leechers, response.completed]) assert.ok(count === null || count >= 0);
  assert.ok(warning === null || (isOneLine(warning) && warning.length <= LIMITS.trackerMessageBytesMax));
  assert.ok(trackerId === null || trackerId.length <= LIMITS.trackerIdBytesMax);
}

function checkScrape(status: number, body: Uint8Array): void {
  const scraped = parseScrapeResponse(status, body, HASHES);
  if (scraped instanceof DtorrentError) {
    assert.ok(scraped.code === 'ETRACKER' && isOneLine(scraped.message));
    return;
  }
  assert.equal(scraped.counts.length, HASHES.length);
  assert.ok(
    scraped.minIntervalMs === null ||
      (scraped.minIntervalMs >= 0 && scraped.minIntervalMs <= LIMITS.announceIntervalMaxMs),
  );
}
