/** Memory that files and sockets are read into. */

/**
 * A cache line, and more than the 16 bytes within which it is slow.
 * Measured on AMD EPYC (Zen 3), Linux 6.18: read(2) copies 12.7 GB/s of the page cache into memory that begins 64 bytes
 * into its page, and 2.5 GB/s where it begins 16 bytes into it, as allocations of 128 KiB and more do. Any copy whose
 * target is 1 to 31 bytes ahead of its source modulo the page is that slow, those out of sockets too.
 */
const PAGE_OFFSET_BYTES = 64;

/** @returns zeroed memory that begins some way into its page: the system copies into it faster. */
export function newReadBuffer(lengthBytes: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(PAGE_OFFSET_BYTES + lengthBytes), PAGE_OFFSET_BYTES, lengthBytes);
}
