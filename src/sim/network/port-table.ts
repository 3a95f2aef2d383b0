/** Who holds which port of a simulated host, for one protocol. */
import { DtorrentError } from '../../base/errors.js';

interface Holder {
  /** IP text, or '' (or an unspecified address) for every address of the host. */
  readonly host: string;
}

const EPHEMERAL_PORT_MIN = 49_152;
const PORT_MAX = 65_535;

export class PortTable<T extends Holder> {
  readonly #holders = new Map<number, T[]>();
  #nextEphemeral = EPHEMERAL_PORT_MIN;

  get size(): number {
    let size = 0;
    for (const holders of this.#holders.values()) size += holders.length;
    return size;
  }

  /** @param port 0 = any free one. @returns the port, or -1 when it is taken. */
  add(port: number, holder: T): number {
    const chosen = port === 0 ? this.ephemeralPort() : port;
    const holders = this.#holders.get(chosen) ?? [];
    if (holders.some((other) => isAny(other.host) || isAny(holder.host) || other.host === holder.host)) return -1;
    this.#holders.set(chosen, [...holders, holder]);
    return chosen;
  }

  remove(port: number, holder: T): void {
    const rest = (this.#holders.get(port) ?? []).filter((other) => other !== holder);
    if (rest.length > 0) this.#holders.set(port, rest);
    else this.#holders.delete(port);
  }

  clear(): void {
    this.#holders.clear();
  }

  /** @returns who hears what is sent to `host`:`port`, or null. */
  find(host: string, port: number): T | null {
    const hears = (holder: T): boolean => holder.host === host || isAny(holder.host, host);
    return this.#holders.get(port)?.find(hears) ?? null;
  }

  /** @returns a port that nobody holds. */
  ephemeralPort(): number {
    for (let attempts = 0; attempts <= PORT_MAX - EPHEMERAL_PORT_MIN; attempts++) {
      const port = this.#nextEphemeral;
      this.#nextEphemeral = port === PORT_MAX ? EPHEMERAL_PORT_MIN : port + 1;
      if (!this.#holders.has(port)) return port;
    }
    return EPHEMERAL_PORT_MIN;
  }
}

export function bindError(doing: string, hasAddress: boolean): DtorrentError {
  const reason = hasAddress
    ? 'another program uses this port; choose another'
    : 'this machine does not have that address';
  return new DtorrentError('ENETWORK', `cannot ${doing}: ${reason}`);
}

function isAny(holder: string, asked = ''): boolean {
  return holder === '' || (holder === '::' && !asked.includes('.')) || (holder === '0.0.0.0' && !asked.includes(':'));
}
