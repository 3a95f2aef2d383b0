/**
 * What a simulated DHT came to: numbers, whether they are good enough, and the text that `npm run sim:dht` prints.
 * Times are virtual ms, shares plain (0.02 = 2 %).
 */

import type { DatagramCounts } from './datagram-world.js';
import type { DhtScenario } from './dht-scenario.js';
import type { GetOutcome, LookupOutcome, StoreOutcome } from './dht-workload.js';
import { BUCKET_NODES, hopModel } from './hop-model.js';

export interface DhtReport {
  readonly scenario: DhtScenario;
  readonly virtualMs: number;
  readonly traceHash: string;
  readonly counts: Readonly<DatagramCounts>;
  /** Packets of the pause between the announces and the lookups: upkeep alone. */
  readonly sentWhileQuiet: number;
  /** Honest and hostile nodes that were on at the end. */
  readonly membersOn: number;
  readonly hostileOn: number;
  /** Good nodes in the table of each honest node at the end. */
  readonly tables: readonly number[];
  readonly forged: number;
  readonly forgedTaken: number;
  readonly announces: readonly StoreOutcome[];
  readonly puts: readonly StoreOutcome[];
  readonly lookups: readonly LookupOutcome[];
  readonly gets: readonly GetOutcome[];
}

/** Something that has to be so. */
export interface DhtGoal {
  readonly words: string;
  readonly isMet: boolean;
}

export function goalsOf(report: DhtReport): DhtGoal[] {
  const { lookups, gets } = report;
  const asked = askedOf(report.scenario);
  const found = lookups.filter(hasFound).length;
  const right = gets.filter(({ result }) => result === 'right').length;
  const wrong = gets.filter(({ result }) => result === 'wrong').length;
  const { hops } = modelOf(report);
  const warm = lookups.filter(({ isCold }) => !isCold);
  const medianHops = quantile(
    warm.filter(hasFound).map(({ hopsToPeer }) => hopsToPeer),
    0.5,
  );
  const medianAnswers = quantile(warm.map(honestAnswersOf), 0.5);
  const queries = leastQueries(report);
  return [
    goal(
      `all lookups ended: ${lookups.length} of ${asked.lookups}, ${gets.length} of ${asked.gets}`,
      lookups.length === asked.lookups && gets.length === asked.gets,
    ),
    goal(
      `lookups found a peer that was announced: ${percent(found / lookups.length)}, at least ${percent(SUCCESS_MIN)}`,
      found >= SUCCESS_MIN * lookups.length,
    ),
    goal(
      `gets found the item: ${percent(right / gets.length)}, at least ${percent(SUCCESS_MIN)}`,
      right >= SUCCESS_MIN * gets.length,
    ),
    goal(`false items: ${wrong}, none`, wrong === 0),
    goal(`forged announces that were taken: ${report.forgedTaken} of ${report.forged}, none`, report.forgedTaken === 0),
    goal(
      `median of hops: ${medianHops}, at most ${MODEL_RATIO_MAX} × ${hops.toFixed(2)}`,
      medianHops <= MODEL_RATIO_MAX * hops,
    ),
    goal(
      `median of queries that honest nodes answered: ${medianAnswers}, at most ${MODEL_RATIO_MAX} × ${queries.toFixed(1)}`,
      medianAnswers <= MODEL_RATIO_MAX * queries,
    ),
  ];
}

export function reportText(report: DhtReport): string {
  const { counts, lookups, scenario } = report;
  const { hops, bitsPerHop } = modelOf(report);
  const warm = lookups.filter(({ isCold }) => !isCold);
  const cold = lookups.filter(({ isCold }) => isCold);
  const attacked = lookups.filter(({ isAttacked }) => isAttacked);
  const minutes = report.virtualMs / 60_000;
  const nodesOn = report.membersOn + report.hostileOn;
  const perMinute = counts.sent / nodesOn / minutes;
  const quietPerMinute = report.sentWhileQuiet / nodesOn / (scenario.pauseMs / 60_000);
  return [
    scenarioTitle(scenario),
    `at the end       ${report.membersOn} honest nodes and ${report.hostileOn} hostile ones, good nodes in a table ${spreadText(report.tables, 0)}`,
    `packets          ${counts.sent}, ${perMinute.toFixed(1)} a node and minute; lost ${counts.lost}, kept out by NATs ${counts.filtered}, to nobody ${counts.toNobody}`,
    `upkeep           ${quietPerMinute.toFixed(1)} packets a node and minute while nothing was asked`,
    `model            ${hops.toFixed(2)} hops, ${bitsPerHop.toFixed(2)} bits a hop (k = ${BUCKET_NODES}); ${leastQueries(report).toFixed(1)} queries`,
    ...lookupLines('lookups', warm),
    ...lookupLines('of newcomers', cold),
    ...lookupLines('under attack', attacked),
    `announces        ${report.announces.length}: stored by ${spreadText(
      report.announces.map(({ stored }) => stored),
      0,
    )} nodes in ${msText(report.announces.map(({ elapsedMs }) => elapsedMs))}`,
    `puts             ${report.puts.length}: stored by ${spreadText(
      report.puts.map(({ stored }) => stored),
      0,
    )} nodes in ${msText(report.puts.map(({ elapsedMs }) => elapsedMs))}`,
    `gets             ${getsText(report.gets)} in ${msText(report.gets.map(({ elapsedMs }) => elapsedMs))}`,
    ...goalsOf(report).map(({ words, isMet }) => `${isMet ? 'met   ' : 'MISSED'}           ${words}`),
    `trace ${report.traceHash}`,
  ].join('\n');
}

