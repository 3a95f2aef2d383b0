/** Every target there is. */
import type { FuzzTarget } from '../target.js';
import { bencodeTarget } from './bencode.js';
import { magnetTarget } from './magnet.js';
import { metainfoTarget } from './metainfo.js';
import { resumeDataTarget } from './resume-data.js';
import { safePathTarget } from './safe-path.js';
import { wireTarget } from './wire.js';

export const TARGETS: readonly FuzzTarget[] = [
  bencodeTarget,
  metainfoTarget,
  magnetTarget,
  wireTarget,
  resumeDataTarget,
  safePathTarget,
];
