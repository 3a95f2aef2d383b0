/**
 * Which client a peer id belongs to (BEP 20 and the conventions beside it): Azureus, Shadow and Mainline style, and the
 * ids that follow none. A guess for people to read, nothing is decided by it: anybody can send any id.
 * Invariant: whatever the 20 bytes are, the result is short printable ASCII, but for names in our own tables.
 */
import { assert } from '../../base/assert.js';
import { toLatin1 } from '../../base/bytes.js';
import { PEER_ID_BYTES } from './handshake.js';

/** @returns name and version such as `Transmission 4.0.5`, `XY 1.2.3` for a code nobody knows, '' for no known form. */
export function clientOf(peerId: Uint8Array): string {
  assert(peerId.length === PEER_ID_BYTES, 'a peer id has 20 bytes');
  const id = toLatin1(peerId);
  return oddClient(id) ?? azureusClient(id) ?? mainlineClient(id) ?? shadowClient(id) ?? '';
}

/** How the four version characters of an Azureus style id are to be read; each stands for a number, A = 10. */
type VersionStyle =
  /** 1234 -> 1.2.3.4, without zeros at the end */
  | 'four'
  /** 1234 -> 1.2.3; the last one is a build, a flavour or nothing */
  | 'three'
  /** 0206 -> 2.6: two decimal digits each */
  | 'pairs'
  /** 0206 -> 2.06 */
  | 'hundredths'
  /** Transmission: 2940 -> 2.94, and from 4 on 4050 -> 4.0.5 */
  | 'transmission';

type NamedStyle = readonly [name: string, style: VersionStyle];

function azureusClient(id: string): string | null {
  const match = /^-([0-9A-Za-z~]{2})([0-9A-Za-z.]{4})-/.exec(id);
  if (match === null) return null;
  const [, code, version] = match;
  const [name, style] = AZUREUS_CODES.get(code!) ?? ([code!, 'four'] as const);
  return `${name} ${versionText(version!, style)}`;
}

function versionText(characters: string, style: VersionStyle): string {
  const numbers = [...characters].map(azureusDigit);
  const [a, b, c, d] = numbers as [number, number, number, number];
  switch (style) {
    case 'four': {
      let count = 4;
      while (count > 2 && numbers[count - 1] === 0) count--;
      return numbers.slice(0, count).join('.');
    }
    case 'three':
      return `${a}.${b}.${c}`;
    case 'pairs':
      return `${10 * a + b}.${10 * c + d}`;
    case 'hundredths':
      return `${10 * a + b}.${c}${d}`;
    case 'transmission':
      return a < 4 ? `${a}.${b}${c}` : `${a}.${b}.${c}`;
  }
}

/** 0-9, A-Z from 10, a-z from 36, as in Shadow's; '.' counts as nothing. */
function azureusDigit(character: string): number {
  return Math.max(0, SHADOW_DIGITS.indexOf(character)) % 62;
}

/** `M4-3-6--`: BitTorrent's own client before version 7, and who took after it. */
function mainlineClient(id: string): string | null {
  const match = /^(A2-|[A-Z])(\d{1,3}-\d{1,3}-\d{1,3})-/.exec(id);
  const name = match === null ? undefined : MAINLINE_LETTERS.get(match[1]!);
  return name === undefined ? null : `${name} ${match![2]!.replaceAll('-', '.')}`;
}

/** One letter, five version characters padded with '-', three more; BitTornado's `T03I-----`. */
function shadowClient(id: string): string | null {
  const match = /^([A-Z])(?=[^-])([0-9A-Za-z.-]{5})---/.exec(id);
  const name = match === null ? undefined : SHADOW_LETTERS.get(match[1]!);
  if (name === undefined) return null;
  const digits = [...match![2]!.replace(/-+$/, '')];
  return `${name} ${digits.map((digit) => SHADOW_DIGITS.indexOf(digit)).join('.')}`;
}

/** Forms of their own. */
function oddClient(id: string): string | null {
  for (const [pattern, name] of ODD_FORMS) {
    const match = pattern.exec(id);
    if (match !== null) return typeof name === 'string' ? name : name(match);
  }
  return null;
}

