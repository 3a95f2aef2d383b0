/** An HTTP tracker that does what no tracker should, on loopback; gone with the test. */
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { afterTest } from './cleanup.js';

export type TrackerTrouble = 'silent' | 'drips' | 'garbage' | 'escapes' | 'endless' | 'bomb' | 'loop';

const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;
const MEMBER_BYTES = 16 * MEBIBYTE;
/** As many as fit what a body may have before it is unpacked: 944 MiB. */
const MEMBERS = 59;

export class TroubledTracker {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #trouble: TrackerTrouble;
  /** Requests that were begun. */
  requests = 0;
  /** What was handed to the system. */
  sentBytes = 0;
  /** Connections that the other side has closed. */
  closedCount = 0;

  private constructor(t: TestContext, trouble: TrackerTrouble) {
    this.#trouble = trouble;
    this.#server = createServer((socket) => this.#serve(socket));
    afterTest(t, () => this.#close());
  }

  static async start(t: TestContext, trouble: TrackerTrouble): Promise<TroubledTracker> {
    const tracker = new TroubledTracker(t, trouble);
    await new Promise<void>((resolve) => tracker.#server.listen(0, '127.0.0.1', resolve));
    return tracker;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/announce`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.closedCount++;
    });
    socket.on('data', (request) => {
      if (!request.includes('\r\n\r\n')) return;
      this.requests++;
      this.#answer(socket);
    });
  }

  #answer(socket: Socket): void {
    switch (this.#trouble) {
      case 'silent':
        break;
      case 'drips':
        this.#drip(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nd8:interval');
        break;
      case 'garbage':
        socket.end(`${head()}\xff\x00<html>Out of order</html>`);
        break;
      case 'escapes':
        socket.end(`${head()}d14:failure reason18:go \x1b[2Jaway\r\n\x07now\ne`);
        break;
      case 'endless':
        socket.write(head());
        this.#pour(socket, Buffer.alloc(MEBIBYTE, 'd'), GIBIBYTE);
        break;
      case 'bomb': {
        const member = gzipSync(Buffer.alloc(MEMBER_BYTES), { level: 9 });
        socket.end(Buffer.concat([Buffer.from(head('Content-Encoding: gzip')), ...Array(MEMBERS).fill(member)]));
        break;
      }
      case 'loop':
        socket.end(`HTTP/1.1 302 Found\r\nLocation: ${this.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        break;
    }
  }

  /** One byte at a time for as long as anybody listens. */
  #drip(socket: Socket, text: string, at = 0): void {
    if (socket.destroyed) return;
    socket.write(text[at % text.length]!);
    setTimeout(() => this.#drip(socket, text, at + 1), 20).unref();
  }

  #pour(socket: Socket, chunk: Uint8Array, leftBytes: number): void {
    if (socket.destroyed || leftBytes <= 0) return;
    socket.write(chunk, (error) => {
      if (error) return;
      this.sentBytes += chunk.length;
      this.#pour(socket, chunk, leftBytes - chunk.length);
    });
  }

  #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function head(more = 'Server: none'): string {
  return `HTTP/1.1 200 OK\r\n${more}\r\nConnection: close\r\n\r\n`;
}
