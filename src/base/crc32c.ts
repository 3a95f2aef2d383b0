/** CRC32C (Castagnoli), with which BEP 40 ranks peers and BEP 42 ties the id of a DHT node to its address. */

/** Reflected form of 0x1EDC6F41. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = makeTable();

/** @returns the checksum of all of `bytes`, in [0, 2^32). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  // Signed, because `crc` is while it is computed: no entry has to become a double.
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++)
      remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ POLYNOMIAL;
    table[byte] = remainder;
  }
  return table;
}
