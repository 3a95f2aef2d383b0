/** Streams in one process for the tests of WireStream: two piped into each other, or one against hand-made bytes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fromLatin1, toHex } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { WireEncoder } from '../../protocol/wire/encoder.js';
import { encodeReserved } from '../../protocol/wire/handshake.js';
import type { WireBlock, WireEvents } from '../wire-events.js';
import type { PieceLengths } from '../wire-receiver.js';
import { WireStream } from '../wire-stream.js';

export const INFO_HASH = new Uint8Array(20).fill(0xaa);
export const PEER_ID = fromLatin1('-XX0001-000000000001');
export const BLOCK_BYTES = 16_384;
export const LAYOUT: PieceLengths = {
  pieceCount: 10,
  paddedPieceBytes: (piece) => (piece === 9 ? 100 : 4 * BLOCK_BYTES),
};

/** Everything a stream tells, one line an event. */
export function record(wire: WireStream): string[] {
  const lines: string[] = [];
  const on = <E extends keyof WireEvents>(event: E, format: (...args: WireEvents[E]) => string): void => {
    wire.on(event, (...args: WireEvents[E]) => lines.push(`${event} ${format(...args)}`.trim()));
  };
  const none = (): string => '';
  const place = ({ piece, begin, length }: WireBlock): string => `${piece} ${begin} ${length}`;
  on('handshake', ({ infoHash, peerId, features }) => `${toHex(infoHash)} ${toHex(peerId)} ${features.fast}`);
  for (const event of ['choke', 'unchoke', 'interested', 'notInterested'] as const) on(event, none);
  for (const event of ['haveAll', 'haveNone', 'keepAlive', 'end', 'close'] as const) on(event, none);
  for (const event of ['have', 'suggest', 'allowedFast', 'port'] as const) on(event, String);
  for (const event of ['request', 'cancel', 'reject'] as const) on(event, place);
  on('bitfield', toHex);
  on('piece', ({ piece, begin, block }) => `${piece} ${begin} ${block.length}`);
  on('extensionHandshake', ({ extensions }) => JSON.stringify([...extensions]));
  on('extended', ({ name, payload }) => `${name} ${toHex(payload)}`);
  on('error', (error) => `${(error as DtorrentError).code}: ${error.message}`);
  return lines;
}

/** Two streams piped into each other: what one says the other hears. */
export function link(): { dialler: WireStream; listener: WireStream } {
  const dialler = new WireStream();
  const listener = new WireStream();
  dialler.pipe(listener).pipe(dialler);
  return { dialler, listener };
}

export interface Opening {
  readonly fast?: boolean;
  readonly layout?: PieceLengths;
}

/** Unlike events.once it does not mind an error. */
export function closed(wire: WireStream): Promise<void> {
  return new Promise((resolve) => void wire.once('close', resolve));
}

/** Two streams that have shaken hands. */
export async function open({
  fast = true,
  layout = LAYOUT,
}: Opening = {}): Promise<{ dialler: WireStream; listener: WireStream }> {
  const { dialler, listener } = link();
  listener.on('handshake', ({ infoHash }) => listener.handshake({ infoHash, layout }));
  dialler.handshake({ infoHash: INFO_HASH, features: { fast }, layout });
  await once(dialler, 'handshake');
  return { dialler, listener };
}

/** A stream whose remote is a script: `hear` gives it bytes, `said` is what it answered. */
export class ScriptedWire {
  readonly wire: WireStream = new WireStream();
  readonly lines: string[] = record(this.wire);
  readonly encoder: WireEncoder = new WireEncoder();

  constructor({ fast = true, layout = LAYOUT, isOpen = true }: Opening & { readonly isOpen?: boolean } = {}) {
    if (!isOpen) return;
    this.encoder.handshake(encodeReserved({ fast, extensions: true }), INFO_HASH, PEER_ID);
    this.wire.once('handshake', ({ infoHash }) => this.wire.handshake({ infoHash, layout }));
    this.hear();
    this.lines.length = 0;
  }

  /** Lets the stream hear what the encoder holds, or `bytes`. */
  hear(bytes: Uint8Array = this.encoder.take()!): void {
    this.wire.write(bytes);
  }

  /** Everything that waits to be read, without the handshake. */
  async said(): Promise<string> {
    await nextTurn();
    const bytes = this.wire.read() as Uint8Array | null;
    return toHex(bytes ?? new Uint8Array(0)).replace(/^13[0-9a-f]{134}/, '');
  }

  /** What became of the stream: the message of its error. */
  async failure(): Promise<string> {
    await nextTurn();
    assert.ok(this.wire.destroyed, 'the stream is destroyed');
    const error = this.wire.errored;
    assert.ok(error instanceof DtorrentError);
    assert.equal(error.code, 'EPROTOCOL');
    assert.ok(this.lines.includes(`error EPROTOCOL: ${error.message}`), this.lines.join('\n'));
    assert.equal(this.lines.at(-1), 'close');
    return error.message;
  }
}

export const FOUR_BYTES: Uint8Array = Uint8Array.from([1, 2, 3, 4]);
