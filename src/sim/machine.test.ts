import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import type { SimMachine } from './machine.js';
import type { SimObserver } from './observer.js';
import type { SimHost } from './sim-host.js';
import { Simulator } from './simulator.js';
import { connect, dialFrom, listenOn } from './testing/stream-end.js';

/** Writes down what a world tells its observer, in words. */
class Notes implements SimObserver {
  readonly lines: string[] = [];

  #note(machine: SimMachine, text: string): void {
    this.lines.push(`${machine.name} ${text}`);
  }
  onTurn(machine: SimMachine, port: string, amount: number): void {
    this.#note(machine, `turn ${port} ${amount}`);
  }
  onDialled(machine: SimMachine, to: Address): void {
    this.#note(machine, `dialled ${to.port}`);
  }
  onSent(machine: SimMachine, _stream: unknown, bytes: Uint8Array): void {
    this.#note(machine, `sent ${bytes.join()}`);
  }
  onReceived(machine: SimMachine, _stream: unknown, bytes: Uint8Array): void {
    this.#note(machine, `received ${bytes.join()}`);
  }
  onOpened(machine: SimMachine): void {
    this.#note(machine, 'opened');
  }
  onClosed(machine: SimMachine): void {
    this.#note(machine, 'closed');
  }
  onDatagramSent(machine: SimMachine, to: { port: number }, packet: Uint8Array): void {
    this.#note(machine, `datagram ${to.port} ${packet.join()}`);
  }
  onCrashed(machine: SimMachine): void {
    this.#note(machine, 'crashed');
  }
}

function world(): { simulator: Simulator; notes: Notes; a: SimHost; b: SimHost } {
  const notes = new Notes();
  const simulator = new Simulator({ seed: 1, observer: notes });
  const a = simulator.createHost({ name: 'a' });
  return { simulator, notes, a, b: simulator.createHost({ name: 'b' }) };
}

test('the observer hears of every turn of a stream, and of what is said on it', () => {
  const { simulator, notes, a, b } = world();
  const { dialled, accepted } = connect(simulator, a, b);
  assert.deepEqual(notes.lines.splice(0), [
    'a dialled 7',
    'b turn listener 0',
    'b opened',
    'b turn listener 0',
    'a opened',
    'a turn stream 0',
  ]);
  dialled.stream.write(new Uint8Array([7]));
  accepted.onReceived = () => accepted.stream.close();
  simulator.run(1000);
  assert.deepEqual(notes.lines, [
    'a sent 7',
    'a turn stream 0',
    'b received 7',
    'b turn stream 1',
    'b closed',
    'b turn stream 0',
    'a closed',
    'a turn stream 0',
  ]);
});

test('the observer hears of datagrams, names, HTTP and timers, and of no stream that never opened', () => {
  const { simulator, notes, a, b } = world();
  simulator.internet.serveHttp('b:80', () => ({ status: 200, body: new Uint8Array(5) }));
  const handler = { onListening() {}, onDatagram() {}, onError() {} };
  b.network.openDatagramSocket({ host: '', port: 9 }, handler);
  a.network.openDatagramSocket({ host: '', port: 8 }, handler).send(new Uint8Array([1, 2]), makeAddress(b.ipv4!, 9)!);
  a.network.resolve('b', () => {});
  const request = { url: 'http://b/', userAgent: '', timeoutMs: 1000, bodyBytesMax: 9, redirectsMax: 0, bindHost: '' };
  a.network.httpGet({ ...request, family: 0 }, () => {});
  a.clock.wakeAt(500, () => {});
  dialFrom(a, b, 1);
  simulator.run(1000);
  assert.deepEqual(notes.lines, [
    'a datagram 9 1,2',
    'a dialled 1',
    'b turn datagram 0',
    'a turn datagram 0',
    'a turn resolve 0',
    'b turn datagram 2',
    'a turn stream 0',
    'a turn http 5',
    'a turn clock 0',
  ]);
});

