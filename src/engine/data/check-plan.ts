/**
 * Which pieces have to be hashed when a torrent's data is opened, given what was remembered of it and what its files
 * look like now. Pure. Called by DataCheck.
 * Rules: a piece that was had is trusted while no file it lies in has changed (the parts file, for what lies aside).
 * All that touches a changed file is doubtful. A piece that was not had is doubtful only if it may have been written
 * after the record was made. What lies beyond the end of a file, or only in files that are not there, is missing
 * without a look. Blocks of an unfinished piece are gone on with while its files are as they were; after a crash also
 * where they have changed, since it was us who wrote to them, as far as they reach. They were synced before the record,
 * nothing but a block in their place was written there since, and the piece is verified in the end.
 * Cost: one step a file and one a piece that a file touches.
 */
import { Bitfield } from '../../base/bitfield.js';
import type { PartialMemory } from '../../format/resume-data.js';
import type { FileStamp, StorageFile } from '../../host/storage.js';

/** What an earlier run knew of the data: the part of ResumeData that is about the disk. */
export interface DataMemory {
  /** One bit a piece. */
  readonly have: Bitfield;
  /** What the files looked like then: Storage.stampFiles. */
  readonly files: readonly FileStamp[];
  /** Nothing was written after that. */
  readonly isClean: boolean;
  /** Unfinished pieces with blocks on disk. */
  readonly partials: readonly PartialMemory[];
}

/** The torrent's files and pieces; FileLayout is one. */
export interface CheckLayout {
  readonly files: readonly Pick<StorageFile, 'path' | 'lengthBytes' | 'offsetBytes' | 'padding'>[];
  readonly pieceLength: number;
  readonly pieceCount: number;
  firstPieceOf(fileIndex: number): number;
  lastPieceOf(fileIndex: number): number;
}

/** A piece that is in neither set is missing. */
export interface CheckPlan {
  /** Had, and nothing says otherwise. */
  readonly trusted: Bitfield;
  /** To be hashed. */
  readonly doubtful: Bitfield;
  /** Blocks of unfinished ones are worth going on with; */
  readonly resumable: Bitfield;
  /** of these only what begins before that many bytes. */
  readonly resumableBytes: ReadonlyMap<number, number>;
}

/** What its files say about a piece; a bit each. */
const IN_CHANGED_FILE = 1;
const IN_ABSENT_FILE = 2;
const IN_FILE = 4;
/** A file that is there ends before the piece does. */
const CUT_OFF = 8;

/** `stamps`: Storage.stampFiles, now. `memory` null = nothing is remembered: all that may be there is doubtful. */
export function planCheck(layout: CheckLayout, stamps: readonly FileStamp[], memory: DataMemory | null): CheckPlan {
  const resumableBytes = new Map<number, number>();
  const marks = markPieces(layout, stamps, memory, resumableBytes);
  const view: View = { isClean: memory?.isClean ?? false, parts: partsStateOf(layout, stamps, memory) };
  const trusted = new Bitfield(layout.pieceCount);
  const doubtful = new Bitfield(layout.pieceCount);
  const resumable = new Bitfield(layout.pieceCount);
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    const verdict = judge(marks[piece]!, memory?.have.has(piece) ?? false, view);
    if (verdict === 'trusted') trusted.add(piece);
    else if (verdict === 'doubtful') doubtful.add(piece);
    const mark = marks[piece]!;
    if (!isChanged(mark, view)) resumableBytes.delete(piece);
    else if (view.isClean || memory === null || !isWithin(mark, resumableBytes.has(piece))) continue;
    resumable.add(piece);
  }
  return { trusted, doubtful, resumable, resumableBytes };
}

/** What holds for all pieces. */
interface View {
  readonly isClean: boolean;
  readonly parts: 'absent' | 'changed' | 'same';
}

function partsStateOf(layout: CheckLayout, stamps: readonly FileStamp[], memory: DataMemory | null): View['parts'] {
  const stamp = stamps[layout.files.length]!;
  if (stamp.lengthBytes < 0) return 'absent';
  return memory !== null && isSameStamp(stamp, memory.files[layout.files.length]!) ? 'same' : 'changed';
}

/** What belongs to a file that is not there may lie aside. */
function isChanged(mark: number, { parts }: View): boolean {
  return (mark & IN_CHANGED_FILE) !== 0 || ((mark & IN_ABSENT_FILE) !== 0 && parts === 'changed');
}

/** Some of the piece is in a file that is there, though another has changed or ends in it. */
function isWithin(mark: number, isEndKnown: boolean): boolean {
  return (mark & IN_ABSENT_FILE) === 0 && ((mark & CUT_OFF) === 0 || isEndKnown);
}

function judge(mark: number, wasHad: boolean, view: View): 'trusted' | 'doubtful' | 'missing' {
  if ((mark & CUT_OFF) !== 0) return 'missing';
  const isAsLeft = !isChanged(mark, view);
  if (wasHad && isAsLeft) return (mark & IN_ABSENT_FILE) !== 0 && view.parts !== 'same' ? 'doubtful' : 'trusted';
  if (isAsLeft && view.isClean) return 'missing';
  // All padding is in no file, and needs only its hash.
  return (mark & IN_FILE) !== 0 || mark === 0 ? 'doubtful' : 'missing';
}

/** Notes in `ends` how much there is of an unfinished piece that a file ends in. */
function markPieces(
  layout: CheckLayout,
  stamps: readonly FileStamp[],
  memory: DataMemory | null,
  ends: Map<number, number>,
): Uint8Array {
  const partials = new Set(memory?.partials.map(({ piece }) => piece));
  const marks = new Uint8Array(layout.pieceCount);
  const mark = (from: number, to: number, bits: number): void => {
    for (let piece = from; piece <= to; piece++) marks[piece]! |= bits;
  };
  layout.files.forEach(({ padding, lengthBytes, offsetBytes }, index) => {
    if (padding || lengthBytes === 0) return;
    const first = layout.firstPieceOf(index);
    const last = layout.lastPieceOf(index);
    const stamp = stamps[index]!;
    let bits = stamp.lengthBytes < 0 ? IN_ABSENT_FILE : IN_FILE;
    if (memory === null || !isSameStamp(stamp, memory.files[index]!)) bits |= IN_CHANGED_FILE;
    mark(first, last, bits);
    if (stamp.lengthBytes < 0 || stamp.lengthBytes >= lengthBytes) return;
    const end = offsetBytes + stamp.lengthBytes;
    const cut = Math.floor(end / layout.pieceLength);
    mark(cut, last, CUT_OFF);
    if (partials.has(cut)) ends.set(cut, Math.min(end - cut * layout.pieceLength, ends.get(cut) ?? layout.pieceLength));
  });
  return marks;
}

function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.lengthBytes === b.lengthBytes && a.modifiedUs === b.modifiedUs;
}
