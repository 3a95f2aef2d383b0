/** The list: what has to hold in every world of the lab. */
import type { LabTorrent } from '../lab-torrent.js';
import { AnnouncedPieces } from './announced-pieces.js';
import { ByteAccounts } from './byte-accounts.js';
import { ChokeSlots } from './choke-slots.js';
import { CompleteFiles } from './complete-files.js';
import { EngineAudit } from './engine-audit.js';
import type { Invariant } from './invariant.js';
import { LawfulRequests } from './lawful-requests.js';
import { NothingLeft } from './nothing-left.js';
import { PexManners } from './pex-manners.js';
import { ResourceLimits } from './resource-limits.js';
import { UploadedBlocks } from './uploaded-blocks.js';
import { WireManners } from './wire-manners.js';

/** New ones, for one world. */
export function allInvariants(torrent: LabTorrent): readonly Invariant[] {
  return [
    new AnnouncedPieces(),
    new UploadedBlocks(torrent),
    new LawfulRequests(torrent),
    new WireManners(),
    new PexManners(torrent),
    new ChokeSlots(),
    new ByteAccounts(),
    new ResourceLimits(),
    new CompleteFiles(),
    new NothingLeft(),
    new EngineAudit(),
  ];
}
