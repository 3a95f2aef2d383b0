/**
 * A seed that writes down which blocks it sent, made of the peer wire alone. It runs in the test's process and is as
 * slow as a test wants, so that a download lasts long enough to be interrupted.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { FileLayout, parseMetainfo } from '../../src/metainfo.js';
import { Bitfield, WireStream } from '../../src/wire.js';

export interface RecordingSeedOptions {
  readonly torrent: Uint8Array;
  /** The torrent's bytes from first to last, padding included. */
  readonly content: Uint8Array;
}

export class RecordingSeed {
  readonly layout: FileLayout;
  readonly #infoHash: Uint8Array;
  readonly #content: Uint8Array;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Time between two blocks; 0 = as fast as it goes. */
  blockPauseMs = 0;
  /** Since the last newRun: each block sent, `piece:begin`, with its length. */
  #sent = new Map<string, number>();
  #sentBytes = 0;
  /** Blocks sent a second time in one run. */
  repeats = 0;
  #onFirst: () => void = () => {};

  private constructor({ torrent, content }: RecordingSeedOptions) {
    const metainfo = parseMetainfo(torrent);
    this.layout = new FileLayout(metainfo);
    this.#infoHash = metainfo.infoHash.v1!;
    this.#content = content;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(options: RecordingSeedOptions): Promise<RecordingSeed> {
    const seed = new RecordingSeed(options);
    await new Promise<void>((resolve) => seed.#server.listen(0, '127.0.0.1', resolve));
    return seed;
  }

  /** `host:port`. */
  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  /** Payload sent since the last newRun. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Forgets what was sent. @returns it. */
  newRun(): ReadonlyMap<string, number> {
    const sent = this.#sent;
    this.#sent = new Map();
    this.#sentBytes = 0;
    return sent;
  }

  /** Resolves when the first block from now on is sent. */
  firstBlock(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFirst = resolve;
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    const wire = new WireStream();
    const everything = new Bitfield(this.layout.pieceCount);
    everything.fill();
    let sendAt = performance.now();
    this.#sockets.add(socket);
    // The other side is killed in the middle of things: that is what this is for.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      wire.destroy();
    });
    wire.on('error', () => {});
    wire.on('handshake', () => {
      wire.handshake({ infoHash: this.#infoHash, layout: this.layout });
      wire.bitfield(everything.bytes);
    });
    wire.on('interested', () => wire.unchoke());
    wire.on('request', ({ piece, begin, length, respond }) => {
      const answer = (): void => {
        if (socket.destroyed || wire.destroyed) return;
        this.#note(piece, begin, length);
        const offset = piece * this.layout.pieceLength + begin;
        respond(this.#content.subarray(offset, offset + length));
      };
      sendAt = Math.max(sendAt + this.blockPauseMs, performance.now());
      if (this.blockPauseMs === 0) answer();
      else setTimeout(answer, sendAt - performance.now()).unref();
    });
    socket.pipe(wire).pipe(socket);
  }

  #note(piece: number, begin: number, length: number): void {
    const key = `${piece}:${begin}`;
    if (this.#sent.has(key)) this.repeats++;
    this.#sent.set(key, length);
    this.#sentBytes += length;
    this.#onFirst();
  }
}
