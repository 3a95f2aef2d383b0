/**
 * One peer connection as its honest end lives it: what it has said and heard, message by message, and what follows from
 * that. Heard means handed to its code; said means put on the way, which is later than written when the way is slow:
 * `isLate` tells a message that was written before something was heard. Fed by LabWatch; invariants look at it.
 */
import { addressKey } from '../base/address.js';
import { Bitfield } from '../base/bitfield.js';
import { decodeExtensionHandshake, EXTENSION_IDS } from '../protocol/wire/extension-handshake.js';
import { decodeDontHave } from '../protocol/wire/extension-messages.js';
import type { SimStream } from '../sim/network/stream.js';
import type { LabLife } from './lab-life.js';
import { type WireMessage, WireTap } from './wire-tap.js';

export interface ConversationListener {
  /** Before the conversation takes note of it. */
  onSaid(talk: Conversation, message: WireMessage): void;
  onHeard(talk: Conversation, message: WireMessage): void;
  onUnlawful(talk: Conversation, reason: string): void;
}

/** One side of it. */
export class Side {
  hasShakenHands = false;
  isFast = false;
  isChoking = true;
  isInterested = false;
  /** What it says to have; null until it has said anything about it. */
  readonly pieces: Bitfield;
  /** Pieces that it lets the other request while it chokes. */
  readonly allowedFast: Set<number> = new Set();
  /** Its requests that have got no answer. */
  readonly unanswered: RequestCounts = new RequestCounts();
  /** Those that it has taken back since: each is still answered, by a reject, or by the block that was under way. */
  readonly cancelled: RequestCounts = new RequestCounts();
  /** BEP 10; null = not told. */
  requestQueue: number | null = null;
  /** The id that it wants lt_donthave with; 0 = none. */
  dontHaveId = 0;
  /** The last id that it wanted ut_pex with; 0 = never any. What it does not want any more may be under way. */
  pexId = 0;
  /** Where it listens, as it said first; null = not told. */
  listenPort: number | null = null;
  blockCount = 0;
  blockBytes = 0;
  /** Of blocks that ended in the chunk at hand. */
  lastChunkBlockBytes = 0;
  messageCount = 0;

  constructor(pieceCount: number) {
    this.pieces = new Bitfield(pieceCount);
  }
}

export class Conversation {
  readonly life: LabLife;
  readonly stream: SimStream;
  /** With another honest node. */
  readonly isAmongFriends: boolean;
  /** The one whose code is watched, and whoever it talks to. */
  readonly own: Side;
  readonly other: Side;
  saidBytes = 0;
  /** Whatever is said before this offset was written before the last choke was heard. */
  #writtenAtChoke = 0;
  readonly #listener: ConversationListener;
  readonly #saying: WireTap;
  readonly #hearing: WireTap;
  /** By requestKey: what was written before an answer of that block was heard ends here. */
  readonly #writtenAtAnswer = new Map<number, number>();
  #isUnlawful = false;

