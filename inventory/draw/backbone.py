"""The backbone as a drawing: the routers of the hub sites in the middle, the other sites on a ring, centres first.

Sites of a tier that carries no traffic of others are counted at the site they hang on.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from math import cos, pi, sin

from core.i18n import N_, _
from inventory.draw.svg import STYLES, Box, document, legend, text
from inventory.model.estate import Estate

_THICK, _THIN = 2.4, 1.1  # a thick line is between centres, and labelled with the speed
_HUB_COLUMNS = (-190, 190)  # beside the middle
_COLOURS = ("a", "b", "device", "vlan", "source", "cooling")
_TEXTS = {
    "title": N_("Backbone"),
    "facts": N_(
        "{sites} sites, {links} links; a line has the colour of the hub router it ends at; +n: rooms linked to a site"
    ),
    "other": N_("between sites on the ring"),
}


def backbone(estate: Estate) -> str:
    """Return the SVG of the links between all sites that carry traffic of others."""
    words = {key: _(text) for key, text in _TEXTS.items()}
    hub_sites = {estate.site_of[name] for name in estate.head.addressing.route_reflectors}
    shown = {code for code, site in estate.sites.items() if estate.tiers[site.tier].transit}
    ends = [((link.a.device, link.b.device), link.speed_mbps) for link in estate.links]
    at = estate.site_of
    behind: Counter[str] = Counter()
    for (one, other), _speed in ends:
        drawn = {at[one], at[other]} & shown
        if at[one] != at[other] and len(drawn) == 1:
            behind.update(drawn)
    linked = dict.fromkeys(chain.from_iterable(pair for pair, _speed in ends))
    hubs = [name for name in linked if at[name] in hub_sites]
    ring = sorted(shown - hub_sites, key=lambda code: (not estate.tier_of(code).centre, code))
    width, height, boxes = _place(estate, hubs, ring, behind)
    colour = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(hubs)}
    parts: list[str] = []
    for (one, other), speed in ends:
        start, end = (boxes.get(name) or boxes.get(at[name]) for name in (one, other))
        if start is None or end is None or start is end:
            continue
        style = colour.get(one) or colour.get(other) or "outside"
        centres = estate.tier_of(at[one]).centre and estate.tier_of(at[other]).centre
        weight = _THICK if centres else _THIN
        parts.append(_line(start, end, STYLES[style][0], weight, speed))
    parts += [box.draw() for box in boxes.values()]
    named = [(style, f"{name} ({estate.site_of[name]})") for name, style in colour.items()]
    parts += legend([*named, ("outside", words["other"])], 28.0, height - 14)
    facts = words["facts"].format(sites=len(estate.sites), links=len(estate.links))
    return document(f"{words['title']}: {estate.head.title.translate()}", facts, width, height, parts)


def _place(
    estate: Estate, hubs: list[str], ring: list[str], behind: Counter[str]
) -> tuple[float, float, dict[str, Box]]:
    """Put hubs in two columns in the middle and the other sites on an ellipse; returns width, height and boxes."""
    radius_x, radius_y = max(330.0, len(ring) * 19.0), max(240.0, len(ring) * 10.5)
    width, height = 2 * radius_x + 220, 2 * radius_y + 220
    middle_x, middle_y = width / 2, height / 2 + 20
    boxes: dict[str, Box] = {}
    for index, name in enumerate(hubs):
        box = Box(name, [name, estate.site_of[name]], _COLOURS[index % len(_COLOURS)])
        column, row = index % 2, index // 2
        box.x = middle_x + _HUB_COLUMNS[column] - box.width / 2
        box.y = middle_y + (row - (len(hubs) // 2 - 1) / 2) * 110 - box.height / 2
        boxes[name] = box
    for index, code in enumerate(ring):
        angle = 2 * pi * index / len(ring) - pi / 2
        count = f" +{behind[code]}" if behind[code] else ""
        style = "device" if estate.tier_of(code).centre else "rack"
        box = Box(code, [f"{code}{count}"], style)
        box.x = middle_x + radius_x * cos(angle) - box.width / 2
        box.y = middle_y + radius_y * sin(angle) - box.height / 2
        boxes[code] = box
    return width, height, boxes


def _line(start: Box, end: Box, colour: str, weight: float, speed: int) -> str:
    x1, y1, x2, y2 = start.middle, start.y + start.height / 2, end.middle, end.y + end.height / 2
    line = f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{weight}"/>'
    if weight < _THICK:
        return line
    return line + text((x1 + x2) / 2, (y1 + y2) / 2 - 4, f"{speed / 1000:g} Gb/s", "e", "middle")
