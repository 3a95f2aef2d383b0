/**
 * Ports that a real router daemon maps for us: miniupnpd in a network namespace between a home and an Internet of their
 * own, with the kernel's NAT and firewall in earnest. A peer on the outside gets in over each way of asking, and what was
 * mapped is gone when we are. Renewals come after minutes at the soonest, so only the tests of the cores see them.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Dtorrent } from '../../harness/dtorrent.js';
import { until } from '../../harness/process.js';
import { type Home, makeHome, type RouterOptions } from '../../harness/router.js';
import { assertDownloads, type Content, makeContent, runSeed } from '../../harness/transfer.js';
import { requireClient } from '../clients.js';

const TREE = { 'a.bin': 300_000 };
const PORT = 6881;
/** A router that drops PCP is asked in NAT-PMP after almost four seconds. */
const MAPPED_MS = 10_000;

interface Scene {
  readonly home: Home;
  readonly content: Content;
  readonly seed: Dtorrent;
}

test('over PCP a router lets peers in, over IPv4 and IPv6, until we stop', async (t) => {
  const scene = await setScene(t, { gateway: 'pcp', upnp: true });
  if (scene === null) return;
  await untilTold(scene, `the router lets peers in at port ${PORT} (PCP)`);
  await untilTold(scene, `the router lets peers in at port ${PORT} over IPv6 (PCP)`);
  await untilTold(scene, `others see us at ${scene.home.routerIp}`);
  await untilOpen(scene, [`tcp ${PORT}`, `tcp ${PORT}`, `udp ${PORT}`, `udp ${PORT}`]);
  await assertDownloadsFrom(t, scene, `${scene.home.routerIp}:${PORT}`);
  await assertRemoved(scene);
});

test('a peer outside comes in over IPv6 through the firewall that PCP has opened', async (t) => {
  const scene = await setScene(t, { gateway: 'pcp', upnp: false });
  if (scene === null) return;
  await untilTold(scene, `the router lets peers in at port ${PORT} over IPv6 (PCP)`);
  await assertDownloadsFrom(t, scene, `[${scene.home.insideIpV6}]:${PORT}`);
});

test('over NAT-PMP a router lets peers in until we stop', async (t) => {
  const scene = await setScene(t, { gateway: 'nat-pmp', upnp: false });
  if (scene === null) return;
  await untilTold(scene, `the router lets peers in at port ${PORT} (NAT-PMP)`);
  await untilOpen(scene, [`tcp ${PORT}`, `udp ${PORT}`]);
  await assertDownloadsFrom(t, scene, `${scene.home.routerIp}:${PORT}`);
  await assertRemoved(scene);
});

test('over UPnP a router lets peers in until we stop', async (t) => {
  const scene = await setScene(t, { gateway: 'none', upnp: true });
  if (scene === null) return;
  await untilTold(scene, `the router lets peers in at port ${PORT} (UPnP)`);
  await untilOpen(scene, [`tcp ${PORT}`, `udp ${PORT}`]);
  await assertDownloadsFrom(t, scene, `${scene.home.routerIp}:${PORT}`);
  await assertRemoved(scene);
});

for (const [method, options] of [
  ['UPnP', { gateway: 'none', upnp: true }],
  ['PCP', { gateway: 'pcp', upnp: false }],
] as const) {
  test(`where another machine at home has our port, ${method} maps another one to us`, async (t) => {
    const scene = await setScene(t, { ...options, takenPort: PORT });
    if (scene === null) return;
    const pattern = new RegExp(`lets peers in at port (\\d+) \\(${method}\\)`);
    const port = await until('another port', MAPPED_MS, () => pattern.exec(scene.seed.errors)?.[1]);
    assert.notEqual(Number(port), PORT);
    await assertDownloadsFrom(t, scene, `${scene.home.routerIp}:${port}`);
    await stopped(scene);
    // The other machine's mapping stays.
    await untilOpen(scene, [`tcp ${PORT}`]);
  });
}

/** Our seed at home, which has verified its data. */
async function setScene(t: TestContext, options: RouterOptions): Promise<Scene | null> {
  if (!requireClient(t, 'miniupnpd') || !requireClient(t, 'network namespaces')) return null;
  const home = await makeHome(t, options);
  const content = await makeContent(t, { tree: TREE, kind: 'v1' });
  const seed = await runSeed(t, content, {
    namespace: home.inside,
    args: ['--port', String(PORT), '--verbose', '--no-trackers'],
    env: { DTORRENT_NO_PORT_MAPPING: '0' },
  });
  return { home, content, seed };
}

async function untilTold({ seed }: Scene, sentence: string): Promise<void> {
  await until(sentence, MAPPED_MS, () => seed.errors.includes(sentence));
}

async function untilOpen({ home }: Scene, expected: readonly string[]): Promise<void> {
  const wanted = expected.join();
  await until(`open ports ${wanted}`, MAPPED_MS, async () => [...(await home.openPorts())].sort().join() === wanted);
}

/** Someone on the Internet, who knows nothing but this address. */
async function assertDownloadsFrom(t: TestContext, { home, content }: Scene, peer: string): Promise<void> {
  await assertDownloads(t, content, content.torrent, { namespace: home.outside, args: ['--peer', peer] });
}

async function assertRemoved(scene: Scene): Promise<void> {
  await stopped(scene);
  // A router that is busy does it a moment after we are gone.
  await untilOpen(scene, []);
  assert.deepEqual(await scene.home.leases(), []);
}

async function stopped({ seed }: Scene): Promise<void> {
  seed.signal('SIGINT');
  await seed.exit(10_000);
}
