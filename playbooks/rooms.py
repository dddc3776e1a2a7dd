"""Everything that pyinfra provisions: the server rooms.

By hand: ``pyinfra inventory/plugins/pyinfra_inventory.py playbooks/rooms.py``.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pyinfra import config, host

from core import secrets
from core.workspace import current
from roles.variables import Variables

ROOM_ROLES = (
    "base",
    "ssh_hardening",
    "kernel_hardening",
    "time_sync",
    "log_forwarding",
    "snmp_agent",
    "node_metrics",
)


def deploy_rooms() -> None:
    """Apply every role of a server room to the host of the moment."""
    known = {**host.data.dict(), **secrets.load(current())}
    values = Variables(known, ROOM_ROLES)
    for role in ROOM_ROLES:
        importlib.import_module(f"roles.{role}.deploy").deploy(values)


if __name__ != "playbooks.rooms":  # pyinfra's own command line runs this file; our runner imports it
    config.SUDO = True
    config.FAIL_PERCENT = 0
    deploy_rooms()
