/**
 * What a WireStream tells its listeners: one table from event name to arguments. Pieces, offsets and lengths are
 * unsigned 32-bit as the remote sent them, within the torrent once `handshake` was given its metainfo. Every byte array
 * is the listener's to keep.
 */
import type { ExtensionHandshake } from '../protocol/wire/extension-handshake.js';
import type { WireFeatures } from '../protocol/wire/handshake.js';

/** The remote's handshake (BEP 3). */
export interface WireHandshake {
  /** 20 bytes: SHA-1 of the info dictionary, or the first 20 bytes of its SHA-256 (BEP 52). */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** What the remote can do. What both can do is `hasFast` and `hasExtensions` of the stream. */
  readonly features: WireFeatures;
}

/** A stretch of one piece. `begin` and `length` are bytes. */
export interface WireBlock {
  /** Index of the piece. */
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** A block that we had asked for. */
export interface WirePiece {
  /** Index of the piece. */
  readonly piece: number;
  /** Where the block begins in the piece, in bytes. */
  readonly begin: number;
  /** Its bytes. */
  readonly block: Uint8Array;
}

/** The remote asks for a block. Its functions need no `this`, and do nothing once the request is over. */
export interface WireRequest extends WireBlock {
  /** False once it is answered, cancelled or choked away, or the stream has ended: no need to read the block then. */
  readonly isOpen: boolean;
  /**
   * Sends the block, of `length` bytes. It is borrowed until it has been sent: do not change it. A shorter one says that
   * there is no more, and refuses like reject().
   * @throws {DtorrentError} `EOPTION` for a longer one.
   */
  readonly respond: (block: Uint8Array) => void;
  /** Refuses; the remote hears of it when both sides have the fast extension (BEP 6). */
  readonly reject: () => void;
}

/** A message of an extension that we announced (BEP 10). */
export interface WireExtended {
  /** As in our extension handshake: `ut_metadata`. */
  readonly name: string;
  /** What follows the id. */
  readonly payload: Uint8Array;
}

/** Event name to the arguments of its listeners. */
export interface WireEvents {
  /** The first event. Whoever was dialled answers it with handshake(); nothing more is told before that. */
  handshake: [handshake: WireHandshake];
  /** The remote serves us no longer. Without the fast extension every request of ours is void. */
  choke: [];
  /** The remote serves us: requests may be sent. */
  unchoke: [];
  /** The remote wants something that we have. */
  interested: [];
  /** The remote wants nothing of us any more. */
  notInterested: [];
  /** The remote has one piece more. */
  have: [piece: number];
  /**
   * What the remote has, bit 7 of byte 0 is piece 0; Bitfield.fromWire reads it. May come late, from aria2 for one:
   * add it to what is known.
   */
  bitfield: [bytes: Uint8Array];
  /**
   * The remote asks for a block, and may have it: we unchoked it, or allowed the piece. Told only as fast as the remote
   * takes our answers, so that those who answer from memory and those who read files are bounded alike.
   */
  request: [request: WireRequest];
  /** The remote does not want that block any more; its request, if it was still open, no longer is. */
  cancel: [block: WireBlock];
  /** A block that we asked for. It is not verified: that takes the whole piece. */
  piece: [piece: WirePiece];
  /** The remote's extension handshake (BEP 10). May be repeated. */
  extensionHandshake: [handshake: ExtensionHandshake];
  /** A message of an extension that we announced. */
  extended: [message: WireExtended];
  /** BEP 6: the remote has every piece. */
  haveAll: [];
  /** BEP 6: the remote has no piece. */
  haveNone: [];
  /** The remote will not serve this request of ours. `length` as we asked. */
  reject: [block: WireBlock];
  /** BEP 6: the remote recommends to ask for this piece. */
  suggest: [piece: number];
  /** BEP 6: this piece may be asked for although we are choked. */
  allowedFast: [piece: number];
  /** BEP 5: UDP port of the remote's DHT node. */
  port: [port: number];
  /** The remote is still there. */
  keepAlive: [];
  /** Everything that we had to say has been read: the remote has ended the connection, or we did. */
  end: [];
  /** The last event. */
  close: [];
  /**
   * The stream is destroyed: `EPROTOCOL`, the remote broke the rules or asks and does not read; `ENETWORK` and others,
   * the connection broke. Nobody has to listen.
   */
  error: [error: Error];
}
