/** Reading torrent files without keeping the thread's sockets waiting. Part of the public API. */
import { type Metainfo, parseSteps } from '../format/metainfo.js';
import { runInTurns } from './in-turns.js';

/**
 * Like parseMetainfo, with turns of the event loop in between when the torrent is large: 10,000 files or 100,000 pieces
 * take a tenth of a second. The result keeps views of `bytes`, which must not change meanwhile.
 * @throws {DtorrentError} `EBENCODE`, `ETORRENT` or `EUNSUPPORTED`, as parseMetainfo does.
 */
export function parseMetainfoInTurns(bytes: Uint8Array): Promise<Metainfo> {
  return runInTurns(parseSteps(bytes));
}
