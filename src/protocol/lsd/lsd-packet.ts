/**
 * The packet of local discovery (BEP 14): an HTTP-like text that says on which port a client takes peers for which
 * torrents. What is read is hostile: anything odd is no packet. Called by LsdCore.
 */
import { fromHex, fromLatin1, toHex, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';

/** What one client says to its local network. */
export interface LsdAnnounce {
  /** Where it takes peers, 1 to 65535. */
  readonly port: number;
  /** 20 bytes each, at least one. */
  readonly infoHashes: readonly Uint8Array[];
  /** By which a client knows its own packets; '' = none. */
  readonly cookie: string;
}

/** The multicast group of each family. */
export const LSD_GROUPS: Readonly<Record<4 | 6, string>> = { 4: '239.192.152.143', 6: 'ff15::efc0:988f' };
export const LSD_PORT = 6771;

const FIRST_LINE = 'BT-SEARCH * HTTP/1.1';
/** `Infohash: ` with 40 digits and the end of the line. */
const HASH_LINE_BYTES = 52;
const COOKIE_CHARACTERS_MAX = 64;

/** How many info-hashes a packet has room for, beside a cookie of eight characters. */
export const LSD_HASHES_PER_PACKET: number = Math.floor(
  (LIMITS.lsdPacketBytesMax - encodeLsdPacket({ port: 65_535, infoHashes: [], cookie: '01234567' }, 6).length) /
    HASH_LINE_BYTES,
);

/** @returns the packet for the group of that family. */
export function encodeLsdPacket({ port, infoHashes, cookie }: LsdAnnounce, family: 4 | 6): Uint8Array {
  const group = family === 4 ? LSD_GROUPS[4] : `[${LSD_GROUPS[6]}]`;
  const lines = [FIRST_LINE, `Host: ${group}:${LSD_PORT}`, `Port: ${port}`];
  for (const infoHash of infoHashes) lines.push(`Infohash: ${toHex(infoHash)}`);
  if (cookie !== '') lines.push(`cookie: ${cookie}`);
  return fromLatin1(`${lines.join('\r\n')}\r\n\r\n\r\n`);
}

/**
 * Names of headers are read in any case, headers that are not known are skipped, and so are info-hashes that are none;
 * the second empty line, or both, may be missing.
 * @returns null for what is no announce: another first line, no port or 0, no info-hash, too long.
 */
export function parseLsdPacket(packet: Uint8Array): LsdAnnounce | null {
  if (packet.length > LIMITS.lsdPacketBytesMax) return null;
  const [first, ...lines] = toLatin1(packet).split(/\r?\n/);
  if (first!.toUpperCase() !== FIRST_LINE) return null;
  let port = 0;
  let cookie = '';
  const infoHashes: Uint8Array[] = [];
  for (const line of lines) {
    if (line === '') break;
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(colon, 0)).trim().toLowerCase()) {
      case 'port':
        if (port !== 0 || !/^\d{1,5}$/.test(value) || Number(value) > 65_535) return null;
        port = Number(value);
        break;
      case 'infohash':
        if (/^[0-9a-f]{40}$/i.test(value)) infoHashes.push(fromHex(value)!);
        break;
      case 'cookie':
        cookie = value.slice(0, COOKIE_CHARACTERS_MAX);
        break;
    }
  }
  return port === 0 || infoHashes.length === 0 ? null : { port, infoHashes, cookie };
}
