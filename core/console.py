"""What people see: results on standard output, progress and notices on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from rich.console import Console


class _WhenUsed:
    """A console that is made when it first shows something: ``--help`` and answers in JSON need none."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._console, name)


out = cast("Console", _WhenUsed())
err = cast("Console", _WhenUsed(stderr=True))


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
