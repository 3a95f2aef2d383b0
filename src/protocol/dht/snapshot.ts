/**
 * What a run leaves to the next: the ids of its nodes and whom they knew, as bencode. Read as if a stranger had written it.
 *
 *     { version: 1, nodes: [ { family: 4 | 6, id: 20 bytes, contacts: compact node info } ] }
 */
import { makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { BencodeDict, type BencodeValue, decodeBencode, encodeBencode } from '../../format/bencode.js';
import { decodeNodes, encodeNodes, type NodeContact } from './compact-nodes.js';
import { NODE_ID_BYTES } from './node-id.js';

export interface NodeSnapshot {
  readonly family: 4 | 6;
  readonly id: Uint8Array;
  readonly contacts: readonly NodeContact[];
}

/** @returns at most LIMITS.dhtSnapshotBytesMax. */
export function encodeSnapshot(nodes: readonly NodeSnapshot[]): Uint8Array {
  return encodeBencode({
    nodes: nodes.slice(0, NODES_MAX).map(({ family, id, contacts }) => ({
      contacts: encodeNodes(contacts.slice(0, CONTACTS_MAX), family),
      family,
      id,
    })),
    version: VERSION,
  });
}

/** @returns null when it is no snapshot of a version that we know; what is wrong in one is left out. */
export function decodeSnapshot(bytes: Uint8Array): NodeSnapshot[] | null {
  const dict = decode(bytes);
  if (!(dict instanceof BencodeDict) || dict.getInteger('version') !== VERSION) return null;
  const nodes: NodeSnapshot[] = [];
  for (const item of dict.getList('nodes')?.items.slice(0, NODES_MAX) ?? []) {
    if (!(item instanceof BencodeDict)) continue;
    const family = item.getInteger('family');
    const id = item.getBytes('id');
    const contacts = item.getBytes('contacts');
    if ((family !== 4 && family !== 6) || id?.length !== NODE_ID_BYTES || contacts === null) continue;
    // As from this machine: its own networks were no secret to the run before.
    const known = decodeNodes(contacts, family, OURSELVES).slice(0, CONTACTS_MAX);
    nodes.push({ family, id: id.slice(), contacts: known });
  }
  return nodes;
}

function decode(bytes: Uint8Array): BencodeValue | null {
  try {
    return decodeBencode(bytes, { bytesMax: LIMITS.dhtSnapshotBytesMax, tokensMax: TOKENS_MAX, depthMax: 4 }).value;
  } catch (error) {
    if (error instanceof DtorrentError) return null;
    throw error;
  }
}

const VERSION = 1;
const NODES_MAX = 8;
const CONTACTS_MAX = LIMITS.dhtNodesPerListMax;
const TOKENS_MAX = 200;
const OURSELVES = makeAddress('127.0.0.1', 0)!;
