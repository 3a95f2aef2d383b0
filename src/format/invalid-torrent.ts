/** The error of everything that reads torrent files: well-formed bencode that breaks a rule of BEP 3 or BEP 52. */
import { DtorrentError } from '../base/errors.js';

export function invalidTorrent(problem: string): DtorrentError {
  return new DtorrentError('ETORRENT', `the torrent is not valid: ${problem}`);
}
