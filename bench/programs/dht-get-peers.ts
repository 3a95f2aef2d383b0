/**
 * A program that knows one node and looks for the peers of a torrent (`dtorrent/dht`). Tells when it began, when it had
 * the first peer and when the lookup was over, by the system's monotonic clock. bench/clients/dht_get_peers.py is the same for libtorrent.
 * usage: dht-get-peers.js ADDRESS NODE_HOST:PORT INFO_HASH
 */
import { DhtClient } from '../../src/dht.js';

const [bindHost = '', node = '', infoHash = ''] = process.argv.slice(2);
const beganAtMs = nowMs();
const dht = await DhtClient.start({ bind: bindHost, port: 0, bootstrap: [node] });
let firstPeerAtMs = 0;
for await (const _peer of dht.getPeers(Buffer.from(infoHash, 'hex'))) {
  if (firstPeerAtMs === 0) firstPeerAtMs = nowMs();
}
console.log(JSON.stringify({ beganAtMs, firstPeerAtMs, endedAtMs: nowMs() }));
await dht.stop();

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
