/**
 * Bugs that are planted in a copy of the compiled engine, to see that the simulated worlds catch them: each a small change
 * of text, and the invariants that are meant to notice. A text has to occur exactly once, so that a change of the engine
 * does not silently take a bug away. Used by selftest.ts.
 */
export interface Mutation {
  /** What is wrong then, in words. */
  readonly bug: string;
  /** Below build/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Any of these may be the one that is found broken. */
  readonly caughtBy: readonly string[];
}

const ON_DISK = 'what is announced is on disk';
const COMPLETE = 'complete means right';
const UPLOADS = 'what is uploaded is right and was asked for';
const REQUESTS = 'requests are lawful';
const MESSAGES = 'messages are lawful';
const BYTES = 'bytes are counted once';
const LIMITS = 'limits hold';
const PEX = 'peer exchange is lawful';
const DIALS = 'dials are lawful';
const SLOTS = 'choke slots are kept';
const AUDIT = 'the engine agrees with itself';
const ASSERTIONS = 'no assertion fails';
const LIVENESS = 'everybody completes in time';
const LEFT = 'nothing outlives a stop';

export const MUTATIONS: readonly Mutation[] = [
  {
    bug: 'unverified upload: whatever came counts as right',
    file: 'src/format/piece-check.js',
    from: "return (v1 ?? v2) ? 'ok' : 'bad-hash';",
    to: "return 'ok';",
    caughtBy: [ON_DISK, UPLOADS],
  },
  {
    bug: 'unverified upload: a check believes what it finds',
    file: 'src/engine/pieces/piece-store.js',
    from: "else if (result === 'bad-hash') {\n            this.#onBadHash(piece);\n            return;",
    to: "else if (result === 'bad-hash') {\n            this.#picker.pieceVerified(piece);\n            this.#handler.onPieceStored(piece);",
    caughtBy: [ON_DISK, UPLOADS, COMPLETE],
  },
  {
    bug: 'announced before it is written',
    file: 'src/engine/pieces/piece-store.js',
    from: '        this.#storage.writePiece(piece, partial.extents[0].slot, (result) => {',
    to: "        this.#turn.run(() => this.#onVerdict(piece, 'ok'));\n        this.#storage.writePiece(piece, partial.extents[0].slot, (result) => {\n            return;",
    caughtBy: [ON_DISK, ASSERTIONS, AUDIT],
  },
  {
    bug: 'kept chunk: the bitfield that came before the metadata',
    file: 'src/engine/peer/early-pieces.js',
    from: 'this.#bitfield = bytes.slice();',
    to: 'this.#bitfield = bytes;',
    caughtBy: [REQUESTS, AUDIT, LIVENESS],
  },
  {
    bug: 'kept chunk: a message that is cut is put together again from views',
    file: 'src/protocol/wire/decoder.js',
    from: 'this.#partial.set(viewOf(chunk, offset, count), this.#partialLength);',
    to: 'if (this.#partialLength === 0 && count < 5) this.#partial = Object.assign(new Uint8Array(chunk.buffer, chunk.byteOffset + offset, Math.min(128, chunk.buffer.byteLength - chunk.byteOffset - offset)));\n        else this.#partial.set(viewOf(chunk, offset, count), this.#partialLength);',
    caughtBy: [LIVENESS, REQUESTS, UPLOADS, BYTES, AUDIT, ON_DISK, ASSERTIONS, LIMITS, 'nothing is thrown'],
  },
  {
    bug: 'double count: received bytes',
    file: 'src/engine/peer/peer-download.js',
    from: 'this.receivedBytes += length;',
    to: 'this.receivedBytes += 2 * length;',
    caughtBy: [BYTES],
  },
  {
    bug: 'double count: what peers that left had sent',
    file: 'src/engine/swarm/swarm.js',
    from: 'this.#pastDownloadedBytes += peer.download.receivedBytes;',
    to: 'this.#pastDownloadedBytes += 2 * peer.download.receivedBytes;',
    caughtBy: [BYTES],
  },
  {
    bug: 'lost wake-up: the tick is not armed again',
    file: 'src/engine/session.js',
    from: 'this.#turn.timers.set(this.#tickTimer, this.#tickDueAtMs);\n        // What peers',
    to: '// What peers',
    caughtBy: [LIVENESS, SLOTS, AUDIT, LEFT],
  },
  {
    bug: 'lost wake-up: nobody hears that a chunk has been read',
    file: 'src/engine/peer/peer-upload.js',
    from: 'onChunkReady() {\n        this.#wantsFlush();',
    to: 'onChunkReady() {',
    caughtBy: [LIVENESS, AUDIT],
  },
  {
    bug: 'leak: the clock is left running',
    file: 'src/engine/session.js',
    from: '                this.#turn.timers.cancel(this.#tickTimer);\n                this.#turn.timers.cancel(this.#lookTimer);\n                this.#turn.stop();',
    to: '',
    caughtBy: [LEFT],
  },
  {
    bug: 'leak: the listening socket',
    file: 'src/engine/session.js',
    from: 'this.#listener?.close();',
    to: '',
    caughtBy: [LEFT],
  },
  {
    bug: 'leak: chunks that were being sent when a peer left',
    file: 'src/engine/peer/peer.js',
    from: 'this.upload.release();',
    to: '',
    caughtBy: [AUDIT, LEFT, LIVENESS],
  },
  {
    bug: 'the record of a download is saved before its data is safe',
    file: 'src/engine/data/resume-keeper.js',
    from: '        data.storage.flush((flushError) => {',
    to: '        data.storage.stampFiles((flushError) => {\n            flushError = null;',
    caughtBy: [ON_DISK, UPLOADS, COMPLETE],
  },
  {
    bug: 'a choke is not heard',
    file: 'src/engine/peer/peer.js',
    from: '        this.isChokingUs = true;\n        // With the fast',
    to: '        // With the fast',
    caughtBy: [REQUESTS],
  },
  {
    bug: 'what was asked before a choke is served all the same',
    file: 'src/engine/peer/peer.js',
    from: 'this.#dropQueuedRequests((piece) => this.#hasFast && this.upload.grants.has(piece));',
    to: '',
    caughtBy: [UPLOADS, AUDIT],
  },
  {
    bug: 'a peer is asked for more than it queues',
    file: 'src/engine/peer/request-pipeline.js',
    from: 'this.#limit = Math.max(1, Math.min(Math.floor(requests) || 1, this.#maxRequests));',
    to: '',
    caughtBy: [REQUESTS],
  },
  {
    bug: 'a have is told twice',
    file: 'src/engine/swarm/swarm.js',
    from: '            peer.sendHave(piece);\n            if (peer.connection',
    to: '            peer.sendHave(piece);\n            peer.sendHave(piece);\n            if (peer.connection',
    caughtBy: [MESSAGES],
  },
  {
    bug: 'peer exchange: the minute begins before the message has left',
    file: 'src/engine/exchange/pex-outbox.js',
    from: 'if (connection.writtenBytes < this.#endBytes)\n                return false;',
    to: '',
    caughtBy: [PEX],
  },
  {
    bug: 'peer exchange: a contact is told where it dialled from, and not where it listens',
    file: 'src/engine/peer/peer.js',
    from: 'return listenPort === null ? null : { ...this.remote, port: listenPort };',
    to: 'return this.remote;',
    caughtBy: [PEX],
  },
  {
    bug: 'peer exchange in a private torrent',
    file: 'src/engine/torrent.js',
    from: 'this.#context.settings.pex && this.metainfo?.isPrivate !== true',
    to: 'this.#context.settings.pex',
    caughtBy: [PEX],
  },
  {
    bug: 'peer exchange: whoever is named is dialled',
    file: 'src/engine/exchange/pex-inbox.js',
    from: '!isDiallable(address) || !isWithinReach(address, sender) || isOwn(address)',
    to: 'address.port === 0',
    caughtBy: [DIALS],
  },
];
