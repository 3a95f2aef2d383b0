/** What a torrent's metadata makes of its data: layout, hashes, the name of its parts file; or why it cannot be had. */
import { DtorrentError } from '../../base/errors.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import { partsNameOf } from '../../format/file-placement.js';
import type { Metainfo } from '../../format/metainfo.js';
import type { StorageFile } from '../../host/storage.js';
import type { DataOpening } from './data-holder.js';

export type TorrentGeometry = Pick<DataOpening, 'layout' | 'hashes' | 'partsName'>;

/**
 * Called by Torrent once the metadata is known.
 * @param claim takes the files for this torrent; @returns whose one of them is already.
 */
export function geometryOf(
  metainfo: Metainfo,
  infoHashHex: string,
  claim: (files: readonly Pick<StorageFile, 'path' | 'padding'>[]) => { path: string; owner: { name: string } } | null,
): TorrentGeometry | DtorrentError {
  const { name } = metainfo;
  const hashes = pieceHashesOf(metainfo);
  if (hashes === null) {
    const message = `${name}: a v2-only torrent without its piece layers cannot be verified yet; use the .torrent file`;
    return new DtorrentError('EUNSUPPORTED', message);
  }
  const partsName = partsNameOf(infoHashHex);
  const taken = claim([...metainfo.files, { path: [partsName], padding: false }]);
  if (taken !== null) {
    const message = `${taken.path} belongs to ${taken.owner.name} already; download ${name} to another directory`;
    return new DtorrentError('EDUPLICATE', message);
  }
  return { layout: new FileLayout(metainfo), hashes, partsName };
}
