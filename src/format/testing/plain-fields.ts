/** For torrents that tests and benchmarks make: nothing that a person would choose but the name. */
import type { TorrentFields } from '../torrent-fields.js';

export function plainFields(name: string): TorrentFields {
  return {
    name,
    trackers: [],
    webSeeds: [],
    isPrivate: false,
    comment: null,
    source: null,
    createdBy: null,
    creationDate: null,
  };
}
