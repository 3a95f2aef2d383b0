/**
 * Downloads in virtual time, over a line that loses packets; then a whole world from a seed, checked as it runs. Nothing here opens a socket or a file. usage: node simulate-swarm.js [SEED]
 */
import { LabSwarm, LabTorrent, makeScenario, parseFaults, SimEngine, Simulator } from 'dtorrent/sim';

const seed = Number(process.argv[2] ?? 1);

const link = { latencyMs: 40, jitterMs: 10, bytesPerMs: 200, lossRatio: 0.01 };
const simulator = new Simulator({ seed, link: () => link });
const torrent = new LabTorrent({ lengths: { 'album/song.flac': 2_000_000 }, pieceLength: 65_536, seed });

const origin = simulator.createHost({ name: 'seed.test' });
for (const [path, bytes] of torrent.files) origin.disk.write(`/music/${path}`, bytes);
const seeder = await simulator.settle(SimEngine.start(origin, { downloadDir: '/music' }));
seeder.addParsed(torrent.metainfo);

for (const name of ['first', 'second']) {
  const engine = await simulator.settle(SimEngine.start(simulator.createHost(), { downloadDir: '/downloads' }));
  const download = engine.addParsed(torrent.magnet, { peers: [`seed.test:${seeder.listenPort}`] });
  await simulator.settle(download.completed);
  console.log(`the ${name} is complete after ${(simulator.now / 1000).toFixed(1)} virtual seconds`);
  await simulator.settle(engine.stop());
}
await simulator.settle(seeder.stop());

// What the project's own tests run: the same numbers give the same world, down to the last byte.
const scenario = makeScenario({ seed, peers: 4, faults: parseFaults('crash,partition,loss'), minutes: 3 });
const { failure, traceHash, virtualMs } = new LabSwarm(scenario).run();
if (failure !== null) throw new Error(`${failure.invariant}: ${failure.words}`);
console.log(`a world of ${(virtualMs / 60_000).toFixed(1)} virtual minutes, trace ${traceHash}`);
