/**
 * `npm run sim:dht`: a DHT of production nodes in virtual time, from one seed: is what is announced found, how soon, with how
 * many messages, and how much memory does a node take. Ends with `trace <hash>`, and exit code 1 when a goal is missed.
 */
import { parseArgs } from 'node:util';
import { DhtNetwork, type DhtPhase } from '../../src/lab/dht/dht-network.js';
import { goalsOf, reportText } from '../../src/lab/dht/dht-report.js';
import { type DhtScenario, HOSTILE_KINDS, type HostileKind, makeDhtScenario } from '../../src/lab/dht/dht-scenario.js';

const USAGE = `usage: npm run sim:dht -- [--nodes N] [--seed N] [--hostile P] [--kinds KIND,...] [--nat P] [--loss P] [--churn M] [--lookups N] [--progress]

  --nodes N     honest and hostile ones (default 1000)
  --seed N      what everything is drawn from (default 1)
  --hostile P   per cent of the nodes (default 5)
  --kinds ...   of hostile nodes, with commas between them (default ${HOSTILE_KINDS.join(',')})
  --nat P       per cent of the honest ones that only those they have asked can reach (default 30)
  --loss P      per cent of all packets (default 2)
  --churn M     minutes that a node stays, the mean of them; 0 = everybody stays (default 60)
  --lookups N   how many are measured (default: as many as nodes, 100 to 2000)
  --progress    a line for each phase`;

const WARM_UP_NODES = 40;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    hostile: { type: 'string' },
    kinds: { type: 'string', default: HOSTILE_KINDS.join(',') },
    nat: { type: 'string' },
    loss: { type: 'string' },
    churn: { type: 'string' },
    lookups: { type: 'string' },
    progress: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) print(USAGE);
else process.exitCode = run(scenarioFromOptions()) ? 0 : 1;

/** @returns whether all goals were met. */
function run(scenario: DhtScenario): boolean {
  // Compiled code and what else there is once is not a node's.
  new DhtNetwork(makeDhtScenario({ seed: 1, nodes: WARM_UP_NODES })).run();
  const startMs = performance.now();
  const emptyBytes = heldBytes();
  const network = new DhtNetwork(scenario);
  const heldAt = new Map<DhtPhase, number>();
  const report = network.run((phase) => {
    heldAt.set(phase, heldBytes() - emptyBytes);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    if (values.progress) print(`${phase} after ${seconds} s, ${network.world.counts.sent} packets`);
  });
  print(reportText(report));
  const perNode = [...heldAt].map(([phase, bytes]) => `${phase} ${(bytes / scenario.nodes / 1024).toFixed(1)} KiB`);
  const seconds = (performance.now() - startMs) / 1000;
  const cpuUs = (1000 * 1000 * seconds) / report.counts.delivered;
  print(`memory a node    ${perNode.join(', ')}`);
  print(`run              ${seconds.toFixed(1)} s, ${cpuUs.toFixed(0)} µs a packet`);
  return goalsOf(report).every(({ isMet }) => isMet);
}

/** Heap and what is outside of it, without what nobody refers to (with --expose-gc). */
function heldBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function scenarioFromOptions(): DhtScenario {
  const scenario = makeDhtScenario({
    seed: integerFrom('seed', 0, 2 ** 32 - 1),
    nodes: integerFrom('nodes', 20, 100_000),
  });
  return {
    ...scenario,
    hostileShare: shareFrom('hostile', scenario.hostileShare),
    hostileKinds: kindsFrom(values.kinds),
    nattedShare: shareFrom('nat', scenario.nattedShare),
    lossShare: shareFrom('loss', scenario.lossShare),
    sessionMs: values.churn === undefined ? scenario.sessionMs : 60_000 * numberFrom('churn', 0, 100_000),
    lookups: values.lookups === undefined ? scenario.lookups : integerFrom('lookups', 1, 100_000),
  };
}

function kindsFrom(text: string): HostileKind[] {
  const kinds = HOSTILE_KINDS.filter((kind) => text.split(',').includes(kind));
  return kinds.length === text.split(',').length ? kinds : refuse('kinds', `some of ${HOSTILE_KINDS.join(', ')}`);
}

function shareFrom(name: 'hostile' | 'nat' | 'loss', otherwise: number): number {
  return values[name] === undefined ? otherwise : numberFrom(name, 0, 99) / 100;
}

function integerFrom(name: 'nodes' | 'seed' | 'lookups', least: number, most: number): number {
  const value = numberFrom(name, least, most);
  return Number.isInteger(value) ? value : refuse(name, 'an integer');
}

function numberFrom(name: Exclude<keyof typeof values, 'progress' | 'help'>, least: number, most: number): number {
  const value = Number(values[name]);
  return value >= least && value <= most ? value : refuse(name, `a number from ${least} to ${most}`);
}

function refuse(name: string, what: string): never {
  process.stderr.write(`--${name} has to be ${what}\n`);
  return process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
