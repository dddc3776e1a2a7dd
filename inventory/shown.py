"""How the estate's commands print rows: tables for people, the same rows as JSON for programs."""

from __future__ import annotations

from typing import Any

from core.console import emit_json, out

_PLAIN_WIDTH = 180  # columns of a table that goes into a file or a pipe


def show(parts: dict[str, list[dict[str, Any]]], as_json: bool) -> None:
    """Print every part that has rows under its title."""
    if as_json:
        emit_json(parts)
        return
    from rich.console import Console
    from rich.text import Text

    from inventory.tables import table

    console = out if out.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)
    for title, rows in parts.items():
        if not rows:
            continue
        numbers = {key for key, value in rows[0].items() if isinstance(value, int)}
        made = table(title, *(f"#{key}" if key in numbers else key for key in rows[0]))
        for row in rows:
            made.add_row(*(Text(str(value)) for value in row.values()))
        console.print(made)
        console.print()
