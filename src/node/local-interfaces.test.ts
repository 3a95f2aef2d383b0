import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { mock, test } from 'node:test';
import { localInterfaces } from './local-interfaces.js';

type Infos = ReturnType<typeof os.networkInterfaces>;

function interfacesOf(infos: unknown): ReturnType<typeof localInterfaces> {
  mock.method(os, 'networkInterfaces', () => {
    if (infos === null) throw new Error('not permitted');
    return infos as Infos;
  });
  syncBuiltinESMExports();
  const interfaces = localInterfaces();
  mock.restoreAll();
  syncBuiltinESMExports();
  return interfaces;
}

test('this machine has a loopback interface with its address', () => {
  const loopback = localInterfaces().find(({ isLoopback }) => isLoopback);
  assert.ok(loopback?.addresses.some(({ host, prefixBits }) => host === '127.0.0.1' && prefixBits === 8));
});

test('an interface has the addresses of both families, without zones, each with its prefix', () => {
  const eth0 = [
    { address: '192.0.2.2', cidr: '192.0.2.2/24', internal: false },
    { address: 'fe80::1%eth0', cidr: 'fe80::1/64', internal: false },
    { address: '198.51.100.1', cidr: null, internal: false },
  ];
  assert.deepEqual(interfacesOf({ eth0, none: undefined }), [
    {
      name: 'eth0',
      addresses: [
        { family: 4, host: '192.0.2.2', prefixBits: 24 },
        { family: 6, host: 'fe80::1', prefixBits: 64 },
        { family: 4, host: '198.51.100.1', prefixBits: 32 },
      ],
      isLoopback: false,
      canMulticast: true,
    },
  ]);
});

test('a system that does not tell its interfaces has none', () => {
  assert.deepEqual(interfacesOf(null), []);
});
