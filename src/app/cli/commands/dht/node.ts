/** `dtorrent dht node`: a node of the DHT, until a signal. It says how it is doing, when that changes. */
import type { DhtClient, DhtStats } from '../../../../dht.js';
import type { CommandContext } from '../../context.js';
import type { DhtNodeOptions } from '../../dht-options.js';
import { withDht } from '../../dht-session.js';
import { formatCount, formatRate } from '../../display/formats.js';

const STATUS_INTERVAL_MS = 10_000;

/** @returns the exit code. */
export function runDhtNode(options: DhtNodeOptions, context: CommandContext): Promise<number> {
  const { port, readOnly, json } = options;
  return withDht(options, context, { port, isReadOnly: readOnly, tellsNames: true }, async (client) => {
    const listening = json
      ? JSON.stringify({ type: 'listening', port: client.port })
      : `listening on UDP port ${client.port}`;
    context.stdout.write(`${listening}\n`);
    const status = new Status(client, json, context);
    const end = context.every(STATUS_INTERVAL_MS, () => status.tell());
    await stopped(context.stop);
    end();
    return 0;
  });
}

class Status {
  readonly #client: DhtClient;
  readonly #json: boolean;
  readonly #context: CommandContext;
  #toldLine = '';
  #toldAtMs: number;
  #toldStats: DhtStats;

  constructor(client: DhtClient, json: boolean, context: CommandContext) {
    this.#client = client;
    this.#json = json;
    this.#context = context;
    this.#toldAtMs = context.now();
    this.#toldStats = client.stats();
  }

  /** A line for people, unless nothing but the rates has changed. */
  tell(): void {
    const stats = this.#client.stats();
    const now = this.#context.now();
    if (this.#json) {
      this.#context.stdout.write(`${JSON.stringify({ type: 'status', ...stats })}\n`);
      return;
    }
    const line = sentence(stats);
    if (line === this.#toldLine) return;
    const seconds = Math.max(1, (now - this.#toldAtMs) / 1000);
    const rateIn = formatRate((stats.bytesIn - this.#toldStats.bytesIn) / seconds);
    const rateOut = formatRate((stats.bytesOut - this.#toldStats.bytesOut) / seconds);
    this.#context.stdout.write(`${line}; ${rateIn} in, ${rateOut} out\n`);
    this.#toldLine = line;
    this.#toldAtMs = now;
    this.#toldStats = stats;
  }
}

function sentence(stats: DhtStats): string {
  const all = stats.networkNodes > stats.goodNodes ? ` of about ${formatMany(stats.networkNodes)}` : '';
  const known = `knows ${formatCount(stats.goodNodes, 'node')}${all}`;
  const torrents = formatCount(stats.storedInfoHashes, 'torrent');
  const items = formatCount(stats.storedItems, 'item');
  return `${known}; keeps ${formatCount(stats.storedPeers, 'peer')} of ${torrents}, and ${items}`;
}

/** An estimate, in two digits. */
function formatMany(count: number): string {
  return String(Number(count.toPrecision(2)));
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
