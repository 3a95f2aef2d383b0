/** Tracker URLs of torrent files, and what is asked of them: no URL leads where it does not say, none breaks a request. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeAddress } from '../../../src/base/address.js';
import { fromUtf8, toUtf8 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import type { AnnounceRequest } from '../../../src/protocol/tracker/announce.js';
import { announceUrl, scrapeUrl } from '../../../src/protocol/tracker/http.js';
import { parseTrackerUrl } from '../../../src/protocol/tracker/tracker-url.js';
import type { FuzzTarget } from '../target.js';

const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0x25),
  peerId: new Uint8Array(20).fill(0xff),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: 'started',
  numWant: 50,
  key: 1,
  trackerId: fromUtf8('a&b'),
};

export const trackerUrlTarget: FuzzTarget = {
  name: 'tracker-url',
  inputs: fc
    .tuple(
      fc.constantFrom('http', 'https', 'udp', 'HTTP', 'ws', 'file', ''),
      fc.constantFrom('://', ':', ':///', '://user:pw@', '://u@v@'),
      fc.oneof(
        fc.constantFrom(
          'a.example',
          '1.2.3.4',
          '127.1',
          '0x7f.1',
          '[::1]',
          '[::ffff:1.2.3.4]',
          'localhost',
          '1.2.3.4.',
        ),
        fc.string({ maxLength: 12 }),
      ),
      fc.constantFrom('', ':80', ':0', ':65536', ':99999999', ':'),
      fc.oneof(
        fc.constantFrom('', '/announce', '/x/announce.php?passkey=1', '?announce', '/announce#x'),
        fc.string({ unit: 'binary', maxLength: 20 }),
      ),
    )
    .map((parts) => fromUtf8(parts.join(''))),
  samples: ['http://tracker.example:6969/announce?key=a%20b#frag', 'udp://[2001:db8::1]:80/announce'].map(fromUtf8),
  tokens: ['://', '@', '#', '?', '/announce', '[', ']', ':', '\r\n', '%00'],
  bytesMax: 4096,
  check,
};

function check(input: Uint8Array): void {
  const url = toUtf8(input);
  const parsed = parseTrackerUrl(url);
  if (parsed === null) return;
  const { scheme, host, port, target, key } = parsed;
  assert.ok(fromUtf8(url).length <= LIMITS.trackerUrlBytesMax);
  assert.ok(port >= 1 && port <= 65535 && host !== '' && host === host.toLowerCase());
  assert.ok(!/[\s/?#@]/.test(host), 'a host is only a host');
  assert.ok(target === '' || /^[/?]/.test(target));
  const spelled = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${target}`;
  if (!url.includes('@')) assert.equal(parseTrackerUrl(spelled)?.key, key, 'two spellings have one key');
  if (scheme === 'udp') return;
  checkRequest(url, host);
}

/** Node's own parser must not see another host in it than we did. */
function checkRequest(url: string, host: string): void {
  for (const asked of [announceUrl(url, REQUEST), scrapeUrl(url, [REQUEST.infoHash])]) {
    if (asked === null) continue;
    assert.ok(!asked.includes('#'), 'a fragment is not sent');
    if (!URL.canParse(asked)) continue;
    const { hostname, searchParams } = new URL(asked);
    const seen = hostname.replace(/^\[|\]$/g, '');
    if (!host.includes(':')) assert.equal(makeAddress(seen, 1)?.host ?? seen, host, 'both parsers see one host');
    assert.ok(searchParams.has('info_hash'));
  }
}
