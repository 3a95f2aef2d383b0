/**
 * Two hosts on one machine: network namespaces joined by a veth pair, for clients that refuse loopback peers. Needs
 * root. Removed with the test; the names carry this process's id, so that runs do not meet.
 */
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';
import { run, until } from './process.js';

export interface Hosts {
  readonly a: { readonly namespace: string; readonly address: string };
  readonly b: { readonly namespace: string; readonly address: string };
}

let made = 0;

export async function makeHosts(t: TestContext): Promise<Hosts> {
  const id = `${process.pid % 100_000}x${made++}`;
  const a = { namespace: `dta${id}`, address: '10.213.7.1' };
  const b = { namespace: `dtb${id}`, address: '10.213.7.2' };
  const ip = (...args: string[]): Promise<string> => run(t, 'ip', args);
  for (const { namespace } of [a, b]) {
    await ip('netns', 'add', namespace);
    afterTest(t, () => ip('netns', 'delete', namespace));
  }
  await ip('link', 'add', 'eth0', 'netns', a.namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b.namespace);
  for (const { namespace, address } of [a, b]) {
    await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    // As at home: without a route for it, what is sent to a multicast group goes nowhere.
    await ip('-n', namespace, 'route', 'add', 'default', 'dev', 'eth0');
  }
  for (const { namespace } of [a, b]) await untilUp(t, namespace);
  return { a, b };
}

/** One of many hosts on a network. */
export interface Host {
  readonly namespace: string;
  /** The first is where packets come from unless a program says otherwise. Each in a /24 of its own. */
  readonly addresses: readonly string[];
}

/**
 * As many hosts as `addressCounts` has entries on one Ethernet, each with so many addresses. What DHT clients refuse of
 * loopback addresses they take of these: private ones, and each of another /24.
 */
export async function makeNetwork(t: TestContext, addressCounts: readonly number[]): Promise<readonly Host[]> {
  const id = `${process.pid % 100_000}x${made++}`;
  const hub = `dth${id}`;
  let third = 0;
  const hosts = addressCounts.map((count, index) => ({
    namespace: `dt${index}n${id}`,
    addresses: Array.from({ length: count }, () => `10.213.${third++}.1`),
  }));
  const ip = (...args: string[]): Promise<string> => run(t, 'ip', args);
  for (const namespace of [hub, ...hosts.map((host) => host.namespace)]) {
    await ip('netns', 'add', namespace);
    afterTest(t, () => ip('netns', 'delete', namespace));
  }
  await ip('-n', hub, 'link', 'add', 'lan', 'type', 'bridge');
  await ip('-n', hub, 'link', 'set', 'lan', 'up');
  for (const [index, { namespace, addresses }] of hosts.entries()) {
    await ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', `port${index}`, 'netns', hub);
    await ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'lan', 'up');
    for (const address of addresses) await ip('-n', namespace, 'address', 'add', `${address}/16`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
  for (const { namespace } of hosts) await untilUp(t, namespace);
  return hosts;
}

/** Clients that start before that listen on loopback alone, and some do not look again. */
async function untilUp(t: TestContext, namespace: string): Promise<void> {
  await until('a network that is up', 20_000, async () => {
    const link = await run(t, 'ip', ['-n', namespace, '-o', 'link', 'show', 'eth0']);
    const addresses = await run(t, 'ip', ['-n', namespace, '-o', 'address', 'show', 'eth0']);
    return link.includes('state UP') && !addresses.includes('tentative');
  });
}
