/**
 * All swarms of the embedded tracker: rows found by info-hash, in a list from the one that was longest not announced to
 * until the latest, with their members (server-members.ts). Times are ms modulo 2^32: no swarm may be older than 24
 * days. A swarm's number is that of its block, 0 = none. Called by TrackerServer.
 */
import type { Random } from '../../base/random.js';
import { SIPHASH_KEY_BYTES, SipHash } from '../../base/siphash.js';
import { type AnnounceWords, HASH_WORDS } from './announce-words.js';
import { BlockPages, NO_BLOCK } from './server-blocks.js';
import { ServerIndex } from './server-index.js';
import { MEMBER_FIELDS, ServerMembers } from './server-members.js';

/** A size class: blocks of one row. */
const ONE_ROW = 0;
const SLOTS_MIN = 64;

/** Fields of a swarm, behind its info-hash. */
const TOUCHED_MS = HASH_WORDS;
const OLDER = HASH_WORDS + 1;
const NEWER = HASH_WORDS + 2;
const COMPLETED = HASH_WORDS + 3;
const MEMBERS_4 = HASH_WORDS + 4;
const MEMBERS_6 = MEMBERS_4 + MEMBER_FIELDS;
const SWARM_WORDS = MEMBERS_6 + MEMBER_FIELDS;

export class ServerSwarms {
  /** Of all swarms together. */
  peers = 0;
  seeds = 0;
  #size = 0;
  #oldest = NO_BLOCK;
  #newest = NO_BLOCK;
  readonly #blocks = new BlockPages(SWARM_WORDS);
  readonly #members4: ServerMembers;
  readonly #members6: ServerMembers;
  readonly #sipHash: SipHash;
  readonly #index: ServerIndex;
  readonly #infoHash = new Uint32Array(HASH_WORDS);

  /** @param random makes the key of the indices: it has to be unpredictable. */
  constructor(random: Random, choiceMax: number) {
    const key = new Uint8Array(SIPHASH_KEY_BYTES);
    random.fill(key);
    this.#sipHash = new SipHash(key);
    this.#members4 = new ServerMembers(4, this.#sipHash, choiceMax);
    this.#members6 = new ServerMembers(6, this.#sipHash, choiceMax);
    this.#index = new ServerIndex(new Uint32Array(SLOTS_MIN), (swarm) => this.#hashOf(swarm));
  }

  /** Swarms there are. */
  get size(): number {
    return this.#size;
  }

  /** The one that was longest not announced to. */
  get oldest(): number {
    return this.#oldest;
  }

