/** What all nodes of one Dht share (BEP 45): settings, what they keep for others, and each other. */
import type { Address } from '../../base/address.js';
import type { Random } from '../../base/random.js';
import type { NodeContact } from './compact-nodes.js';
import type { ItemStore } from './item-store.js';
import type { PeerStore } from './peer-store.js';
import type { RoutingTable } from './routing-table.js';
import type { SendBudget } from './send-budget.js';

export interface DhtContext {
  readonly random: Random;
  /** BEP 43. */
  readonly isReadOnly: boolean;
  readonly allowSameIp: boolean;
  readonly peers: PeerStore;
  readonly items: ItemStore;
  readonly budget: SendBudget;
  readonly counters: PacketCounters;
  /** The table of a node of this family; null = there is none. */
  tableOf(family: 4 | 6): RoutingTable | null;
  /** Well-known nodes, of both families. */
  readonly bootstrap: readonly Address[];
  /** Nodes of the other family that were named to one of ours. */
  onForeignContacts(contacts: readonly NodeContact[], now: number): void;
  onAddressVote(ip: string, voter: Address, now: number): void;
}

export interface PacketCounters {
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  packetsDropped: number;
}
