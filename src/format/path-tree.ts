/**
 * Places a torrent's files in one directory tree, so that no two land on the same path on any platform and no symbolic
 * link leads out (BEP 47). Paths are safe already (safe-path.ts). Called by metainfo.ts.
 * A tree and not a set of paths: its memory is linear in the input, also for a hundred long directories each. There may
 * be a million files, and what outlives a moment costs the garbage collector most: entries are changed where they are.
 */

export interface TreeEntry {
  path: readonly string[];
  /** From the same directory as `path`; null = no link. */
  symlinkTarget: readonly string[] | null;
}

/**
 * Renames, in order, what would land on an earlier file or on a directory: `name.1.ext`. Names that differ only in case
 * or in Unicode composition count as equal, as they do on Windows and macOS. A link that leads nowhere, in a circle or
 * out of the tree loses its target. No file lies behind a link: such a link is renamed, because its path is a directory.
 */
export function placeInTree(entries: readonly TreeEntry[]): void {
  const directories = new Directories();
  const { root } = directories;
  for (const { path } of entries) directories.of(path);
  for (const entry of entries) entry.path = place(directories.of(entry.path), entry.path, entry.symlinkTarget);
  for (const entry of entries) {
    if (entry.symlinkTarget !== null && follow(root, root, entry.symlinkTarget, 0) === null) entry.symlinkTarget = null;
  }
}

/** A file, a link, or (with children) a directory. */
class Node {
  children: Map<string, Node> | null = null;
  symlinkTarget: readonly string[] | null = null;
  /** The last number tried for files of this name, so that a million equal names do not cost a million squared. */
  number = 0;
  /** Where a link leads in the end; undefined = not known yet. */
  destination: Node | null | undefined = undefined;
}

/** Stands for every file whose name came once: nothing has to be known of it. Never changed. */
const PLAIN_FILE = new Node();

/** Finds directories; files of one directory mostly come one after the other. */
class Directories {
  readonly root = new Node();
  /** A path in the directory that was found last. */
  #path: readonly string[] = [];
  #node = this.root;

  /** @returns the node that `path` lies in, made with all above it. */
  of(path: readonly string[]): Node {
    if (!areNeighbours(path, this.#path)) this.#node = directoryOf(this.root, path);
    this.#path = path;
    return this.#node;
  }
}

/** Whether both lie in the same directory. */
function areNeighbours(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length - 1; i++) if (a[i] !== b[i]) return false;
  return true;
}

function directoryOf(root: Node, path: readonly string[]): Node {
  let node = root;
  for (let i = 0; i < path.length - 1; i++) {
    node.children ??= new Map();
    const key = elementKey(path[i]!);
    let child = node.children.get(key);
    if (child === undefined) {
      child = new Node();
      node.children.set(key, child);
    }
    node = child;
  }
  node.children ??= new Map();
  return node;
}

/** @returns the path that was free. */
function place(directory: Node, path: readonly string[], symlinkTarget: readonly string[] | null): readonly string[] {
  const siblings = directory.children!;
  const name = path[path.length - 1]!;
  const key = elementKey(name);
  let taken = siblings.get(key);
  if (taken === undefined) {
    siblings.set(key, nodeOf(symlinkTarget));
    return path;
  }
  if (taken === PLAIN_FILE) {
    taken = new Node();
    siblings.set(key, taken);
  }
  let freeName: string;
  do freeName = numbered(name, ++taken.number);
  while (siblings.has(elementKey(freeName)));
  siblings.set(elementKey(freeName), nodeOf(symlinkTarget));
  return [...path.slice(0, -1), freeName];
}

function nodeOf(symlinkTarget: readonly string[] | null): Node {
  if (symlinkTarget === null) return PLAIN_FILE;
  const node = new Node();
  node.symlinkTarget = symlinkTarget;
  return node;
}

/** Walks `path` as a file system does, through links at its end and in its middle. @returns null when it leads nowhere. */
function follow(root: Node, start: Node, path: readonly string[], hops: number): Node | null {
  let node = start;
  for (const element of path) {
    const child = node.children?.get(elementKey(element));
    if (child === undefined) return null;
    if (child.symlinkTarget === null) {
      node = child;
      continue;
    }
    if (hops === HOPS_MAX) return null;
    if (child.destination === undefined) {
      // Met again while it is being followed, it is a circle and leads nowhere.
      child.destination = null;
      child.destination = follow(root, root, child.symlinkTarget, hops + 1);
    }
    if (child.destination === null) return null;
    node = child.destination;
  }
  return node;
}

/** Equal for names that are the same file on some platform. */
function elementKey(name: string): string {
  if (SIMPLE_CASE.test(name)) return name.toLowerCase();
  // Up and then down: the lower case of a sigma depends on where it stands, its upper case does not.
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? `${name.slice(0, dot)}.${number}${name.slice(dot)}` : `${name}.${number}`;
}

const SIMPLE_CASE = /^[\x20-\x7e]*$/;
/** Links behind links, fewer than any system follows. */
const HOPS_MAX = 8;
