/** Resume data: a record that is read is within its limits and is written back the same. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, addressFromIp, isDiallable } from '../../../src/base/address.js';
import { LIMITS } from '../../../src/base/limits.js';
import { decodeResumeData, encodeResumeData, type ResumeData } from '../../../src/format/resume-data.js';
import { readOrRefuse } from '../expect.js';
import type { FuzzTarget } from '../target.js';

const counts = fc.maxSafeNat();
/** With a prototype, as decoded records are: assert compares it too. */
const plainRecord = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const stamps = plainRecord({
  lengthBytes: fc.oneof(counts, fc.constant(-1)),
  modifiedUs: fc.maxSafeInteger(),
});
const addresses: fc.Arbitrary<Address> = fc
  .tuple(
    fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.integer({ min: 1, max: 65535 }),
  )
  .map(([ip, port]) => addressFromIp(ip, port)!)
  .filter(isDiallable);

const records: fc.Arbitrary<ResumeData> = plainRecord({
  infoHash: fc
    .tuple(fc.constantFrom(40, 64), fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 64, maxLength: 64 }))
    .map(([length, digits]) => digits.join('').slice(0, length)),
  directory: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  isClean: fc.boolean(),
  infoBytes: fc.option(fc.uint8Array({ maxLength: 100 })),
  have: fc.uint8Array({ maxLength: 40 }),
  files: fc.array(stamps, { maxLength: 5 }),
  partials: fc
    .uniqueArray(
      plainRecord({
        piece: fc.nat({ max: LIMITS.pieceCountMax - 1 }),
        blocks: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      }),
      { selector: ({ piece }) => piece, maxLength: 5 },
    )
    .map((partials) => partials.sort((a, b) => a.piece - b.piece)),
  filePriorities: fc.uint8Array({ max: 7, maxLength: 5 }),
  trackers: fc.array(
    plainRecord({
      key: fc.webUrl(),
      notBeforeUnixTime: counts,
      waitSeconds: counts,
      trackerId: fc.option(fc.uint8Array({ minLength: 1, maxLength: 30 })),
    }),
    { maxLength: 4 },
  ),
  addedTrackers: fc.array(fc.webUrl(), { maxLength: 3 }),
  peers: fc.array(addresses, { maxLength: 5 }),
  uploadedBytes: counts,
  downloadedBytes: counts,
  seedingSeconds: counts,
  addedUnixTime: counts,
  completedUnixTime: fc.option(counts),
  isPaused: fc.boolean(),
});

export const resumeDataTarget: FuzzTarget = {
  name: 'resume-data',
  inputs: records.map(encodeResumeData),
  samples: fc.sample(records, { seed: 1, numRuns: 5 }).map(encodeResumeData),
  isBencode: true,
  tokens: ['version', 'infoHash', 'have', 'files', 'partials', 'peers', 'trackers', 'completedUnixTime', 'infoBytes'],
  laws: [
    fc.property(records, (record) => {
      assert.deepEqual(decodeResumeData(encodeResumeData(record)), record, 'a record reads back as it was written');
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  const data = readOrRefuse(['ESTATE'], () => decodeResumeData(input));
  if (data === null) return;
  assert.ok(data.trackers.length <= LIMITS.trackersPerTorrentMax && data.peers.length <= LIMITS.resumePeersMax);
  assert.ok(data.partials.length <= LIMITS.resumePartialsMax && data.files.length <= LIMITS.fileCountMax + 1);
  assert.ok(data.peers.every(isDiallable));
  assert.deepEqual(decodeResumeData(encodeResumeData(data)), data);
  // It is kept for hours: no view of the file that it was read from.
  for (const bytes of [data.have, data.infoBytes, data.filePriorities, ...data.partials.map(({ blocks }) => blocks)]) {
    if (bytes !== null) assert.notEqual(bytes.buffer, input.buffer);
  }
}
