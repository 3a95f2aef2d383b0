/**
 * Downloaders that keep nothing: each connects to one seed, asks for a stretch of the torrent of its own, in order and
 * with many requests outstanding, and counts what comes. So a seed can be made to give far more than a disk would take;
 * the machine is shared with what is measured, so nothing here is done for more than the count.
 * usage: drains.js TORRENT PORT COUNT MIB_EACH  ->  {"seconds":n} once every one of them has its stretch
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseMetainfo, wireHashes } from '../../src/metainfo.js';
import { encodeReserved, makePeerId, NodeRandom, WireEncoder } from '../../src/wire.js';

const BLOCK_BYTES = 16 * 1024;
const MIB = 1024 * 1024;
const OUTSTANDING = 200;
const HANDSHAKE_BYTES = 68;
const READ_BUFFER_BYTES = 256 * 1024;
/** Message ids of BEP 3. */
const CHOKE = 0;
const UNCHOKE = 1;
const PIECE = 7;
/** Length, id, piece and begin. */
const PIECE_HEADER_BYTES = 13;

const [torrent, port, count, mibEach] = process.argv.slice(2) as [string, string, string, string];
const { infoHash, pieceLength, totalLength } = parseMetainfo(readFileSync(torrent));
const pieceCount = totalLength / pieceLength;
if (!Number.isInteger(pieceCount)) throw new Error('drains take whole pieces only');
const blocksPerPiece = pieceLength / BLOCK_BYTES;
const piecesEach = (Number(mibEach) * MIB) / pieceLength;
/** Shared: a read and its callback are one step. */
const readBuffer = Buffer.alloc(READ_BUFFER_BYTES);

class Drain {
  readonly done: Promise<void>;
  readonly #socket: Socket;
  readonly #encoder = new WireEncoder();
  readonly #firstPiece: number;
  #isUnchoked = false;
  #askedBlocks = 0;
  #receivedBlocks = 0;
  /** Bytes that are not looked at: of the handshake first, then of blocks and of messages that mean nothing here. */
  #skipBytes = HANDSHAKE_BYTES;
  /** The start of a message, up to the header of a PIECE. */
  readonly #head = new Uint8Array(PIECE_HEADER_BYTES);
  #headBytes = 0;

  constructor(firstPiece: number) {
    this.#firstPiece = firstPiece;
    const onread = { buffer: readBuffer, callback: (length: number) => this.#receive(length) };
    this.#socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true, onread });
    this.#encoder.handshake(encodeReserved({}), wireHashes(infoHash)[0]!, makePeerId(new NodeRandom()));
    this.#encoder.interested();
    this.#flush();
    this.done = new Promise((resolve, reject) => {
      this.#socket.on('error', reject);
      this.#socket.on('close', () => {
        if (this.#isComplete) resolve();
        else reject(new Error(`the seed left after ${this.#receivedBlocks} blocks`));
      });
    });
  }

  get #blocks(): number {
    return piecesEach * blocksPerPiece;
  }
  get #isComplete(): boolean {
    return this.#receivedBlocks === this.#blocks;
  }

  #receive(length: number): boolean {
    let at = 0;
    while (at < length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, length - at);
        this.#skipBytes -= skipped;
        at += skipped;
      } else {
        this.#head[this.#headBytes++] = readBuffer[at++]!;
        this.#readHead();
      }
    }
    if (this.#isComplete && this.#skipBytes === 0) this.#socket.destroy();
    else if (this.#isUnchoked) this.#ask();
    return true;
  }

  #readHead(): void {
    const head = this.#head;
    if (this.#headBytes < 4) return;
    const length = ((head[0]! << 24) | (head[1]! << 16) | (head[2]! << 8) | head[3]!) >>> 0;
    if (length === 0) this.#headBytes = 0;
    if (this.#headBytes < 5) return;
    const id = head[4]!;
    if (id === CHOKE) throw new Error('the seed chokes: it has too few slots for everyone');
    if (id === UNCHOKE) this.#isUnchoked = true;
    if (id === PIECE) {
      if (length !== PIECE_HEADER_BYTES - 4 + BLOCK_BYTES) throw new Error(`a block of ${length - 9} bytes`);
      this.#receivedBlocks++;
    }
    this.#skipBytes = length - 1;
    this.#headBytes = 0;
  }

  #ask(): void {
    const end = Math.min(this.#blocks, this.#receivedBlocks + OUTSTANDING);
    for (; this.#askedBlocks < end; this.#askedBlocks++) {
      const piece = (this.#firstPiece + Math.floor(this.#askedBlocks / blocksPerPiece)) % pieceCount;
      this.#encoder.request(piece, (this.#askedBlocks % blocksPerPiece) * BLOCK_BYTES, BLOCK_BYTES);
    }
    this.#flush();
  }

  #flush(): void {
    const bytes = this.#encoder.take();
    if (bytes !== null) this.#socket.write(bytes);
  }
}

/** The same stretches each time, anywhere: multiples of the golden ratio are spread evenly, and in no order. */
function firstPieceOf(index: number): number {
  return Math.floor(((index * 0.618033988749895) % 1) * pieceCount);
}

const startedAt = performance.now();
const drains = Array.from({ length: Number(count) }, (_, index) => new Drain(firstPieceOf(index)));
await Promise.all(drains.map(({ done }) => done));
console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000 }));
