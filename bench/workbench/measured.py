#!/usr/bin/python3
"""Runs a command, passes SIGTERM on, and writes what the operating system says of the whole process when it has ended.
usage: measured.py RESULT.json COMMAND [ARG ...]   ->  {"startedAtMs", "wallSeconds", "cpuSeconds", "rssMib", "code"}"""
import ctypes, json, os, signal, sys, time

PR_SET_PDEATHSIG = 1

started = time.monotonic()
pid = os.fork()
if pid == 0:
    # Whoever kills this process ends the command too.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execvp(sys.argv[2], sys.argv[2:])
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda number, frame: os.kill(pid, number))
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], 'w') as result:
    json.dump({
        'startedAtMs': round(started * 1000, 3),
        'wallSeconds': round(time.monotonic() - started, 3),
        'cpuSeconds': round(usage.ru_utime + usage.ru_stime, 3),
        'rssMib': usage.ru_maxrss // 1024,
        'code': os.waitstatus_to_exitcode(status),
    }, result)
