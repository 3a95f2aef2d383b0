/**
 * A DHT client for the time of one command: options to settings, warnings for people, and the end. The table of nodes is
 * kept where resume data is, so that the next command need not ask the well-known nodes first.
 */
import { join } from 'node:path';
import { DhtClient, DtorrentError, wireHashes } from '../../dht.js';
import { parseInfoHashText, parseMagnet } from '../../magnet.js';
import type { CommandContext } from './context.js';
import type { DhtOptions, DhtQueryOptions } from './dht-options.js';
import { warningSentence } from './display/sentences.js';
import { stateDirectory, thisMachine } from './state-directory.js';

const TABLE_FILE = 'dht-nodes';

/** What a client is started for. */
export interface DhtRole {
  /** 0 = any. */
  readonly port: number;
  readonly isReadOnly: boolean;
  /** Whether it is worth a word that one name has no address. When none has, whatever is asked fails with that. */
  readonly tellsNames: boolean;
}

/** @returns what `use` returns; the client is stopped then, and its table kept. */
export async function withDht<T>(
  options: DhtOptions,
  context: CommandContext,
  { port, isReadOnly, tellsNames }: DhtRole,
  use: (client: DhtClient) => Promise<T>,
): Promise<T> {
  const { bind, bootstrap } = options;
  const tableFile = tablePath(options, context);
  const client = await DhtClient.start({
    port,
    isReadOnly,
    // On one machine nodes may share an address; in the world that is what an attacker does.
    allowSameIp: bind !== undefined && /^(127\.|::1$|lo\d*$)/.test(bind),
    onWarning: (error) => {
      if (tellsNames || error.code !== 'ERESOLVE') context.stderr.write(`${warningSentence(error)}\n`);
    },
    ...(bind === undefined ? {} : { bind }),
    ...(bootstrap === undefined ? {} : { bootstrap }),
    ...(tableFile === null ? {} : { tableFile }),
  });
  try {
    return await use(client);
  } finally {
    await client.stop();
  }
}

/** Runs one query. It is read-only (BEP 43): by the time that others would ask us, we are gone. */
export function queryDht<T>(
  options: DhtQueryOptions,
  context: CommandContext,
  query: (client: DhtClient, request: { readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { timeout } = options;
  const signal =
    timeout === undefined ? context.stop : AbortSignal.any([context.stop, AbortSignal.timeout(1000 * timeout)]);
  const role = { port: 0, isReadOnly: true, tellsNames: false };
  return withDht(options, context, role, (client) => query(client, { signal }));
}

/**
 * @returns the info-hashes that the DHT knows a torrent by, 20 bytes each: of a hybrid torrent two
 * @throws {DtorrentError} `EOPTION` for a private torrent, of which nobody but its tracker is to hear; as loadSource
 */
export async function dhtHashes(input: string, context: CommandContext): Promise<Uint8Array[]> {
  const magnet = /^magnet:/i.test(input) ? parseMagnet(input) : parseInfoHashText(input);
  if (magnet !== null) return wireHashes(magnet.infoHash);
  const [{ loadSource }, { parseMetainfo }] = await Promise.all([
    import('../../tools.js'),
    import('../../metainfo.js'),
  ]);
  const source = await loadSource(input, { signal: context.stop });
  if (source.kind === 'magnet') return wireHashes(source.magnet.infoHash);
  const { infoHash, isPrivate, name } = parseMetainfo(source.bytes);
  if (isPrivate) throw new DtorrentError('EOPTION', `${name} is private: nothing of it is told to the DHT`);
  return wireHashes(infoHash);
}

/** That no node has answered is another thing than that none has what was asked for. */
export function noAnswer(): DtorrentError {
  return new DtorrentError('ETIMEOUT', 'no DHT node has answered: is there a network, and does it let UDP through?');
}

/** Nodes that are named are a network of their own, which the nodes of earlier runs may not be of. */
function tablePath({ stateDir, bootstrap }: DhtOptions, { environment }: CommandContext): string | null {
  const directory = stateDirectory(stateDir, thisMachine(environment));
  return bootstrap !== undefined || directory === '' ? null : join(directory, TABLE_FILE);
}