  constructor(
    life: LabLife,
    stream: SimStream,
    options: { readonly pieceCount: number; readonly isAmongFriends: boolean; readonly listener: ConversationListener },
  ) {
    const { pieceCount, listener } = options;
    this.life = life;
    this.stream = stream;
    this.isAmongFriends = options.isAmongFriends;
    this.own = new Side(pieceCount);
    this.other = new Side(pieceCount);
    this.#listener = listener;
    this.#saying = new WireTap({
      onMessage: (message) => {
        listener.onSaid(this, message);
        this.#note(message, this.own, this.other);
      },
      onFeatures: ({ fast }) => {
        this.own.isFast = fast;
      },
      onViolation: (reason) => this.#onViolation(reason),
    });
    this.#hearing = new WireTap({
      onMessage: (message) => {
        listener.onHeard(this, message);
        if (message.kind === 'choke' && !this.other.isChoking) this.#writtenAtChoke = this.writtenBytes;
        if (message.kind === 'block' || message.kind === 'reject') this.#noteAnswer(message);
        this.#note(message, this.other, this.own);
      },
      onFeatures: ({ fast }) => {
        this.other.isFast = fast;
      },
      onViolation: () => {}, // its own code has to notice
    });
  }

  /** Written by the own side since the start, sent or not. */
  get writtenBytes(): number {
    return this.saidBytes + this.stream.bufferedBytes;
  }

  /** What is said now may have been written before the last choke was heard. */
  get isLate(): boolean {
    return this.saidBytes <= this.#writtenAtChoke;
  }

  /** Where the other side can be dialled, a key; null = not known, or they have not shaken hands. */
  get contact(): string | null {
    if (!this.own.hasShakenHands || !this.other.hasShakenHands) return null;
    const { isDialled, remote } = this.stream;
    if (isDialled) return addressKey(remote);
    return this.other.listenPort === null ? null : addressKey({ ...remote, port: this.other.listenPort });
  }

  get isFast(): boolean {
    return this.own.isFast && this.other.isFast;
  }

  say(bytes: Uint8Array): void {
    this.own.lastChunkBlockBytes = 0;
    this.#saying.push(bytes);
    this.saidBytes += bytes.length;
  }

  hear(bytes: Uint8Array): void {
    this.other.lastChunkBlockBytes = 0;
    this.#hearing.push(bytes);
  }

  #onViolation(reason: string): void {
    if (this.#isUnlawful) return;
    this.#isUnlawful = true;
    this.#listener.onUnlawful(this, reason);
  }

  #note(message: WireMessage, by: Side, to: Side): void {
    const { kind, piece, begin } = message;
    by.messageCount++;
    if (kind === 'handshake') by.hasShakenHands = true;
    else if (kind === 'choke') this.#noteChoke(by, to);
    else if (kind === 'unchoke') by.isChoking = false;
    else if (kind === 'interested') by.isInterested = true;
    else if (kind === 'not-interested') by.isInterested = false;
    else if (kind === 'have') notePiece(by.pieces, piece);
    else if (kind === 'have-all') by.pieces.fill();
    else if (kind === 'bitfield') noteBitfield(by.pieces, message.bytes);
    else if (kind === 'allowed-fast') by.allowedFast.add(piece);
    else if (kind === 'request') this.#noteRequest(by, requestKey(piece, begin));
    // Answers come in the order asked: a reject is that of the request that was taken back, if there are two.
    else if (kind === 'reject')
      to.cancelled.take(requestKey(piece, begin)) || to.unanswered.take(requestKey(piece, begin));
    else if (kind === 'block') this.#noteBlock(message, by, to);
    else if (kind === 'cancel') noteCancel(by, requestKey(piece, begin));
    else if (kind === 'extended') noteExtended(message, by, to);
  }

  /** Requests of ours for this block that are still to be sent have got their answer already, as far as our code knows. */
  #noteAnswer({ piece, begin }: WireMessage): void {
    const key = requestKey(piece, begin);
    if (this.stream.bufferedBytes > 0) this.#writtenAtAnswer.set(key, this.writtenBytes);
    else this.#writtenAtAnswer.delete(key);
  }

  #noteRequest(by: Side, key: number): void {
    const wasWrittenBefore = by === this.own && this.saidBytes < (this.#writtenAtAnswer.get(key) ?? 0);
    if (wasWrittenBefore) by.cancelled.add(key);
    else by.unanswered.add(key);
  }

  #noteChoke(by: Side, to: Side): void {
    by.isChoking = true;
    if (this.isFast) return;
    to.unanswered.clear();
  }

  #noteBlock({ piece, begin, length }: WireMessage, by: Side, to: Side): void {
    by.blockCount++;
    by.blockBytes += length;
    by.lastChunkBlockBytes += length;
    const key = requestKey(piece, begin);
    if (!to.unanswered.take(key)) to.cancelled.take(key);
  }
}

/** How many requests there are of each block. */
export class RequestCounts {
  count = 0;
  readonly #byKey = new Map<number, number>();

  has(key: number): boolean {
    return this.#byKey.has(key);
  }

  add(key: number): void {
    this.count++;
    this.#byKey.set(key, (this.#byKey.get(key) ?? 0) + 1);
  }

  /** @returns whether there was one. */
  take(key: number): boolean {
    const count = this.#byKey.get(key) ?? 0;
    if (count === 0) return false;
    this.count--;
    if (count === 1) this.#byKey.delete(key);
    else this.#byKey.set(key, count - 1);
    return true;
  }

  clear(): void {
    this.count = 0;
    this.#byKey.clear();
  }
}

/** One number for a block; exact for what an honest peer asks for. */
export function requestKey(piece: number, begin: number): number {
  return piece * 2 ** 30 + begin;
}

function noteCancel(side: Side, key: number): void {
  if (side.unanswered.take(key)) side.cancelled.add(key);
}

/** Liars say anything. */
function notePiece(pieces: Bitfield, piece: number): void {
  if (piece < pieces.length) pieces.add(piece);
}

function noteBitfield(pieces: Bitfield, bytes: Uint8Array): void {
  for (let piece = 0; piece < pieces.length; piece++) {
    if (((bytes[piece >>> 3] ?? 0) & (0x80 >>> (piece & 7))) !== 0) pieces.add(piece);
  }
}

function noteExtended({ id, bytes }: WireMessage, by: Side, to: Side): void {
  if (id === 0) {
    const handshake = decodeExtensionHandshake(bytes);
    if (handshake === null) return;
    by.requestQueue = handshake.requestQueue ?? by.requestQueue;
    by.dontHaveId = handshake.extensions.get('lt_donthave') ?? by.dontHaveId;
    by.pexId = handshake.extensions.get('ut_pex') || by.pexId;
    by.listenPort ??= handshake.listenPort;
  } else if (id === to.dontHaveId || (to.dontHaveId === 0 && id === EXTENSION_IDS.lt_donthave)) {
    const piece = decodeDontHave(bytes);
    if (piece !== null && piece < by.pieces.length) by.pieces.delete(piece);
  }
}
