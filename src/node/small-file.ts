/**
 * Reads a file that is small nearly always, with three calls of the system and no object that outlives them: at a start
 * there may be thousands. Called by StateDirectory.
 */
import { close, fstat, open, read } from 'node:fs';

/** What most of them are shorter than. */
const FIRST_READ_BYTES = 2048;

/** Why it could not be read. */
export interface ReadFault {
  readonly action: 'open' | 'read';
  readonly thrown: unknown;
}

export type SmallFileDone = (fault: ReadFault | null, bytes: Uint8Array | null) => void;

/**
 * @param bytesMax of a longer one nothing is read.
 * @param tooLong what is then `thrown`, given the length. `done` never runs inside the call, and gets `bytes` or a fault.
 */
export function readSmallFile(
  path: string,
  { bytesMax, tooLong }: { readonly bytesMax: number; readonly tooLong: (lengthBytes: number) => Error },
  done: SmallFileDone,
): void {
  open(path, 'r', (openFault, fd) => {
    if (openFault !== null) {
      done({ action: 'open', thrown: openFault }, null);
      return;
    }
    const finish = (thrown: unknown, bytes: Uint8Array | null): void => {
      close(fd, () => done(thrown === null ? null : { action: 'read', thrown }, bytes));
    };
    const first = new Uint8Array(FIRST_READ_BYTES);
    read(fd, first, 0, FIRST_READ_BYTES, 0, (readFault, count) => {
      if (readFault !== null) finish(readFault, null);
      else if (count < FIRST_READ_BYTES) finish(null, first.slice(0, count));
      else readAll(fd, bytesMax, tooLong, finish);
    });
  });
}

function readAll(
  fd: number,
  bytesMax: number,
  tooLong: (lengthBytes: number) => Error,
  finish: (thrown: unknown, bytes: Uint8Array | null) => void,
): void {
  fstat(fd, (statFault, stats) => {
    if (statFault !== null || stats.size > bytesMax) {
      finish(statFault ?? tooLong(stats.size), null);
      return;
    }
    const bytes = new Uint8Array(stats.size);
    const readOn = (offset: number): void => {
      read(fd, bytes, offset, bytes.length - offset, offset, (readFault, count) => {
        const end = offset + count;
        if (readFault !== null) finish(readFault, null);
        else if (count === 0 || end === bytes.length) finish(null, bytes.subarray(0, end));
        else readOn(end);
      });
    };
    readOn(0);
  });
}
