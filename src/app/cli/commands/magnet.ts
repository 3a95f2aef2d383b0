/** `dtorrent magnet TORRENT`: prints the magnet link of a torrent, and nothing else. */
import { formatMagnet, magnetOf } from '../../../magnet.js';
import { parseMetainfo } from '../../../metainfo.js';
import { loadSource } from '../../../tools.js';
import type { CommandContext } from '../context.js';

/** @returns the exit code. */
export async function runMagnet(input: string, context: CommandContext): Promise<number> {
  const source = await loadSource(input, { signal: context.stop });
  const magnet = source.kind === 'magnet' ? source.magnet : magnetOf(parseMetainfo(source.bytes));
  context.stdout.write(`${formatMagnet(magnet)}\n`);
  return 0;
}
