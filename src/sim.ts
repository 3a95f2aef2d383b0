/**
 * `dtorrent/sim`: swarms of this client in virtual time. `LabSwarm` runs a whole one from a seed, with what goes wrong in
 * it, and checks what has to hold; `Simulator` is the world underneath, and `SimEngine` a client in it, for simulations of
 * one's own. docs/simulation.md says how. For tests and experiments: it may change between minor versions.
 */
export type { Random } from './base/random.js';
export { ALL_FAULTS, FAULT_KINDS, type FaultKind, faultsText, parseFaults } from './lab/fault-kinds.js';
export { type LabOutcome, LabSwarm, replayCommand } from './lab/lab-swarm.js';
export { LabTorrent, type LabTorrentOptions } from './lab/lab-torrent.js';
export type { LabFailure } from './lab/lab-watch.js';
export {
  makeScenario,
  type Scenario,
  type ScenarioActor,
  type ScenarioMember,
  type ScenarioOptions,
  type ScenarioTracker,
} from './lab/scenario.js';
export { SimEngine } from './lab/sim-engine.js';
export type { Trouble, TroubleTime } from './lab/trouble.js';
export type { Actor, ActorKind, ActorWorld } from './sim/actors/actor.js';
export { ACTOR_KINDS, ACTOR_VARIANTS, createActor } from './sim/actors/create-actor.js';
export type { CrashKind, SimMachine } from './sim/machine.js';
export type { AccessOptions } from './sim/network/access-link.js';
export type { SimInternet } from './sim/network/internet.js';
export type { Cutting, Link } from './sim/network/link.js';
export { NAT_KINDS, type NatKind, type NatOptions } from './sim/network/nat.js';
export type { SimHost, SimLog } from './sim/sim-host.js';
export { type SimEvent, type SimHostOptions, Simulator, type SimulatorOptions } from './sim/simulator.js';
export type { DiskModel } from './sim/storage/disk-model.js';
export type { DiskTrouble, MemoryOperation } from './sim/storage/disk-trouble.js';
export { type DiskPlace, MemoryDisk } from './sim/storage/memory-disk.js';
export { SimHttpTracker, type SimTrackerOptions } from './sim/trackers/sim-http-tracker.js';
export { SimUdpTracker } from './sim/trackers/sim-udp-tracker.js';
export {
  HTTP_TRACKER_TROUBLES,
  type TrackerTrouble,
  UDP_TRACKER_TROUBLES,
} from './sim/trackers/tracker-trouble.js';
