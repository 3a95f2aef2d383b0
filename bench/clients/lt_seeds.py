#!/usr/bin/python3
"""libtorrent seeds one torrent at several ports, a session each, all in this process; the settings are those of the
shared lt_peer.py but for the upload slots. Says "ready" once all of them serve.
usage: lt_seeds.py TORRENT DIR UPLOAD_SLOTS PORT [PORT ...]"""
import sys, time
import libtorrent as lt

torrent, directory, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
ports = [int(port) for port in sys.argv[4:]]


def seed(port):
    session = lt.session({
        'listen_interfaces': f'127.0.0.1:{port}', 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
        'enable_natpmp': False, 'allow_multiple_connections_per_ip': True, 'alert_mask': 0,
        'enable_incoming_utp': False, 'enable_outgoing_utp': False, 'mixed_mode_algorithm': 0,
        'send_buffer_watermark': 3 * 1024 * 1024, 'max_out_request_queue': 1500, 'max_allowed_in_request_queue': 4000,
        'in_enc_policy': int(lt.enc_policy.enabled), 'out_enc_policy': int(lt.enc_policy.enabled),
        'allowed_enc_level': int(lt.enc_level.both), 'prefer_rc4': False, 'unchoke_slots_limit': slots,
    })
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    # A seed that hears of the downloader's other peers would dial them itself.
    params.flags |= lt.torrent_flags.seed_mode | lt.torrent_flags.disable_pex
    return session, session.add_torrent(params)


seeds = [seed(port) for port in ports]
while any(not session.is_listening() or not handle.status().is_seeding for session, handle in seeds):
    time.sleep(0.02)
print('ready', flush=True)
while True:
    time.sleep(3600)
