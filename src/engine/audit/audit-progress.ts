/**
 * How far a torrent is: bytes, files, priorities and flags against the pieces that are had. Called by auditSession for
 * torrents at work.
 */
import { Bitfield } from '../../base/bitfield.js';
import { type LiveTorrent, ofPiece } from './live-torrent.js';

export function auditProgress(live: LiveTorrent): string | null {
  return auditBytes(live) ?? auditFiles(live) ?? auditWanted(live);
}

function auditBytes({ torrent, data }: LiveTorrent): string | null {
  const { have, layout, bytesDone } = data;
  let bytes = 0;
  let count = 0;
  have.forEachPiece((piece) => {
    bytes += layout.dataBytes(piece);
    count++;
  });
  if (have.count !== count) return `${torrent.name}: ${have.count} pieces are counted, and ${count} had`;
  if (bytesDone !== bytes) return `${torrent.name}: ${bytesDone} bytes are counted, and ${bytes} had`;
  return null;
}

function auditFiles({ torrent, data }: LiveTorrent): string | null {
  const { have, layout, progress } = data;
  const wanted = torrent.files!.ofFile;
  const done = new Float64Array(layout.files.length);
  have.forEachPiece((piece) => {
    layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (file, _, length) => {
      done[file]! += length;
    });
  });
  let wantedDone = 0;
  for (const [index, file] of layout.files.entries()) {
    if (file.padding) continue;
    if (wanted[index]! > 0) wantedDone += done[index]!;
    if (progress.bytesDone(index) === done[index]) continue;
    return `${torrent.name}: file ${index} counts ${progress.bytesDone(index)} bytes, and has ${done[index]}`;
  }
  if (progress.wantedDone === wantedDone) return null;
  return `${torrent.name}: ${progress.wantedDone} bytes of wanted files are counted, and ${wantedDone} had`;
}

/** A piece is wanted as its files say, or by a reader; finished is who has all that is selected. */
function auditWanted({ torrent, data }: LiveTorrent): string | null {
  const { have } = data;
  const picker = data.fetching?.picker ?? null;
  const { priorities } = torrent.files!.ofPieces();
  const missing = new Bitfield(have.length);
  for (const [piece, selected] of priorities.entries()) {
    if (selected > 0 && !have.has(piece)) missing.add(piece);
    if (picker === null) continue;
    const isBorrowed = selected === 0 && picker.urgent.has(piece);
    const priority = picker.priority(piece);
    if (isBorrowed ? priority > 0 : priority === selected) continue;
    return ofPiece(torrent, piece, `has priority ${priority}, and its files say ${selected}`);
  }
  const isFinished = missing.isEmpty;
  if (data.isFinished !== isFinished) return `${torrent.name}: counts as ${isFinished ? 'un' : ''}finished, and is not`;
  if (torrent.phase === 'seeding' && !isFinished) return `${torrent.name}: seeds, and lacks ${missing.count} pieces`;
  return null;
}
