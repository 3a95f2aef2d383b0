/**
 * Our own address as others see it, one a family: trackers (BEP 24), peers (`yourip` of BEP 10), DHT nodes (BEP 42) and
 * the router each have a vote; a DHT node without an engine (src/node) hears of other nodes only. None of them is trusted
 * alone: whoever makes us believe a wrong address chooses our node id and whom we hold on to (BEP 40).
 *
 * The rule, for each family by itself:
 * - What counts is a public address of the voter's own family. A voter of the local network sees us from inside and
 *   cannot know; of local voters only the router is heard. A host has one vote a round: an IPv4 address, an IPv6 /64
 *   (which one machine has all of), or the name of a tracker whose address is not known.
 * - A round ends with its fiftieth vote; or with the first one, five minutes after it began, that finds a clear winner.
 *   Clear: at least three votes, and more than 1.5 times the runner-up's. A clear winner is the answer from then on. A
 *   round that ends without one changes nothing.
 * - While there is no answer yet, the first three votes are one for the time being if they all say the same.
 * - The router's word is taken at once while no round has been decided. When the same router changes its word, our
 *   address has changed: it is taken, and what was voted before is void.
 *
 * Invariant: of a round, as many voters and addresses are remembered as it has votes. Time is monotonic ms.
 */
import { makeAddress, parseIp } from './address.js';
import { isPublicIp } from './ip-ranges.js';
import { LIMITS } from './limits.js';

/** Who says so. */
export type AddressWitness = 'tracker' | 'peer' | 'dht' | 'router';

export interface AddressVoter {
  /** Canonical IP text; or the host name of a tracker whose address is not known. */
  readonly host: string;
}

export const VOTE_ROUND_MS = 300_000;
const CLEAR_VOTES_MIN = 3;
const CLEAR_FACTOR = 1.5;

export class ExternalAddress {
  /** Hears of each change, inside the call that made it. */
  onChange: (family: 4 | 6) => void = () => {};
  readonly #tell: (family: 4 | 6, ip: string) => void;
  readonly #v4 = new Ballot();
  readonly #v6 = new Ballot();

  /** `tell` hears of each change too: it is the owner's, and onChange whoever else wants to know. */
  constructor(tell: (family: 4 | 6, ip: string) => void = () => {}) {
    this.#tell = tell;
  }

  /**
   * `ip` is who we are, as told: any text. `voter` is who says so, of whose address one vote counts (an Address will do).
   * What cannot be true is ignored.
   */
  vote(ip: string, voter: AddressVoter, witness: AddressWitness, now: number): void {
    const told = makeAddress(ip, 0);
    if (told === null || !isPublicIp(told.host)) return;
    const { family, host } = told;
    const ballot = family === 4 ? this.#v4 : this.#v6;
    const before = ballot.ip;
    if (witness === 'router') ballot.hearRouter(host, voter.host);
    else if (mayKnow(voter, family)) ballot.cast(host, voterKey(voter.host), now);
    if (ballot.ip === before) return;
    this.#tell(family, ballot.ip!);
    this.onChange(family);
  }

  /** Canonical IP text; null = not known. Once known, it stays so. */
  of(family: 4 | 6): string | null {
    return family === 4 ? this.#v4.ip : this.#v6.ip;
  }
}

/** The votes of one family. */
class Ballot {
  ip: string | null = null;
  /** A round has had a clear winner. */
  #isDecided = false;
  /** The first router that said something: another one may be no router of ours at all. */
  #router: { readonly host: string; ip: string } | null = null;
  readonly #voters = new Set<string>();
  readonly #votes = new Map<string, number>();
  #roundBeganAtMs = 0;

  hearRouter(ip: string, host: string): void {
    const known = this.#router;
    if (known !== null && (known.host !== host || known.ip === ip)) return;
    this.#router = { host, ip };
    if (known === null && this.#isDecided) return;
    this.#isDecided = false;
    this.#beginRound();
    this.ip = ip;
  }

  cast(ip: string, voter: string, now: number): void {
    if (this.#voters.has(voter)) return;
    if (this.#voters.size === 0) this.#roundBeganAtMs = now;
    this.#voters.add(voter);
    this.#votes.set(ip, (this.#votes.get(ip) ?? 0) + 1);
    const isFull = this.#voters.size >= LIMITS.externalAddressVotesMax;
    if (isFull || now - this.#roundBeganAtMs >= VOTE_ROUND_MS) this.#decide(isFull);
    else if (this.ip === null && this.#votes.size === 1 && this.#voters.size >= CLEAR_VOTES_MIN) this.ip = ip;
  }

  #decide(isFull: boolean): void {
    const winner = this.#clearWinner();
    if (winner !== null) {
      this.ip = winner;
      this.#isDecided = true;
    }
    if (winner !== null || isFull) this.#beginRound();
  }

  #clearWinner(): string | null {
    let winner: string | null = null;
    let winnerVotes = 0;
    let runnerUpVotes = 0;
    for (const [ip, votes] of this.#votes) {
      if (votes > winnerVotes) {
        runnerUpVotes = winnerVotes;
        winner = ip;
        winnerVotes = votes;
      } else if (votes > runnerUpVotes) runnerUpVotes = votes;
    }
    return winnerVotes >= CLEAR_VOTES_MIN && winnerVotes > CLEAR_FACTOR * runnerUpVotes ? winner : null;
  }

  #beginRound(): void {
    this.#voters.clear();
    this.#votes.clear();
  }
}

/** A voter without an address is taken to be of the family that it speaks of. */
function mayKnow({ host }: AddressVoter, family: 4 | 6): boolean {
  const address = makeAddress(host, 0);
  return address === null || (address.family === family && isPublicIp(address.host));
}

function voterKey(host: string): string {
  const ip = parseIp(host);
  return ip === null || ip.length === 4 ? host : ip.subarray(0, 8).join();
}
