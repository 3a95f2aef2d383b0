/**
 * The nodes that everybody begins with (BEP 5): run for that, by the makers of other clients. Asked while no other node
 * is known, and by their names, because their addresses change.
 */
export const BOOTSTRAP_NODES: readonly string[] = [
  'dht.libtorrent.org:25401',
  'router.bittorrent.com:6881',
  'dht.transmissionbt.com:6881',
  'router.utorrent.com:6881',
];
