"""Runs on a host, in a process that has no IPv4: asks each target over IPv6 and prints what came of it as JSON.

Arguments: ``NAME=icmp=ADDRESS`` or ``NAME=tcp=ADDRESS=PORT``. Standard library only; sent over SSH, never installed.
"""

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def ipv4_is_off() -> str:
    """Say how an IPv4 socket was refused; empty when it was not refused, and nothing here proves anything."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error.strerror or "refused"
    return ""


def ask(target: str) -> dict[str, object]:
    """Ask one target once, twice when the first answer is missing (neighbour discovery may eat the first packet)."""
    name, kind, address, *port = target.split("=")
    started, trouble = time.monotonic(), ""
    for _attempt in range(2):
        trouble = ping(address) if kind == "icmp" else connect(address, int(port[0]))
        if not trouble:
            break
    spent = round((time.monotonic() - started) * 1000, 1)
    return {
        "name": name,
        "kind": kind,
        "address": address,
        "port": int(port[0]) if port else None,
        "ok": not trouble,
        "ms": spent,
        "trouble": trouble,
    }


def ping(address: str) -> str:
    """Send one echo request; return what went wrong."""
    done = subprocess.run(
        ["ping", "-6", "-n", "-q", "-c", "1", "-W", "2", address], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stderr.strip() or "no echo reply")


def connect(address: str, port: int) -> str:
    """Open one TCP connection and close it; return what went wrong."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
            stream.settimeout(3)
            stream.connect((address, port))
    except OSError as error:
        return error.strerror or str(error)
    return ""


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, sys.argv[1:]))
    print(json.dumps({"ipv4_refused": ipv4_is_off(), "answers": answers}, sort_keys=True))
