import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StateSurroundings, stateDirectory } from './state-directory.js';

const LINUX: StateSurroundings = { environment: {}, platform: 'linux', homeDirectory: '/home/ann' };

test('what is given counts, an empty text too', () => {
  assert.equal(stateDirectory('/x', LINUX), '/x');
  assert.equal(stateDirectory('', LINUX), '');
  assert.equal(stateDirectory(undefined, { ...LINUX, environment: { DTORRENT_STATE_DIR: '' } }), '');
});

test('on Linux it is XDG_STATE_HOME, or else below the home directory', () => {
  assert.equal(stateDirectory(undefined, LINUX), '/home/ann/.local/state/dtorrent');
  const environment = { XDG_STATE_HOME: '/var/ann' };
  assert.equal(stateDirectory(undefined, { ...LINUX, environment }), '/var/ann/dtorrent');
  const relative = { XDG_STATE_HOME: 'state' };
  assert.equal(stateDirectory(undefined, { ...LINUX, environment: relative }), '/home/ann/.local/state/dtorrent');
});

test('macOS and Windows have places of their own', () => {
  const mac = stateDirectory(undefined, { ...LINUX, platform: 'darwin', homeDirectory: '/Users/ann' });
  assert.equal(mac, '/Users/ann/Library/Application Support/dtorrent');
  const windows = { platform: 'win32', homeDirectory: 'C:\\Users\\ann' } as const;
  const environment = { LOCALAPPDATA: 'D:\\local' };
  assert.equal(stateDirectory(undefined, { ...windows, environment }), 'D:\\local\\dtorrent');
  assert.equal(stateDirectory(undefined, { ...windows, environment: {} }), 'C:\\Users\\ann\\AppData\\Local\\dtorrent');
});

test('without a home nothing is kept', () => {
  assert.equal(stateDirectory(undefined, { ...LINUX, homeDirectory: '' }), '');
});
