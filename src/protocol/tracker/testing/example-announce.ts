/** An announce as a test of trackers or their clients may make it; a test that means something else says so beside it. */
import type { AnnounceRequest } from '../announce.js';

export const EXAMPLE_ANNOUNCE: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: 'started',
  numWant: 50,
  key: 3,
  trackerId: null,
};
