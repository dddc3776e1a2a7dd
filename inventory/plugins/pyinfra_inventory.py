"""The server rooms as a pyinfra inventory: ``pyinfra inventory/plugins/pyinfra_inventory.py DEPLOY.py``.

The estate is that of the current workspace (``RACKPROOF_ESTATE`` chooses another). Groups are named as in the Ansible
inventory (``tier_tinh``, ``site_hph_kv01``, ``role_site_node``); ``rooms`` holds every host that pyinfra looks after.
"""

from __future__ import annotations

import sys as _sys
from pathlib import Path as _Path
from typing import Any as _Any

_sys.path.insert(0, str(_Path(__file__).resolve().parent.parent.parent))

from core.workspace import current as _current
from inventory.export.hosts import host_inventory as _host_inventory
from inventory.load.loader import load_estate as _load_estate
from inventory.model.enums import ProvisioningEngine as _Engine


def rooms_inventory() -> dict[str, list[tuple[str, dict[str, _Any]]]]:
    """Return group → hosts with their data, for every host that pyinfra provisions."""
    workspace = _current()
    found = _host_inventory(_load_estate(workspace.estate_dir))
    connection = {
        "ssh_config_file": str(workspace.ssh_config),
        "ssh_known_hosts_file": str(workspace.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }
    groups: dict[str, list[tuple[str, dict[str, _Any]]]] = {"rooms": []}
    for host in found.hosts:
        if host.variables["rackproof_engine"] != _Engine.PYINFRA:
            continue
        entry = (host.name, {**connection, **found.variables(host)})
        for group in ("rooms", *host.groups):
            groups.setdefault(group, []).append(entry)
    return groups


globals().update(rooms_inventory())
