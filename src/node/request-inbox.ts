/**
 * What the remote asked of us and has not been answered (BEP 3, 6). Requests wait here until their answers have room,
 * are then told to the listener, and stay open until they are answered, cancelled or dropped.
 * Invariant: at most LIMITS.peerRequestsQueuedMax are open, and each leaves once. One object and two functions a request:
 * this is the public edge, where a callback for each was asked for; the engine has its own queue of numbers.
 * Used by WireStream.
 */
import { LIMITS } from '../base/limits.js';
import type { WireBlock, WireRequest } from './wire-events.js';

/** Both are called while the request is open; the handler closes it. */
export interface RequestHandler {
  onRespond(request: OpenRequest, block: Uint8Array): void;
  onReject(request: OpenRequest): void;
}

export class RequestInbox {
  readonly #handler: RequestHandler;
  readonly #waiting = new Set<OpenRequest>();
  readonly #told = new Set<OpenRequest>();
  #toldBytes = 0;

  constructor(handler: RequestHandler) {
    this.#handler = handler;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** How much the listener may send for what it has been told. */
  get toldBytes(): number {
    return this.#toldBytes;
  }

  /** @returns false when there are too many. */
  add(block: WireBlock): boolean {
    if (this.#waiting.size + this.#told.size >= LIMITS.peerRequestsQueuedMax) return false;
    this.#waiting.add(new OpenRequest(block, this.#handler));
    return true;
  }

  /** @returns the oldest that the listener has not been told of, which it is now; null when there is none. */
  next(): OpenRequest | null {
    for (const request of this.#waiting) {
      this.#waiting.delete(request);
      this.#told.add(request);
      this.#toldBytes += request.length;
      return request;
    }
    return null;
  }

  /** The request is over: its functions do nothing from now on. */
  close(request: OpenRequest): void {
    request.isOpen = false;
    this.#waiting.delete(request);
    if (this.#told.delete(request)) this.#toldBytes -= request.length;
  }

  /** @returns the open request for that block, null when there is none. */
  find({ piece, begin, length }: WireBlock): OpenRequest | null {
    for (const requests of [this.#told, this.#waiting]) {
      for (const request of requests) {
        if (request.piece === piece && request.begin === begin && request.length === length) return request;
      }
    }
    return null;
  }

  /** Closes every request that `keeps` refuses. @returns these, the oldest first. */
  drop(keeps: (piece: number) => boolean): OpenRequest[] {
    const dropped = [...this.#told, ...this.#waiting].filter((request) => !keeps(request.piece));
    for (const request of dropped) this.close(request);
    return dropped;
  }
}

export class OpenRequest implements WireRequest {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  /** Only RequestInbox changes it. */
  isOpen = true;
  readonly respond: (block: Uint8Array) => void;
  readonly reject: () => void;

  constructor({ piece, begin, length }: WireBlock, handler: RequestHandler) {
    this.piece = piece;
    this.begin = begin;
    this.length = length;
    this.respond = (block) => {
      if (this.isOpen) handler.onRespond(this, block);
    };
    this.reject = () => {
      if (this.isOpen) handler.onReject(this);
    };
  }
}
