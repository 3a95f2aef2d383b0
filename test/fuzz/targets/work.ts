/**
 * No input is quadratic: a stretch of a real input is said again and again, and twice as many times must be about twice
 * the work of the decoder. Work is counted in steps (work-meter.ts), not in time. Inputs are a script: decoder, sample,
 * place and length of the stretch.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeAddress } from '../../../src/base/address.js';
import { concatBytes, fromLatin1, fromUtf8, toLatin1, toUtf8 } from '../../../src/base/bytes.js';
import { SeededRandom } from '../../../src/base/random.js';
import { parseSelection, type SelectableTorrent, selectionOfMagnet } from '../../../src/engine/data/file-selection.js';
import { decodeBencode, encodeBencode } from '../../../src/format/bencode.js';
import { FileLayout } from '../../../src/format/file-layout.js';
import { parseMagnet } from '../../../src/format/magnet.js';
import { parseMetainfo } from '../../../src/format/metainfo.js';
import { decodeResumeData } from '../../../src/format/resume-data.js';
import { safePath } from '../../../src/format/safe-path.js';
import { HYBRID_TORRENT, V2_TORRENT } from '../../../src/format/testing/example-torrents.js';
import { parseIgdDescription } from '../../../src/protocol/nat/igd.js';
import { decodeSsdpAnswer, parseLanUrl } from '../../../src/protocol/nat/ssdp.js';
import { DESCRIPTION, OLD_DESCRIPTION, SEARCH_ANSWER } from '../../../src/protocol/nat/testing/recorded-router.js';
import { parseAnnounceResponse, parseScrapeResponse } from '../../../src/protocol/tracker/http.js';
import { TrackerServer } from '../../../src/protocol/tracker/server.js';
import { answerHttp } from '../../../src/protocol/tracker/server-http.js';
import { parseTrackerUrl } from '../../../src/protocol/tracker/tracker-url.js';
import { WireDecoder } from '../../../src/protocol/wire/decoder.js';
import { decodeExtensionHandshake } from '../../../src/protocol/wire/extension-handshake.js';
import { decodeMetadataMessage } from '../../../src/protocol/wire/metadata.js';
import { Dice } from '../dice.js';
import type { FuzzTarget } from '../target.js';
import { WorkMeter } from '../work-meter.js';
import { resumeDataTarget } from './resume-data.js';
import { wireTarget } from './wire.js';
import { EncodingHandler } from './wire-echo.js';

interface Reader {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  read(input: Uint8Array): void;
}

const REPEATS = 300;
/** 2 is linear, 4 is quadratic. */
const GROWTH_MAX = 2.7;
/** Fewer are only how things begin. */
const STEPS_MIN = 3000;
const MEASURED_AGAIN = 3;
const CLIENT = makeAddress('1.2.3.4', 1)!;
const ROUTER = parseLanUrl('http://192.168.77.1:5000/')!;

const lists = encodeBencode({
  info: { files: [{ length: 1, path: ['d', 'a.txt'] }], name: 'n', 'piece length': 16_384, pieces: new Uint8Array(20) },
});
const links = encodeBencode({
  info: {
    files: [
      { length: 1, path: ['a'] },
      { attr: 'l', length: 0, path: ['b'], 'symlink path': ['b'] },
    ],
    name: 'n',
    'piece length': 1,
    pieces: new Uint8Array(20),
  },
});
const magnet = fromUtf8(
  `magnet:?xt=urn:btih:${'a'.repeat(40)}&tr=http%3A%2F%2Fa.b%2F&so=0-999999,1&x.pe=1.2.3.4:5&ws=http://a/&dn=a+b`,
);

/** Of a torrent that grows with the question. */
function filesFor(count: number): SelectableTorrent {
  return { name: 'n', files: Array.from({ length: count }, (_, i) => ({ path: ['n', `${i}.txt`], padding: false })) };
}

