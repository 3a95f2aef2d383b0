/**
 * `dtorrent dht get TARGET` or `--key KEY`: a value that is kept in the DHT (BEP 44). A string is printed as it is, so that
 * it can go into a file; other values as JSON. Exit code 3 when nobody has it.
 */
import { type DhtItemKey, DtorrentError, mutableTarget } from '../../../../dht.js';
import { parseMutableMagnet } from '../../../../magnet.js';
import type { CommandContext } from '../../context.js';
import type { DhtGetOptions } from '../../dht-options.js';
import { queryDht } from '../../dht-session.js';
import { sanitizeText } from '../../display/terminal-text.js';
import { hexOf, jsonOf, stringOf, textOf } from './value.js';

/** @returns the exit code. */
export async function runDhtGet(
  target: string | undefined,
  options: DhtGetOptions,
  context: CommandContext,
): Promise<number> {
  const key = itemKey(target, options);
  const found = key === null ? await getImmutable(target, options, context) : await getMutable(key, options, context);
  print(found, options, context);
  return 0;
}

interface FoundItem {
  readonly target: Uint8Array;
  /** In bencode. */
  readonly value: Uint8Array;
  /** Of a mutable item what comes with the value. */
  readonly version: {
    readonly key: Required<DhtItemKey>;
    readonly sequence: bigint;
    readonly signature: Uint8Array;
  } | null;
}

async function getImmutable(
  text: string | undefined,
  options: DhtGetOptions,
  context: CommandContext,
): Promise<FoundItem> {
  if (text === undefined)
    throw new DtorrentError('EOPTION', 'nothing to get: give a TARGET, or --key with a public key');
  if (!/^[0-9a-fA-F]{40}$/.test(text)) {
    throw new DtorrentError('EOPTION', `${text} is no target: it has to be 40 hex digits, or a magnet link with a key`);
  }
  if (options.salt !== undefined) throw new DtorrentError('EOPTION', '--salt is for --key: a target has it in it');
  const target = new Uint8Array(Buffer.from(text, 'hex'));
  const value = await queryDht(options, context, (client, request) => client.get(target, request));
  if (value === null) throw nobodyHas(text);
  return { target, value, version: null };
}

async function getMutable(
  key: Required<DhtItemKey>,
  options: DhtGetOptions,
  context: CommandContext,
): Promise<FoundItem> {
  const found = await queryDht(options, context, (client, request) => client.getMutable(key, request));
  if (found === null) throw nobodyHas(`an item of ${hexOf(key.publicKey)}`);
  const { value, sequence, signature } = found;
  return { target: mutableTarget(key.publicKey, key.salt), value, version: { key, sequence, signature } };
}

/** @returns null when it is a target that is asked for. */
function itemKey(target: string | undefined, options: DhtGetOptions): Required<DhtItemKey> | null {
  if (options.key !== undefined) {
    if (target !== undefined) throw new DtorrentError('EOPTION', 'give a TARGET or --key, not both');
    const salt = new TextEncoder().encode(options.salt ?? '');
    return { publicKey: new Uint8Array(Buffer.from(options.key, 'hex')), salt };
  }
  if (target === undefined || !/^magnet:/i.test(target)) return null;
  const { publicKey, salt } = parseMutableMagnet(target);
  return { publicKey, salt };
}

function nobodyHas(what: string): DtorrentError {
  return new DtorrentError('ENOTFOUND', `nobody in the DHT has ${what}`);
}

function print(found: FoundItem, options: DhtGetOptions, { stdout }: CommandContext): void {
  const { value } = found;
  if (options.json) {
    stdout.write(`${JSON.stringify(forPrograms(found))}\n`);
    return;
  }
  const bytes = options.raw ? value : stringOf(value);
  if (bytes === null) stdout.write(`${JSON.stringify(jsonOf(value))}\n`);
  // Into a file it goes as it was put; on a terminal it must not do anything.
  else if (stdout.isTTY === true) stdout.write(`${sanitizeText(textOf(bytes) ?? hexOf(bytes))}\n`);
  else stdout.write(bytes);
}

function forPrograms({ target, value, version }: FoundItem): object {
  const item = { target: hexOf(target), value: jsonOf(value), bencode: hexOf(value) };
  if (version === null) return item;
  const { key, sequence, signature } = version;
  return {
    ...item,
    publicKey: hexOf(key.publicKey),
    salt: hexOf(key.salt),
    // Up to 2^63, which is more than JSON's numbers are exact to.
    sequence: String(sequence),
    signature: hexOf(signature),
  };
}