  /** @returns 0 when there is none. */
  find(infoHash: Uint32Array): number {
    const { slots } = this.#index;
    const mask = slots.length - 1;
    const hash = this.#sipHash.hash(infoHash, HASH_WORDS);
    for (let slot = hash & mask; slots[slot] !== NO_BLOCK; slot = (slot + 1) & mask) {
      if (this.#isOf(slots[slot]!, infoHash)) return slots[slot]!;
    }
    return NO_BLOCK;
  }

  /** A new one, without members. */
  add(infoHash: Uint32Array): number {
    const swarm = this.#blocks.allocate(ONE_ROW);
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    words.fill(0, start, start + SWARM_WORDS);
    words.set(infoHash, start);
    this.#size++;
    const { slots } = this.#index;
    if (2 * this.#size > slots.length) this.#index.moveTo(new Uint32Array(2 * slots.length));
    this.#index.add(swarm, this.#hashOf(swarm));
    this.#link(swarm);
    return swarm;
  }

  /** With all its members. */
  remove(swarm: number): void {
    this.peers -= this.sizeOf(swarm);
    this.seeds -= this.seedsOf(swarm);
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    this.#members4.clear(words, start + MEMBERS_4);
    this.#members6.clear(words, start + MEMBERS_6);
    this.#unlink(swarm);
    this.#index.remove(swarm, this.#hashOf(swarm));
    this.#blocks.free(swarm, ONE_ROW);
    this.#size--;
  }

  /** It was announced to. */
  touch(swarm: number, nowMs: number): void {
    this.#blocks.wordsOf(swarm)[this.#blocks.startOf(swarm) + TOUCHED_MS] = nowMs;
    if (swarm === this.#newest) return;
    this.#unlink(swarm);
    this.#link(swarm);
  }

  /** For how long it was not announced to. */
  ageMs(swarm: number, nowMs: number): number {
    return (nowMs - this.#field(swarm, TOUCHED_MS)) | 0;
  }

  sizeOf(swarm: number): number {
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    return this.#members4.size(words, start + MEMBERS_4) + this.#members6.size(words, start + MEMBERS_6);
  }

  seedsOf(swarm: number): number {
    return this.sizeOf(swarm) - this.leechersOf(swarm);
  }

  leechersOf(swarm: number): number {
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    return this.#members4.leechers(words, start + MEMBERS_4) + this.#members6.leechers(words, start + MEMBERS_6);
  }

  completedOf(swarm: number): number {
    return this.#field(swarm, COMPLETED);
  }

  /** Members, or only leechers, that can be told to who asks over `family`. */
  candidates(swarm: number, family: 4 | 6, leechersOnly: boolean): number {
    const members = this.#membersOf(family);
    const words = this.#blocks.wordsOf(swarm);
    const at = this.#blocks.startOf(swarm) + fieldsOf(family);
    return leechersOnly ? members.leechers(words, at) : members.size(words, at);
  }

  /** @returns the row of the address and port of `who`, or -1. */
  findMember(swarm: number, who: AnnounceWords): number {
    const at = this.#blocks.startOf(swarm) + fieldsOf(who.family);
    return this.#membersOf(who.family).find(this.#blocks.wordsOf(swarm), at, who);
  }

  /** @returns the row. */
  addMember(swarm: number, who: AnnounceWords, nowMs: number): number {
    this.peers++;
    if (who.isSeed) this.seeds++;
    const at = this.#blocks.startOf(swarm) + fieldsOf(who.family);
    return this.#membersOf(who.family).add(this.#blocks.wordsOf(swarm), at, who, nowMs);
  }

  /** A download counts as completed when we have seen it incomplete. @returns the row that the member has now. */
  renewMember(swarm: number, row: number, who: AnnounceWords, nowMs: number): number {
    const members = this.#membersOf(who.family);
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    const at = start + fieldsOf(who.family);
    const wasSeed = members.isSeed(words, at, row);
    if (who.isSeed !== wasSeed) this.seeds += who.isSeed ? 1 : -1;
    if (who.isSeed && !wasSeed && who.event === 'completed') words[start + COMPLETED]!++;
    return members.renew(words, at, row, who, nowMs);
  }

  removeMember(swarm: number, family: 4 | 6, row: number): void {
    const members = this.#membersOf(family);
    const words = this.#blocks.wordsOf(swarm);
    const at = this.#blocks.startOf(swarm) + fieldsOf(family);
    this.peers--;
    if (members.isSeed(words, at, row)) this.seeds--;
    members.remove(words, at, row);
  }

  /** Forgets the members that were silent for longer than `lifetimeMs`. */
  expireMembers(swarm: number, nowMs: number, lifetimeMs: number): void {
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    this.peers -= this.sizeOf(swarm);
    this.seeds -= this.seedsOf(swarm);
    this.#members4.expire(words, start + MEMBERS_4, nowMs, lifetimeMs);
    this.#members6.expire(words, start + MEMBERS_6, nowMs, lifetimeMs);
    this.peers += this.sizeOf(swarm);
    this.seeds += this.seedsOf(swarm);
  }

  /**
   * A random choice of members of one family, all different and each with the same chance. It holds until the next.
   * @param except a row that is not to be chosen, -1 = none.
   * @returns how many, at most `wanted`.
   */
  choose(
    swarm: number,
    family: 4 | 6,
    choice: { readonly leechersOnly: boolean; readonly except: number; readonly wanted: number },
    random: Random,
  ): number {
    const limit = this.candidates(swarm, family, choice.leechersOnly);
    return this.#membersOf(family).choose({ limit, except: choice.except, wanted: choice.wanted }, random);
  }

  /** Writes member `nth` of the last choice in its compact form. */
  writeChosen(swarm: number, family: 4 | 6, nth: number, out: Uint8Array, offset: number): void {
    const members = this.#membersOf(family);
    const at = this.#blocks.startOf(swarm) + fieldsOf(family);
    members.writeCompact(this.#blocks.wordsOf(swarm), at, members.chosen[nth]!, out, offset);
  }

  /** Of member `nth` of the last choice; 20 bytes. */
  peerIdOfChosen(swarm: number, family: 4 | 6, nth: number): Uint8Array {
    const members = this.#membersOf(family);
    const at = this.#blocks.startOf(swarm) + fieldsOf(family);
    return members.peerId(this.#blocks.wordsOf(swarm), at, members.chosen[nth]!);
  }

  #membersOf(family: 4 | 6): ServerMembers {
    return family === 4 ? this.#members4 : this.#members6;
  }

  #field(swarm: number, field: number): number {
    return this.#blocks.wordsOf(swarm)[this.#blocks.startOf(swarm) + field]!;
  }

  #setField(swarm: number, field: number, value: number): void {
    this.#blocks.wordsOf(swarm)[this.#blocks.startOf(swarm) + field] = value;
  }

  #link(swarm: number): void {
    this.#setField(swarm, OLDER, this.#newest);
    this.#setField(swarm, NEWER, NO_BLOCK);
    if (this.#newest === NO_BLOCK) this.#oldest = swarm;
    else this.#setField(this.#newest, NEWER, swarm);
    this.#newest = swarm;
  }

  #unlink(swarm: number): void {
    const older = this.#field(swarm, OLDER);
    const newer = this.#field(swarm, NEWER);
    if (older === NO_BLOCK) this.#oldest = newer;
    else this.#setField(older, NEWER, newer);
    if (newer === NO_BLOCK) this.#newest = older;
    else this.#setField(newer, OLDER, older);
  }

  #hashOf(swarm: number): number {
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    for (let i = 0; i < HASH_WORDS; i++) this.#infoHash[i] = words[start + i]!;
    return this.#sipHash.hash(this.#infoHash, HASH_WORDS);
  }

  #isOf(swarm: number, infoHash: Uint32Array): boolean {
    const words = this.#blocks.wordsOf(swarm);
    const start = this.#blocks.startOf(swarm);
    for (let i = 0; i < HASH_WORDS; i++) if (words[start + i] !== infoHash[i]) return false;
    return true;
  }
}

function fieldsOf(family: 4 | 6): number {
  return family === 4 ? MEMBERS_4 : MEMBERS_6;
}
