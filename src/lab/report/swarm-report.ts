/**
 * What a swarm looked like, as numbers: what ScaleSwarm hands out, and what is made of it: how near to the bound it
 * came, how evenly it gave and took, what it cost beside the content. Times are virtual ms, ratios plain (0.02 = 2 %).
 */
import type { CompletionBound } from '../scale/completion-bound.js';
import type { ScaleScenario } from '../scale/scale-scenario.js';
import type { SwarmSample } from '../scale/swarm-meter.js';

export interface PeerOutcome {
  readonly isFreeRider: boolean;
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;
  /** Null = it was not done when the run ended. */
  readonly doneAtMs: number | null;
  /** Payload. */
  readonly uploadedBytes: number;
  readonly downloadedBytes: number;
  /** Payload that was of no use: blocks that it had already, or that failed. */
  readonly wastedBytes: number;
}

export interface SwarmReport {
  readonly scenario: ScaleScenario;
  readonly bound: CompletionBound;
  readonly virtualMs: number;
  /** Everything that left any machine in streams: messages and payload. */
  readonly sentBytes: number;
  readonly sourceUploadedBytes: number;
  readonly peers: readonly PeerOutcome[];
  readonly samples: readonly SwarmSample[];
}

export interface Spread {
  readonly least: number;
  readonly tenth: number;
  readonly median: number;
  readonly ninth: number;
  readonly most: number;
}

export interface SwarmSummary {
  readonly unfinished: number;
  /** Of all peers, free riders too, and of those that give. */
  readonly doneMs: Spread;
  readonly givingDoneMs: Spread;
  /** The last one's time against the bound. */
  readonly completionRatio: number;
  /** Uploaded to downloaded payload, of the peers that give. */
  readonly shareRatio: Spread;
  /** Copies of the content that the seed uploaded. */
  readonly sourceCopies: number;
  /** What was sent beside payload, to payload. */
  readonly overheadRatio: number;
  /** Payload that was of no use, to payload. */
  readonly duplicateRatio: number;
}

export function summarize(report: SwarmReport): SwarmSummary {
  const { peers, scenario } = report;
  const giving = peers.filter((peer) => !peer.isFreeRider);
  const downloadedBytes = sum(peers.map((peer) => peer.downloadedBytes));
  const uploadedBytes = sum(peers.map((peer) => peer.uploadedBytes)) + report.sourceUploadedBytes;
  const doneMs = spread(peers.map(doneAt));
  return {
    unfinished: peers.filter((peer) => peer.doneAtMs === null).length,
    doneMs,
    givingDoneMs: spread(giving.map(doneAt)),
    completionRatio: doneMs.most / report.bound.ms,
    shareRatio: spread(giving.map((peer) => peer.uploadedBytes / peer.downloadedBytes)),
    sourceCopies: report.sourceUploadedBytes / scenario.contentBytes,
    overheadRatio: (report.sentBytes - uploadedBytes) / uploadedBytes,
    duplicateRatio: sum(peers.map((peer) => peer.wastedBytes)) / downloadedBytes,
  };
}

/** Quantiles, by rank. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { least: at(0), tenth: at(0.1), median: at(0.5), ninth: at(0.9), most: at(1) };
}

function doneAt(peer: PeerOutcome): number {
  return peer.doneAtMs ?? Number.POSITIVE_INFINITY;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
