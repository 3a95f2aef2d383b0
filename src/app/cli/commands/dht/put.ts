/**
 * `dtorrent dht put VALUE`: has others keep a value for two hours (BEP 44), and prints the target or the public key that
 * finds it. With a key it replaces what was there, but not what somebody else with the key has put meanwhile.
 * Exit code 3 when no node has taken it.
 */
import { readFile, stat } from 'node:fs/promises';
import { encodeBencode } from '../../../../bencode.js';
import {
  type DhtClient,
  DtorrentError,
  ed25519PublicKey,
  immutableTarget,
  isValidValue,
  mutableTarget,
  type PutSummary,
  signItem,
} from '../../../../dht.js';
import type { CommandContext } from '../../context.js';
import type { DhtPutOptions } from '../../dht-options.js';
import { noAnswer, queryDht } from '../../dht-session.js';
import { formatCount } from '../../display/formats.js';
import { hexOf } from './value.js';

/** BEP 44. */
const VALUE_BYTES_MAX = 1000;
const SALT_BYTES_MAX = 64;
/** Above what any value or key can have. */
const FILE_BYTES_MAX = 4096;
const CAS_MISMATCH = 301;
const SEQUENCE_TOO_LOW = 302;

/** @returns the exit code. */
export async function runDhtPut(
  given: string | undefined,
  options: DhtPutOptions,
  context: CommandContext,
): Promise<number> {
  const value = await readValue(given, options);
  const seed = options.keyFile === undefined ? null : await readSeed(options.keyFile);
  if (seed === null) {
    for (const option of ['salt', 'cas', 'sequence'] as const) {
      if (options[option] !== undefined) throw new DtorrentError('EOPTION', `--${option} needs --key-file`);
    }
    const summary = await queryDht(options, context, (client, request) => client.put(value, request));
    finish({ target: immutableTarget(value), summary, version: null }, options, context);
    return 0;
  }
  const put = await queryDht(options, context, (client, request) =>
    putSigned({ client, seed, value }, options, request.signal),
  );
  finish(put, options, context);
  return 0;
}

interface Put {
  readonly target: Uint8Array;
  readonly summary: PutSummary;
  readonly version: { readonly publicKey: Uint8Array; readonly salt: Uint8Array; readonly sequence: bigint } | null;
}

async function putSigned(
  { client, seed, value }: { readonly client: DhtClient; readonly seed: Uint8Array; readonly value: Uint8Array },
  options: DhtPutOptions,
  signal: AbortSignal,
): Promise<Put> {
  const publicKey = ed25519PublicKey(seed);
  const salt = new TextEncoder().encode(options.salt ?? '');
  if (salt.length > SALT_BYTES_MAX) throw new DtorrentError('EOPTION', 'the salt is longer than 64 bytes');
  const current = await client.getMutable({ publicKey, salt }, { signal });
  const sequence = options.sequence ?? (current === null ? 1n : current.sequence + 1n);
  const cas = options.cas ?? current?.sequence;
  const item = signItem(seed, { salt, sequence, value });
  const summary = await client.putMutable(item, { signal, ...(cas === undefined ? {} : { cas }) });
  return { target: mutableTarget(publicKey, salt), summary, version: { publicKey, salt, sequence } };
}

/** @throws {DtorrentError} when nobody has taken it. */
function finish({ target, summary, version }: Put, { json }: DhtPutOptions, { stdout, stderr }: CommandContext): void {
  const { answers, stored, refusal } = summary;
  if (stored === 0 && answers === 0) throw noAnswer();
  // That some nodes had no version yet, and took this one, makes it no success.
  if (stored === 0 || refusal === CAS_MISMATCH || refusal === SEQUENCE_TOO_LOW) {
    throw new DtorrentError(...whyRefused(refusal));
  }
  if (json) {
    const signed =
      version === null
        ? {}
        : { publicKey: hexOf(version.publicKey), salt: hexOf(version.salt), sequence: String(version.sequence) };
    stdout.write(`${JSON.stringify({ target: hexOf(target), ...signed, stored })}\n`);
    return;
  }
  stdout.write(`${hexOf(version === null ? target : version.publicKey)}\n`);
  const which = version === null ? '' : `, sequence number ${version.sequence}`;
  stderr.write(`kept by ${formatCount(stored, 'node')}${which}\n`);
}

function whyRefused(refusal: number): ['EFAILED' | 'ENOTFOUND', string] {
  switch (refusal) {
    case CAS_MISMATCH:
      return ['EFAILED', 'somebody has replaced the item meanwhile: look at it, and put again'];
    case SEQUENCE_TOO_LOW:
      return ['EFAILED', 'there is an item with this sequence number or a higher one'];
    default:
      return ['ENOTFOUND', `no DHT node has taken it${refusal === 0 ? '' : `; the last refused with code ${refusal}`}`];
  }
}

/** @returns one value in bencode. */
async function readValue(given: string | undefined, { file, bencode }: DhtPutOptions): Promise<Uint8Array> {
  if ((given === undefined) === (file === undefined)) {
    throw new DtorrentError('EOPTION', 'give a VALUE to put, or --file, and not both');
  }
  const content = file === undefined ? new TextEncoder().encode(given) : await readSmall(file);
  const value = bencode ? content : encodeBencode(content);
  if (isValidValue(value)) return value;
  const problem =
    value.length > VALUE_BYTES_MAX ? 'is longer than 1000 bytes in bencode' : 'is not one value in canonical bencode';
  throw new DtorrentError('EOPTION', `what is to be put ${problem}`);
}

async function readSeed(path: string): Promise<Uint8Array> {
  const text = Buffer.from(await readSmall(path))
    .toString('latin1')
    .trim();
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new DtorrentError('EOPTION', `${path} holds no key: it has to be 64 hex digits, as dht keygen writes them`);
  }
  return new Uint8Array(Buffer.from(text, 'hex'));
}

async function readSmall(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX) throw new DtorrentError('EOPTION', `${path} is longer than anything that can be put`);
  return readFile(path);
}
