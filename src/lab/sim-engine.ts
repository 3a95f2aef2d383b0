/**
 * The engine with its promises and events, as `dtorrent` has it, on a simulated host: for programs that simulate what they
 * do with it. The world has to run meanwhile: Simulator.settle and runAsync do.
 */
import { EngineBase } from '../engine/engine.js';
import { resolveSettings, type Settings } from '../engine/settings.js';
import type { SimHost } from '../sim/sim-host.js';
import { ALONE } from './lab-node.js';

/** A client on a simulated host. Torrents are added with addParsed(); paths are those of the host's disk. */
export class SimEngine extends EngineBase {
  /**
   * Listens, and is ready for torrents; without DHT, local discovery and port mapping unless `settings` say so: `await simulator.settle(SimEngine.start(host))`.
   * @throws {DtorrentError} `EOPTION` for a bad setting, `ENETWORK` when no port can be bound.
   */
  static async start(host: SimHost, settings: Partial<Settings> = {}): Promise<SimEngine> {
    const engine = new SimEngine(resolveSettings({ ...ALONE, ...settings }), host);
    await engine.listen();
    return engine;
  }
}
