"""Routers that agree on every link: one protocol, one OSPF area, and areas that hang together over what passes traffic.

The templates speak OSPF once per address family, so the areas of IPv4 and IPv6 are looked at apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device
from inventory.model.enums import DeviceKind, Family, Igp
from inventory.source.parsed_estate import Draft, DraftLink

_BACKBONE = 0  # RFC 2328, RFC 5340: every other area touches it, and it is in one piece
_NAMES = {Family.IPV6: "IPv6", Family.IPV4: "IPv4"}
_SHOWN = 6
Piece = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Edge:
    """A link over which a piece may hang together; ``area`` is None where a device that is no router says none."""

    ends: tuple[str, str]
    area: int | None
    item: DraftLink


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST380 to EST383 and EST392."""
    edges: list[_Edge] = []
    for item in draft.links:
        ends = [draft.devices[end.device][1] for end in (item.link.a, item.link.b) if end.device in draft.devices]
        if len(ends) == 2:
            yield from _agree(item, ends[0], ends[1], edges)
    if any(edge.area not in (None, _BACKBONE) for edge in edges):  # one area alone is never torn by another
        yield from _whole(draft, edges)


def _agree(item: DraftLink, one: Device, other: Device, edges: list[_Edge]) -> Iterator[RackproofError]:
    ends = (one.name, other.name)
    if one.kind is not DeviceKind.ROUTER or other.kind is not DeviceKind.ROUTER:
        edges.append(_Edge(ends, None, item))
    elif one.routing.igp is not other.routing.igp:
        actual = f"{one.name} {one.routing.igp.value}, {other.name} {other.routing.igp.value}"
        yield mistake("EST380", item.place("id"), actual=actual, link=item.link.id)
    elif one.routing.igp is Igp.NONE:
        yield mistake("EST381", item.place("id"), actual=f"{one.name}, {other.name}", link=item.link.id)
    elif one.routing.igp is Igp.ISIS:
        return  # its areas may differ at the two ends, and none of them is a backbone
    elif item.link.area is None and one.routing.area != other.routing.area:
        actual = f"{one.name} {one.routing.area}, {other.name} {other.routing.area}"
        yield mistake("EST382", item.place("id"), actual=actual, link=item.link.id)
    else:
        area = one.routing.area if item.link.area is None else item.link.area
        edges.append(_Edge(ends, area, item))


def _whole(draft: Draft, edges: list[_Edge]) -> Iterator[RackproofError]:
    """Say what is wrong over one family or over both once, with the families it is wrong over."""

    def passes(name: str) -> bool:
        tier = draft.tiers.get(draft.devices[name][0].site.tier)
        return tier is None or tier.transit

    found: dict[tuple[int, Piece], tuple[_Edge, list[str]]] = {}
    for family, word in _NAMES.items():
        held = [edge for edge in edges if family in edge.item.link.families]
        for area, piece, edge in (*_apart(held, passes), *_torn(held, passes)):
            found.setdefault((area, piece), (edge, []))[1].append(word)
    for (area, piece), (edge, families) in found.items():
        code = "EST383" if area != _BACKBONE else "EST392"
        shown = ", ".join(sorted(piece)[:_SHOWN])
        key = "id" if edge.item.link.area is None else "area"
        where = edge.item.place(key)
        yield mistake(code, where, actual=area, routers=shown, count=len(piece), family=", ".join(families))


def _apart(edges: list[_Edge], passes: Callable[[str], bool]) -> Iterator[tuple[int, Piece, _Edge]]:
    """Yield every piece of another area that no router of area 0 belongs to."""
    areas: dict[int, list[_Edge]] = {}
    for edge in edges:
        if edge.area is not None:
            areas.setdefault(edge.area, []).append(edge)
    backbone = set(chain.from_iterable(edge.ends for edge in areas.pop(_BACKBONE, [])))
    unsaid = [edge for edge in edges if edge.area is None]
    for area, held in areas.items():
        for piece in _pieces([*held, *unsaid], passes):
            first = next((edge for edge in held if piece.issuperset(edge.ends)), None)
            if first is not None and not piece & backbone:
                yield area, piece, first


def _torn(edges: list[_Edge], passes: Callable[[str], bool]) -> Iterator[tuple[int, Piece, _Edge]]:
    """Yield the smaller pieces of area 0 among routers that other links do join: what no link joins is EST127's."""
    joined: dict[str, int] = {}
    for number, piece in enumerate(_pieces(edges, passes)):
        joined.update((name, number) for name in piece if passes(name))
    ends = chain.from_iterable(edge.ends for edge in edges if edge.area == _BACKBONE)
    backbone = set(filter(passes, ends))
    pieces: dict[int, list[Piece]] = {}
    for piece in _pieces([edge for edge in edges if edge.area in (None, _BACKBONE)], passes):
        inside = next((name for name in sorted(piece) if name in backbone), None)
        if inside is not None:
            pieces.setdefault(joined[inside], []).append(piece)
    for held in pieces.values():
        for piece in sorted(held, key=lambda names: (-len(names), sorted(names)))[1:]:
            others = [edge for edge in edges if edge.area not in (None, _BACKBONE)]
            yield _BACKBONE, piece, next(edge for edge in others if piece.intersection(edge.ends))


def _pieces(edges: Iterable[_Edge], passes: Callable[[str], bool]) -> Iterator[Piece]:
    """Yield what hangs together; a router that passes nothing of others on ends a piece and may end several."""
    near: dict[str, list[str]] = {}
    for edge in edges:
        for here, there in (edge.ends, edge.ends[::-1]):
            near.setdefault(here, []).append(there)
    seen: set[str] = set()
    for start in sorted(near, key=passes, reverse=True):  # those that pass first: the rest then knows its piece
        if start in seen:
            continue
        found, todo = {start}, [start]
        while todo:
            here = todo.pop()
            if here != start and not passes(here):
                continue
            for there in near[here]:
                if there not in found:
                    found.add(there)
                    todo.append(there)
        seen |= found
        yield frozenset(found)
