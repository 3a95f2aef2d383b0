/**
 * A home behind a router, and the Internet before it: three network namespaces in a row, with Debian's miniupnpd and the
 * kernel's own NAT and firewall (nftables) on the one in the middle. Nobody gets in from outside but over what miniupnpd
 * was asked for. Needs root. Removed with the test; the names carry this process's id, so that runs do not meet.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';
import { temporaryDirectory } from './content.js';
import { Process, run, until } from './process.js';

export interface RouterOptions {
  /** Speaks UPnP. */
  readonly upnp: boolean;
  /** pcp: and NAT-PMP, as miniupnpd does; nat-pmp: what is PCP is dropped before it sees it; none: all of it is. */
  readonly gateway: 'pcp' | 'nat-pmp' | 'none';
  /** A TCP port that another machine at home has already. */
  readonly takenPort?: number;
}

export interface Home {
  /** Namespace of the machine at home. */
  readonly inside: string;
  /** Namespace of a machine on the Internet. */
  readonly outside: string;
  /** What the router is on the Internet. */
  readonly routerIp: string;
  /** The machine at home, on the Internet of IPv6. */
  readonly insideIpV6: string;
  /** TCP and UDP ports that the firewall lets in, of IPv4 and IPv6. */
  openPorts(): Promise<readonly string[]>;
  /** What miniupnpd keeps of its mappings of IPv4: `TCP:port:ip:port:until:name` each. */
  leases(): Promise<readonly string[]>;
}

/** Outside of what counts as private or reserved: miniupnpd maps nothing where its own address is such. */
const ROUTER_IP = '11.22.33.44';
const OUTSIDE_IP = '11.22.33.1';
const INSIDE_IP = '192.168.77.2';
const INSIDE_IP_V6 = '2001:db8:77::2';
/** miniupnpd's own names for its chains. */
const RULES = `
table inet filter {
  chain input { type filter hook input priority 0; policy accept; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" accept
    jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; }
  chain postrouting_miniupnpd { }
}
table ip masquerading {
  chain postrouting { type nat hook postrouting priority 101; oifname "wan" masquerade; }
}
`;
const DROPPED: Readonly<Record<RouterOptions['gateway'], string>> = {
  pcp: '',
  'nat-pmp': 'add rule inet filter input udp dport 5351 @th,64,8 2 drop',
  none: 'add rule inet filter input udp dport 5351 drop',
};
const LEASE_UNTIL = 4_000_000_000;

let made = 0;

export async function makeHome(t: TestContext, options: RouterOptions): Promise<Home> {
  const id = `${process.pid % 100_000}x${made++}`;
  const [inside, router, outside] = [`dti${id}`, `dtr${id}`, `dto${id}`];
  const ip = (...args: string[]): Promise<string> => run(t, 'ip', args);
  for (const namespace of [inside, router, outside]) {
    await ip('netns', 'add', namespace);
    afterTest(t, () => ip('netns', 'delete', namespace));
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
  await ip('link', 'add', 'eth0', 'netns', outside, 'type', 'veth', 'peer', 'name', 'wan', 'netns', router);
  await ip('link', 'add', 'lan', 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inside);
  for (const [namespace, device, v4, v6] of [
    [outside, 'eth0', OUTSIDE_IP, '2001:db8:1::1'],
    [router, 'wan', ROUTER_IP, '2001:db8:1::44'],
    [router, 'lan', '192.168.77.1', '2001:db8:77::1'],
    [inside, 'eth0', INSIDE_IP, INSIDE_IP_V6],
  ] as const) {
    await ip('-n', namespace, 'address', 'add', `${v4}/24`, 'dev', device);
    await ip('-n', namespace, 'address', 'add', `${v6}/64`, 'dev', device, 'nodad');
    await ip('-n', namespace, 'link', 'set', device, 'up');
  }
  // As routers advertise themselves.
  await ip('-n', router, 'address', 'add', 'fe80::1/64', 'dev', 'lan', 'nodad');
  await ip('-n', inside, 'route', 'add', 'default', 'via', '192.168.77.1');
  await ip('-n', inside, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
  await ip('-n', outside, '-6', 'route', 'add', '2001:db8:77::/64', 'via', '2001:db8:1::44');
  const inRouter = (command: string, ...args: string[]): Promise<string> =>
    run(t, command, args, { namespace: router });
  const forwards = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((name) => `echo 1 > /proc/sys/net/${name}`);
  await inRouter('sh', '-c', forwards.join(' && '));
  const leases = await startDaemon(t, router, options);
  return {
    inside,
    outside,
    routerIp: ROUTER_IP,
    insideIpV6: INSIDE_IP_V6,
    openPorts: async () => {
      const rules = await inRouter('nft', 'list', 'chain', 'inet', 'filter', 'miniupnpd');
      return [...rules.matchAll(/dport (\d+).* (0x6|0x11) accept/g)].map(([, port, protocol]) => {
        return `${protocol === '0x6' ? 'tcp' : 'udp'} ${port}`;
      });
    },
    leases: async () => (await run(t, 'cat', [leases])).split('\n').filter((line) => line !== ''),
  };
}

/** @returns the path of its file of leases. */
async function startDaemon(t: TestContext, namespace: string, options: RouterOptions): Promise<string> {
  const directory = temporaryDirectory(t);
  const [rules, config, leases] = ['rules.nft', 'miniupnpd.conf', 'leases'].map((name) => join(directory, name));
  writeFileSync(rules!, RULES + DROPPED[options.gateway]);
  const { takenPort } = options;
  const taken = takenPort === undefined ? '' : `TCP:${takenPort}:192.168.77.9:${takenPort}:${LEASE_UNTIL}:other\n`;
  writeFileSync(leases!, taken);
  const settings = {
    ext_ifname: 'wan',
    ext_ifname6: 'wan',
    listening_ip: 'lan',
    port: '5000',
    enable_upnp: options.upnp ? 'yes' : 'no',
    enable_natpmp: options.gateway === 'none' ? 'no' : 'yes',
    secure_mode: 'yes',
    uuid: '00000000-0000-0000-0000-000000000001',
    lease_file: leases!,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(config!, lines.join(''));
  await run(t, 'nft', ['-f', rules!], { namespace });
  const daemon = new Process(t, 'miniupnpd', ['-d', '-f', config!, '-P', join(directory, 'pid')], { namespace });
  const isReady = options.upnp ? /HTTP listening on port/ : /Listening for NAT-PMP/;
  await until('start of miniupnpd', 10_000, () => {
    if (daemon.hasExited) throw new Error(`miniupnpd ended: ${daemon.errors}${daemon.lines.join('\n')}`);
    return isReady.test(daemon.errors + daemon.lines.join('\n'));
  });
  return leases!;
}
