#!/usr/bin/python3
"""libtorrent knows one node of the DHT and looks for the peers of a torrent; bench/programs/dht-get-peers.ts is the same
for dtorrent. That a lookup is over libtorrent says in its log alone.
usage: dht_get_peers.py ADDRESS NODE_HOST:PORT INFO_HASH"""
import json, re, sys, time
import libtorrent as lt

address, node, info_hash = sys.argv[1:]
TIMEOUT_SECONDS = 10
began = time.monotonic()
session = lt.session({
    'listen_interfaces': f'{address}:6881', 'enable_dht': True, 'dht_bootstrap_nodes': node, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'alert_mask': lt.alert.category_t.dht_operation_notification | lt.alert.category_t.dht_log_notification,
})
while not session.is_dht_running():
    time.sleep(0.001)
session.dht_get_peers(lt.sha1_hash(bytes.fromhex(info_hash)))
first, ended, deadline = 0, 0, time.monotonic() + TIMEOUT_SECONDS
while ended == 0 and time.monotonic() < deadline:
    session.wait_for_alert(100)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.dht_get_peers_reply_alert) and first == 0:
            first = time.monotonic()
        elif isinstance(alert, lt.dht_log_alert) and re.search(r'COMPLETED .*type: get_peers', alert.message()):
            if first != 0:
                ended = time.monotonic()
            else:
                # It ran before the node to begin with was known.
                time.sleep(0.002)
                session.dht_get_peers(lt.sha1_hash(bytes.fromhex(info_hash)))
print(json.dumps({'beganAtMs': began * 1000, 'firstPeerAtMs': first * 1000, 'endedAtMs': ended * 1000}), flush=True)
