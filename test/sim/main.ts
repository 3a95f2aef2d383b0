/**
 * `npm run sim`: one simulated world, or with --soak one after the other until it is interrupted. Ends with `trace <hash>`
 * and exit code 0; when something that has to hold did not, it says what, at which node, at which virtual time, and the
 * one line that replays it, and exits with 1.
 */
import { parseArgs } from 'node:util';
import { ALL_FAULTS, FAULT_KINDS, parseFaults } from '../../src/lab/fault-kinds.js';
import { LabSwarm, replayCommand } from '../../src/lab/lab-swarm.js';
import { makeScenario, type ScenarioOptions } from '../../src/lab/scenario.js';

const USAGE = `usage: npm run sim -- [--seed N] [--peers N] [--faults all|none|KIND,...] [--minutes M] [--trace] [--soak]

  --seed N      what everything is drawn from (default 1)
  --peers N     honest nodes, seeds included (default 12)
  --faults ...  what may go wrong (default all):
${ALL_FAULTS.map((kind) => `                  ${kind.padEnd(10)} ${FAULT_KINDS[kind]}`).join('\n')}
  --minutes M   virtual minutes: trouble in the first half, then everybody has to finish (default 10)
  --trace       print the last turns
  --soak        seed after seed until it is interrupted`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    peers: { type: 'string', default: '12' },
    faults: { type: 'string', default: 'all' },
    minutes: { type: 'string', default: '10' },
    trace: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`${USAGE}\n`);
} else {
  const options: ScenarioOptions = {
    seed: numberFrom('seed', 0, 2 ** 32 - 1),
    peers: numberFrom('peers', 2, 60_000),
    faults: parseFaults(values.faults),
    minutes: numberFrom('minutes', 1, 100_000),
  };
  if (values.soak) await soak(options);
  else process.exitCode = run(options) ? 0 : 1;
}

/** @returns whether everything held. */
function run(options: ScenarioOptions): boolean {
  const scenario = makeScenario(options);
  const swarm = new LabSwarm(scenario);
  const startMs = performance.now();
  const { failure, traceHash, traceLines, virtualMs, completeCount } = swarm.run();
  if (values.trace || failure !== null) {
    const lines = swarm.watch.trace.lines({
      count: values.trace ? 400 : 20,
      nameOf: (number) => swarm.watch.nameOf(number),
    });
    print(lines.join('\n'));
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const minutes = (virtualMs / 60_000).toFixed(1);
  print(`seed ${options.seed}: ${completeCount} of ${options.peers} complete, ${scenario.trouble.length} troubles,`);
  print(`  ${minutes} virtual minutes in ${seconds} s, ${traceLines} lines of trace`);
  if (failure !== null) {
    print(`BROKEN: ${failure.invariant}`);
    print(`  at ${failure.member ?? 'the world'}, after ${failure.atMs.toFixed(3)} virtual ms: ${failure.words}`);
    print(`  ${replayCommand(scenario)}`);
  }
  print(`trace ${traceHash}`);
  return failure === null;
}

/** One line a seed; ends, with what the seeds had to say, at the first interrupt. */
async function soak(options: ScenarioOptions): Promise<void> {
  let isStopped = false;
  process.once('SIGINT', () => {
    isStopped = true;
  });
  let failures = 0;
  let seed = options.seed;
  for (; !isStopped; seed++) {
    const scenario = makeScenario({ ...options, seed });
    const { failure, traceHash, virtualMs } = new LabSwarm(scenario).run();
    if (failure === null)
      print(`seed ${seed}  ok  trace ${traceHash}  ${(virtualMs / 60_000).toFixed(1)} virtual minutes`);
    else
      print(`seed ${seed}  BROKEN ${failure.invariant}: ${failure.words.split('\n')[0]}  ${replayCommand(scenario)}`);
    if (failure !== null) failures++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  print(`${seed - options.seed} seeds, ${failures} with a failure`);
  process.exitCode = failures === 0 ? 0 : 1;
}

function numberFrom(name: 'seed' | 'peers' | 'minutes', least: number, most: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  process.stderr.write(`--${name} has to be an integer from ${least} to ${most}\n`);
  return process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
