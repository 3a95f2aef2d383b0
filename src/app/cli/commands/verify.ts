/**
 * `dtorrent verify TORRENT DIR`: hash-checks what is on disk and writes nothing. Exit code 0 when everything is there,
 * 1 when not. Progress goes to stderr, the result to stdout.
 */
import type { VerifyReport } from '../../../index.js';
import { DtorrentError, type Metainfo, parseMetainfo } from '../../../metainfo.js';
import { loadSource, verifyData } from '../../../tools.js';
import type { CommandContext } from '../context.js';
import { dataDirectory } from '../data-directory.js';
import { formatCount, formatSize } from '../display/formats.js';
import { HashingLine } from '../display/hashing-line.js';
import { sanitizeText } from '../display/terminal-text.js';
import type { VerifyOptions } from '../options.js';

const INCOMPLETE_EXIT_CODE = 1;

/** @returns the exit code. */
export async function runVerify(
  { input, directory }: { readonly input: string; readonly directory: string },
  options: VerifyOptions,
  context: CommandContext,
): Promise<number> {
  const source = await loadSource(input, { signal: context.stop });
  if (source.kind !== 'metainfo') {
    throw new DtorrentError('EOPTION', 'a magnet link has no hashes to check data against: give the .torrent');
  }
  const metainfo = parseMetainfo(source.bytes);
  const { stderr, now } = context;
  const hashing = new HashingLine({ stderr, now, enabled: !options.quiet && !options.json });
  const startedAt = now();
  const report = await verifyData(metainfo, await dataDirectory(directory, metainfo), {
    signal: context.stop,
    onProgress: hashing.show,
  }).finally(hashing.clear);
  const seconds = Math.round(now() - startedAt) / 1000;
  if (options.json) context.stdout.write(`${JSON.stringify(forPrograms(report, seconds))}\n`);
  else if (!options.quiet) context.stdout.write(forPeople(metainfo, report));
  return report.isComplete ? 0 : INCOMPLETE_EXIT_CODE;
}

/** The command line's contract. */
function forPrograms({ pieces, good, bytes, isComplete, files }: VerifyReport, seconds: number): object {
  return {
    pieces,
    good,
    bytes,
    seconds,
    complete: isComplete,
    files: files.map(({ path, isComplete: complete }) => ({ path, complete })),
  };
}

function forPeople({ name, totalLength }: Metainfo, report: VerifyReport): string {
  const { pieces, good, bytes, isComplete, files } = report;
  if (isComplete) return `${sanitizeText(name)}: complete, ${formatSize(totalLength)}\n`;
  const incomplete = files.filter((file) => !file.isComplete);
  let text = `${sanitizeText(name)}: ${good} of ${formatCount(pieces, 'piece')} good, `;
  text += `${formatSize(bytes)} of ${formatSize(totalLength)}; missing or damaged:\n`;
  for (const { path } of incomplete) text += `  ${sanitizeText(path)}\n`;
  return text;
}
