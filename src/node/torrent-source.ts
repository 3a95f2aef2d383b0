/**
 * From what a person types to what can be added: a .torrent's path, a magnet link, an http(s) URL, a bare info-hash,
 * or `-` for standard input. Only fetches and bounds the bytes (LIMITS.torrentFileBytesMax); format/metainfo judges
 * them. Exported by the library as loadSource; the command line and Engine.add call it.
 */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { concatBytes } from '../base/bytes.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { USER_AGENT } from '../base/version.js';
import { type Magnet, parseInfoHashText, parseMagnet } from '../format/magnet.js';
import type { Metainfo } from '../format/metainfo.js';
import type { HttpResponse } from '../host/network.js';
import { HttpClient } from './http.js';
import { localHosts } from './local-hosts.js';
import { systemErrorCode } from './system-error.js';

/** What a torrent can be made of: the bytes of a .torrent file, not parsed yet, or a parsed magnet link. */
export type TorrentSource =
  | {
      readonly kind: 'metainfo';
      readonly bytes: Uint8Array;
      /** What `bytes` say, when somebody has read them already: it is not done twice then. */
      readonly metainfo?: Metainfo;
    }
  | { readonly kind: 'magnet'; readonly magnet: Magnet };

/** How a torrent is loaded. */
export interface LoadSourceOptions {
  /** Gives up with `ESTOPPED` when aborted. */
  readonly signal?: AbortSignal;
  /** Addresses and interfaces that URLs are fetched from, apart by commas; `ENETWORK` when none of them is there. */
  readonly localAddress?: string;
  /** What `-` reads; default: the process's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** For a URL, from request to last byte; default LIMITS.torrentFileUrlTimeoutMs. */
  readonly timeoutMs?: number;
}

/** See src/tools.ts. */
export async function loadSource(input: string, options: LoadSourceOptions = {}): Promise<TorrentSource> {
  throwIfStopped(options.signal);
  if (/^magnet:/i.test(input)) return { kind: 'magnet', magnet: parseMagnet(input) };
  if (/^https?:\/\//i.test(input)) return { kind: 'metainfo', bytes: await fetchTorrentFile(input, options) };
  const magnet = parseInfoHashText(input);
  if (magnet !== null) return { kind: 'magnet', magnet };
  if (input === '-') return { kind: 'metainfo', bytes: await readStdin(options) };
  return { kind: 'metainfo', bytes: await readTorrentFile(input) };
}

async function readTorrentFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      if (stats.isDirectory()) {
        throw new DtorrentError('EFILEOPEN', `${path} is a directory, not a torrent file; to share it: dtorrent seed`);
      }
      // The size is a hint only: a pipe has none, and a file may grow while it is read.
      if (stats.size > LIMITS.torrentFileBytesMax) throw tooBig(path);
      return await readBounded(file.createReadStream({ autoClose: false }), path);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

async function readStdin({ stdin = process.stdin, signal }: LoadSourceOptions): Promise<Uint8Array> {
  // A read of a terminal that nobody types on ends only when the stream does.
  const onAbort = (): void => void (stdin instanceof Readable && stdin.destroy());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await readBounded(stdin, 'standard input');
  } catch (error) {
    throwIfStopped(signal);
    throw toDtorrentError(error, 'EFILEIO');
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function fetchTorrentFile(url: string, options: LoadSourceOptions): Promise<Uint8Array> {
  const client = new HttpClient();
  try {
    const response = await getFromSome(client, url, options);
    if (response.status !== 200) throw statusError(response.status, url);
    // Every torrent file is a dictionary; login pages and error pages are what comes instead.
    if (response.body[0] === 0x64) return response.body;
    throw new DtorrentError('EBENCODE', `${url} gives something that is not a torrent file, perhaps a web page`);
  } finally {
    await client.close();
  }
}

/** From the first local address; from the next one where that does not get through, of the other family perhaps. */
async function getFromSome(client: HttpClient, url: string, options: LoadSourceOptions): Promise<HttpResponse> {
  const hosts = localHosts(options.localAddress ?? '');
  for (const bindHost of hosts.slice(0, -1)) {
    try {
      return await get(client, url, { ...options, bindHost });
    } catch (error) {
      throwIfStopped(options.signal);
      if (!(error instanceof DtorrentError) || !['ENETWORK', 'ERESOLVE'].includes(error.code)) throw error;
    }
  }
  return get(client, url, { ...options, bindHost: hosts.at(-1)! });
}

function get(
  client: HttpClient,
  url: string,
  options: LoadSourceOptions & { readonly bindHost: string },
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      exchange.cancel();
      reject(stoppedError());
    };
    const request = {
      url,
      userAgent: USER_AGENT,
      timeoutMs: options.timeoutMs ?? LIMITS.torrentFileUrlTimeoutMs,
      bodyBytesMax: LIMITS.torrentFileBytesMax,
      redirectsMax: LIMITS.httpRedirectsMax,
      bindHost: options.bindHost,
      family: 0,
    } as const;
    const exchange = client.get(request, (result) => {
      options.signal?.removeEventListener('abort', onAbort);
      if (result instanceof DtorrentError) reject(result);
      else resolve(result);
    });
    options.signal?.addEventListener('abort', onAbort, { once: true });
  });
}

async function readBounded(chunks: AsyncIterable<Uint8Array>, from: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > LIMITS.torrentFileBytesMax) throw tooBig(from);
    parts.push(chunk);
  }
  return concatBytes(parts);
}

function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stoppedError();
}

function stoppedError(): DtorrentError {
  return new DtorrentError('ESTOPPED', 'stopped');
}

function tooBig(from: string): DtorrentError {
  const mib = LIMITS.torrentFileBytesMax / (1024 * 1024);
  return new DtorrentError('ETORRENT', `${from} is larger than ${mib} MiB: no torrent file is`);
}

function fileError(error: unknown, path: string): DtorrentError {
  if (error instanceof DtorrentError) return error;
  const cause = { cause: error };
  switch (systemErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return new DtorrentError(
        'ENOTFOUND',
        `there is no file "${path}"; give a .torrent, a magnet link, an http(s) URL, an info-hash (40 or 64 hex) or -`,
        cause,
      );
    case 'EACCES':
    case 'EPERM':
      return new DtorrentError('EFILEOPEN', `not allowed to read ${path}`, cause);
    default:
      return new DtorrentError(
        'EFILEIO',
        `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`,
        cause,
      );
  }
}

function statusError(status: number, url: string): DtorrentError {
  const what = `${url} answers ${status}`;
  if (status === 404 || status === 410) return new DtorrentError('ENOTFOUND', `${what}: there is nothing there`);
  if (status === 401 || status === 403) return new DtorrentError('EAUTH', `${what}: it wants a login`);
  return new DtorrentError('EFAILED', `${what}${status >= 500 ? '; try again later' : ''}`);
}
