import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../base/address.js';
import { AgreedAddress } from './agreed-address.js';

class Scene {
  readonly agreed: string[] = [];
  readonly #address = new AgreedAddress((family, ip) => this.agreed.push(`${family} ${ip}`));

  /** Voters `from` to `to`, each of a network of its own, say `ip`. */
  vote(ip: string, from: number, to: number): void {
    for (let i = from; i <= to; i++) this.#address.vote(ip, makeAddress(`198.${i}.0.1`, 6881)!);
  }

  voteV6(ip: string, voter: string): void {
    this.#address.vote(ip, makeAddress(voter, 6881)!);
  }
}

test('eight who say the same one after the other are believed', () => {
  const scene = new Scene();
  scene.vote('192.0.2.1', 1, 7);
  assert.deepEqual(scene.agreed, []);
  scene.vote('192.0.2.1', 8, 20);
  assert.deepEqual(scene.agreed, ['4 192.0.2.1']);
});

test('one who says something else has them begin anew', () => {
  const scene = new Scene();
  scene.vote('192.0.2.1', 1, 7);
  scene.vote('192.0.2.66', 50, 50);
  scene.vote('192.0.2.1', 8, 14);
  assert.deepEqual(scene.agreed, []);
  scene.vote('192.0.2.1', 15, 15);
  assert.deepEqual(scene.agreed, ['4 192.0.2.1']);
});

test('another address is believed as the first one was', () => {
  const scene = new Scene();
  scene.vote('192.0.2.1', 1, 8);
  scene.vote('192.0.2.2', 1, 7);
  scene.vote('192.0.2.1', 8, 8);
  scene.vote('192.0.2.2', 1, 8);
  assert.deepEqual(scene.agreed, ['4 192.0.2.1', '4 192.0.2.2']);
});

test('a network has one voice, and none about the other family', () => {
  const scene = new Scene();
  for (let i = 0; i < 20; i++) scene.vote('192.0.2.1', 1, 1);
  for (let i = 1; i < 20; i++) scene.voteV6('2001:db8::1', `2001:db8:1:1::${i}`);
  for (let i = 1; i < 20; i++) scene.voteV6('192.0.2.1', `2001:db8:1:${i}::1`);
  scene.vote('2001:db8::1', 1, 20);
  scene.vote('nonsense', 1, 20);
  assert.deepEqual(scene.agreed, []);
  for (let i = 1; i < 9; i++) scene.voteV6('2001:db8::1', `2001:db8:1:${i}::1`);
  assert.deepEqual(scene.agreed, ['6 2001:db8::1']);
});
