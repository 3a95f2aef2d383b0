/**
 * A node of the DHT: packets right and wrong, questions of its owner, and time. Nothing throws, every question ends once,
 * the routing table keeps its invariants, and nobody is answered with much more than it sent.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, isDiallable, makeAddress, toCompact } from '../../../src/base/address.js';
import { fromLatin1 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import { type BencodeInput, encodeBencode, RawBencode } from '../../../src/format/bencode.js';
import { Dht } from '../../../src/protocol/dht/dht.js';
import type { DhtNode } from '../../../src/protocol/dht/dht-node.js';
import { decodeKrpc, encodeKrpcQuery, encodeKrpcResponse, type KrpcFields } from '../../../src/protocol/dht/krpc.js';
import { decodeSnapshot } from '../../../src/protocol/dht/snapshot.js';
import { Dice } from '../dice.js';
import { isOneLine } from '../expect.js';
import { hashes20 } from '../generators/addresses.js';
import type { FuzzTarget } from '../target.js';

const OTHERS: readonly Address[] = [
  makeAddress('20.0.0.1', 6881)!,
  makeAddress('20.0.0.2', 6881)!,
  makeAddress('20.0.0.2', 6882)!,
  makeAddress('127.0.0.1', 6881)!,
  makeAddress('203.0.113.7', 1)!,
  makeAddress('2001:db8::1', 6881)!,
];
const METHODS = ['ping', 'find_node', 'get_peers', 'announce_peer', 'get', 'put', 'sample_infohashes', 'other', ''];
const HASH = new Uint8Array(20).fill(0x5a);
const STEPS_MAX = 200;
/** Longer than any lookup, and than a lookup waits for somebody to ask. */
const PATIENCE_MS = 900_000;

const VECTORS = [
  'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe',
  'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe',
  'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe',
  'd1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe',
  'd1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re',
  'd1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee',
  'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q3:get1:t2:aa1:y1:qe',
  'd5:nodesld8:contacts0:6:familyi4e2:id20:abcdefghij0123456789ee7:versioni1ee',
];

