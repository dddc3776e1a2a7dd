"""How the estate's commands print rows: tables for people, in their language; the same rows as JSON for programs."""

from __future__ import annotations

from typing import Any

from core.console import emit_json, err, out

Rows = list[dict[str, Any]]
_SAID = ("yes", "no", "unknown", "cut", "without gateway")  # values that are words; a name is never translated
_PLAIN_WIDTH = 180  # columns of a table that goes into a file or a pipe


def show(parts: dict[str, Rows], as_json: bool, most: int | None = None) -> None:
    """Print every part that has rows under its title; of each at most ``most`` rows, and how many are not shown.

    Titles and columns that ``words.vi.yml`` knows are translated for people; JSON is the same in every language.
    """
    if as_json:
        emit_json(parts)
        return
    from rich.console import Console

    console = out if out.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)
    for title, rows in parts.items():
        if rows:
            _print(console, title, rows[:most])
        if most is not None and len(rows) > most:
            from inventory.mistakes import word

            err.print(word("… and {} more; --json lists them all").format(len(rows) - most), markup=False)


def _print(console: Any, title: str, rows: Rows) -> None:
    from rich.text import Text

    from inventory.mistakes import word
    from inventory.tables import table

    numbers = {key for key, value in rows[0].items() if isinstance(value, int) or key[-1] in "W%"}
    made = table("", *(f"#{word(key)}" if key in numbers else word(key) for key in rows[0]))
    for row in rows:
        made.add_row(*(Text(word(str(value)) if value in _SAID else str(value)) for value in row.values()))
    console.print(Text(word(title), style="italic"))
    console.print(made)
    console.print()
