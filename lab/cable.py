"""Cables between rooms: pairs of tap interfaces whose reported speed can be set, and the process that joins them.

A veth pair always reports 10 Gb/s; a tap accepts `ethtool -s NAME speed 100`, and SNMP shows it. The process carries
frames as long as it lives; when it dies, both ends lose carrier, as with a real cable.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import selectors
import struct
import subprocess
import sys
from pathlib import Path

from core.errors import RackproofError
from core.workspace import REPOSITORY
from lab.command import ip_batch
from lab.enter import set_netns
from lab.instance import Instance
from lab.network import set_speed
from lab.topology import Topology, Wire

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
FRAME_BYTES = 65536
#: Frames taken from one end before the other ends get their turn.
BURST = 64


def start(instance: Instance, topology: Topology) -> int | None:
    """Lay every cable and return the id of the process that carries them (None when there are none)."""
    wires = [wire for wire in topology.wires if wire.is_cable]
    if not wires:
        return None
    spec = [[_name_end(instance, wire.a), _name_end(instance, wire.b)] for wire in wires]
    log = (instance.run_dir / "cable.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.cable", json.dumps(spec)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=REPOSITORY,
        start_new_session=True,
        env={**instance.environment, "PYTHONPATH": str(REPOSITORY)},
    )
    log.close()
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    if process.stdout.readline() != b"ready\n":
        raise RackproofError("LAB042", actual=(instance.run_dir / "cable.log").read_text(errors="replace")[-400:])
    for wire in wires:
        _raise_ends(instance, wire)
    return process.pid


def _name_end(instance: Instance, end: tuple[str, str]) -> list[str]:
    """Return the network namespace and the interface of one end of a wire."""
    device, interface = end
    return [str(instance.netns_file(device)), interface]


def _raise_ends(instance: Instance, wire: Wire) -> None:
    for device, name in (wire.a, wire.b):
        set_speed(instance, (device, name), wire.speed_mbps)
        ip_batch([f"link set {name} up"], instance.netns(device))


def _open_tap(netns: Path, name: str) -> int:
    set_netns(netns)
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def _carry(source: int, target: int) -> bool:
    """Move waiting frames; False when the source interface is gone for good."""
    for _ in range(BURST):
        try:
            frame = os.read(source, FRAME_BYTES)
        except OSError as error:
            return error.errno != errno.EBADFD
        try:
            os.write(target, frame)
        except OSError:
            continue  # the far end is down or full: the frame is lost, as on a wire
    return True


def _main() -> None:
    joined: dict[int, int] = {}
    for (netns_a, name_a), (netns_b, name_b) in json.loads(sys.argv[1]):
        a, b = _open_tap(Path(netns_a), name_a), _open_tap(Path(netns_b), name_b)
        joined |= {a: b, b: a}
    selector = selectors.DefaultSelector()
    for descriptor in joined:
        selector.register(descriptor, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while selector.get_map():
        for key, _ in selector.select():
            if not _carry(key.fd, joined[key.fd]):
                selector.unregister(key.fd)


if __name__ == "__main__":
    _main()
