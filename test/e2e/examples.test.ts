/** The programs of examples/ that need no other client, run on this machine against each other. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { assertTree, noise, temporaryDirectory, writeTree } from '../harness/content.js';
import { readmeProgram, startExample } from '../harness/examples.js';
import { Process } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';
import { makeContent } from '../harness/transfer.js';

const TREE = { 'a.bin': 300_000, 'sub/b.bin': 40_000 };
/** Of the largest file. */
const CONTENT = noise('album/a.bin', 300_000);
const WAIT_MS = 30_000;

test('tracker, seed-folder, download-magnet and progress: what one seeds the others get', async (t) => {
  const { tracker, seed, magnet } = await startSeed(t);

  const first = temporaryDirectory(t);
  const download = startExample(t, 'download-magnet', [magnet, first]);
  assert.equal(await download.exit(WAIT_MS), 0, download.errors);
  assert.deepEqual(download.lines, [`album is complete in ${first}`]);
  assertTree(first, 'album', TREE);

  const second = temporaryDirectory(t);
  const progress = startExample(t, 'progress', [magnet, second]);
  assert.equal(await progress.exit(WAIT_MS), 0, progress.errors);
  assertTree(second, 'album', TREE);
  for (const line of [/^metadata: album, 340000 bytes$/, /^phase: downloading$/, /^peer: /, /^complete$/]) {
    assert.ok(
      progress.lines.some((text) => line.test(text)),
      `${line} in ${progress.lines.join('\n')}`,
    );
  }

  for (const running of [seed, tracker]) {
    running.signal('SIGINT');
    assert.equal(await running.exit(WAIT_MS), 0, running.errors);
  }
});

test('stream-stdout and stream-http: a file is read while it downloads', async (t) => {
  const { magnet } = await startSeed(t);

  const stdout = startExample(t, 'stream-stdout', [magnet, temporaryDirectory(t)]);
  const digest = sha256Of(stdout.child.stdout!);
  assert.equal(await stdout.exit(WAIT_MS), 0, stdout.errors);
  assert.equal(await digest, sha256(CONTENT));

  const http = startExample(t, 'stream-http', [magnet, temporaryDirectory(t), '0']);
  const url = await http.line('URL of a.bin', WAIT_MS, (line) => /^(\S+) album\/a\.bin$/.exec(line)?.[1]);
  const whole = await fetch(url);
  assert.equal(whole.status, 200);
  assert.equal(sha256(Buffer.from(await whole.arrayBuffer())), sha256(CONTENT));
  const part = await fetch(url, { headers: { range: 'bytes=299990-' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('content-range'), 'bytes 299990-299999/300000');
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), CONTENT.subarray(299_990));
  assert.equal((await fetch(url, { headers: { range: 'bytes=300000-' } })).status, 416);
  assert.equal((await fetch(new URL('/9', url))).status, 404);
  http.signal('SIGINT');
  assert.equal(await http.exit(WAIT_MS), 0, http.errors);
});

test('progress says what went wrong, by code', async (t) => {
  const progress = startExample(t, 'progress', ['magnet:?xt=urn:btih:1234', temporaryDirectory(t)]);
  assert.notEqual(await progress.exit(WAIT_MS), 0);
  assert.match(progress.errors, /EMAGNET/);
});

test('tiny-seeder outlives peers that send garbage, reset or vanish, and then serves the next one', async (t) => {
  const content = await makeContent(t, { tree: { '': 100_000 }, kind: 'v1' });
  const seeder = startExample(t, 'tiny-seeder', [content.torrent, join(content.data, 'content'), '0']);
  const port = await seeder.line('port', WAIT_MS, (line) => Number(/"port":(\d+)/.exec(line)?.[1]));
  const infoHash = Buffer.from(content.infoHashV1!, 'hex');
  const hello = Buffer.concat([
    Buffer.from('\x13BitTorrent protocol\0\0\0\0\0\0\0\0', 'latin1'),
    infoHash,
    Buffer.alloc(20),
  ]);
  const strangers: ((socket: Socket) => void)[] = [
    (socket) => socket.write('GET / HTTP/1.1\r\n\r\n'),
    (socket) => socket.write(Buffer.concat([hello.subarray(0, 28), Buffer.alloc(40)])),
    (socket) => socket.write(Buffer.concat([hello, Buffer.from('ffffffff', 'hex')])),
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.end(hello),
  ];
  for (const act of strangers) {
    const socket = connect(port, '127.0.0.1', () => act(socket));
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.on('close', resolve));
  }
  const socket = connect(port, '127.0.0.1', () => socket.write(hello));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.deepEqual(answer.subarray(28, 48), infoHash);
  assert.equal(seeder.hasExited, false, seeder.errors);
});

