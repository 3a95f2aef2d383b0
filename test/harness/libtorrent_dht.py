#!/usr/bin/python3
"""A DHT node of libtorrent, told what to do by lines of JSON on stdin; dht-peer.ts says what they are. Of several
addresses each gets a node of its own, and the first is the one that is told.
With --lsd it is a client without a DHT, which looks around in its local network.
usage: libtorrent_dht.py [--lsd] ADDRESS[,ADDRESS ...] PORT [NODE_HOST:PORT ...]"""
import collections, json, sys, threading, time
import libtorrent as lt

ALERT_WAIT_MS = 100
category = lt.alert.category_t
OF_TORRENTS = category.connect_notification | category.error_notification | category.status_notification
ALERTS = category.dht_notification | category.dht_operation_notification | OF_TORRENTS

uses_lsd = sys.argv[1] == '--lsd'
addresses, port, *nodes = sys.argv[2 if uses_lsd else 1:]
addresses, port = addresses.split(','), int(port)
waiting = []
# For whoever asks why a test has failed.
log = collections.deque(maxlen=40)


def start(address):
    # Without bootstrap nodes: libtorrent takes none of those into its table, and a small network is left empty.
    session = lt.session({
        'listen_interfaces': f'{address}:{port}', 'enable_dht': not uses_lsd, 'dht_bootstrap_nodes': '',
        'enable_lsd': uses_lsd,
        'enable_upnp': False, 'enable_natpmp': False, 'alert_mask': ALERTS,
        # A test asks in seconds what the defaults expect in minutes, and is not to be shut out for it.
        'dht_upload_rate_limit': 1_000_000, 'dht_block_ratelimit': 1_000,
    })
    while not session.is_listening():
        time.sleep(0.02)
    return session


def endpoint(text):
    host, port = text.rsplit(':', 1)
    return host, int(port)


def say(message):
    print(json.dumps(message), flush=True)


def wait_for(call, timeout_ms, kind, result):
    """Answers the call with the first result that is not None of an alert of that kind, or with None in the end."""
    waiting.append((call, time.monotonic() + timeout_ms / 1000, kind, result))


def hex_target(digest):
    return lt.sha1_hash(bytes.fromhex(digest))


def peers_of(digest):
    return lambda alert: [f'{host}:{port}' for host, port in alert.peers()] or None if str(alert.info_hash) == digest else None


def value_of(alert):
    value = alert.item.get('value') if isinstance(alert.item, dict) else None
    return value.decode() if isinstance(value, bytes) else None


def immutable_of(target):
    return lambda alert: value_of(alert) if str(alert.target) == target else None


def is_of_key(alert, key, call):
    return key.hex() == call['publicKey'] and alert.salt == call['salt']


def mutable_of(call):
    def result(alert):
        if not is_of_key(alert, alert.key, call) or value_of(alert) is None:
            return None
        return {'value': value_of(alert), 'sequence': alert.seq}
    return result


def put_of(call):
    return lambda alert: alert.num_success if is_of_key(alert, alert.public_key, call) else None


def add_torrent(source, directory, uses_pex=False, download_limit=0):
    """@param source a magnet link, or the path of a .torrent"""
    if source.startswith('magnet:'):
        params = lt.parse_magnet_uri(source)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(source)
    params.save_path = directory
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if not uses_pex:
        params.flags |= lt.torrent_flags.disable_pex
    if not uses_lsd:
        params.flags |= lt.torrent_flags.disable_lsd
    params.download_limit = download_limit
    return session.add_torrent(params)


def take(call):
    name, timeout_ms = call['call'], call['timeoutMs']
    if name == 'countNodes':
        say({'id': call['id'], 'result': session.status().dht_nodes})
    elif name == 'announce':
        # Its dht_announce takes flags of a type that Python cannot make: a torrent announces the port of the session.
        add_torrent(f"magnet:?xt=urn:btih:{call['infoHash']}", '/nonexistent').force_dht_announce()
        say({'id': call['id'], 'result': port})
    elif name == 'getPeers':
        wait_for(call, timeout_ms, lt.dht_get_peers_reply_alert, peers_of(call['infoHash']))
        session.dht_get_peers(hex_target(call['infoHash']))
    elif name == 'putImmutable':
        target = str(session.dht_put_immutable_item(call['value']))
        wait_for(call, timeout_ms, lt.dht_put_alert, lambda alert: target if str(alert.target) == target else None)
    elif name == 'getImmutable':
        wait_for(call, timeout_ms, lt.dht_immutable_item_alert, immutable_of(call['target']))
        session.dht_get_immutable_item(hex_target(call['target']))
    elif name == 'putMutable':
        wait_for(call, timeout_ms, lt.dht_put_alert, put_of(call))
        private, public = bytes.fromhex(call['expandedKey']), bytes.fromhex(call['publicKey'])
        session.dht_put_mutable_item(private, public, call['value'].encode(), call['salt'].encode())
    elif name == 'getMutable':
        wait_for(call, timeout_ms, lt.dht_mutable_item_alert, mutable_of(call))
        session.dht_get_mutable_item(bytes.fromhex(call['publicKey']), call['salt'].encode())
    elif name == 'sample':
        wait_for(call, timeout_ms, lt.dht_sample_infohashes_alert, lambda alert: [str(one) for one in alert.samples])
        session.dht_sample_infohashes(endpoint(call['node']), hex_target(call['target']))
    elif name == 'meet':
        for one in sessions:
            one.add_dht_node(endpoint(call['node']))
        say({'id': call['id'], 'result': None})
    elif name == 'addTorrent':
        add_torrent(call['source'], call['directory'], call['usesPex'], call['downloadLimit'])
        say({'id': call['id'], 'result': None})
    elif name == 'isComplete':
        say({'id': call['id'], 'result': all(torrent.status().is_seeding for torrent in session.get_torrents())})
    elif name == 'log':
        say({'id': call['id'], 'result': list(log)})
    else:
        say({'id': call['id'], 'error': f'no call {name}'})


def answer():
    now = time.monotonic()
    alerts = session.pop_alerts()
    log.extend(f'{now:.1f} {alert.message()}' for alert in alerts if alert.category() & OF_TORRENTS)
    for entry in list(waiting):
        call, deadline, kind, result = entry
        found = next((one for one in (result(alert) for alert in alerts if isinstance(alert, kind)) if one is not None), None)
        if found is not None or now >= deadline:
            waiting.remove(entry)
            say({'id': call['id'], 'result': found})


sessions = [start(address) for address in addresses]
session = sessions[0]
# Now that all of them are there: who does not answer is asked again much later.
for one in sessions:
    for node in nodes:
        one.add_dht_node(endpoint(node))
calls = []
threading.Thread(target=lambda: calls.extend(json.loads(line) for line in sys.stdin), daemon=True).start()
say({'ready': True})
while True:
    while calls:
        take(calls.pop(0))
    session.wait_for_alert(ALERT_WAIT_MS)
    answer()
