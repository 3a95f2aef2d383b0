/** `dtorrent get INPUT...`: downloads until everything is complete and verified, then seeds if told to. */
import { DtorrentError, loadSource, parseMagnet, parseMetainfo, type TorrentSource } from '../../../index.js';
import type { CommandContext } from '../context.js';
import type { GetOptions } from '../options.js';
import { runTransferSession, type TransferSession } from '../transfer-session.js';

/** @returns the exit code. */
export async function runGet(inputs: readonly string[], options: GetOptions, context: CommandContext): Promise<number> {
  // Before anything is listened on or written: a mistyped second input should not cost the first its download.
  const sources = await loadSources(inputs, options, context);
  return runTransferSession(options, context, async (session) => {
    for (const source of sources) await addOnce(session, source, options);
    await session.settled();
    if (options.seed !== undefined && options.seed > 0) await session.seeded(options.seed);
  });
}

/** Every source, read and found valid. */
async function loadSources(
  inputs: readonly string[],
  options: GetOptions,
  context: CommandContext,
): Promise<TorrentSource[]> {
  const paths = [...inputs, ...(options.file ?? []), ...(options.f ?? [])];
  const links = [...(options.magnet ?? []), ...(options.m ?? [])];
  if (paths.length + links.length === 0) {
    throw new DtorrentError('EOPTION', 'nothing to download: give a .torrent, a magnet link, a URL or an info-hash');
  }
  const sources: TorrentSource[] = [];
  for (const input of paths) {
    const source = await loadSource(input, sourceOptions(options, context));
    if (source.kind === 'metainfo') parseMetainfo(source.bytes);
    sources.push(source);
  }
  for (const link of links) sources.push({ kind: 'magnet', magnet: parseMagnet(link) });
  return sources;
}

async function addOnce(session: TransferSession, source: TorrentSource, options: GetOptions): Promise<void> {
  try {
    await session.add(source, {
      downloadDir: options.output,
      peers: options.peer ?? [],
      sequential: options.sequential,
    });
  } catch (error) {
    if (!(error instanceof DtorrentError && error.code === 'EDUPLICATE')) throw error;
    session.note(`${error.message}; it is downloaded once`);
  }
}

function sourceOptions(
  options: GetOptions,
  context: CommandContext,
): { readonly signal: AbortSignal; readonly localAddress?: string } {
  const { bind } = options;
  return { signal: context.stop, ...(bind === undefined ? {} : { localAddress: bind }) };
}
