/**
 * Announces over HTTP on connections that are kept where the tracker keeps them, one announce at a time on each. Bytes
 * are written and counted by hand: Node's client would take longer than a tracker.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { HASH_BYTES, infoHashesOf, leftOf, PeerOrder, type Population, portOf } from './peers.js';

const CONNECTIONS = 64;
const HEAD_END = '\r\n\r\n';

export class HttpAnnounces {
  readonly #population: Population;
  readonly #order: PeerOrder;
  /** Percent-encoded, of each swarm. */
  readonly #hashes: readonly string[];
  readonly #port: number;
  readonly #connections: Connection[] = [];
  /** Called with each answer. @returns whether the connection asks again. */
  onAnswer: (sentMs: number) => boolean = () => false;

  constructor(port: number, population: Population) {
    this.#port = port;
    this.#population = population;
    this.#order = new PeerOrder(population);
    const hashes = infoHashesOf(population);
    this.#hashes = Array.from({ length: population.swarms }, (_, swarm) =>
      escaped(hashes.subarray(swarm * HASH_BYTES, (swarm + 1) * HASH_BYTES)),
    );
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  /** As fast as answers come. @returns how many there are in a second. */
  async flood(seconds: number): Promise<number> {
    let answered = 0;
    const startMs = performance.now();
    const untilMs = startMs + seconds * 1000;
    await this.#askAll(() => {
      answered++;
      return performance.now() < untilMs;
    });
    return (1000 * answered) / (performance.now() - startMs);
  }

  /** Sends so many a second, evenly, as far as connections are free. @returns how long each answer took, in ms, sorted. */
  async pace(perSecond: number, seconds: number): Promise<Float64Array> {
    const latencies: number[] = [];
    const total = Math.ceil(perSecond * seconds);
    const startMs = performance.now();
    this.onAnswer = (sentMs) => {
      latencies.push(performance.now() - sentMs);
      return false;
    };
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) * perSecond) / 1000));
      for (const connection of this.#connections) {
        if (sent >= due) break;
        if (connection.isBusy) continue;
        connection.ask();
        sent++;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(this.#connections.map((connection) => connection.idle()));
    return Float64Array.from(latencies).sort();
  }

  /** `count` announces, whose answers nobody looks at. */
  async warmUp(count: number): Promise<void> {
    let answered = 0;
    await this.#askAll(() => ++answered < count);
  }

  request(): string {
    const peer = this.#order.next();
    const swarm = peer % this.#population.swarms;
    const peerId = `-BN0001-${String(peer).padStart(12, '0')}`;
    return (
      `GET /announce?info_hash=${this.#hashes[swarm]}&peer_id=${peerId}&port=${portOf(peer, this.#population)}` +
      `&uploaded=0&downloaded=0&left=${leftOf(peer)}&compact=1&no_peer_id=1&numwant=50 HTTP/1.1\r\n` +
      'Host: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n'
    );
  }

  async #askAll(onAnswer: () => boolean): Promise<void> {
    this.onAnswer = onAnswer;
    while (this.#connections.length < CONNECTIONS) {
      this.#connections.push(await Connection.open(this, this.#port));
    }
    for (const connection of this.#connections) connection.ask();
    await Promise.all(this.#connections.map((connection) => connection.idle()));
  }
}

class Connection {
  isBusy = false;
  readonly #announces: HttpAnnounces;
  readonly #port: number;
  #socket: Socket;
  #sentMs = 0;
  #answer = '';
  #hasToClose = false;
  #onIdle: () => void = () => {};

  private constructor(announces: HttpAnnounces, port: number) {
    this.#announces = announces;
    this.#port = port;
    this.#socket = this.#dial();
  }

  static async open(announces: HttpAnnounces, port: number): Promise<Connection> {
    const connection = new Connection(announces, port);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** A dialling is part of what an announce takes. */
  ask(): void {
    this.isBusy = true;
    this.#sentMs = performance.now();
    if (this.#socket.destroyed || this.#socket.readableEnded) this.#socket = this.#dial();
    this.#socket.write(this.#announces.request(), 'latin1');
  }

  idle(): Promise<void> {
    if (!this.isBusy) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  close(): void {
    this.#hasToClose = true;
    this.#socket.destroy();
  }

  #dial(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('close', () => {
      // A tracker that closes without an answer is asked again.
      if (socket === this.#socket && this.isBusy && !this.#hasToClose) this.ask();
    });
    socket.on('error', () => {});
    return socket;
  }

  #receive(chunk: string): void {
    this.#answer += chunk;
    const headEnd = this.#answer.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = /content-length: *(\d+)/i.exec(this.#answer);
    const bytes = headEnd + HEAD_END.length + Number(length?.[1] ?? 0);
    if (this.#answer.length < bytes) return;
    if (!this.#answer.includes('8:interval')) throw new Error(`the tracker answers ${this.#answer}`);
    const isKept = !/connection: *close/i.test(this.#answer) && !this.#answer.startsWith('HTTP/1.0');
    this.#answer = '';
    this.isBusy = false;
    if (!isKept) this.#socket.destroy();
    if (this.#announces.onAnswer(this.#sentMs)) this.ask();
    else this.#onIdle();
  }
}

function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
