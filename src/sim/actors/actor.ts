/**
 * Hostile peers in a simulated swarm: what they are to whoever builds one, and what all of them share. An actor has a
 * host of its own, listens on it, dials honest nodes again and again, and runs one script on each connection.
 * Everything random comes from its host's generator; stop() leaves no timer and no socket.
 */
import { type Address, addressKey } from '../../base/address.js';
import type { Random } from '../../base/random.js';
import { wireHashes } from '../../format/infohash.js';
import type { Metainfo } from '../../format/metainfo.js';
import type { Wake } from '../../host/clock.js';
import type { ByteStream, Listener } from '../../host/network.js';
import type { SimHost } from '../sim-host.js';
import type { Simulator } from '../simulator.js';
import type { Script } from './script.js';

/** What a hostile peer does; what each kind is, its class says. */
export type ActorKind =
  | 'corrupting-seed'
  | 'never-sends'
  | 'sends-unasked'
  | 'bitfield-liar'
  | 'unchoke-flapper'
  | 'slow-loris'
  | 'flooder'
  | 'metadata-liar'
  | 'pex-liar'
  | 'endless-handshakes'
  | 'fake-progress';

/** What an actor knows of the swarm that it is in. */
export interface ActorWorld {
  /** Where it is to live. */
  readonly simulator: Simulator;
  /** Of the torrent of the swarm. */
  readonly metainfo: Metainfo;
  /** The right content of one piece; not to be written to. */
  pieceBytes(piece: number): Uint8Array;
  /** Honest nodes to dial; asked each time. */
  peers(): readonly Address[];
  /** What the actor's choices are made from. */
  readonly random: Random;
}

/** A hostile peer. */
export interface Actor {
  /** What it does to others. */
  readonly kind: ActorKind;
  /** Of what its kind can do, the one thing that it does. */
  readonly variant: string;
  /** Its machine. */
  readonly host: SimHost;
  /** Where it listens: to be handed to trackers and honest nodes as a peer. */
  readonly address: Address;
  /** Listens, and dials. */
  start(): void;
  /** Closes all it has; nothing happens after this. */
  stop(): void;
}

/** How an actor goes about its connections. */
export interface ActorHabits {
  /** Between two looks for whom to dial. */
  readonly redialMs: number;
  /** Connections to each honest node, of its own dialling. */
  readonly perPeer: number;
}

export const PATIENT: ActorHabits = { redialMs: 10_000, perPeer: 1 };
const PORT = 6881;
const DIAL_TIMEOUT_MS = 10_000;
/** Of all connections: an actor is cheap. */
const CONNECTIONS_MAX = 200;

export class ScriptedActor implements Actor {
  readonly kind: ActorKind;
  readonly variant: string;
  readonly host: SimHost;
  readonly address: Address;
  readonly world: ActorWorld;
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  /** All that are open or being dialled. */
  readonly scripts: Set<Script> = new Set();
  readonly #habits: ActorHabits;
  readonly #makeScript: (actor: ScriptedActor) => Script;
  readonly #wakes = new Set<Wake>();
  #listener: Listener | null = null;
  #isRunning = false;

  constructor(
    world: ActorWorld,
    options: {
      readonly kind: ActorKind;
      readonly variant: string;
      readonly habits: ActorHabits;
      readonly makeScript: (actor: ScriptedActor) => Script;
    },
  ) {
    this.world = world;
    this.kind = options.kind;
    this.variant = options.variant;
    this.#habits = options.habits;
    this.#makeScript = options.makeScript;
    this.host = world.simulator.createHost();
    this.address = { family: 4, host: this.host.ipv4!, port: PORT };
    this.infoHash = wireHashes(world.metainfo.infoHash)[0]!;
    this.pieceCount = Math.ceil(world.metainfo.totalLength / world.metainfo.pieceLength);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#listener = this.host.network.listen(
      { host: '', port: PORT },
      {
        onListening() {},
        onConnection: (stream) => this.#onConnection(stream),
        onError(error) {
          throw error;
        },
      },
    );
    this.#dialAll();
  }

  stop(): void {
    this.#isRunning = false;
    this.#listener?.close();
    for (const script of [...this.scripts]) script.end();
    for (const wake of this.#wakes) wake.cancel();
    this.#wakes.clear();
  }

  /** Calls `fn` later, unless the actor is stopped before. */
  after(delayMs: number, fn: () => void): Wake {
    const wake = this.host.clock.wakeAt(this.host.clock.now() + delayMs, () => {
      this.#wakes.delete(wake);
      fn();
    });
    this.#wakes.add(wake);
    return { cancel: () => this.#cancel(wake) };
  }

  /** A script's connection is gone. */
  onEnded(script: Script): void {
    this.scripts.delete(script);
  }

  #cancel(wake: Wake): void {
    wake.cancel();
    this.#wakes.delete(wake);
  }

  #onConnection(stream: ByteStream): void {
    if (this.scripts.size >= CONNECTIONS_MAX) {
      stream.close();
      return;
    }
    const script = this.#makeScript(this);
    this.scripts.add(script);
    script.accept(stream);
  }

  #dialAll(): void {
    for (const address of this.world.peers()) {
      const key = addressKey(address);
      let open = 0;
      for (const script of this.scripts) if (script.dialledKey === key) open++;
      for (; open < this.#habits.perPeer && this.scripts.size < CONNECTIONS_MAX; open++) {
        const script = this.#makeScript(this);
        this.scripts.add(script);
        script.dial(address, key, DIAL_TIMEOUT_MS);
      }
    }
    this.after(this.#habits.redialMs, () => this.#dialAll());
  }
}
