"""What of the lab is up, node by node, asked of the nodes themselves and not of the record."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.load.loader import load_estate
from lab import host
from lab.instance import ESTATE, Instance
from lab.reach import answering
from lab.topology import LabNode, derive

ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node: ``answers`` (its SSH server greets), ``silent`` (it runs, but does not) or ``stopped``."""

    name: str
    kind: str
    site: str
    ipv4: str
    ipv6: str
    state: str


def status(instance: Instance) -> list[NodeStatus]:
    """Return every booted node's state; needs root, because the nodes are asked from inside the lab's network."""
    booted = derive(load_estate(ESTATE)).booted
    pids = (instance.state() or {}).get("pids", {})
    alive = [node for node in booted if host.is_running(pids.get(node.name))]
    greeted = set(answering(instance, alive, ANSWER_S))
    return [_describe(node, node in alive, node.name in greeted) for node in booted]


def _describe(node: LabNode, is_alive: bool, greets: bool) -> NodeStatus:
    state = "answers" if greets else "silent" if is_alive else "stopped"
    return NodeStatus(node.name, node.kind, node.site, node.ipv4, node.ipv6, state)
