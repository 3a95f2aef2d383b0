/**
 * Real sessions to mutate: what each of two of our engines says to the other while a torrent goes from one to the other,
 * by magnet link and by file. Made anew in each run, from a fixed seed.
 */
import { concatBytes } from '../../../src/base/bytes.js';
import { SimEngine } from '../../../src/engine/testing/sim-swarm.js';
import { SILENT_OBSERVER } from '../../../src/sim/observer.js';
import { Simulator } from '../../../src/sim/simulator.js';
import { canBeMagnet, LIVE_KINDS, LIVE_TORRENTS, type LiveKind } from './live-torrents.js';

export interface Recording {
  readonly kind: LiveKind;
  /** What the seed, or the downloader, sent from its handshake on. */
  readonly isOfSeed: boolean;
  readonly bytes: Uint8Array;
}

export function recordSessions(): Recording[] {
  return LIVE_KINDS.flatMap((kind) => {
    const ways = canBeMagnet(kind) ? [false, true] : [false];
    return ways.flatMap((byMagnet) => recordSession(kind, byMagnet));
  });
}

function recordSession(kind: LiveKind, byMagnet: boolean): Recording[] {
  const sent = new Map<string, Uint8Array[]>();
  const simulator = new Simulator({
    seed: 1,
    observer: {
      ...SILENT_OBSERVER,
      onSent: (machine, _stream, bytes) => {
        const parts = sent.get(machine.name) ?? [];
        parts.push(bytes.slice());
        sent.set(machine.name, parts);
      },
    },
  });
  const torrent = LIVE_TORRENTS[kind];
  const seed = new SimEngine(simulator, {}, { name: 'seed' });
  const leech = new SimEngine(simulator, {}, { name: 'leech' });
  seed.give(torrent);
  const seeding = seed.add(torrent.metainfo);
  simulator.run(() => seeding.phase === 'seeding');
  const download = leech.add(byMagnet ? torrent.magnet : torrent.metainfo, { from: [seed] });
  simulator.run(() => download.phase === 'seeding', { maxVirtualMs: 600_000 });
  leech.stop(simulator);
  seed.stop(simulator);
  return [
    { kind, isOfSeed: true, bytes: concatBytes(sent.get('seed') ?? []) },
    { kind, isOfSeed: false, bytes: concatBytes(sent.get('leech') ?? []) },
  ];
}
