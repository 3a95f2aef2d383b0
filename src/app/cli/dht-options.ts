/** The options of `dtorrent dht COMMAND`, as options.ts has those of the others. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { add, appendPeer, parsePort, parseSeconds } from './options.js';

/** What all of them have. */
export interface DhtOptions {
  readonly bind?: string;
  /** `host:port`. */
  readonly bootstrap?: readonly string[];
  /** '' = the table of nodes is not kept. */
  readonly stateDir?: string;
  readonly json: boolean;
}

export interface DhtQueryOptions extends DhtOptions {
  /** Seconds for everything. */
  readonly timeout?: number;
}

export interface DhtNodeOptions extends DhtOptions {
  readonly port: number;
  readonly readOnly: boolean;
}

export interface DhtGetOptions extends DhtQueryOptions {
  /** Hex. */
  readonly key?: string;
  readonly salt?: string;
  readonly raw: boolean;
}

export interface DhtPutOptions extends DhtQueryOptions {
  readonly file?: string;
  readonly bencode: boolean;
  readonly keyFile?: string;
  readonly salt?: string;
  readonly cas?: bigint;
  readonly sequence?: bigint;
}

export interface DhtKeygenOptions {
  readonly force: boolean;
  readonly json: boolean;
}

export function addDhtNodeOptions(command: Command): void {
  add(command, new Option('--port <n>', 'UDP port to listen on; 0 = any').argParser(parsePort).default(6881));
  add(command, new Option('--read-only', 'ask, and answer nobody (BEP 43)').default(false));
  addDhtOptions(command);
}

export function addDhtQueryOptions(command: Command): void {
  add(command, new Option('--timeout <seconds>', 'end with exit code 2 after so long').argParser(parseSeconds));
  addDhtOptions(command);
}

export function addDhtGetOptions(command: Command): void {
  add(command, new Option('--key <hex>', 'the newest item of this public key, instead of TARGET').argParser(parseKey));
  add(command, new Option('--salt <text>', 'which of the items of the key'));
  add(command, new Option('--raw', 'print the value as it is stored, in bencode').default(false));
  addDhtQueryOptions(command);
}

export function addDhtPutOptions(command: Command): void {
  add(command, new Option('--file <file>', 'put what is in this file, instead of VALUE'));
  add(command, new Option('--bencode', 'the value is bencode already, and not a text').default(false));
  add(
    command,
    new Option('--key-file <file>', 'sign it with the key in this file (dht keygen), so it can be replaced'),
  );
  add(command, new Option('--salt <text>', 'which of the items of the key'));
  add(
    command,
    new Option('--cas <n>', 'only in place of this sequence number (default: the one there is)').argParser(
      parseSequence,
    ),
  );
  add(
    command,
    new Option('--sequence <n>', 'the sequence number (default: one more than there is)').argParser(parseSequence),
  );
  addDhtQueryOptions(command);
}

export function addDhtKeygenOptions(command: Command): void {
  add(command, new Option('-F, --force', 'overwrite an existing file').default(false));
  add(command, new Option('--json', 'print one JSON object').default(false));
}

function addDhtOptions(command: Command): void {
  add(
    command,
    new Option(
      '--bootstrap <host:port>',
      'a node to begin with, instead of the well-known and of those of earlier runs (repeatable; "" = none)',
    ).argParser(appendPeer),
  );
  add(command, new Option('--bind <list>', 'addresses and interfaces to listen on and ask from, apart by commas'));
  add(
    command,
    new Option(
      '--state-dir <dir>',
      'where the nodes that are known are kept (default: where this system has such; "" = nowhere)',
    ),
  );
  add(command, new Option('--json', 'one JSON object a line').default(false));
}

function parseKey(value: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(value)) throw new InvalidArgumentError('It has to be 64 hex digits.');
  return value;
}

function parseSequence(value: string): bigint {
  const sequence = /^\d{1,19}$/.test(value) ? BigInt(value) : -1n;
  if (sequence < 0n || sequence > SEQUENCE_MAX) throw new InvalidArgumentError('It has to be a number below 2^63.');
  return sequence;
}

const SEQUENCE_MAX = 2n ** 63n - 1n;
