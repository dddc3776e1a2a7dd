"""How the estate's commands print rows: tables for people, in their language; the same rows as JSON for programs."""

from __future__ import annotations

from typing import Any

from core.console import Column, emit_json, err, out, print_table, say_rest
from core.i18n import N_, _

Rows = list[dict[str, Any]]
_SAID = ("yes", "no", "unknown", "cut", "without gateway")  # values that are words; a name is never translated
# Titles and columns, as the rows and JSON name them; a person reads them in the language of this process.
_LABELS = (
    N_("tiers"),
    N_("sites"),
    N_("site"),
    N_("tier"),
    N_("name"),
    N_("province"),
    N_("devices"),
    N_("device"),
    N_("hosts"),
    N_("racks"),
    N_("vlans"),
    N_("vlan"),
    N_("links"),
    N_("ports"),
    N_("services"),
    N_("power"),
    N_("cooling"),
    N_("sensors"),
    N_("interfaces"),
    N_("interface"),
    N_("gateway"),
    N_("kind"),
    N_("role"),
    N_("rack"),
    N_("cords"),
    N_("peer"),
    N_("component"),
    N_("group"),
    N_("unit"),
    N_("zone"),
    N_("position"),
    N_("quantity"),
    N_("owner"),
    N_("addresses"),
    N_("path"),
    N_("value"),
    N_("layer"),
    N_("written"),
    N_("lost"),
    N_("effect"),
    N_("cut"),
    N_("without gateway"),
    N_("members"),
    N_("network, one loss"),
    N_("power, one loss"),
    N_("redundancy by rating"),
    N_("one cord in a rack with two feeds"),
    N_("sites that reach no hub"),
    N_("overdue"),
    N_("in the way"),
    N_("reason"),
    N_("says"),
    N_("counted"),
    N_("next"),
    N_("due"),
    N_("due first"),
    N_("held up"),
    N_("unknown"),
    N_("yes"),
    N_("no"),
    N_("free"),
    N_("region"),
    N_("numbers"),
    N_("link"),
    N_("loopback"),
    N_("anycast"),
    N_("devices whose power is not known"),
)
#: Columns whose name in the rows is that of a field: what a person reads above them.
_HEADINGS = {
    "without_gateway": N_("without gateway"),
    "rating_w": N_("rating, W"),
    "without_largest_w": N_("without the largest, W"),
    "capacity_w": N_("capacity, W"),
    "speed_mbps": N_("speed, Mbit/s"),
    "fed_by": N_("fed by"),
}
#: What is lost in one failure, by its kind: the rows say "device hph-edge1".
_LOST = {
    "device": N_("device {name}"),
    "link": N_("link {name}"),
    "circuit": N_("circuit {name}"),
    "path": N_("path {name}"),
    "power": N_("power {name}"),
}


def show(parts: dict[str, Rows], as_json: bool, most: int | None = None) -> None:
    """Print every part that has rows under its title; of each at most ``most`` rows, and how many are not shown.

    Titles and columns are translated for people; JSON is the same in every language.
    """
    if as_json:
        emit_json(parts)
        return
    for title, rows in parts.items():
        if rows:
            _print(title, rows[:most])
        if most is not None and len(rows) > most:
            err.print(say_rest(len(rows) - most), markup=False)


def _print(title: str, rows: Rows) -> None:
    from rich.markup import escape

    numbers = {key for key, value in rows[0].items() if isinstance(value, int) or key[-1] in "W%"}
    columns = [Column(_(_HEADINGS.get(key, key)), right=key in numbers) for key in rows[0]]
    cells = [list(map(escape, _say_row(row))) for row in rows]
    print_table(columns, cells, _(title))
    out.print()


def _say_row(row: dict[str, Any]) -> list[str]:
    return [_say(key, value) for key, value in row.items()]


def _say(key: str, value: Any) -> str:
    """Return a value as people read it: what is a word is translated, a name never."""
    text = str(value)
    kind, _space, name = text.partition(" ")
    if key == "lost" and name and kind in _LOST:
        return _(_LOST[kind]).format(name=name)
    if value in _SAID:
        return _(text)
    return text
