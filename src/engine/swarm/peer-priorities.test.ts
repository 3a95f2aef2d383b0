import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { PeerPriorities, UNKNOWN_PRIORITY, unknownPriority } from './peer-priorities.js';
import { peerPriority } from './peer-priority.js';

class Scene {
  externalIps: { 4: string | null; 6: string | null } = { 4: '123.213.32.10', 6: null };
  port = 300;
  /** How often our own address was asked for. */
  asked = 0;
  readonly priorities = new PeerPriorities({
    externalIp: (family) => {
      this.asked++;
      return this.externalIps[family];
    },
    reachablePort: () => this.port,
  });

  of(host: string, port = 1234, kept = unknownPriority()): number {
    return this.priorities.of(kept, makeAddress(host, port)!);
  }
}

test('a priority is that of the address and our own one of its family', () => {
  const scene = new Scene();
  assert.equal(scene.of('98.76.54.32'), 0xec2d7224);
  assert.equal(scene.of('2001:db8::1'), UNKNOWN_PRIORITY);
  scene.externalIps[6] = '2001:db8:1:2::1';
  scene.priorities.onOwnAddressChanged();
  assert.equal(scene.of('2001:db8:1:3::1'), 0xc47615a9);
  assert.equal(
    scene.of(scene.externalIps[4]!, 1234),
    0xae8b7034,
    'our own address, and the ports of the specification',
  );
});

test('who does not see us from outside has no priority that we could know', () => {
  const scene = new Scene();
  for (const host of ['10.0.0.1', '192.168.1.2', '127.0.0.1']) assert.equal(scene.of(host), UNKNOWN_PRIORITY, host);
});

test('what is not known lies in the middle, and is no number that could be computed', () => {
  assert.ok(!Number.isInteger(UNKNOWN_PRIORITY));
  assert.equal(UNKNOWN_PRIORITY, (2 ** 32 - 1) / 2);
});

test('it is computed once, and anew when our address or port is another one', () => {
  const scene = new Scene();
  const kept = unknownPriority();
  const remote = makeAddress('98.76.54.32', 1234)!;
  const first = scene.of(remote.host, remote.port, kept);
  const own = kept.own;
  kept.value = 7;
  assert.equal(scene.of(remote.host, remote.port, kept), 7, 'it is not computed again');
  assert.deepEqual([scene.asked, kept.own === own], [1, true]);
  scene.externalIps[4] = '8.8.4.4';
  scene.priorities.onOwnAddressChanged();
  assert.equal(scene.of(remote.host, remote.port, kept), peerPriority(makeAddress('8.8.4.4', 300)!, remote));
  assert.notEqual(kept.value, first);
  scene.port = 301;
  scene.priorities.onOwnAddressChanged();
  scene.of('8.8.4.4', 1, kept);
  assert.equal(kept.value, peerPriority(makeAddress('8.8.4.4', 301)!, makeAddress('8.8.4.4', 1)!));
});
