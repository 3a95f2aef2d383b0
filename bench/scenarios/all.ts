/** Every scenario, in the order of the table. A new file of scenarios is one more line here. */
import type { Scenario } from '../suite/scenario.js';
import { CREATE_SCENARIOS } from './create.js';
import { CROWD_SCENARIOS } from './crowd.js';
import { DHT_GET_PEERS_SCENARIOS } from './dht-get-peers.js';
import { DOWNLOAD_SCENARIOS } from './download.js';
import { HUGE_SCENARIOS } from './huge.js';
import { IDLE_TORRENTS_SCENARIOS } from './idle-torrents.js';
import { LOOP_DELAY_SCENARIOS } from './loop-delay.js';
import { RECHECK_SCENARIOS } from './recheck.js';
import { SEED_SCENARIOS } from './seed.js';
import { SLOW_LINK_SCENARIOS } from './slow-link.js';
import { STARTUP_SCENARIOS } from './startup.js';
import { SWARM_SCENARIOS } from './swarm.js';
import { TRACKER_SCENARIOS } from './tracker.js';

export const SCENARIOS: readonly Scenario[] = [
  ...DOWNLOAD_SCENARIOS,
  ...SEED_SCENARIOS,
  ...CROWD_SCENARIOS,
  ...SWARM_SCENARIOS,
  ...RECHECK_SCENARIOS,
  ...CREATE_SCENARIOS,
  ...HUGE_SCENARIOS,
  ...IDLE_TORRENTS_SCENARIOS,
  ...SLOW_LINK_SCENARIOS,
  ...STARTUP_SCENARIOS,
  ...LOOP_DELAY_SCENARIOS,
  ...DHT_GET_PEERS_SCENARIOS,
  ...TRACKER_SCENARIOS,
];

/** Rows of the quick look that CI takes: one of each kind of work, with some MiB. */
export const SMOKE_SCENARIOS: readonly string[] = ['download', 'seed', 'recheck'];
