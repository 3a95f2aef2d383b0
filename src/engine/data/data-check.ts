/**
 * Finds out what of a torrent is on disk: looks at its files, trusts what a record and unchanged files vouch for, and
 * hashes the rest, a few pieces at a time. One run; called by TorrentData, and everything it calls back runs in a turn.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { DtorrentError, toDtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { FileStamp, Storage, VerifyResult } from '../../host/storage.js';
import type { Turn } from '../turn.js';
import { type CheckLayout, type CheckPlan, type DataMemory, planCheck } from './check-plan.js';

/** Pieces being hashed at one time: enough to keep every disk worker busy. */
const CHECKS_IN_FLIGHT = 8;

export interface DataCheckHandler {
  /** What will be hashed. */
  onCheckPlanned(doubtful: Bitfield): void;
  /** It is there: its hash matches, or the record and its files say so. */
  onPieceFound(piece: number): void;
  onPieceChecked(piece: number): void;
  /** Blocks of an unfinished piece are on disk, unverified; one bit a block. After all pieces that were found. */
  onPartialFound(piece: number, blocks: Uint8Array): void;
  /** The last call. */
  onCheckDone(): void;
  /** The last call: the files cannot be looked at. */
  onCheckError(error: DtorrentError): void;
}

export class DataCheck {
  readonly #turn: Turn;
  readonly #storage: Storage;
  readonly #layout: CheckLayout;
  readonly #handler: DataCheckHandler;
  #plan: CheckPlan | null = null;
  #memory: DataMemory | null = null;
  #next = 0;
  #inFlight = 0;
  #isOver = false;

  constructor(options: {
    readonly turn: Turn;
    readonly storage: Storage;
    readonly layout: CheckLayout;
    readonly handler: DataCheckHandler;
  }) {
    this.#turn = options.turn;
    this.#storage = options.storage;
    this.#layout = options.layout;
    this.#handler = options.handler;
  }

  /** `memory` null = everything that may be there is hashed. */
  start(memory: DataMemory | null): void {
    if (this.#storage.isEmpty) {
      this.#end();
      return;
    }
    this.#storage.stampFiles((result) => {
      this.#enter(() => this.#onStamps(result, memory));
    });
  }

  /** Nothing is called after this. */
  cancel(): void {
    this.#isOver = true;
  }

  /** The storage replies. */
  #enter(task: () => void): void {
    this.#turn.run(task, (bug) => this.#handler.onCheckError(toDtorrentError(bug)));
  }

  #onStamps(result: readonly FileStamp[] | DtorrentError, memory: DataMemory | null): void {
    if (this.#isOver) return;
    if (result instanceof DtorrentError) {
      this.#fail(result);
      return;
    }
    const plan = planCheck(this.#layout, result, memory);
    const { trusted } = plan;
    for (let piece = 0; piece < trusted.length; piece++) if (trusted.has(piece)) this.#handler.onPieceFound(piece);
    this.#plan = plan;
    this.#memory = memory;
    this.#handler.onCheckPlanned(plan.doubtful);
    this.#checkMore(plan.doubtful);
  }

  #checkMore(doubtful: Bitfield): void {
    while (this.#inFlight < CHECKS_IN_FLIGHT && !this.#isOver) {
      while (this.#next < doubtful.length && !doubtful.has(this.#next)) this.#next++;
      if (this.#next === doubtful.length) break;
      const piece = this.#next++;
      this.#inFlight++;
      this.#storage.verifyPiece(piece, (result) => {
        this.#enter(() => this.#onVerified(piece, result));
      });
    }
    if (this.#inFlight === 0 && !this.#isOver) this.#end();
  }

  #onVerified(piece: number, result: VerifyResult): void {
    this.#inFlight--;
    if (this.#isOver) return;
    if (result instanceof DtorrentError) {
      this.#fail(result);
      return;
    }
    this.#handler.onPieceChecked(piece);
    if (result === 'ok') this.#handler.onPieceFound(piece);
    this.#checkMore(this.#plan!.doubtful);
  }

  #end(): void {
    this.#isOver = true;
    for (const { piece, blocks } of this.#memory?.partials ?? []) {
      if (!this.#plan!.resumable.has(piece)) continue;
      const lengthBytes = this.#plan!.resumableBytes.get(piece);
      this.#handler.onPartialFound(piece, lengthBytes === undefined ? blocks : blocksWithin(blocks, lengthBytes));
    }
    this.#handler.onCheckDone();
  }

  #fail(error: DtorrentError): void {
    this.#isOver = true;
    this.#handler.onCheckError(error);
  }
}

/** @returns those of the blocks, one bit each, that end within the first `lengthBytes` of their piece. */
function blocksWithin(blocks: Uint8Array, lengthBytes: number): Uint8Array {
  const within = blocks.slice();
  for (let block = Math.floor(lengthBytes / LIMITS.blockBytes); block < 8 * within.length; block++) {
    within[block >>> 3]! &= ~(0x80 >>> (block & 7));
  }
  return within;
}
