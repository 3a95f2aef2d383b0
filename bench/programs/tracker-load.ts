/**
 * Loads a tracker on loopback and tells what came of it, and what the tracker's process cost by the system's account.
 * usage: tracker-load.js udp|http PORT PID PEERS SWARMS SECONDS
 *   ->  {"announcesPerSecond", "cpuMicrosPerAnnounce", "latencyP99Ms", "bytesPerPeer"}
 * Full load first; then half of the rate that came out, for the times that answers take. Bytes a peer are what the
 * tracker's RSS grows by, from when it has answered many announces of one peer to when all are in it (by UDP always).
 */
import { HttpAnnounces } from '../trackers/http-announces.js';
import type { Population } from '../trackers/peers.js';
import { cpuSecondsOf, rssBytesOf } from '../trackers/process-cost.js';
import { UdpAnnounces } from '../trackers/udp-announces.js';

const WARM_UP_ANNOUNCES = 200_000;
/** For the garbage collector of who has one. */
const SETTLE_MS = 2000;

const [protocol, port, pid, peers, swarms, seconds] = process.argv.slice(2) as [string, ...string[]];
const population: Population = { peers: Number(peers), swarms: Number(swarms) };
const trackerPid = Number(pid);

const udp = await UdpAnnounces.open(Number(port), population);
await udp.warmUp(WARM_UP_ANNOUNCES);
await pause(SETTLE_MS);
const rssBefore = rssBytesOf(trackerPid);
await udp.enterAll();
await pause(SETTLE_MS);
const bytesPerPeer = (rssBytesOf(trackerPid) - rssBefore) / population.peers;
const loaded = protocol === 'udp' ? await loadUdp() : await loadHttp();
udp.close();
console.log(JSON.stringify({ ...loaded, bytesPerPeer: round(bytesPerPeer) }));

async function loadUdp(): Promise<object> {
  let cpuBefore = 0;
  const rate = await udp.flood(Number(seconds), () => {
    cpuBefore = cpuSecondsOf(trackerPid);
  });
  return figures(rate, cpuSecondsOf(trackerPid) - cpuBefore, await udp.pace(rate / 2, Number(seconds)));
}

async function loadHttp(): Promise<object> {
  const http = new HttpAnnounces(Number(port), population);
  await http.flood(1);
  const cpuBefore = cpuSecondsOf(trackerPid);
  const rate = await http.flood(Number(seconds));
  const cpuSeconds = cpuSecondsOf(trackerPid) - cpuBefore;
  const latencies = await http.pace(rate / 2, Number(seconds));
  http.close();
  return figures(rate, cpuSeconds, latencies);
}

function figures(rate: number, cpuSeconds: number, latencies: Float64Array): object {
  return {
    announcesPerSecond: Math.round(rate),
    cpuMicrosPerAnnounce: round((1e6 * cpuSeconds) / (rate * Number(seconds))),
    latencyP99Ms: round(latencies[Math.floor(latencies.length * 0.99)]!),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