const ODD_FORMS: readonly (readonly [RegExp, string | ((match: RegExpExecArray) => string)])[] = [
  // BitComet and its child BitLord: two bytes of version behind four letters.
  [
    /^(?:exbc|FUTB|xUTB)([\s\S])([\s\S])(LORD)?/,
    ([, major, minor, lord]) =>
      `${lord === undefined ? 'BitComet' : 'BitLord'} ${byteOf(major!)}.${String(byteOf(minor!)).padStart(2, '0')}`,
  ],
  [/^XBT(\d)(\d)(\d)/, (match) => `XBT Client ${match.slice(1).join('.')}`],
  [/^OP(\d{4})/, ([, build]) => `Opera ${build}`],
  [/^-ML(\d{1,2}(?:\.\d{1,2}){1,3})/, ([, version]) => `MLDonkey ${version}`],
  [/^-BOW([0-9A-Z])([0-9A-Z])([0-9A-Z])-/, ([, a, b, c]) => `Bits on Wheels ${a}.${b}.${c}`],
  [/^-G3/, 'G3 Torrent'],
  [/^Mbrst(\d)-(\d)-(\d)/, (match) => `Burst ${match.slice(1).join('.')}`],
  [/^TIX(\d\d)(\d\d)/, ([, major, minor]) => `Tixati ${Number(major)}.${minor}`],
  [/^Plus(\d)(\d)(\d)/, (match) => `Plus! ${match.slice(1).join('.')}`],
  [/^btpd/, 'btpd'],
  [/^turbobt(\d+(?:\.\d+){0,3})/, ([, version]) => `TurboBT ${version}`],
  [/^DNA(\d\d)(\d\d)(\d\d)/, (match) => `BitTorrent DNA ${match.slice(1).map(Number).join('.')}`],
  [/^AZ2500BT/, 'BitTyrant 2.5.0'],
  [/^346-/, 'TorrentTopia'],
  [/^eX[0-9A-Za-z]/, 'eXeem'],
  [/^LIME/, 'LimeWire'],
  [/^Pando-/, 'Pando'],
  [/^a0[02]---0/, 'Swarmy'],
  [/^T00---0/, 'Teeweety'],
];

function byteOf(character: string): number {
  return character.charCodeAt(0);
}

const SHADOW_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-';

const SHADOW_LETTERS: ReadonlyMap<string, string> = new Map([
  ['A', 'ABC'],
  ['O', 'Osprey Permaseed'],
  ['Q', 'BTQueue'],
  ['R', 'Tribler'],
  ['S', 'Shadow'],
  ['T', 'BitTornado'],
  ['U', 'UPnP NAT Bit Torrent'],
]);

const MAINLINE_LETTERS: ReadonlyMap<string, string> = new Map([
  ['A2-', 'aria2'],
  ['M', 'BitTorrent'],
  ['Q', 'Queen Bee'],
]);