test('a killed host is reset at the other side, refuses dials, and does and hears nothing more', () => {
  const { simulator, notes, a, b } = world();
  const { dialled, accepted } = connect(simulator, a, b);
  b.clock.wakeAt(simulator.now + 10, () => assert.fail('a timer of a host that is off'));
  accepted.stream.write(new Uint8Array(100));
  dialled.stream.write(new Uint8Array(1000));
  simulator.run(simulator.now);
  notes.lines.length = 0;
  b.machine.crash('killed');
  assert.deepEqual(notes.lines, ['b closed', 'b crashed']);
  assert.equal(accepted.stream.write(new Uint8Array(1)), false);
  b.network.resolve('a', () => assert.fail('a name for a host that is off'));
  b.network.dial(makeAddress(a.ipv4!, 7)!, { bindHost: '', timeoutMs: 100 }, accepted);
  simulator.run(simulator.now + 1000);
  assert.equal(dialled.receivedBytes, 100, 'what the system had is sent');
  assert.match(dialled.closedWith?.message ?? '', /connection reset/);
  assert.equal(accepted.receivedBytes, 0);
  assert.equal(accepted.closedWith, undefined);
  const late = dialFrom(a, b, 7);
  simulator.run(simulator.now + 1000);
  assert.match(late.closedWith?.message ?? '', /refused/);
  assert.equal(b.network.openCount, 0);
  assert.equal(notes.lines.filter((line) => line.startsWith('b')).length, 2);
});

test('a host that loses power is silent: its peers hear nothing, dials and requests to it time out', () => {
  const { simulator, a, b } = world();
  simulator.internet.serveHttp('b:80', () => ({ status: 200, body: new Uint8Array(5) }));
  const { dialled } = connect(simulator, a, b);
  b.machine.crash('power');
  dialled.stream.write(new Uint8Array(1000));
  const late = dialFrom(a, b, 7);
  let answer: unknown = null;
  const request = { url: 'http://b/', userAgent: '', timeoutMs: 1000, bodyBytesMax: 9, redirectsMax: 0, bindHost: '' };
  a.network.httpGet({ ...request, family: 4 }, (result) => {
    answer = result instanceof DtorrentError ? result.code : result.status;
  });
  simulator.run(60_000);
  assert.equal(dialled.closedWith, undefined);
  assert.equal(late.closedWith?.code, 'ETIMEOUT');
  assert.equal(answer, 'ETIMEOUT');
});

test('a crash in the middle of a turn loses what the turn does after it', () => {
  const { simulator, a, b } = world();
  const { dialled, accepted } = connect(simulator, a, b);
  b.machine.crashAfter(2, 'killed');
  accepted.onReceived = () => {
    for (const byte of [1, 2, 3, 4]) accepted.stream.write(new Uint8Array([byte]));
    assert.equal(b.machine.isOn, false);
  };
  dialled.stream.write(new Uint8Array(1));
  simulator.run(1000);
  // What was written in the turn was never handed to the system, which sends after it.
  assert.equal(dialled.receivedBytes, 0);
  assert.match(dialled.closedWith?.message ?? '', /connection reset/);
});

test('a successor has the addresses, the name, the disk and the records of a host that has crashed', () => {
  const { simulator, a, b } = world();
  b.disk.write('/file', new Uint8Array([1]));
  b.state.records.set('key', new Uint8Array([2]));
  assert.throws(() => simulator.createHost({ ipv4: b.ipv4 }), /two simulated hosts/);
  b.machine.crash('power');
  const successor = simulator.restartHost(b);
  assert.deepEqual([successor.ipv4, successor.ipv6, successor.name], [b.ipv4, b.ipv6, 'b']);
  assert.deepEqual(successor.disk.read('/file'), new Uint8Array([1]));
  assert.ok(successor.state.records.has('key'));
  assert.equal(successor.machine.isOn, true);
  assert.notEqual(successor.machine.number, b.machine.number);
  let found = 0;
  a.network.resolve('b', (result) => {
    found = result instanceof DtorrentError ? -1 : result.length;
  });
  const accepted = listenOn(successor, 7);
  const dialled = dialFrom(a, successor, 7);
  simulator.run(1000);
  assert.equal(found, 2);
  assert.equal(accepted.length, 1);
  assert.equal(dialled.isOpen, true);
});

test('a host that is done with lets its addresses go without a crash', () => {
  const { simulator, a, b } = world();
  b.detach();
  const dialled = dialFrom(a, b, 7, { timeoutMs: 100 });
  simulator.run(1000);
  assert.equal(dialled.closedWith?.code, 'ETIMEOUT');
  assert.equal(simulator.createHost({ ipv4: b.ipv4, ipv6: b.ipv6 }).ipv4, b.ipv4);
});
