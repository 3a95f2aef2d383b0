/**
 * Notices that files have gone from under a running torrent: a directory that was removed, a disk that was unmounted.
 * An open file goes on taking what is written to it after it has lost its name, so no write would tell. Pure; called by
 * ResumeKeeper each time it has looked at the files.
 */
import type { Bitfield } from '../../base/bitfield.js';
import { DtorrentError } from '../../base/errors.js';
import type { FileStamp } from '../../host/storage.js';
import type { CheckLayout } from './check-plan.js';

export interface WatchedData {
  readonly layout: CheckLayout;
  readonly have: Bitfield;
  /** One a file, 0 = not wanted, so that it may lie elsewhere; null = all are. */
  readonly wantedFiles: Uint8Array | null;
}

/** @returns the error about the first file that lacks bytes of a piece that we have, or null. */
export function findLostFile(
  { layout, have, wantedFiles }: WatchedData,
  stamps: readonly FileStamp[],
  directory: string,
): DtorrentError | null {
  for (const [index, file] of layout.files.entries()) {
    const presentBytes = stamps[index]!.lengthBytes;
    if (file.padding || presentBytes >= file.lengthBytes || wantedFiles?.[index] === 0) continue;
    const neededBytes = endOfHad(layout, index, have);
    if (neededBytes === 0 || presentBytes >= neededBytes) continue;
    const path = `${directory}/${file.path.join('/')}`;
    const what = presentBytes < 0 ? 'is gone' : `has only ${presentBytes} bytes left`;
    return new DtorrentError('EFILEIO', `${path} ${what}: it was removed or cut off while in use; put it back`);
  }
  return null;
}

/** Where the last piece of the file that we have ends in it; 0 = we have none. */
function endOfHad(layout: CheckLayout, index: number, have: Bitfield): number {
  const { offsetBytes, lengthBytes } = layout.files[index]!;
  const first = layout.firstPieceOf(index);
  for (let piece = layout.lastPieceOf(index); piece >= first; piece--) {
    if (have.has(piece)) return Math.min(lengthBytes, (piece + 1) * layout.pieceLength - offsetBytes);
  }
  return 0;
}
