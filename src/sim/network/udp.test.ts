import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { Simulator } from '../simulator.js';
import type { Link } from './link.js';

/** Sends numbered packets, one a millisecond. @returns the numbers in the order of their arrival. */
function flight(
  link: Partial<Link>,
  options: { readonly count?: number; readonly bytes?: number; readonly family?: 4 | 6 } = {},
): number[] {
  const { count = 1000, bytes = 100, family = 4 } = options;
  const path = { latencyMs: 20, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0, ...link };
  const simulator = new Simulator({ seed: 3, link: () => path });
  const a = simulator.createHost();
  const b = simulator.createHost();
  const numbers: number[] = [];
  const onDatagram = (packet: Uint8Array): void => {
    numbers.push(packet[0]! * 256 + packet[1]!);
  };
  b.network.openDatagramSocket({ host: '', port: 9 }, { onListening() {}, onError() {}, onDatagram });
  const quiet = { onListening() {}, onError() {}, onDatagram() {} };
  const socket = a.network.openDatagramSocket({ host: '', port: 0 }, quiet);
  const to = makeAddress(family === 4 ? b.ipv4! : b.ipv6!, 9)!;
  const packet = new Uint8Array(bytes);
  for (let i = 0; i < count; i++) {
    simulator.at(i, () => {
      packet[0] = i >>> 8;
      packet[1] = i;
      socket.send(packet, to);
    });
  }
  simulator.run(count + 10_000);
  return numbers;
}

const inOrder = Array.from({ length: 1000 }, (_, i) => i);
const overtaken = (numbers: readonly number[]): number =>
  numbers.filter((number, i) => numbers.slice(i + 1, i + 200).some((later) => later < number)).length;

describe('datagrams', () => {
  test('arrive in order and once over a plain path', () => {
    assert.deepEqual(flight({}), inOrder);
  });

  test('arrive twice as often as the path says', () => {
    const numbers = flight({ duplicateRatio: 0.1 });
    assert.ok(numbers.length > 1060 && numbers.length < 1140, `${numbers.length}`);
    assert.deepEqual(
      [...new Set(numbers)].sort((a, b) => a - b),
      inOrder,
    );
  });

  test('are overtaken as often as the path says', () => {
    const numbers = flight({ reorderRatio: 0.05 });
    assert.deepEqual(
      [...numbers].sort((a, b) => a - b),
      inOrder,
    );
    const late = numbers.filter((number, i) => numbers.slice(0, i).some((earlier) => earlier > number)).length;
    assert.ok(late > 25 && late < 80, `${late} of 1000 came late`);
  });

  test('overtake each other where there is jitter', () => {
    assert.ok(overtaken(flight({ jitterMs: 10 })) > 300);
  });

  test('larger than the path takes vanish, with the headers of their family', () => {
    assert.equal(flight({ mtuBytes: 1500 }, { count: 1, bytes: 1472 }).length, 1);
    assert.equal(flight({ mtuBytes: 1500 }, { count: 1, bytes: 1473 }).length, 0);
    assert.equal(flight({ mtuBytes: 1500 }, { count: 1, bytes: 1452, family: 6 }).length, 1);
    assert.equal(flight({ mtuBytes: 1500 }, { count: 1, bytes: 1453, family: 6 }).length, 0);
    assert.equal(flight({}, { count: 1, bytes: 65_507 }).length, 1);
  });

  test('vanish between hosts that are cut off, and one to itself does not', () => {
    const simulator = new Simulator({ seed: 1 });
    const host = simulator.createHost();
    const other = simulator.createHost();
    let received = 0;
    const handler = { onListening() {}, onError() {}, onDatagram: () => received++ };
    const socket = host.network.openDatagramSocket({ host: '', port: 9 }, handler);
    other.network.openDatagramSocket({ host: '', port: 9 }, handler);
    simulator.internet.cut(() => true);
    socket.send(new Uint8Array(1), makeAddress(other.ipv4!, 9)!);
    socket.send(new Uint8Array(1), makeAddress(host.ipv4!, 9)!);
    socket.send(new Uint8Array(1), makeAddress('127.0.0.1', 9)!);
    simulator.run(1000);
    assert.equal(received, 2);
  });
});