const READERS: readonly Reader[] = [
  {
    name: 'bencode',
    samples: [
      V2_TORRENT,
      fromLatin1('ld1:bi1e1:ai2ee'),
      fromLatin1('d1:a0:1:a0:'),
      fromLatin1('llll'),
      fromLatin1('d3:ab10:3:ab20:'),
    ],
    read: readLenient,
  },
  {
    name: 'metainfo',
    samples: [V2_TORRENT, HYBRID_TORRENT, lists, links],
    read: (input) => void new FileLayout(parseMetainfo(input)),
  },
  { name: 'magnet', samples: [magnet], read: readMagnet },
  {
    name: 'safe-path',
    samples: ['con .txt', '. . a', 'a/b\\..', 'é😀.'].map(fromUtf8),
    read: (input) => void safePath([input]),
  },
  { name: 'resume-data', samples: resumeDataTarget.samples, read: (input) => void decodeResumeData(input) },
  { name: 'wire', samples: wireTarget.samples, read: readWire },
  { name: 'wire-bytes', samples: wireTarget.samples, read: readWireByBytes },
  {
    name: 'extension-handshake',
    samples: [fromLatin1('d1:md2:aai1e2:abi2ee1:v3:\u0080xye')],
    read: (input) => void decodeExtensionHandshake(input),
  },
  {
    name: 'ut-metadata',
    samples: [fromLatin1('d8:msg_typei1e5:piecei0e10:total_sizei9eexxxx')],
    read: (input) => void decodeMetadataMessage(input),
  },
  {
    name: 'http-tracker',
    samples: [
      fromLatin1('d8:intervali9e5:peersld2:ip9:127.0.0.14:porti1eed2:ip4:host4:porti1eeee'),
      fromLatin1('d5:filesd20:aaaaaaaaaaaaaaaaaaaade20:baaaaaaaaaaaaaaaaaaadeee'),
    ],
    read: readTracker,
  },
  {
    name: 'tracker-url',
    samples: ['http://a.b.c/announce/x?y=1#z', 'udp://[::1]:80/a'].map(fromUtf8),
    read: (input) => void parseTrackerUrl(toUtf8(input)),
  },
  {
    name: 'tracker-server',
    samples: [fromUtf8('/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=%61%ff+aaaaaaaaaaaaaaaaa&port=1&left=0&x=1')],
    read: readServer,
  },
  {
    name: 'igd-description',
    samples: [
      DESCRIPTION,
      OLD_DESCRIPTION,
      ...['<a>', '<a b="', '&#1;&', '<![CDATA[]]', '<!-- -', '</a>'].map(fromUtf8),
    ],
    read: (input) => void parseIgdDescription(input, ROUTER),
  },
  { name: 'ssdp', samples: [SEARCH_ANSWER, fromUtf8('http://1.2.3.4:5/#/')], read: readSsdp },
  { name: 'file-numbers', samples: [fromUtf8('1-999,1')], read: readNumbers },
  {
    name: 'file-selection',
    samples: ['*.txt', '1,3-5', '**/a', '[a-z]', '0.txt\n'].map(fromUtf8),
    read: readSelection,
  },
];

let meter: WorkMeter | null = null;

export const workTarget: FuzzTarget = {
  name: 'work',
  inputs: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  samples: READERS.map((_, i) => Uint8Array.of(i, 0, 0, 0, 0, 8)),
  bytesMax: 6,
  casesPerRound: 10,
  check,
};

function check(input: Uint8Array): void {
  meter ??= new WorkMeter();
  const dice = new Dice(input);
  const { name, samples, read } = dice.pick(READERS);
  const sample = dice.pick(samples);
  const start = (256 * dice.byte() + dice.byte()) % sample.length;
  const stretch = sample.subarray(start, start + 1 + ((256 * dice.below(4) + dice.byte()) % (sample.length - start)));
  const repeated = (times: number): Uint8Array =>
    concatBytes([
      sample.subarray(0, start),
      ...new Array<Uint8Array>(times).fill(stretch),
      sample.subarray(start + stretch.length),
    ]);
  const stepsOf = (times: number): number => {
    const bytes = repeated(times);
    return meter!.stepsOf(() => read(bytes));
  };
  let growth = growthOf(stepsOf);
  // What is counted is exact, but V8 now and then drops a function's counts: what is quadratic is so each time.
  for (let again = 0; again < MEASURED_AGAIN && growth.isSteep; again++) growth = growthOf(stepsOf);
  const { once, twice, isSteep } = growth;
  assert.ok(
    !isSteep,
    `${name}: ${JSON.stringify(toLatin1(stretch))} × ${REPEATS} at ${start} is ${once} steps, twice as many are ${twice}`,
  );
}

function growthOf(stepsOf: (times: number) => number): { once: number; twice: number; isSteep: boolean } {
  const base = stepsOf(1);
  const once = stepsOf(REPEATS) - base;
  const twice = stepsOf(2 * REPEATS) - base;
  return { once, twice, isSteep: twice > GROWTH_MAX * Math.max(0, once) + STEPS_MIN };
}

function readLenient(input: Uint8Array): void {
  decodeBencode(input, { mode: 'lenient', allowTrailing: true });
}

function readMagnet(input: Uint8Array): void {
  const { select } = parseMagnet(toUtf8(input));
  if (select !== null) selectionOfMagnet(select).choose(filesFor(input.length));
}

function readWire(input: Uint8Array): void {
  const handler = new EncodingHandler();
  handler.decoder = new WireDecoder(handler);
  handler.decoder.push(input.subarray(1));
}

function readWireByBytes(input: Uint8Array): void {
  const handler = new EncodingHandler();
  handler.decoder = new WireDecoder(handler);
  for (let i = 1; i < input.length; i++) handler.decoder.push(input.subarray(i, i + 1));
}

function readTracker(input: Uint8Array): void {
  parseAnnounceResponse(200, input);
  parseScrapeResponse(200, input, [new Uint8Array(20).fill(0x61)]);
}

function readServer(input: Uint8Array): void {
  answerHttp(new TrackerServer({ intervalSeconds: 60, random: new SeededRandom(1) }), toLatin1(input), CLIENT, 0);
}

/** A packet is refused for its length: what is read of a whole one is the URL. */
function readSsdp(input: Uint8Array): void {
  decodeSsdpAnswer(input);
  parseLanUrl(toUtf8(input));
}

function readNumbers(input: Uint8Array): void {
  // More than the largest number: a refusal would be no work.
  parseSelection([toUtf8(input)])?.choose(filesFor(10_000 + input.length));
}

function readSelection(input: Uint8Array): void {
  parseSelection(
    toUtf8(input)
      .split('\n')
      .filter((line) => line !== ''),
  )?.choose(filesFor(20));
}
