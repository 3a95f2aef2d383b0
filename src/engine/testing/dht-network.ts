/** A DHT of engines on simulated hosts, for tests: each knows the first one only, and has found its place. */
import { type SimHostOptions, Simulator } from '../../sim/simulator.js';
import type { Settings } from '../settings.js';
import { SimEngine, type SimTorrent } from './sim-swarm.js';

const NODES = 10;
/** What they need to find each other. */
const SETTLE_MS = 30_000;

export class DhtNetwork {
  readonly simulator: Simulator = new Simulator({ seed: 5 });
  readonly router: SimEngine;
  #engines = 0;

  constructor() {
    this.router = this.engine({ dhtBootstrap: '' });
    for (let i = 0; i < NODES; i++) this.engine();
    this.pass(SETTLE_MS);
  }

  /** One more, which finds peers in the DHT only. */
  engine(settings: Partial<Settings> = {}, host: SimHostOptions = {}): SimEngine {
    return new SimEngine(this.simulator, this.settings(settings), { ipv4: this.address(), ...host });
  }

  settings(given: Partial<Settings> = {}): Partial<Settings> {
    return { dht: true, dhtBootstrap: this.router?.address ?? '', trackers: false, pex: false, ...given };
  }

  /** The DHT takes one node of a /24. */
  address(): string {
    this.#engines++;
    return `11.1.${this.#engines}.1`;
  }

  /** One more, which has the torrent. */
  seed(torrent: SimTorrent): SimEngine {
    const seed = this.engine();
    seed.give(torrent);
    const added = seed.add(torrent.metainfo);
    this.simulator.run(() => added.phase === 'seeding');
    return seed;
  }

  pass(ms: number): void {
    this.simulator.run(this.simulator.now + ms);
  }
}
