/** Two sides that dial each other at once: which connection stays, and what becomes of it when they do not agree. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { Simulator } from '../../sim/simulator.js';
import { downloading, HASH, TORRENT, wait } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { SimEngine } from '../testing/sim-swarm.js';
import { keepsOutgoing } from './crossing-dials.js';

const LEAST_ID = new Uint8Array(20);
const GREATEST_ID = new Uint8Array(20).fill(0xff);
const THEIR_PORT = 6881;

test('the side that listens on the lower port keeps what it dialled; with equal or unknown ports the greater peer id', () => {
  for (const [localPort, remotePort, isLocalGreater, expected] of [
    [6881, 6882, false, true],
    [6882, 6881, true, false],
    [6881, 6881, true, true],
    [6881, 6881, false, false],
    [0, 6881, true, true],
    [0, 6881, false, false],
  ] as const) {
    const [localPeerId, remotePeerId] = isLocalGreater ? [GREATEST_ID, LEAST_ID] : [LEAST_ID, GREATEST_ID];
    const sides = { localPort, remotePort, localPeerId, remotePeerId };
    assert.equal(keepsOutgoing(sides), expected, `${localPort} ${remotePort} ${isLocalGreater}`);
  }
});

test('both sides come to the same answer, whatever their ports and peer ids', () => {
  const ids = [LEAST_ID, GREATEST_ID, new Uint8Array(20).fill(7)];
  for (const a of ids) {
    for (const b of ids) {
      if (a === b) continue;
      for (const [portA, portB] of [
        [1, 2],
        [2, 1],
        [1, 1],
      ] as const) {
        const one = keepsOutgoing({ localPort: portA, remotePort: portB, localPeerId: a, remotePeerId: b });
        const other = keepsOutgoing({ localPort: portB, remotePort: portA, localPeerId: b, remotePeerId: a });
        assert.notEqual(one, other);
      }
    }
  }
});

/** An engine and a scripted client that dial each other at the same time. */
class Crossing {
  readonly scene: ReturnType<typeof downloading>;
  readonly peerId: Uint8Array;
  /** What the client dialled, and what it was dialled with. */
  readonly outgoing: RawPeer;
  readonly incoming: RawPeer;
  /** When the engine dialled. */
  readonly dialledAtMs: number[] = [];

  constructor(ourPort: number, peerId: Uint8Array) {
    this.peerId = peerId;
    this.scene = downloading({ settings: { port: ourPort } });
    const { simulator, engine, added } = this.scene;
    const host = simulator.createHost();
    this.outgoing = new RawPeer(simulator, { host });
    this.incoming = new RawPeer(simulator, { host }).listen(THEIR_PORT, () => {
      this.dialledAtMs.push(simulator.now);
      this.incoming.handshake(HASH, peerId);
    });
    const address = makeAddress(host.ipv4!, THEIR_PORT)!;
    engine.session.context.turn.run(() => added.addPeers([address], 'tracker'));
    this.outgoing.dial(engine).handshake(HASH, peerId);
    wait(simulator, 1000);
  }

  /** By the engine. */
  get closed(): { readonly outgoing: boolean; readonly incoming: boolean } {
    return { outgoing: this.outgoing.isClosed, incoming: this.incoming.isClosed };
  }

  wait(ms: number): void {
    wait(this.scene.simulator, ms);
  }
}

for (const [name, peerId] of [
  ['greatest', GREATEST_ID],
  ['least', LEAST_ID],
] as const) {
  test(`of crossing connections that stays which the lower port dialled, also with the ${name} peer id`, () => {
    assert.deepEqual(new Crossing(THEIR_PORT - 1, peerId).closed, { outgoing: true, incoming: false });
    assert.deepEqual(new Crossing(THEIR_PORT + 1, peerId).closed, { outgoing: false, incoming: true });
  });
}

test('on equal ports the connection stays that the greater peer id dialled', () => {
  assert.deepEqual(new Crossing(THEIR_PORT, GREATEST_ID).closed, { outgoing: false, incoming: true });
  assert.deepEqual(new Crossing(THEIR_PORT, LEAST_ID).closed, { outgoing: true, incoming: false });
});

for (const ourPort of [THEIR_PORT - 1, THEIR_PORT + 1]) {
  const kept = ourPort < THEIR_PORT ? 'incoming' : 'outgoing';
  test(`when they close the connection that we keep, their ${kept} one, they are dialled again soon, once`, () => {
    const crossing = new Crossing(ourPort, GREATEST_ID);
    const { simulator } = crossing.scene;
    crossing[kept].close();
    const lostAtMs = simulator.now;
    crossing.wait(5000);
    assert.equal(crossing.dialledAtMs.length, 2);
    const waitedMs = crossing.dialledAtMs[1]! - lostAtMs;
    assert.ok(waitedMs >= 2500 && waitedMs <= 4000, `${waitedMs} ms`);
    // It happens again: now they are left alone for as long as anyone who is of no use.
    const again = new RawPeer(simulator, { host: crossing.outgoing.host });
    again.dial(crossing.scene.engine).handshake(HASH, crossing.peerId);
    crossing.wait(1000);
    for (const peer of [again, crossing.incoming]) if (!peer.isClosed) peer.close();
    crossing.wait(50_000);
    assert.equal(crossing.dialledAtMs.length, 2);
  });
}

test('a connection that ends long after the crossing ends like any other', () => {
  const crossing = new Crossing(THEIR_PORT - 1, LEAST_ID);
  crossing.wait(10_000);
  crossing.incoming.close();
  crossing.wait(45_000);
  assert.equal(crossing.dialledAtMs.length, 1);
});

test('a twin that is closed is not dialled again while the connection that was kept is there', () => {
  const crossing = new Crossing(THEIR_PORT + 1, LEAST_ID);
  crossing.wait(50_000);
  assert.deepEqual(crossing.closed, { outgoing: false, incoming: true });
  assert.equal(crossing.scene.engine.events.filter(({ type }) => type === 'peerDisconnected').length, 1);
});

for (const [portA, portB] of [
  [6881, 6882],
  [6882, 6881],
  [6881, 6881],
] as const) {
  test(`two engines on ports ${portA} and ${portB} that dial each other at once keep one connection`, () => {
    const simulator = new Simulator({ seed: 5 });
    const engines = [new SimEngine(simulator, { port: portA }), new SimEngine(simulator, { port: portB })];
    const torrents = engines.map((engine) => engine.add(TORRENT.metainfo));
    wait(simulator, 1000);
    for (const [i, engine] of engines.entries()) {
      const other = engines[1 - i]!;
      const address = makeAddress(other.host.ipv4!, other.session.listenPort)!;
      engine.session.context.turn.run(() => torrents[i]!.addPeers([address], 'tracker'));
    }
    wait(simulator, 1000);
    assert.deepEqual(
      torrents.map(({ swarm }) => [...swarm.peers].map((peer) => peer.isHandshakeDone)),
      [[true], [true]],
    );
  });
}
