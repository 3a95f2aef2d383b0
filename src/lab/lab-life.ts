/**
 * One life of a member, from its start to its stop or crash, as the lab keeps track of it: its conversations, and sums
 * over those that are over. Made by LabWatch for each node that begins.
 */
import type { Torrent } from '../engine/torrent.js';
import type { SimStream } from '../sim/network/stream.js';
import type { Conversation } from './conversation.js';
import type { GroundTruth } from './ground-truth.js';
import type { LabMember } from './lab-member.js';
import type { LabNode } from './lab-node.js';

export class LabLife {
  readonly member: LabMember;
  readonly node: LabNode;
  /** What is really on its disk. */
  readonly truth: GroundTruth;
  readonly conversations: Map<SimStream, Conversation> = new Map();
  /** Of conversations that are over: blocks said and heard, and what of the heard may have come too late to count. */
  pastSaidBlockBytes = 0;
  pastHeardBlockBytes = 0;
  pastDoubtfulBytes = 0;
  pastCount = 0;
  /** Where those can be dialled whom it has shaken hands with. */
  readonly pastContacts: Set<string> = new Set();

  constructor(member: LabMember, node: LabNode, truth: GroundTruth) {
    this.member = member;
    this.node = node;
    this.truth = truth;
  }

  get name(): string {
    return this.member.name;
  }

  get torrent(): Torrent | null {
    return this.member.node === this.node ? this.member.torrent : null;
  }

  /** It is over. */
  forget(talk: Conversation): void {
    if (!this.conversations.delete(talk.stream)) return;
    this.pastSaidBlockBytes += talk.own.blockBytes;
    this.pastHeardBlockBytes += talk.other.blockBytes;
    this.pastDoubtfulBytes += talk.isAmongFriends ? talk.other.lastChunkBlockBytes : talk.other.blockBytes;
    this.pastCount++;
    if (talk.contact !== null) this.pastContacts.add(talk.contact);
  }
}
