/**
 * What a tracker's host says in DNS of the trackers that it has (BEP 34): a TXT record that begins with the word
 * BITTORRENT names all of them, `UDP:port` and `TCP:port`, the best first. Called by engine/announce.
 */
import { LIMITS } from '../../base/limits.js';
import type { TrackerUrl } from './tracker-url.js';

/** One tracker of a host. TCP means HTTP, with or without TLS. */
export interface PreferredTracker {
  readonly protocol: 'UDP' | 'TCP';
  /** 1 to 65535. */
  readonly port: number;
}

/** The best first; empty = the host has no tracker, and does not want to be asked. */
export type DnsPreferences = readonly PreferredTracker[];

/**
 * @param records TXT records, the strings of each in one.
 * @returns null when none of them is about trackers.
 */
export function parseDnsPreferences(records: readonly string[]): DnsPreferences | null {
  const record = records.find((text) => /^BITTORRENT(?: |$)/.test(text));
  if (record === undefined) return null;
  const preferences: PreferredTracker[] = [];
  for (const word of record.slice(0, LIMITS.trackerDnsRecordBytesMax).split(' ')) {
    const match = /^(UDP|TCP):(\d{1,5})$/.exec(word);
    const port = Number(match?.[2] ?? 0);
    if (match !== null && port >= 1 && port <= 65535) {
      preferences.push({ protocol: match[1] as PreferredTracker['protocol'], port });
    }
  }
  return preferences;
}

/**
 * The URL that is to be asked instead of `url`: the same when its host has that tracker, otherwise its host's best one,
 * with the same path and query. What is encrypted stays so: instead of `https` there is only `https`.
 * @returns null when the host has no such tracker.
 */
export function preferredUrl(url: TrackerUrl, written: string, preferences: DnsPreferences): string | null {
  const protocol = url.scheme === 'udp' ? 'UDP' : 'TCP';
  if (preferences.some((one) => one.protocol === protocol && one.port === url.port)) return written;
  const best = url.scheme === 'https' ? preferences.find((one) => one.protocol === 'TCP') : preferences[0];
  if (best === undefined) return null;
  const scheme = best.protocol === 'UDP' ? 'udp' : url.scheme === 'https' ? 'https' : 'http';
  const credentials = /^[a-z]+:\/\/([^@/?#]*@)/i.exec(written)?.[1] ?? '';
  // `/announce` is what a UDP tracker takes an empty path for, and what HTTP trackers serve.
  const target = scheme !== 'udp' && (url.target === '' || url.target === '/') ? '/announce' : url.target;
  return `${scheme}://${credentials}${url.host}:${best.port}${target}`;
}

/** Whether DNS can say something of it: not of addresses, nor of names that only the local network knows. */
export function mayHavePreferences(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return name.includes('.') && !/^[\d.]+$/.test(name) && !name.includes(':') && !/\.(?:local|localhost)$/.test(name);
}
