#!/usr/bin/python3
"""libtorrent with thousands of small torrents that nobody asks for, for the benchmark of that name.
usage: idle_torrents.py make FOLDER COUNT      files of zeros in FOLDER/data, their torrents in FOLDER/torrents
       idle_torrents.py prepare FOLDER         checks them all, and leaves resume data in FOLDER/libtorrent
       idle_torrents.py measure FOLDER SETTLE_SECONDS IDLE_SECONDS
                                               adds them all from it; prints figures as one line of JSON"""
import json, os, resource, sys, time
import libtorrent as lt

PIECE_BYTES = 16 * 1024
PIECES = 12
# What may be saved at one time, so that no alert is lost.
SAVES_AT_ONCE = 500

mode, folder = sys.argv[1:3]
DATA, TORRENTS, STATE = (os.path.join(folder, name) for name in ('data', 'torrents', 'libtorrent'))


def make(count):
    os.makedirs(DATA)
    os.makedirs(TORRENTS)
    for i in range(count):
        path = os.path.join(DATA, f'idle-{i:05}.bin')
        # Sparse: nobody reads them after the check, and the disk is spared.
        with open(path, 'wb') as file:
            file.truncate(PIECES * PIECE_BYTES)
        files = lt.file_storage()
        lt.add_files(files, path)
        torrent = lt.create_torrent(files, PIECE_BYTES, lt.create_torrent.v1_only)
        lt.set_piece_hashes(torrent, DATA)
        with open(os.path.join(TORRENTS, f'idle-{i:05}.torrent'), 'wb') as file:
            file.write(lt.bencode(torrent.generate()))


def start(alert_mask):
    # As lt_peer.py has it, where it concerns a session without peers.
    return lt.session({
        'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
        'enable_natpmp': False, 'enable_incoming_utp': False, 'enable_outgoing_utp': False, 'mixed_mode_algorithm': 0,
        'alert_mask': alert_mask,
    })


def add(session, params):
    params.save_path = DATA
    # Otherwise five of them seed at a time.
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    session.async_add_torrent(params)


def paths_in(directory):
    return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]


def wait_for_seeding(session, count):
    """Asks the session for its counters: a status of each torrent would cost more than what is waited for."""
    while True:
        session.post_session_stats()
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.session_stats_alert) and alert.values['ses.num_seeding_torrents'] == count:
                return
        time.sleep(0.005)


def prepare():
    session = start(int(lt.alert.category_t.storage_notification))
    paths = paths_in(TORRENTS)
    for path in paths:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(path)
        add(session, params)
    wait_for_seeding(session, len(paths))
    os.makedirs(STATE)
    handles = session.get_torrents()
    for first in range(0, len(handles), SAVES_AT_ONCE):
        some = handles[first:first + SAVES_AT_ONCE]
        for handle in some:
            handle.save_resume_data(lt.save_resume_flags_t.save_info_dict)
        saved = 0
        while saved < len(some):
            session.wait_for_alert(1000)
            for alert in session.pop_alerts():
                if not isinstance(alert, lt.save_resume_data_alert):
                    continue
                saved += 1
                with open(os.path.join(STATE, f'{alert.handle.info_hash()}.resume'), 'wb') as file:
                    file.write(lt.write_resume_data_buf(alert.params))


def measure(settle_seconds, idle_seconds):
    session = start(0)
    time.sleep(1)
    rss_before = rss_kib()
    started = time.monotonic()
    paths = paths_in(STATE)
    for path in paths:
        with open(path, 'rb') as file:
            add(session, lt.read_resume_data(file.read()))
    wait_for_seeding(session, len(paths))
    start_ms = (time.monotonic() - started) * 1000
    time.sleep(settle_seconds)
    began, cpu_before = time.monotonic(), cpu_seconds()
    time.sleep(idle_seconds)
    idle = (cpu_seconds() - cpu_before) / (time.monotonic() - began)
    # At the end: what a start needed for a while is given back to the system only after a while.
    rss_after = rss_kib()
    print(json.dumps({
        'startMs': round(start_ms),
        'memoryPerTorrentKib': round((rss_after - rss_before) / len(paths), 2),
        'idleCpuPercent': round(100 * idle, 3),
    }), flush=True)


def rss_kib():
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmRSS:'))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if mode == 'make':
    make(int(sys.argv[3]))
elif mode == 'prepare':
    prepare()
else:
    measure(float(sys.argv[3]), float(sys.argv[4]))
