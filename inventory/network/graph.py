"""The links of an estate as a graph of routing devices: what still reaches a hub when things are lost.

Policy-aware: a router of a tier that is no transit (a regional room) is reached but never passed through. Hubs are the
linked devices of the sites that hold a route reflector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

_HUBS = ""  # stands above every hub; no device has an empty name
Edge = tuple[str, str, int]  # the two devices, and the id of their link


@dataclass(frozen=True)
class Graph:
    """Which devices are linked, which of them pass traffic of others on, and which are hubs."""

    links: tuple[Edge, ...]
    transit: frozenset[str]
    hubs: tuple[str, ...]

    @cached_property
    def edges(self) -> dict[str, list[tuple[str, int]]]:
        """The neighbours of every device, each with the link that leads there."""
        found: dict[str, list[tuple[str, int]]] = {}
        for one, other, link in self.links:
            found.setdefault(one, []).append((other, link))
            found.setdefault(other, []).append((one, link))
        return found

    @cached_property
    def _ends(self) -> dict[int, tuple[str, str]]:
        return {link: (one, other) for one, other, link in self.links}

    def reached(self, devices: frozenset[str] = frozenset(), links: frozenset[int] = frozenset()) -> set[str]:
        """Return every device that still reaches a hub with these devices and links lost."""
        found = {name for name in self.hubs if name in self.edges and name not in devices}
        todo = list(found)
        while todo:
            here = todo.pop()
            if here not in self.transit:
                continue
            for there, link in self.edges[here]:
                if there not in found and there not in devices and link not in links:
                    found.add(there)
                    todo.append(there)
        return found

    def lost_by(self, devices: frozenset[str], links: frozenset[int]) -> set[str]:
        """Return the devices that are lost with these: themselves, and whatever reaches no hub any more.

        Looks only around what is lost, so that the cost of all failures grows with the links and not with their square.
        """
        lost = {name for name in devices if name in self.edges}
        todo = list(self._list_neighbours(lost))
        for link in self._ends.keys() & links:
            todo.extend(self._ends[link])
        safe: set[str] = set()
        while todo:
            start = todo.pop()
            if start in lost or start in safe:
                continue
            cut = self._cut_off(start, lost, links, safe)
            lost |= cut
            todo.extend(self._list_neighbours(cut))
        return lost

    def _list_neighbours(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from (there for there, _link in self.edges[name])

    def _cut_off(self, start: str, lost: set[str], links: frozenset[int], safe: set[str]) -> set[str]:
        """Return ``start`` and all that its ways to a hub lead over when none of them gets there; else nothing."""
        seen, todo = {start}, [start]
        while todo:
            here = todo.pop()
            if here in safe or here in self._hub_set:
                safe.add(start)
                return set()
            for there, link in self.edges[here]:
                if there in self.transit and there not in seen and there not in lost and link not in links:
                    seen.add(there)
                    todo.append(there)
        return seen

    @cached_property
    def _hub_set(self) -> frozenset[str]:
        return frozenset(self.hubs)

    def dominated(self) -> Callable[[str | int], set[str]]:
        """Return a function: the devices that every way from the hubs passes through one device or one link to.

        One dominator tree answers for every single loss.
        """
        from networkx import DiGraph, immediate_dominators  # a sixth of a second that only this question has to pay

        graph: DiGraph[str | int] = DiGraph()
        graph.add_edges_from((_HUBS, name) for name in self.hubs if name in self.edges)
        for here, edges in self.edges.items():
            for there, link in edges:
                graph.add_edge(link, there)
                if here in self.transit:
                    graph.add_edge(here, link)
        children: dict[str | int, list[str | int]] = {}
        if _HUBS in graph:
            for node, parent in immediate_dominators(graph, _HUBS).items():
                if node != _HUBS and parent is not None:
                    children.setdefault(parent, []).append(node)

        def below(lost: str | int) -> set[str]:
            found = {lost} if isinstance(lost, str) else set()
            todo = [*children.get(lost, [])]
            while todo:
                node = todo.pop()
                todo += children.get(node, [])
                if isinstance(node, str):
                    found.add(node)
            return found

        return below


def graph_of(links: Iterable[Edge], transits: Callable[[str], bool], is_hub: Callable[[str], bool]) -> Graph:
    """Return the graph of these links; ``transits`` and ``is_hub`` are asked once per device."""
    edges = tuple(links)
    names: dict[str, None] = {}
    for one, other, _link in edges:
        names |= {one: None, other: None}
    return Graph(edges, frozenset(filter(transits, names)), tuple(filter(is_hub, names)))
