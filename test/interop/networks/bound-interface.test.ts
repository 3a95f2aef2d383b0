/**
 * What leaves this machine while an engine is bound to an interface by name, captured on the other interface, to which
 * the default route leads. The engine has peers, trackers over HTTP and UDP by host name and by address, name lookups
 * and local discovery; in the end its interface is taken away.
 *
 * One thing cannot be had from Node, which cannot tie a socket to an interface: an interface that is set down keeps its
 * IPv4 address, and Linux then sends what has that source by the default route. Streams that were open are therefore reset,
 * one packet each, and what is under way in the fifth of a second until that is noticed goes there too.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { afterTest } from '../../harness/cleanup.js';
import { Dtorrent } from '../../harness/dtorrent.js';
import { PacketCapture } from '../../harness/packet-capture.js';
import { Process, run, until } from '../../harness/process.js';
import { createTorrent, makeContent } from '../../harness/transfer.js';
import { requireClient } from '../clients.js';

/** The engine's machine, with `vpn0` that it is bound to and `wan0` with the default route; and who is on both sides. */
interface Scene {
  readonly here: string;
  readonly there: string;
}

let made = 0;

async function makeScene(t: TestContext): Promise<Scene> {
  const id = `${process.pid % 100_000}y${made++}`;
  const [here, there] = [`dth${id}`, `dto${id}`];
  const ip = (...args: string[]): Promise<string> => run(t, 'ip', args);
  for (const namespace of [here, there]) {
    await ip('netns', 'add', namespace);
    afterTest(t, () => ip('netns', 'delete', namespace));
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
  for (const [name, network] of [
    ['vpn0', '10.213.8'],
    ['wan0', '10.213.9'],
  ]) {
    await ip('link', 'add', name!, 'netns', here, 'type', 'veth', 'peer', 'name', name!, 'netns', there);
    await ip('-n', here, 'address', 'add', `${network}.1/24`, 'dev', name!);
    await ip('-n', there, 'address', 'add', `${network}.2/24`, 'dev', name!);
    for (const namespace of [here, there]) await ip('-n', namespace, 'link', 'set', name!, 'up');
  }
  await ip('-n', here, 'route', 'add', 'default', 'via', '10.213.9.2');
  return { here, there };
}

/** Writes /etc/resolv.conf of a namespace: `ip netns exec` puts it in place. */
async function setNameServer(t: TestContext, namespace: string, address: string): Promise<void> {
  await run(t, 'mkdir', ['-p', `/etc/netns/${namespace}`]);
  afterTest(t, () => run(t, 'rm', ['-r', `/etc/netns/${namespace}`]));
  writeFileSync(`/etc/netns/${namespace}/resolv.conf`, `nameserver ${address}\n`);
}

/** A name server that gives 10.213.8.2 for every name. */
const NAME_SERVER = `
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('10.213.8.2', 53))
print('ready', flush=True)
while True:
    question, asker = server.recvfrom(2000)
    end = question.index(0, 12) + 5
    is4 = question[end - 3] == 1
    answer = bytes.fromhex('c00c00010001000000010004') + socket.inet_aton('10.213.8.2') if is4 else b''
    server.sendto(question[:2] + b'\\x81\\x80' + bytes([0, 1, 0, is4, 0, 0, 0, 0]) + question[12:end] + answer, asker)
    print('asked by', asker[0], flush=True)
`;

for (const [end, scheme] of [
  ['del', 'http'],
  ['down', 'udp'],
] as const) {
  test(`bound to an interface, nothing leaves by another, also after ip link ${end}`, async (t) => {
    if (!requireClient(t, 'network namespaces')) return;
    const scene = await makeScene(t);
    const { here, there } = scene;
    for (const namespace of [here, there]) await setNameServer(t, namespace, '10.213.8.2');
    const names = new Process(t, '/usr/bin/python3', ['-c', NAME_SERVER], { namespace: there });
    await names.line('name server', 10_000, (line) => line === 'ready');
    const tracker = new Dtorrent(t, ['tracker', '--port', '0', '--bind', '10.213.8.2'], { namespace: there });
    const port = await tracker.port();
    const content = await makeContent(t, { tree: { 'a.bin': 40_000_000 }, kind: 'v1' });
    const torrent = join(content.directory, 'announced.torrent');
    const trackers = [`${scheme}://tracker.example:${port}/announce`];
    await createTorrent(t, join(content.data, 'content'), torrent, { kind: 'v1', trackers });
    const seed = new Dtorrent(t, ['seed', torrent, content.data, '--port', '0', '--upload-limit', '1M'], {
      namespace: there,
    });
    const peer = `10.213.8.2:${await seed.port()}`;
    await seed.event('completed', 60_000);
    const leak = await PacketCapture.start(t, here, 'wan0');
    const use = await PacketCapture.start(t, here, 'vpn0');
    const get = new Dtorrent(t, ['get', torrent, '-o', content.out, '--port', '0', '--bind', 'vpn0', '--peer', peer], {
      namespace: here,
      env: { DTORRENT_NO_LSD: '' },
    });
    await get.line('data', 20_000, (line) => Number(/"bytesDone":(\d+)/.exec(line)?.[1] ?? 0) > 1_000_000);
    await names.line('question from the bound address', 5000, (line) => line === 'asked by 10.213.8.1');
    await until('announce', 10_000, () =>
      use.packets.some((packet) => packet.endsWith(`>${port}`) || packet.includes(`>${port} S`)),
    );
    for (const used of ['tcp 10.213.8.1', 'udp 10.213.8.1 10.213.8.2', 'udp 10.213.8.1 239.192.152.143']) {
      assert.ok(
        use.packets.some((packet) => packet.startsWith(used)),
        used,
      );
    }
    assert.deepEqual(leak.packets, []);
    if (end === 'del') await run(t, 'ip', ['-n', here, 'link', 'del', 'vpn0']);
    else await run(t, 'ip', ['-n', here, 'link', 'set', 'vpn0', 'down']);
    await until('warning', 10_000, () =>
      get.errors.includes('the interface vpn0 is gone: nothing is sent or received'),
    );
    const lines = get.lines.length;
    await until('two seconds of progress lines', 20_000, () => get.lines.length >= lines + 2);
    const early = leak.packets.length;
    await until('five seconds of progress lines', 20_000, () => get.lines.length >= lines + 7);
    get.signal('SIGINT');
    await get.exit(30_000);
    assert.equal(leak.packets.length, early, 'nothing more is sent, also by the end of the process');
    if (end === 'del') assert.deepEqual(leak.packets, []);
    // Resets, and what was on its way: nothing that is new, and nothing but TCP.
    const isOfOpenStream = (packet: string): boolean => /^tcp 10\.213\.8\.1 10\.213\.8\.2 [^S]*$/.test(packet);
    assert.ok(leak.packets.every(isOfOpenStream) && leak.packets.length <= 20, leak.packets.join('\n'));
  });
}
