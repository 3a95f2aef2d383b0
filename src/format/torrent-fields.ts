/**
 * What a person chooses when making a torrent, checked before hours are spent on hashing. Called by create-torrent.ts.
 */
import { fromUtf8 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';

export interface TorrentFields {
  /** Of the file, or of the directory: one path element. */
  readonly name: string;
  /** BEP 12 tiers, best first; empty tiers are left out. */
  readonly trackers: readonly (readonly string[])[];
  /** BEP 19 URLs. */
  readonly webSeeds: readonly string[];
  /** BEP 27: peers come from trackers only. */
  readonly isPrivate: boolean;
  readonly comment: string | null;
  /** Changes the info-hash and nothing else: private trackers ask for it. */
  readonly source: string | null;
  readonly createdBy: string | null;
  /** Seconds since 1970; null = left out, so that the same files always give the same torrent file. */
  readonly creationDate: number | null;
}

/** @throws {DtorrentError} `EOPTION` naming the first field that no reader would take. */
export function checkTorrentFields({ name, trackers, webSeeds, creationDate }: TorrentFields): void {
  if (!isPathElement(name)) {
    throw new DtorrentError('EOPTION', `a torrent cannot be named ${JSON.stringify(name)}: give it another name`);
  }
  const urls = trackers.flat();
  checkUrls(urls, { noun: 'tracker', schemes: TRACKER_SCHEMES, countMax: LIMITS.trackersPerTorrentMax });
  checkUrls(webSeeds, { noun: 'web seed', schemes: WEB_SEED_SCHEMES, countMax: LIMITS.webSeedsMax });
  if (creationDate !== null && !(Number.isSafeInteger(creationDate) && creationDate >= 0)) {
    throw new DtorrentError('EOPTION', `a creation date of ${creationDate} is no whole number of seconds since 1970`);
  }
}

const TRACKER_SCHEMES: readonly string[] = ['http:', 'https:', 'udp:', 'ws:', 'wss:'];
const WEB_SEED_SCHEMES: readonly string[] = ['http:', 'https:'];

function isPathElement(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

interface UrlRule {
  readonly noun: string;
  readonly schemes: readonly string[];
  readonly countMax: number;
}

function checkUrls(urls: readonly string[], { noun, schemes, countMax }: UrlRule): void {
  if (urls.length > countMax) throw new DtorrentError('EOPTION', `a torrent takes at most ${countMax} ${noun}s`);
  for (const url of urls) {
    if (fromUtf8(url).length > LIMITS.trackerUrlBytesMax) {
      throw new DtorrentError('EOPTION', `the ${noun} URL "${url.slice(0, 80)}…" is too long`);
    }
    // The URL parser drops line breaks; readers drop URLs that have them.
    if (/[\t\r\n]/.test(url) || !URL.canParse(url) || !schemes.includes(new URL(url).protocol)) {
      const expected = schemes.map((scheme) => `${scheme}//`).join(', ');
      throw new DtorrentError('EOPTION', `"${url}" is no ${noun} URL: it has to begin with one of ${expected}`);
    }
  }
}
