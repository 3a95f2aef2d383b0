/**
 * The body of an HTTP answer: collected up to a limit, then decompressed up to the same limit, so that neither an
 * endless answer nor a decompression bomb costs more memory than was allowed. zlib is loaded with the first body that is
 * compressed. Called by HttpClient.
 */
import { EMPTY_BYTES } from '../base/bytes.js';

/** Grows by doubling: a body that drips in byte by byte must not hold a read buffer for each byte. */
export class BodyBuffer {
  readonly #bytesMax: number;
  #bytes: Uint8Array = EMPTY_BYTES;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @returns false, and takes nothing, when the body would become too long. */
  append(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#bytesMax) return false;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(length, 2 * this.#bytes.length, 4096)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
    return true;
  }

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** The value of Accept-Encoding. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

type Decoded = (error: Error | null, body: Uint8Array) => void;
type Decompress = (body: Uint8Array, options: { maxOutputLength: number }, done: Decoded) => void;
/** zlib's functions. */
type Decompressor = 'gunzip' | 'inflate' | 'inflateRaw' | 'brotliDecompress';

/**
 * `done` is never called inside the call. Longer than `bytesMax` fails with zlib's ERR_BUFFER_TOO_LARGE.
 * @param contentEncoding of the answer; '' when it says nothing. gzip is recognised without it (misconfigured
 * trackers); no bencoded value begins as gzip does.
 */
export function decodeBody(body: Uint8Array, contentEncoding: string, bytesMax: number, done: Decoded): void {
  const decompressor = body.length === 0 ? null : decompressorFor(contentEncoding.trim().toLowerCase(), body);
  if (decompressor === undefined) {
    process.nextTick(done, new Error(`the unknown content encoding "${contentEncoding}"`), EMPTY_BYTES);
  } else if (decompressor === null) {
    process.nextTick(done, null, body);
  } else {
    import('node:zlib').then((zlib) => {
      const decompress: Decompress = zlib[decompressor];
      decompress(body, { maxOutputLength: Math.max(bytesMax, 1) }, done);
    });
  }
}

/** @returns null for a body that is what it seems, undefined for an encoding nobody asked for. */
function decompressorFor(contentEncoding: string, body: Uint8Array): Decompressor | null | undefined {
  switch (contentEncoding) {
    case '':
    case 'identity':
      return isGzip(body) ? 'gunzip' : null;
    case 'gzip':
    case 'x-gzip':
      return isGzip(body) ? 'gunzip' : null; // labelled by a proxy that had unpacked it already
    case 'deflate':
      return isZlib(body) ? 'inflate' : 'inflateRaw'; // RFC 9110 8.4.1.2: some send it without the zlib header
    case 'br':
      return 'brotliDecompress';
    default:
      return undefined;
  }
}

function isGzip(body: Uint8Array): boolean {
  return body[0] === 0x1f && body[1] === 0x8b;
}

/** RFC 1950 2.2: method 8, and a header that is a multiple of 31. */
function isZlib(body: Uint8Array): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;
}
