/**
 * What v1 and v2 file dictionaries have in common (BEP 47): attributes and the target of a symbolic link.
 * Called by file-list.ts (v1) and file-tree.ts (v2).
 */
import type { BencodeDict, BencodeList } from './bencode.js';

export interface FileAttributes {
  /** `p`: zeros that are hashed but never stored. */
  readonly padding: boolean;
  /** `x` */
  readonly executable: boolean;
  /** `h` */
  readonly hidden: boolean;
  /** `l`: elements relative to the torrent's root, as sent, not yet safe. A link has no bytes of its own. */
  readonly rawSymlinkTarget: readonly Uint8Array[] | null;
}

export function readAttributes(file: BencodeDict): FileAttributes {
  const attr = file.getText('attr');
  if (attr === null) return NO_ATTRIBUTES;
  const target = attr.includes('l') ? readPathElements(file.getList('symlink path')) : null;
  return {
    padding: attr.includes('p'),
    executable: attr.includes('x'),
    hidden: attr.includes('h'),
    rawSymlinkTarget: target,
  };
}

const NO_ATTRIBUTES: FileAttributes = { padding: false, executable: false, hidden: false, rawSymlinkTarget: null };

/** @returns null when there is no list, it is empty, or an element is no string. */
export function readPathElements(list: BencodeList | null): readonly Uint8Array[] | null {
  if (list === null || list.items.length === 0) return null;
  const elements: Uint8Array[] = [];
  for (const item of list.items) {
    if (!(item instanceof Uint8Array)) return null;
    elements.push(item);
  }
  return elements;
}