/** `10000 nodes, 5 % hostile, 30 % behind NATs, 2 % loss, sessions of 60 min, seed 1` */
export function scenarioTitle(scenario: DhtScenario): string {
  const { nodes, hostileShare, nattedShare, lossShare, sessionMs, seed } = scenario;
  const sessions = sessionMs > 0 ? `sessions of ${sessionMs / 60_000} min` : 'nobody leaves';
  return `${nodes} nodes, ${percent(hostileShare)} hostile, ${percent(nattedShare)} behind NATs, ${percent(lossShare)} loss, ${sessions}, seed ${seed}`;
}

const SUCCESS_MIN = 0.99;
const MODEL_RATIO_MAX = 1.2;
/** Queries that a lookup has under way at once, as BEP 5 lookups usually do. */
const ALPHA = 3;

function lookupLines(name: string, lookups: readonly LookupOutcome[]): string[] {
  if (lookups.length === 0) return [];
  const found = lookups.filter(hasFound);
  const of = (value: (lookup: LookupOutcome) => number, among = lookups): number[] => among.map(value);
  const falsePeers = lookups.reduce((sum, lookup) => sum + lookup.falsePeers, 0);
  return [
    `${name.padEnd(16)} ${found.length} of ${lookups.length} (${percent(found.length / lookups.length)}) found ${mean(of(({ truePeers }) => truePeers)).toFixed(1)} peers that were announced, and ${(falsePeers / lookups.length).toFixed(1)} false ones`,
    `  hops           to a peer ${spreadText(
      of(({ hopsToPeer }) => hopsToPeer, found),
      0,
    )} (mean ${mean(of(({ hopsToPeer }) => hopsToPeer, found)).toFixed(2)}), to the closest node ${spreadText(
      of(({ hopsToClosest }) => hopsToClosest),
      0,
    )} (mean ${mean(of(({ hopsToClosest }) => hopsToClosest)).toFixed(2)})`,
    `  messages       queries ${spreadText(
      of(({ queries }) => queries),
      0,
    )}: answered by honest nodes ${spreadText(of(honestAnswersOf), 0)}, by hostile ones ${spreadText(
      of(({ hostileAnswers }) => hostileAnswers),
      0,
    )}, by nobody ${spreadText(
      of(({ queries, answers }) => queries - answers),
      0,
    )}`,
    `  time           to a peer ${msText(of(({ firstPeerMs }) => firstPeerMs!, found))}, to the end ${msText(of(({ elapsedMs }) => elapsedMs))}`,
  ];
}

/** All nodes that there are know each other's neighbours, the hostile ones too. */
function modelOf(report: DhtReport): { readonly hops: number; readonly bitsPerHop: number } {
  return hopModel({ nodes: report.membersOn + report.hostileOn });
}

/** The k closest have to answer, and in each hop before the last so many are asked at once; nothing is lost. */
function leastQueries(report: DhtReport): number {
  return BUCKET_NODES + ALPHA * (modelOf(report).hops - 1);
}

function askedOf({ lookups }: DhtScenario): { readonly lookups: number; readonly gets: number } {
  return { lookups: lookups + Math.ceil(lookups / 10), gets: Math.ceil(lookups / 5) };
}

function honestAnswersOf({ answers, hostileAnswers }: LookupOutcome): number {
  return answers - hostileAnswers;
}

function hasFound({ firstPeerMs }: LookupOutcome): boolean {
  return firstPeerMs !== null;
}

function goal(words: string, isMet: boolean): DhtGoal {
  return { words, isMet };
}

function getsText(gets: readonly GetOutcome[]): string {
  const count = (isMutable: boolean, result: GetOutcome['result']): number =>
    gets.filter((get) => get.isMutable === isMutable && get.result === result).length;
  const part = (isMutable: boolean): string =>
    `${count(isMutable, 'right')} of ${gets.filter((get) => get.isMutable === isMutable).length}`;
  return `immutable ${part(false)}, mutable ${part(true)}`;
}

/** Median, and the value that 95 % are not above. */
function spreadText(values: readonly number[], digits: number): string {
  return `${quantile(values, 0.5).toFixed(digits)} / ${quantile(values, 0.95).toFixed(digits)}`;
}

function msText(values: readonly number[]): string {
  return `${spreadText(values, 0)} ms`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
