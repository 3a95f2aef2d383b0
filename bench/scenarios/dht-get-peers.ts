/**
 * A lookup in the DHT by who has just started: one node is known, the table is empty. How long after its start it has the
 * first peer, when the lookup is over, and how many queries that took, which the nodes count. The goal leaves out what the
 * runtimes take to start and to load a library. Each side is a program that
 * embeds the library. Both meet the same network, of the same ids; each lookup is made from an address of its own.
 */
import { join } from 'node:path';
import { REPOSITORY } from '../../test/harness/repository.js';
import { median } from '../suite/result.js';
import type { Figures, Scenario, Side } from '../suite/scenario.js';
import { PYTHON } from '../workbench/measured.js';
import { programCommand } from '../workbench/programs.js';
import type { Workbench } from '../workbench/workbench.js';

const NODES = 500;
const ANNOUNCERS = 20;
const INFO_HASH = '6a7c1f0d25b94e83a0f1c2d3e4b5968778695a4b';
const SEED = 7;
/** In a run. */
const LOOKUPS = 9;
/** Lookups that found nobody are told and made again, of either side, so that one of them does not end all rows. */
const MISSES_MAX = 2;

export const DHT_GET_PEERS_SCENARIOS: readonly Scenario[] = [
  {
    name: 'dht-get-peers',
    title: `get_peers by a new node, ${NODES} nodes`,
    sides: [
      side('dtorrent', programCommand('dht-get-peers', [])),
      side('libtorrent', [PYTHON, '-W', 'ignore', join(REPOSITORY, 'bench', 'clients', 'dht_get_peers.py')]),
    ],
    goals: [
      { figure: 'searchMs', against: 'libtorrent', bound: 1 },
      { figure: 'queries', against: 'libtorrent', bound: 1 },
    ],
  },
];

function side(name: string, program: readonly string[]): Side {
  return { name, run: (bench) => measure(bench, program) };
}

async function measure(bench: Workbench, program: readonly string[]): Promise<Figures> {
  const args = [NODES, ANNOUNCERS, INFO_HASH, SEED].map(String);
  const network = bench.start(programCommand('dht-network', args));
  try {
    const [node = '', control = ''] = (await network.match(/^ready (.*)$/m)).split(' ');
    const lookups: Required<Lookup>[] = [];
    for (let i = 0; lookups.length < LOOKUPS; i++) {
      if (i >= LOOKUPS + MISSES_MAX) throw new Error(`${program.join(' ')} finds nobody`);
      const address = `127.200.${i}.1`;
      const lookup = await lookUp(bench, [...program, address, node, INFO_HASH]);
      const queries = Number(await (await fetch(`${control}/?address=${address}`)).text());
      if (lookup === null) console.error(`dht-get-peers: ${program.join(' ')} from ${address} has found nobody`);
      else lookups.push({ ...lookup, queries });
    }
    return {
      firstPeerMs: median(lookups.map(({ firstPeerMs }) => firstPeerMs)),
      lookupMs: median(lookups.map(({ lookupMs }) => lookupMs)),
      searchMs: median(lookups.map(({ searchMs }) => searchMs)),
      queries: median(lookups.map(({ queries }) => queries)),
    };
  } finally {
    await network.stop();
  }
}

/** By the system's monotonic clock. */
interface Told {
  readonly beganAtMs: number;
  /** 0 = none, as with the next. */
  readonly firstPeerAtMs: number;
  readonly endedAtMs: number;
}

interface Lookup {
  readonly firstPeerMs: number;
  readonly lookupMs: number;
  readonly searchMs: number;
  readonly queries?: number;
}

/** @returns null when nobody was found, or the lookup did not end. */
async function lookUp(bench: Workbench, command: readonly string[]): Promise<Lookup | null> {
  const client = bench.start(command);
  const told = await client.match(/(\{"beganAtMs".*\})/);
  const { beganAtMs, firstPeerAtMs, endedAtMs } = JSON.parse(told) as Told;
  const { startedAtMs } = await client.end();
  if (firstPeerAtMs === 0 || endedAtMs === 0) return null;
  return {
    firstPeerMs: firstPeerAtMs - startedAtMs,
    lookupMs: endedAtMs - startedAtMs,
    searchMs: endedAtMs - beganAtMs,
  };
}
