import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { plainFields } from './testing/plain-fields.js';
import { checkTorrentFields, type TorrentFields } from './torrent-fields.js';

const FIELDS = plainFields('name');

function assertRefused(fields: Partial<TorrentFields>, message: RegExp): void {
  assert.throws(
    () => checkTorrentFields({ ...FIELDS, ...fields }),
    (error) => error instanceof DtorrentError && error.code === 'EOPTION' && message.test(error.message),
  );
}

test('ordinary fields pass', () => {
  checkTorrentFields({
    ...FIELDS,
    name: 'Ein Bücherstapel (2024): "a\\b"',
    trackers: [['http://t/announce', 'udp://t:80'], [], ['wss://t/', 'https://t/', 'ws://t/']],
    webSeeds: ['https://w/a b', 'http://w'],
    creationDate: 0,
  });
});

test('a name is one path element', () => {
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0b']) assertRefused({ name }, /cannot be named/);
});

test('tracker and web seed URLs need a scheme that is spoken', () => {
  for (const url of ['', 'tracker', 'ftp://t/', 'javascript:alert(1)', '//t/', 'http://', 'http://t/\nX: y']) {
    assertRefused({ trackers: [['http://ok/'], [url]] }, /is no tracker URL/);
  }
  for (const url of ['udp://w/', 'file:///etc/passwd']) assertRefused({ webSeeds: [url] }, /is no web seed URL/);
});

test('URLs above their limits are refused', () => {
  const longest = `http://t/${'a'.repeat(LIMITS.trackerUrlBytesMax - 'http://t/'.length)}`;
  const urls = (count: number): string[] => Array.from({ length: count }, (_, i) => `http://t${i}/`);
  checkTorrentFields({ ...FIELDS, trackers: [[longest]] });
  assertRefused({ trackers: [[`${longest}a`]] }, /too long/);
  checkTorrentFields({ ...FIELDS, trackers: urls(LIMITS.trackersPerTorrentMax).map((url) => [url]) });
  assertRefused({ trackers: [urls(LIMITS.trackersPerTorrentMax), ['http://t/']] }, /at most 200 trackers/);
  checkTorrentFields({ ...FIELDS, webSeeds: urls(LIMITS.webSeedsMax) });
  assertRefused({ webSeeds: urls(LIMITS.webSeedsMax + 1) }, /at most 100 web seeds/);
});

test('a creation date is a whole number of seconds since 1970', () => {
  for (const creationDate of [-1, 1.5, Number.NaN, 1e300]) assertRefused({ creationDate }, /creation date/);
});
