/**
 * Message ids of the peer wire (BEP 3, 5, 6, 10, 52). A frame is `<length:4><id:1><payload>`, big-endian; the length counts
 * id and payload, and length 0 is a keep-alive. Shared by WireEncoder and WireDecoder.
 */

export const CHOKE = 0;
export const UNCHOKE = 1;
export const INTERESTED = 2;
export const NOT_INTERESTED = 3;
export const HAVE = 4;
export const BITFIELD = 5;
export const REQUEST = 6;
export const PIECE = 7;
export const CANCEL = 8;
export const PORT = 9;
export const SUGGEST = 13;
export const HAVE_ALL = 14;
export const HAVE_NONE = 15;
export const REJECT = 16;
export const ALLOWED_FAST = 17;
export const EXTENDED = 20;
export const HASH_REQUEST = 21;
export const HASHES = 22;
export const HASH_REJECT = 23;

/** What stands before the bytes of a block: length prefix, id, piece, begin. */
export const PIECE_HEADER_BYTES = 13;
