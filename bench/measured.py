#!/usr/bin/python3
"""Runs a command, passes SIGTERM on, and writes what the operating system says of the whole process when it has ended.
usage: measured.py RESULT.json COMMAND [ARG ...]   ->  {"wall": s, "cpu": s, "rss_mb": MiB, "code": n}"""
import json, os, signal, sys, time

started = time.monotonic()
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda number, frame: os.kill(pid, number))
_, status, usage = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], 'w') as result:
    json.dump({
        'wall': round(time.monotonic() - started, 3),
        'cpu': round(usage.ru_utime + usage.ru_stime, 3),
        'rss_mb': usage.ru_maxrss // 1024,
        'code': code,
    }, result)
sys.exit(max(code, 0))
