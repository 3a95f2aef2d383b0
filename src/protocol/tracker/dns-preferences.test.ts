import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from '../../base/limits.js';
import { mayHavePreferences, parseDnsPreferences, preferredUrl } from './dns-preferences.js';
import { parseTrackerUrl } from './tracker-url.js';

function preferred(url: string, record: string): string | null {
  return preferredUrl(parseTrackerUrl(url)!, url, parseDnsPreferences([record])!);
}

test('a record names trackers, the best first', () => {
  assert.deepEqual(parseDnsPreferences(['v=spf1 -all', 'BITTORRENT UDP:1337 TCP:80']), [
    { protocol: 'UDP', port: 1337 },
    { protocol: 'TCP', port: 80 },
  ]);
});

test('no record that begins with the word is no preference, an empty one that there is no tracker', () => {
  for (const records of [[], ['v=spf1'], ['bittorrent UDP:1'], ['BITTORRENTS UDP:1'], [' BITTORRENT UDP:1']]) {
    assert.equal(parseDnsPreferences(records), null);
  }
  for (const record of ['BITTORRENT', 'BITTORRENT ', 'BITTORRENT DENY ALL']) {
    assert.deepEqual(parseDnsPreferences([record]), []);
  }
});

test('words that are not known, and ports that cannot be, are passed over', () => {
  const record = 'BITTORRENT SCTP:1 UDP:0 UDP:65536 TCP: tcp:80 UDP:x  TCP:8080';
  assert.deepEqual(parseDnsPreferences([record]), [{ protocol: 'TCP', port: 8080 }]);
});

test('of a record only so much is read', () => {
  const long = `BITTORRENT ${'x'.repeat(LIMITS.trackerDnsRecordBytesMax - 11)} UDP:1`;
  assert.deepEqual(parseDnsPreferences([long]), []);
  assert.equal(parseDnsPreferences([long.replace('xxxxxxx ', ' ')])!.length, 1);
});

test('a URL of a tracker that the host has stays as it was written', () => {
  const url = 'http://Tracker.example.com/announce?key=%2f';
  assert.equal(preferred(url, 'BITTORRENT UDP:1 TCP:80'), url);
  assert.equal(preferred('udp://tracker.example.com:1', 'BITTORRENT TCP:80 UDP:1'), 'udp://tracker.example.com:1');
});

test('any other becomes that of the best one, with the same path and query', () => {
  const http = 'http://u:p@tracker.example.com:81/x/announce?key=%2f';
  assert.equal(preferred(http, 'BITTORRENT UDP:5 TCP:80'), 'udp://u:p@tracker.example.com:5/x/announce?key=%2f');
  assert.equal(preferred(http, 'BITTORRENT TCP:80 UDP:5'), 'http://u:p@tracker.example.com:80/x/announce?key=%2f');
  assert.equal(preferred('udp://tracker.example.com:9', 'BITTORRENT TCP:80'), 'http://tracker.example.com:80/announce');
});

test('what is encrypted stays so', () => {
  const https = 'https://tracker.example.com/announce';
  assert.equal(preferred(https, 'BITTORRENT UDP:5 TCP:8443'), 'https://tracker.example.com:8443/announce');
  assert.equal(preferred(https, 'BITTORRENT UDP:5'), null);
});

test('a host without trackers has no URL', () => {
  assert.equal(preferred('udp://tracker.example.com:9', 'BITTORRENT DENY ALL'), null);
});

test('addresses and local names are not asked about', () => {
  for (const host of ['192.0.2.1', '2001:db8::1', 'tracker', 'localhost', 'nas.local', 'x.localhost', 'tracker.']) {
    assert.equal(mayHavePreferences(host), false, host);
  }
  for (const host of ['tracker.example.com', 'example.org.', 'local.example'])
    assert.ok(mayHavePreferences(host), host);
});

test('whatever stands in DNS, the URL is one that can be asked', () => {
  const words = fc.oneof(fc.constantFrom('UDP:1', 'TCP:443', 'DENY', 'UDP:', '99'), fc.string());
  const urls = fc.constantFrom('udp://a.b:1', 'http://a.b', 'https://a.b/announce?x', 'http://u:p@a.b/x');
  fc.assert(
    fc.property(fc.array(words), urls, (said, url) => {
      const changed = preferred(url, `BITTORRENT ${said.join(' ')}`);
      assert.ok(changed === null || parseTrackerUrl(changed) !== null, `${changed}`);
    }),
  );
});