const AZUREUS_CODES: ReadonlyMap<string, NamedStyle> = new Map<string, NamedStyle>([
  ['7T', ['aTorrent', 'four']],
  ['AG', ['Ares', 'four']],
  ['AR', ['Arctic', 'four']],
  ['AT', ['Artemis', 'four']],
  ['AX', ['BitPump', 'four']],
  ['AZ', ['Vuze', 'four']],
  ['A~', ['Ares', 'four']],
  ['BB', ['BitBuddy', 'four']],
  ['BC', ['BitComet', 'hundredths']],
  ['BE', ['baretorrent', 'four']],
  ['BF', ['Bitflu', 'four']],
  ['BG', ['BTG', 'four']],
  ['BI', ['BiglyBT', 'four']],
  ['BL', ['BitCometLite', 'hundredths']],
  ['BP', ['BitTorrent Pro', 'four']],
  ['BR', ['BitRocket', 'four']],
  ['BT', ['BitTorrent', 'three']],
  ['BW', ['BitTorrent Web', 'three']],
  ['BX', ['BittorrentX', 'four']],
  ['CD', ['Enhanced CTorrent', 'pairs']],
  ['CT', ['CTorrent', 'pairs']],
  ['DE', ['Deluge', 'three']],
  ['DP', ['Propagate', 'four']],
  ['DT', ['dtorrent', 'three']],
  ['EB', ['EBit', 'four']],
  ['ES', ['electric sheep', 'four']],
  ['FC', ['FileCroc', 'four']],
  ['FD', ['Free Download Manager', 'three']],
  ['FG', ['FlashGet', 'pairs']],
  ['FL', ['Flud', 'four']],
  ['FT', ['FoxTorrent', 'four']],
  ['FW', ['FrostWire', 'three']],
  ['FX', ['Freebox', 'four']],
  ['GS', ['GSTorrent', 'four']],
  ['GT', ['anacrolix/torrent', 'four']],
  ['HK', ['Hekate', 'four']],
  ['HL', ['Halite', 'three']],
  ['HN', ['Hydranode', 'four']],
  ['IL', ['iLivid', 'four']],
  ['JS', ['Justseed.it', 'four']],
  ['KG', ['KGet', 'four']],
  ['KT', ['KTorrent', 'three']],
  ['LC', ['LeechCraft', 'four']],
  ['LH', ['LH-ABC', 'four']],
  ['LP', ['Lphant', 'pairs']],
  ['LT', ['libtorrent', 'three']],
  ['LW', ['LimeWire', 'four']],
  ['MK', ['Meerkat', 'four']],
  ['MO', ['MonoTorrent', 'four']],
  ['MP', ['MooPolice', 'three']],
  ['MR', ['Miro', 'four']],
  ['MT', ['MoonlightTorrent', 'four']],
  ['NE', ['BT Next Evolution', 'three']],
  ['NX', ['Net Transport', 'four']],
  ['OS', ['OneSwarm', 'four']],
  ['OT', ['OmegaTorrent', 'four']],
  ['PB', ['Protocol::BitTorrent', 'four']],
  ['PD', ['Pando', 'four']],
  ['PI', ['PicoTorrent', 'three']],
  ['PT', ['Popcorn Time', 'four']],
  ['QD', ['QQDownload', 'four']],
  ['QT', ['Qt 4', 'four']],
  ['RT', ['Retriever', 'four']],
  ['RZ', ['RezTorrent', 'four']],
  ['SB', ['Swiftbit', 'four']],
  ['SD', ['Thunder', 'four']],
  ['SM', ['SoMud', 'four']],
  ['SN', ['ShareNET', 'four']],
  ['SP', ['BitSpirit', 'three']],
  ['SS', ['SwarmScope', 'four']],
  ['ST', ['SymTorrent', 'four']],
  ['SZ', ['Shareaza', 'four']],
  ['S~', ['Shareaza', 'four']],
  ['TB', ['Torch', 'four']],
  ['TL', ['Tribler', 'three']],
  ['TN', ['TorrentDotNET', 'four']],
  ['TR', ['Transmission', 'transmission']],
  ['TS', ['TorrentStorm', 'four']],
  ['TT', ['TuoTu', 'three']],
  ['TX', ['Tixati', 'four']],
  ['UE', ['µTorrent Embedded', 'three']],
  ['UL', ['uLeecher!', 'four']],
  ['UM', ['µTorrent Mac', 'three']],
  ['UT', ['µTorrent', 'three']],
  ['UW', ['µTorrent Web', 'three']],
  ['VG', ['Vagaa', 'four']],
  ['WD', ['WebTorrent Desktop', 'pairs']],
  ['WT', ['BitLet', 'four']],
  ['WW', ['WebTorrent', 'pairs']],
  ['WY', ['FireTorrent', 'four']],
  ['XC', ['Xtorrent', 'four']],
  ['XF', ['Xfplay', 'four']],
  ['XL', ['Xunlei', 'four']],
  ['XT', ['XanTorrent', 'four']],
  ['XX', ['Xtorrent', 'four']],
  ['ZT', ['ZipTorrent', 'four']],
  ['lt', ['rTorrent', 'three']],
  ['qB', ['qBittorrent', 'three']],
  ['rQ', ['rqbit', 'four']],
  ['st', ['sharktorrent', 'four']],
]);
