"""A service as a role declares it (``<role>_services`` in its ``vars/main.yml``), for the engine that is not Ansible.

``service_state/files/service.sh`` says what each part means and is what both engines run on the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_SCRIPT = Path(__file__).with_name("service_state") / "files" / "service.sh"
#: Seconds after which a unit that was started is looked at again, and how long it may take to listen and answer.
SETTLE_S, PATIENCE_S = 2, 15


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """One systemd unit: what it reads at its start and at a reload, where it listens, how it is asked for an answer."""

    unit: str
    reads: tuple[str, ...] = ()
    rereads: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()
    answers: str = ""
    settle_s: int = SETTLE_S
    patience_s: int = PATIENCE_S

    def arguments(self, changed: Iterable[str]) -> tuple[str, ...]:
        """Return the arguments of service.sh after its mode; ``changed`` are the files that this run changes."""
        lists = (changed, self.reads, self.rereads, self.listens)
        joined = (" ".join(words) for words in lists)
        return (self.unit, str(self.settle_s), str(self.patience_s), *joined, self.answers)

    def reads_any(self, files: Iterable[str]) -> bool:
        """Return whether one of these files is read by the unit, or is in a folder that it reads."""
        sources = (*self.reads, *self.rereads)
        return any(file == source or file.startswith(f"{source}/") for file in files for source in sources)


def read_service(declared: Mapping[str, Any]) -> ServiceUnit:
    """Return a service as declared; raises TypeError for a key that a service does not have."""
    lists = {"reads", "rereads", "listens"}
    values: dict[str, Any] = {key: tuple(value) if key in lists else value for key, value in declared.items()}
    return ServiceUnit(**values)
