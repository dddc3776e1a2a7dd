"""What people see: results on standard output, progress and notices on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Step(Protocol):
    """Handle on a running progress display."""

    def __call__(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show ``text`` as the current step; optionally move the bar."""


def emit_json(data: Any) -> None:
    """Print ``data`` as JSON on standard output, for programs; nothing else goes there in that mode."""
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


@contextmanager
def progress(title: str) -> Iterator[Step]:
    """Show a live line on a terminal, plain lines elsewhere; yields the function that names the current step."""
    if not err.is_terminal:
        err.print(title)

        def plain(text: str, *, done: int | None = None, total: int | None = None) -> None:
            count = f" [{done}/{total}]" if done is not None and total else ""
            err.print(f"  {text}{count}", markup=False)

        yield plain
        return
    # Imported only here: `--help` and programs that read JSON need no progress display.
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def live(text: str, *, done: int | None = None, total: int | None = None) -> None:
            bar.update(task, description=f"{title}: {text}", completed=done, total=total)

        yield live