test('create-torrent writes a .torrent with its trackers', async (t) => {
  const directory = temporaryDirectory(t);
  const output = join(directory, 'out.torrent');
  const args = [writeTree(directory, 'album', TREE), output, 'http://one.example/announce', 'udp://two.example:6969'];
  const create = startExample(t, 'create-torrent', args);
  assert.equal(await create.exit(WAIT_MS), 0, create.errors);
  assert.match(create.lines.at(-1)!, /^[0-9a-f]{40} .*out\.torrent$/);
  const bytes = readFileSync(output, 'latin1');
  assert.match(bytes, /13:announce-listll27:http:\/\/one\.example\/announceel22:udp:\/\/two\.example:6969ee/);
});

test('the program in the README runs as it stands there', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(REPOSITORY, join(directory, 'node_modules', 'dtorrent'), 'junction');
  writeFileSync(join(directory, 'embed.mjs'), readmeProgram());
  const embed = new Process(t, process.execPath, ['embed.mjs'], { cwd: directory });
  assert.equal(await embed.exit(WAIT_MS), 0, embed.errors);
  assert.deepEqual(embed.lines.toSorted(), ['Hello from a swarm of two', 'piece 0 is here'].toSorted());
  assert.equal(readFileSync(join(directory, 'downloads', 'share', 'hello.txt'), 'utf8'), 'Hello from a swarm of two\n');
});

test('simulate-swarm: the same seed gives the same lines, another one others', async (t) => {
  const linesOf = async (seed: string): Promise<string[]> => {
    const program = startExample(t, 'simulate-swarm', [seed]);
    assert.equal(await program.exit(WAIT_MS), 0, program.errors);
    return program.lines;
  };
  const first = await linesOf('1');
  assert.match(
    first.join('\n'),
    /^the first is complete .*\nthe second is complete .*\na world of .* trace [0-9a-f]{16}$/,
  );
  assert.deepEqual(await linesOf('1'), first);
  assert.notDeepEqual(await linesOf('2'), first);
});

test('every example has a test, says how it is used, and is in the list', () => {
  const directory = join(REPOSITORY, 'examples');
  const list = readFileSync(join(directory, 'README.md'), 'utf8');
  const tests = ['e2e/examples', 'interop/tiny-seeder'].map((name) =>
    readFileSync(join(REPOSITORY, 'test', `${name}.test.ts`), 'utf8'),
  );
  const examples = readdirSync(directory).filter((name) => name.endsWith('.ts'));
  assert.ok(examples.length > 0);
  for (const example of examples) {
    const name = example.replace('.ts', '');
    assert.match(readFileSync(join(directory, example), 'utf8'), new RegExp(`usage: node ${name}\\.js`));
    assert.ok(list.includes(`(${example})`), `${example} is not in examples/README.md`);
    assert.ok(
      tests.some((text) => text.includes(`'${name}'`)),
      `${example} has no test`,
    );
  }
});

/** A tracker, and a seed of TREE that is announced there. */
async function startSeed(t: TestContext): Promise<{ tracker: Process; seed: Process; magnet: string }> {
  const tracker = startExample(t, 'tracker', ['0', '127.0.0.1']);
  const url = await tracker.line('URL', WAIT_MS, (line) => /^http:.*/.exec(line)?.[0]);
  const seed = startExample(t, 'seed-folder', [writeTree(temporaryDirectory(t), 'album', TREE), url]);
  const magnet = await seed.line('magnet link', WAIT_MS, (line) => /^magnet:.*/.exec(line)?.[0]);
  return { tracker, seed, magnet };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Uint8Array) => hash.update(chunk));
  return new Promise((resolve) => stream.on('end', () => resolve(hash.digest('hex'))));
}
