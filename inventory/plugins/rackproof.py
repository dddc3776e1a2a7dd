# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible inventory plugin: the estate as hosts and groups. ``inventory.export.hosts`` does the work."""

from __future__ import annotations

import gc
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

# Ansible loads this file by its path and knows nothing of the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.errors import RackproofError
from core.gc_pause import no_collection
from core.workspace import current
from core.yaml import read_yaml
from inventory.export.hosts import host_inventory
from inventory.load.loader import load_estate
from inventory.model.enums import DeviceKind

DOCUMENTATION = """
name: rackproof
short_description: Hosts and groups from a Rackproof estate
description:
  - Reads an estate folder, checks it, and offers its devices with addresses, roles and groups by tier, site, province,
    role, kind, wave and engine.
  - A connection goes to the estate name, which the workspace's own SSH configuration resolves with its pinned host
    keys.
options:
  plugin:
    description: Must be C(rackproof).
    required: true
    choices: [rackproof]
  estate:
    description: Estate folder, relative to this file. The environment variable wins.
    env: [{name: RACKPROOF_ESTATE}]
    required: true
  kinds:
    description: Kinds of devices to list.
    type: list
    elements: str
    default: [host]
"""

EXAMPLES = """
plugin: rackproof
estate: ../lab/estate
"""


#: What such a file may say; Ansible itself would pass over an unknown key.
_KEYS = ("plugin", "estate", "kinds")


def _refuse_unknown_keys(file: Path) -> None:
    """Raise RackproofError YML… for a file that the strict reader refuses or that holds an unknown key."""
    document = read_yaml(file)
    for key in document.data:
        if key not in _KEYS:
            raise RackproofError("YML020", place=document.place((key,)), actual=key, known=_KEYS)


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Fills Ansible's inventory from an estate folder."""

    NAME = "rackproof"

    def verify_file(self, path: str) -> bool:
        """Accept files named ``*.rackproof.yml``."""
        return bool(super().verify_file(path)) and path.endswith((".rackproof.yml", ".rackproof.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Load the estate that ``path`` names and add every host; a mistake in it is a parser error with its text."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            _refuse_unknown_keys(Path(path))
            with no_collection():
                self._fill(path)
        except RackproofError as error:
            raise AnsibleParserError(str(error)) from error
        gc.freeze()  # an inventory lives as long as its process: nobody looks through it for garbage, nor do the forks

    def _fill(self, path: str) -> None:
        # Ansible itself lets what the file says win over the environment; here a person's --estate must win.
        chosen = os.environ.get("RACKPROOF_ESTATE") or self.get_option("estate")
        folder = Path(path).parent / os.path.expanduser(chosen)  # noqa: PTH111
        found = host_inventory(load_estate(folder.resolve()), map(DeviceKind, self.get_option("kinds")))
        for variable, value in found.shared.items():
            self.inventory.set_variable("all", variable, value)
        ssh_config = current().ssh_config
        if ssh_config.is_file():
            self.inventory.set_variable("all", "ansible_ssh_common_args", f"-F {shlex.quote(str(ssh_config))}")
        pending = dict(found.by_group)
        for host in found.hosts:
            self.inventory.add_host(host.name)
            for group in host.groups:
                self.inventory.add_group(group)
                self.inventory.add_child(group, host.name)
                for variable, value in pending.pop(group, {}).items():
                    self.inventory.set_variable(group, variable, value)
            for variable, value in {**host.variables, "ansible_host": host.name}.items():
                self.inventory.set_variable(host.name, variable, value)
