/**
 * `dtorrent dht keygen FILE`: makes an Ed25519 key. The secret goes into the file, as 64 hex digits, and nowhere else; what
 * is printed is the public key, by which others find what it signs.
 */
import { writeFile } from 'node:fs/promises';
import { DtorrentError, ed25519PublicKey, NodeRandom } from '../../../../dht.js';
import type { CommandContext } from '../../context.js';
import type { DhtKeygenOptions } from '../../dht-options.js';

/** @returns the exit code. */
export async function runDhtKeygen(path: string, options: DhtKeygenOptions, context: CommandContext): Promise<number> {
  const seed = new Uint8Array(32);
  new NodeRandom().fill(seed);
  try {
    const text = `${Buffer.from(seed).toString('hex')}\n`;
    await writeFile(path, text, { mode: 0o600, flag: options.force ? 'w' : 'wx' });
  } catch (thrown) {
    if (isSystemError(thrown, 'EEXIST')) {
      throw new DtorrentError('EFILECREATE', `${path} exists: give another name, or --force to lose the key in it`);
    }
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DtorrentError('EFILECREATE', `cannot create ${path}: ${reason}`, { cause: thrown });
  }
  const publicKey = Buffer.from(ed25519PublicKey(seed)).toString('hex');
  context.stdout.write(options.json ? `${JSON.stringify({ publicKey })}\n` : `${publicKey}\n`);
  return 0;
}

function isSystemError(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
