"""One lab instance: its name, and where its files, namespaces and sockets are.

Several instances can be up on one machine at once; ``RACKPROOF_LAB`` chooses, default ``lab``.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RackproofError
from core.files import make_folder, write_atomic
from core.workspace import REPOSITORY, Workspace, lab_instance, lab_run_dir

ESTATE = REPOSITORY / "lab" / "estate"
SOCKETS = Path("/run/rackproof")
NETNS = Path("/run/netns")
#: Every long-running process of a lab carries this variable, so that `lab down` finds it whatever happened before.
MARK = "RACKPROOF_LAB_RUN"
NAME = re.compile(r"[a-z][a-z0-9]{0,7}")


@dataclass(frozen=True, slots=True)
class Instance:
    """Names and paths of one lab instance; making one touches nothing."""

    name: str
    run_dir: Path

    @property
    def prefix(self) -> str:
        """What the name of every network namespace of this instance begins with."""
        return f"rp-{self.name}-"

    def netns(self, node: str) -> str:
        """Return the name of a node's network namespace."""
        return f"{self.prefix}{node}"

    def netns_file(self, node: str) -> Path:
        """Return the file that a node's network namespace is bound to."""
        return NETNS / self.netns(node)

    @property
    def hosts_dir(self) -> Path:
        """Folder of the running nodes' disks; removed by `lab down`."""
        return self.run_dir / "hosts"

    def root_of(self, node: str) -> Path:
        """Return the root file system of a node, as seen from this machine."""
        return self.hosts_dir / node / "root"

    @property
    def state_file(self) -> Path:
        """What `lab up` last reached; absent when the lab is down."""
        return self.run_dir / "state.json"

    @property
    def demo_mark(self) -> Path:
        """Is there while a demo runs on this lab: it tells what a killed demo left from a lab that somebody uses."""
        return self.run_dir / "demo-runs"

    @property
    def socket_dir(self) -> Path:
        """Short folder for sockets: the paths of Unix sockets are limited to 107 bytes."""
        return SOCKETS / self.name

    @property
    def workspace(self) -> Workspace:
        """The workspace of this lab; it outlives `lab down`, with the evidence and reports in it."""
        return Workspace(self.run_dir / "workspace", ESTATE, is_lab=True)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of every long-running process of the lab."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "HOME") if key in os.environ}
        return {**kept, MARK: str(self.run_dir), "LC_ALL": "C.UTF-8"}

    def state(self) -> dict[str, Any] | None:
        """Return what is recorded of the running lab, or None when it is down or its record is damaged."""
        try:
            data = json.loads(self.state_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if isinstance(data, dict):
            return data
        return None

    def record(self, state: dict[str, Any]) -> None:
        """Replace the record in one step, so that a crash leaves the old one or the new one."""
        make_folder(self.run_dir)
        write_atomic(self.state_file, json.dumps(state, indent=1))

    def is_up(self) -> bool:
        """Tell whether `lab up` finished and nobody took the lab down since (not whether every node is well)."""
        state = self.state()
        return bool(state) and state is not None and state.get("phase") == "up" and self.netns_file("ctl").exists()


def instance(name: str | None = None) -> Instance:
    """Return the instance of this name (``RACKPROOF_LAB`` when None).

    Raises RackproofError (LAB010) for a name that would not fit into interface and namespace names.
    """
    chosen = name or lab_instance()
    if not NAME.fullmatch(chosen):
        raise RackproofError("LAB010", actual=chosen)
    return Instance(chosen, lab_run_dir(chosen).absolute())


def require_up(name: str | None = None) -> Instance:
    """Return the instance when it is up.

    Raises RackproofError (LAB011) when it is down.
    """
    found = instance(name)
    if not found.is_up():
        raise RackproofError("LAB011", lab=found.name)
    return found
