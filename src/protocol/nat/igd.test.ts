import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import {
  addPortMapping,
  deletePortMapping,
  getExternalIpAddress,
  parseIgdDescription,
  parseSoapAnswer,
} from './igd.js';
import { formatLanUrl, parseLanUrl } from './ssdp.js';
import {
  ADDITION_ANSWER,
  ADDRESS_ANSWER,
  DELETION_ANSWER,
  DESCRIPTION,
  faultAnswer,
  OLD_DESCRIPTION,
} from './testing/recorded-router.js';
import { childOf, descendantsOf, parseXml } from './xml.js';

const LOCATION = parseLanUrl('http://192.168.77.1:5000/rootDesc.xml')!;
const TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:1';

function services(description: string | Uint8Array, location = LOCATION): string[] {
  const body = typeof description === 'string' ? fromUtf8(description) : description;
  return parseIgdDescription(body, location).map(({ type, control }) => `${type.slice(29)} ${formatLanUrl(control)}`);
}

function described(controlUrl: string, { type = TYPE, base = '' } = {}): string {
  const service = `<service><serviceType>${type}</serviceType><controlURL>${controlUrl}</controlURL></service>`;
  return `<root>${base === '' ? '' : `<URLBase>${base}</URLBase>`}<device>${service}</device></root>`;
}

test("a router's description is searched for what maps ports", () => {
  assert.deepEqual(services(DESCRIPTION), ['WANIPConnection:2 http://192.168.77.1:5000/ctl/IPConn']);
});

test('an old one is read for all its prefixes, comments and relative URLs', () => {
  assert.deepEqual(services(OLD_DESCRIPTION), [
    'WANPPPConnection:1 http://192.168.77.1:49152/igd/ppp?x=1&y=2',
    'WANIPConnection:1 http://192.168.77.1:49153/ip',
  ]);
});

test('control URLs are relative to the base or to the description', () => {
  assert.deepEqual(services(described('/c')), ['WANIPConnection:1 http://192.168.77.1:5000/c']);
  assert.deepEqual(services(described('c'), parseLanUrl('http://192.168.77.1/a/b.xml')!), [
    'WANIPConnection:1 http://192.168.77.1:80/a/c',
  ]);
  assert.deepEqual(services(described('c', { base: 'http://192.168.77.1:99' })), [
    'WANIPConnection:1 http://192.168.77.1:99/c',
  ]);
  assert.deepEqual(services(described('/c', { base: 'no URL' })), ['WANIPConnection:1 http://192.168.77.1:5000/c']);
});

test('no description makes us ask another host than the one it is from', () => {
  for (const url of [
    'http://10.0.0.1/c',
    'http://example.org/c',
    'https://192.168.77.1/c',
    '//10.0.0.1/c',
    'javascript:1',
    '',
  ]) {
    const found = services(described(url));
    assert.ok(
      found.every((line) => line.includes('http://192.168.77.1:5000/')),
      url,
    );
  }
  assert.deepEqual(services(described('/c', { base: 'http://10.0.0.1/' })), []);
});

test('other services, and what is no description, map no ports', () => {
  for (const type of ['urn:schemas-upnp-org:service:WANIPConnection:3', `${TYPE}1`, `x${TYPE}`, '']) {
    assert.deepEqual(services(described('/c', { type })), [], type);
  }
  for (const text of ['', '<html><body>Login</body></html>', 'not found', '<root/>'])
    assert.deepEqual(services(text), [], text);
});

test('of a description with more services than the limit the first are taken', () => {
  const one = `<service><serviceType>${TYPE}</serviceType><controlURL>/c</controlURL></service>`;
  const found = services(`<root>${one.repeat(LIMITS.upnpServicesMax + 1)}</root>`);
  assert.equal(found.length, LIMITS.upnpServicesMax);
});

test('requests have their arguments in the order that the specification has them', () => {
  const mapping = { protocol: 'udp', externalPort: 50_000, internalPort: 6881, internalIp: '192.168.1.7' } as const;
  const { soapAction, body } = addPortMapping(TYPE, { ...mapping, leaseSeconds: 3600 });
  assert.equal(soapAction, `"${TYPE}#AddPortMapping"`);
  const action = childOf(childOf(parseXml(toUtf8(body))!, 'Body')!, 'AddPortMapping')!;
  assert.deepEqual(
    action.children.map(({ name, text }) => `${name}=${text}`),
    [
      'NewRemoteHost=',
      'NewExternalPort=50000',
      'NewProtocol=UDP',
      'NewInternalPort=6881',
      'NewInternalClient=192.168.1.7',
      'NewEnabled=1',
      'NewPortMappingDescription=dtorrent',
      'NewLeaseDuration=3600',
    ],
  );
  const deletion = [...descendantsOf(parseXml(toUtf8(deletePortMapping(TYPE, 'tcp', 50_000).body))!)].slice(3);
  const written = deletion.map(({ name, text }) => `${name}=${text}`);
  assert.deepEqual(written, ['NewRemoteHost=', 'NewExternalPort=50000', 'NewProtocol=TCP']);
  assert.equal(getExternalIpAddress(TYPE).soapAction, `"${TYPE}#GetExternalIPAddress"`);
});

test("a router's answers are read", () => {
  assert.deepEqual(parseSoapAnswer(200, ADDRESS_ANSWER), { fault: null, externalIp: '11.22.33.44' });
  assert.deepEqual(parseSoapAnswer(200, ADDITION_ANSWER), { fault: null, externalIp: null });
  assert.deepEqual(parseSoapAnswer(200, DELETION_ANSWER), { fault: null, externalIp: null });
  assert.deepEqual(parseSoapAnswer(500, faultAnswer(718)), { fault: 718, externalIp: null });
});

test('a fault with status 200 is one, and so is any other status, whatever its body', () => {
  assert.equal(parseSoapAnswer(200, faultAnswer(725)).fault, 725);
  assert.equal(parseSoapAnswer(500, fromUtf8('<html>')).fault, 0);
  assert.equal(parseSoapAnswer(404, ADDRESS_ANSWER).fault, 0);
});

test('an answer without words that we know, with status 200, is a yes', () => {
  assert.equal(parseSoapAnswer(200, fromUtf8('')).fault, null);
});

test('no address, all zeros, a name or an IPv6 address is no external address', () => {
  for (const ip of ['', '0.0.0.0', 'unknown', '2001:db8::1']) {
    const body = toUtf8(ADDRESS_ANSWER).replace('11.22.33.44', ip);
    assert.equal(parseSoapAnswer(200, fromUtf8(body)).externalIp, null, ip);
  }
});

test('whatever a device writes is read or is nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(999), (body, status) => {
      parseIgdDescription(body, LOCATION);
      parseSoapAnswer(status, body);
    }),
  );
});
