/** The command line's arguments: whatever they are, they are refused by the parser or read as values in their range. */
import assert from 'node:assert/strict';
import { Command, CommanderError } from 'commander';
import fc from 'fast-check';
import {
  addCreateOptions,
  addGetOptions,
  addScrapeOptions,
  addSeedOptions,
  addShowOptions,
  addTrackerOptions,
  addVerifyOptions,
  spellOutSeed,
} from '../../../src/app/cli/options.js';
import { fromUtf8, toUtf8 } from '../../../src/base/bytes.js';
import { resolveSettings } from '../../../src/engine/settings.js';
import type { FuzzTarget } from '../target.js';

const COMMANDS: readonly ((command: Command) => void)[] = [
  addGetOptions,
  addSeedOptions,
  addCreateOptions,
  addTrackerOptions,
  addShowOptions,
  addVerifyOptions,
  addScrapeOptions,
];
const OPTIONS = [
  ...[
    '-f',
    '--file',
    '-m',
    '--m',
    '-o',
    '--output',
    '--seed',
    '--seed=',
    '--seed-time',
    '--select',
    '--peer',
    '--port',
  ],
  ...[
    '--download-limit',
    '--upload-limit',
    '--timeout',
    '--preallocation',
    '--max-peers',
    '--upload-slots',
    '--state-dir',
    '--no-trackers',
  ],
  ...[
    '--piece-length',
    '-t',
    '--tier',
    '-w',
    '--name',
    '--v1',
    '--hybrid',
    '--json',
    '-q',
    '-v',
    '--',
    '-qv',
    '--bind=',
  ],
];
const VALUES = [
  '1',
  '0',
  '65536',
  '1.5M',
  '500K/s',
  '9'.repeat(20),
  '1e9',
  '-1',
  'true',
  'off',
  '::1',
  'h:1 g:2',
  'a/b',
  '',
  ' ',
  '..',
];

export const commandLineTarget: FuzzTarget = {
  name: 'command-line',
  inputs: fc
    .tuple(
      fc.nat({ max: COMMANDS.length - 1 }),
      fc.array(fc.oneof(fc.constantFrom(...OPTIONS), fc.constantFrom(...VALUES), fc.string({ maxLength: 8 })), {
        maxLength: 10,
      }),
    )
    .map(([command, argv]) => fromUtf8([String.fromCharCode(command), ...argv].join('\0'))),
  samples: ['\0\0--seed\0x.torrent\0--port=1', '\x02\0-t\0a\0--tier\0-t\0b\0--piece-length\x0064K\0p'].map(fromUtf8),
  tokens: ['\0--', '\0-', '=', '\0--seed\0', '\0--tier\0', 'K', '.'],
  bytesMax: 500,
  check,
};

function check(input: Uint8Array): void {
  const [head = '', ...argv] = toUtf8(input).split('\0');
  const addOptions = COMMANDS[(head.codePointAt(0) ?? 0) % COMMANDS.length]!;
  const command = new Command('x')
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} })
    .argument('[args...]');
  addOptions(command);
  try {
    command.parse(spellOutSeed(argv), { from: 'user' });
  } catch (thrown) {
    assert.ok(thrown instanceof CommanderError, String(thrown));
    return;
  }
  checkValues(command.opts());
}

function checkValues(options: Record<string, unknown>): void {
  const { port, downloadLimit, uploadLimit, maxPeers, seed, seedTime, timeout, pieceLength } = options;
  // What the settings would refuse later, after files were read, is refused here.
  resolveSettings({
    ...(port === undefined ? {} : { port: port as number }),
    ...(downloadLimit === undefined ? {} : { downloadLimit: downloadLimit as number }),
    ...(uploadLimit === undefined ? {} : { uploadLimit: uploadLimit as number }),
    ...(maxPeers === undefined ? {} : { maxPeers: maxPeers as number }),
  });
  for (const number of [seed, seedTime, timeout, pieceLength]) {
    assert.ok(number === undefined || (typeof number === 'number' && number >= 0), String(number));
  }
  assert.ok(pieceLength === undefined || Number.isSafeInteger(pieceLength));
}
