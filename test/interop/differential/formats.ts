/** The npm libraries that the differential tests compare with, and the types of what is used of them. */
import type { TestContext } from 'node:test';
import { importFromNpmPackage } from '../../harness/npm-package.js';
import { requireClient } from '../clients.js';

/** What `bencode` decodes to; byte strings are views, integers are numbers of any size. */
export type TheirBencode = number | Uint8Array | readonly TheirBencode[] | { readonly [key: string]: TheirBencode };

/** What `parse-torrent` says of a torrent file. */
export interface TheirTorrent {
  readonly infoHash: string;
  readonly name: string;
  readonly announce: readonly string[];
  readonly urlList: readonly string[];
  readonly private?: boolean;
  readonly created?: Date;
  readonly createdBy?: string;
  readonly comment?: string;
  readonly length: number;
  readonly pieceLength: number;
  /** SHA-1 in hex. */
  readonly pieces: readonly string[];
  readonly files: readonly { readonly path: string; readonly length: number; readonly offset: number }[];
}

/** What `magnet-uri` makes of a link, and a link of. */
export interface TheirMagnet {
  readonly infoHash?: string;
  readonly infoHashV2?: string;
  readonly name?: string;
  readonly announce?: readonly string[];
  readonly urlList?: readonly string[];
  readonly peerAddresses?: readonly string[];
  /** File indices. */
  readonly so?: readonly number[];
}

export interface Formats {
  readonly bencode: {
    encode(value: unknown): Uint8Array;
    decode(bytes: Uint8Array): TheirBencode;
  };
  parseTorrent(bytes: Uint8Array): Promise<TheirTorrent>;
  decodeMagnet(link: string): TheirMagnet;
  encodeMagnet(magnet: TheirMagnet): string;
  createTorrent(
    input: readonly Uint8Array[],
    options: Readonly<Record<string, unknown>>,
    done: (error: Error | null, torrent: Uint8Array) => void,
  ): void;
}

/** @returns null after marking the test as skipped (or failed, in CI) because they are not installed. */
export async function loadFormats(t: TestContext): Promise<Formats | null> {
  if (!requireClient(t, 'npm package of the interop tests')) return null;
  return importFromNpmPackage<Formats>('formats.js');
}
