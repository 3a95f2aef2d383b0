import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromLatin1, fromUtf8, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { decodeSsdpAnswer, encodeSsdpSearch, formatLanUrl, parseLanUrl, SSDP_TARGETS } from './ssdp.js';
import { SEARCH_ANSWER } from './testing/recorded-router.js';

function answer(changes: Readonly<Record<string, string>> = {}, status = 'HTTP/1.1 200 OK'): Uint8Array {
  const headers = { ST: SSDP_TARGETS[0]!, LOCATION: 'http://192.168.1.1:80/d.xml', ...changes };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return fromLatin1([status, ...lines, '', ''].join('\r\n'));
}

test('a search is what the specification asks for', () => {
  assert.equal(
    toLatin1(encodeSsdpSearch(SSDP_TARGETS[0]!)),
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\n' +
      'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n',
  );
});

test("a router's answer says where its description is", () => {
  assert.deepEqual(decodeSsdpAnswer(SEARCH_ANSWER), { host: '192.168.77.1', port: 5000, path: '/rootDesc.xml' });
});

test('header names are read in any case, and later versions of what we look for count', () => {
  const target = 'urn:schemas-upnp-org:service:WANIPConnection:2';
  const packet = answer({ ST: target });
  assert.equal(decodeSsdpAnswer(packet)?.path, '/d.xml');
  const lowered = fromLatin1(toLatin1(packet).replace('LOCATION', 'location').replace('ST:', 'st:'));
  assert.equal(decodeSsdpAnswer(lowered)?.path, '/d.xml');
});

test('televisions, searches of others, announcements and failures are no answers', () => {
  for (const ST of ['upnp:rootdevice', 'urn:schemas-upnp-org:device:MediaRenderer:1', `${SSDP_TARGETS[0]}x`]) {
    assert.equal(decodeSsdpAnswer(answer({ ST })), null, ST);
  }
  for (const status of ['NOTIFY * HTTP/1.1', 'M-SEARCH * HTTP/1.1', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 2000']) {
    assert.equal(decodeSsdpAnswer(answer({}, status)), null, status);
  }
  assert.equal(decodeSsdpAnswer(encodeSsdpSearch(SSDP_TARGETS[0]!)), null);
});

test('a location is an http URL with an IPv4 address, or it is none', () => {
  assert.deepEqual(parseLanUrl('HTTP://192.168.1.1'), { host: '192.168.1.1', port: 80, path: '/' });
  assert.deepEqual(parseLanUrl('http://192.168.1.1:1900/a?b=c#d'), { host: '192.168.1.1', port: 1900, path: '/a?b=c' });
  for (const url of [
    '',
    '/d.xml',
    'https://192.168.1.1/',
    'ftp://192.168.1.1/',
    'http://router.lan/',
    'http://user@192.168.1.1/',
    'http://192.168.1.1@10.0.0.1/',
    'http://0xc0.168.1.1/',
    'http://3232235777/',
    'http://192.168.1.1:0/',
    'http://192.168.1.1:65536/',
    'http://224.0.0.1/',
    'http://192.168.1.1/a b',
    'http://192.168.1.1/\r\nX: y',
    'http://[::1]/',
  ]) {
    assert.equal(parseLanUrl(url), null, url);
  }
});

test('an answer may be as long as the limit, and no longer', () => {
  const padding = LIMITS.ssdpPacketBytesMax - answer({ X: '' }).length;
  assert.notEqual(decodeSsdpAnswer(answer({ X: 'x'.repeat(padding) })), null);
  assert.equal(decodeSsdpAnswer(answer({ X: 'x'.repeat(padding + 1) })), null);
});

test('whatever arrives is an answer with an address of its own spelling, or none', () => {
  const part = fc.constantFrom(
    'HTTP/1.1 200 OK',
    '\r\n',
    'ST: ',
    SSDP_TARGETS[0]!,
    'LOCATION: ',
    'http://',
    '1.2.3.4',
    ':',
    '/',
  );
  const text = fc.array(fc.oneof(part, fc.string({ maxLength: 8 })), { maxLength: 20 });
  fc.assert(
    fc.property(text, (parts) => {
      const url = decodeSsdpAnswer(fromUtf8(parts.join('')));
      if (url !== null) assert.deepEqual(parseLanUrl(formatLanUrl(url)), url);
    }),
  );
});