export const dhtTarget: FuzzTarget = {
  name: 'dht',
  inputs: fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...VECTORS).map(fromLatin1)),
  samples: VECTORS.map(fromLatin1),
  isBencode: true,
  tokens: ['nodes', 'nodes6', 'values', 'token', 'info_hash', 'target', 'want', 'seq', 'cas', 'salt', 'sig', 'scrape'],
  bytesMax: 2000,
  casesPerRound: 100,
  laws: [
    fc.property(fc.uint8Array({ maxLength: 16 }), hashes20, hashes20, (transactionId, id, target) => {
      const decoded = decodeKrpc(encodeKrpcQuery(transactionId, 'find_node', { id, target }, { isReadOnly: false }));
      assert.ok(decoded?.kind === 'query');
      assert.deepEqual(decoded.transactionId, transactionId);
      assert.deepEqual(decoded.args?.getBytes('target'), target);
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  const message = decodeKrpc(input);
  if (message?.kind === 'error') assert.ok(isOneLine(message.text));
  decodeSnapshot(input);
  const scene = new Scene();
  scene.receive(input, OTHERS[0]!);
  const dice = new Dice(input);
  for (let step = 0; step < STEPS_MAX && !dice.isOver; step++) scene.step(dice);
  scene.end();
}

interface Asked {
  cancel(): void;
  ends: number;
  isCancelled: boolean;
}

class Scene {
  #now = 0;
  readonly #dht: Dht;
  readonly #nodes: DhtNode[] = [];
  readonly #asked: Asked[] = [];
  readonly #sent: { readonly packet: Uint8Array; readonly to: Address }[] = [];
  readonly #id = new Uint8Array(20).fill(0x77);

  constructor() {
    this.#dht = new Dht({
      random: new SeededRandom(1),
      onAddressVote: (ip) => assert.notEqual(makeAddress(ip, 0), null),
    });
    for (const [family, externalIp] of [
      [4, '20.1.1.1'],
      [6, null],
    ] as const) {
      const send = (packet: Uint8Array, to: Address): void => {
        assert.equal(to.family, family);
        assert.ok(packet.length <= LIMITS.dhtReplyBytesMax, `a packet of ${packet.length} bytes`);
        this.#sent.push({ packet: packet.slice(), to });
      };
      this.#nodes.push(this.#dht.open({ family, externalIp, send }, 0));
    }
  }

  step(dice: Dice): void {
    switch (dice.below(8)) {
      case 0:
        this.#ask(dice);
        break;
      case 1:
        this.#advance(dice.pick([1, 200, 2000, 10_000, 700_000]));
        break;
      case 2:
        this.receive(dice.some(), dice.pick(OTHERS));
        break;
      case 3:
        this.#query(dice);
        break;
      case 4:
        this.#change(dice);
        break;
      default:
        this.#answer(dice);
    }
    for (const { table } of this.#nodes) table.verify();
  }

  receive(packet: Uint8Array, from: Address): void {
    const before = this.#sent.length;
    const node = this.#nodes[from.family === 4 ? 0 : 1]!;
    const isProven = node.table.has(toCompact(from));
    node.receive(packet, from, this.#now);
    const isQuery = decodeKrpc(packet)?.kind === 'query';
    if (!isQuery || isProven) return;
    const bytes = this.#sent.slice(before).reduce((sum, sent) => sum + sent.packet.length, 0);
    assert.ok(bytes <= LIMITS.dhtReplyFactorMax * packet.length, `${bytes} bytes for ${packet.length}`);
  }

  end(): void {
    this.#advance(PATIENCE_MS);
    for (const { ends, isCancelled } of this.#asked) assert.ok(isCancelled ? ends <= 1 : ends === 1, `${ends} ends`);
    for (const node of [...this.#nodes]) this.#dht.close(node, this.#now);
    assert.equal(this.#dht.stats(this.#now).outstandingQueries, 0);
  }

  #ask(dice: Dice): void {
    const asked: Asked = { cancel: () => {}, ends: 0, isCancelled: false };
    const onDone = (): void => {
      asked.ends++;
    };
    const onPeers = (addresses: readonly Address[]): void => assert.ok(addresses.every(isDiallable));
    const onSamples = (hashes: readonly Uint8Array[]): void => assert.ok(hashes.every(({ length }) => length === 20));
    const now = this.#now;
    const dht = this.#dht;
    const announced = { port: 7000, isImpliedPort: dice.flag(), isSeed: dice.flag() };
    const start = dice.pick([
      () => dht.getPeers(HASH, { onPeers, onDone }, now),
      () => dht.announce(HASH, announced, { onPeers, onDone }, now),
      () => dht.getItem(HASH, { onDone }, now),
      () => dht.getMutable({ publicKey: new Uint8Array(32), salt: dice.take(2) }, { onDone }, now),
      () => dht.putImmutable(dice.flag() ? encodeBencode(dice.some()) : dice.some(), { onDone }, now),
      () => dht.scrape(HASH, { onDone }, now),
      () => dht.sampleInfohashes(HASH, { onSamples, onDone }, now),
      () => dht.index({ onSamples, onDone }, now),
      () => dht.ping(dice.pick(OTHERS), { onDone }, now),
    ]);
    const operation = start();
    assert.equal(asked.ends, 0, 'nothing is told inside the call');
    asked.cancel = () => operation.cancel();
    this.#asked.push(asked);
  }

  #query(dice: Dice): void {
    const args: Record<string, BencodeInput> = { id: dice.flag() ? this.#id : dice.take(20) };
    for (const key of ['info_hash', 'target'] as const) if (dice.flag()) args[key] = dice.flag() ? HASH : dice.some();
    if (dice.flag()) args['port'] = integerOf(dice);
    if (dice.flag()) args['token'] = this.#tokenSeen() ?? dice.some();
    if (dice.flag()) args['want'] = [dice.pick(['n4', 'n6', 'n8']), integerOf(dice)];
    if (dice.flag()) args['seq'] = integerOf(dice);
    if (dice.flag()) args['v'] = dice.flag() ? integerOf(dice) : new RawBencode(encodeBencode(dice.some()));
    if (dice.flag()) args['k'] = dice.take(32);
    if (dice.flag()) args['sig'] = dice.take(64);
    if (dice.flag()) args['scrape'] = 1;
    const query = encodeKrpcQuery(dice.take(2), dice.pick(METHODS), args, { isReadOnly: dice.flag() });
    this.receive(query, dice.pick(OTHERS));
  }

  /** With the transaction id of something that was sent, and mostly from the right place. */
  #answer(dice: Dice): void {
    const sent = this.#sent[this.#sent.length - 1 - dice.below(6)];
    const query = sent === undefined ? null : decodeKrpc(sent.packet);
    if (sent === undefined || query?.kind !== 'query') return;
    const values: Record<string, BencodeInput> = { id: this.#idAt(sent.to, dice) };
    if (dice.flag()) values['nodes'] = dice.some();
    if (dice.flag()) values['nodes6'] = dice.some();
    if (dice.flag()) values['token'] = dice.some();
    if (dice.flag()) values['values'] = [dice.take(6), dice.take(18), dice.some(), integerOf(dice)];
    if (dice.flag()) values['v'] = integerOf(dice);
    if (dice.flag()) values['seq'] = integerOf(dice);
    if (dice.flag()) values['samples'] = dice.some();
    if (dice.flag()) values['BFsd'] = dice.some();
    const fields: KrpcFields = values;
    const packet = encodeKrpcResponse(query.transactionId, fields, dice.flag() ? dice.some() : toCompact(sent.to));
    this.receive(packet, dice.below(8) === 0 ? dice.pick(OTHERS) : sent.to);
  }

  /** Mostly the same for the same address. */
  #idAt(address: Address, dice: Dice): Uint8Array {
    if (dice.below(8) === 0) return dice.take(20);
    const id = new Uint8Array(20);
    id.set(toCompact(address));
    return id;
  }

  #change(dice: Dice): void {
    const now = this.#now;
    switch (dice.below(6)) {
      case 0:
        this.#dht.addBootstrap([dice.pick(OTHERS)], now);
        break;
      case 1:
        this.#dht.addNode(dice.pick(OTHERS), now);
        break;
      case 2:
        this.#dht.setExternalIp(4, dice.pick(['20.1.1.1', '21.1.1.1']), now);
        break;
      case 3:
        this.#dht.restore(dice.flag() ? this.#dht.snapshot(now) : dice.some(), now);
        break;
      default: {
        const asked = this.#asked[dice.below(Math.max(1, this.#asked.length))];
        if (asked === undefined) return;
        asked.isCancelled = true;
        asked.cancel();
      }
    }
  }

  #tokenSeen(): Uint8Array | null {
    for (const { packet } of this.#sent.slice(-20)) {
      const message = decodeKrpc(packet);
      const token = message?.kind === 'response' ? message.values.getBytes('token') : null;
      if (token !== null && token !== undefined) return token;
    }
    return null;
  }

  /** Deadline by deadline, as its owner does. */
  #advance(byMs: number): void {
    const until = this.#now + byMs;
    for (let deadline = this.#dht.nextDeadline(); deadline <= until; deadline = this.#dht.nextDeadline()) {
      this.#now = Math.max(this.#now, deadline);
      this.#dht.advance(this.#now);
    }
    this.#now = until;
  }
}

function integerOf(dice: Dice): number {
  const number = dice.number();
  return Number.isSafeInteger(number) ? number : -1;
}
