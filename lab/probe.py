"""Trying the kernel features the lab needs, for real, in namespaces that vanish with this process.

Run as root as ``python -m lab.probe FOLDER``; prints one JSON object: feature → "" when it works, else why not.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
TIMEOUT_S = 10


def run_trial(*argv: str) -> None:
    """Run a command of a trial. Raises OSError with the end of what it said when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise OSError(f"{argv[0]}: {done.stderr.strip()[-200:]}")


def _veth() -> None:
    run_trial("ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1")


def _bridge() -> None:
    run_trial("ip", "link", "add", "probebr", "type", "bridge", "mcast_snooping", "0")


def _ipv6() -> None:
    run_trial("ip", "address", "add", "fd00::1/64", "dev", "lo")


def _tap() -> None:
    run_trial("ip", "tuntap", "add", "probetap", "mode", "tap")


def _tap_speed() -> None:
    run_trial("ethtool", "-s", "probetap", "speed", "100", "duplex", "full", "autoneg", "off")


def _overlay() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1], prefix="probe-") as folder:
        for name in ("image", "up", "work", "root"):
            (Path(folder) / name).mkdir()
        run_trial(
            "env",
            f"--chdir={folder}",
            "mount",
            "-t",
            "overlay",
            "probe",
            "-o",
            "lowerdir=image,upperdir=up,workdir=work",
            "root",
        )
        run_trial("umount", f"{folder}/root")


PROBES: dict[str, Callable[[], None]] = {
    "veth pairs": _veth,
    "bridges": _bridge,
    "IPv6": _ipv6,
    "tap interfaces": _tap,
    "tap speed": _tap_speed,
    "overlay mounts": _overlay,
}


def _main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    results = {}
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        print(json.dumps({"namespaces": os.strerror(ctypes.get_errno())}))
        return
    results["namespaces"] = ""
    try:
        run_trial("mount", "--make-rprivate", "/")
        run_trial("ip", "link", "set", "lo", "up")
    except OSError as error:
        results["namespaces"] = str(error)
    for name, probe in PROBES.items():
        try:
            probe()
            results[name] = ""
        except (OSError, subprocess.TimeoutExpired) as error:
            results[name] = str(error)
    print(json.dumps(results))


if __name__ == "__main__":
    _main()
