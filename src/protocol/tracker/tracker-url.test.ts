import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { parseTrackerUrl } from './tracker-url.js';

test('tracker URLs are taken apart without being changed', () => {
  assert.deepEqual(parseTrackerUrl('HTTP://Tracker.Example.org/Announce%7e?Pass=%7E#x'), {
    scheme: 'http',
    host: 'tracker.example.org',
    port: 80,
    target: '/Announce%7e?Pass=%7E',
    key: 'http://tracker.example.org:80/Announce%7e?Pass=%7E',
  });
  assert.deepEqual(parseTrackerUrl('udp://[2001:DB8::1]:6969'), {
    scheme: 'udp',
    host: '2001:db8::1',
    port: 6969,
    target: '',
    key: 'udp://2001:db8::1:6969',
  });
  assert.equal(parseTrackerUrl('https://t.org?x')?.target, '?x');
  assert.equal(parseTrackerUrl('https://t.org/announce')?.port, 443);
});

test('two spellings of one tracker have one key, two users of one tracker have two', () => {
  const key = (url: string): string | undefined => parseTrackerUrl(url)?.key;
  assert.equal(key('http://T.org/a'), key('HTTP://t.org:80/a#b'));
  assert.notEqual(key('http://t.org/a'), key('http://t.org/A'));
  assert.notEqual(key('http://me:pw@t.org/a'), key('http://you:pw@t.org/a'));
});

test('what is no tracker that we could ask is refused', () => {
  for (const url of [
    '',
    'announce',
    'wss://tracker.test/announce',
    'file:///etc/passwd',
    'udp://tracker.test/announce',
    'http://tracker.test:0/announce',
    'http://tracker.test:65536/announce',
    'http:///announce',
    'http://tracker .test/announce',
    'http://[::1/announce',
    'http://[1.2.3.4]/announce',
    'http://tracker.test:80:80/announce',
    'http://ünicode.test/announce',
    'http://0.0.0.0/announce',
    'http://239.1.1.1/announce',
  ]) {
    assert.equal(parseTrackerUrl(url), null, url);
  }
});

test('a torrent cannot make us ask this machine for anything but an announce', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', 'x.localhost', '[::1]', '[::ffff:127.0.0.1]']) {
    assert.equal(parseTrackerUrl(`http://${host}:631/shutdown`), null, host);
    assert.equal(parseTrackerUrl(`http://${host}:631/x/announce`), null, host);
    assert.notEqual(parseTrackerUrl(`http://${host}:6969/announce`), null, host);
  }
  // Names to us, 127.0.0.1 to a URL parser.
  for (const host of ['2130706433', '0x7f000001', '127.1', '0x7f.1', '%31%32%37.0.0.1', '１２７.0.0.1']) {
    assert.equal(parseTrackerUrl(`http://${host}/shutdown`), null, host);
  }
});

test('an overlong URL is refused', () => {
  const url = (length: number): string => 'http://t.test/'.padEnd(length, 'a');
  assert.notEqual(parseTrackerUrl(url(LIMITS.trackerUrlBytesMax)), null);
  assert.equal(parseTrackerUrl(url(LIMITS.trackerUrlBytesMax + 1)), null);
  assert.equal(parseTrackerUrl(`http://t.test/${'é'.repeat(LIMITS.trackerUrlBytesMax / 2)}`), null);
});
