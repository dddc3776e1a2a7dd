"""What people see: results on standard output, progress and notices on standard error; and the envelope for programs.

A terminal gets colour, a live line and tables that fit its width. Anything else gets plain lines of any length, so
that a pipe never cuts or wraps what a program reads.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from core.i18n import N_, _

if TYPE_CHECKING:
    from rich.console import Console

#: The version of the envelope and of what the verbs put into it; raised when a reader would have to change.
JSON_VERSION = 2
#: What Python keeps a byte as that is no character.
HALF_PAIR = re.compile("[\ud800-\udfff]")
#: The schema of an envelope that holds no result.
ERROR_SCHEMA = "error"
#: Width of what is not shown on a terminal: wide enough that no line of ours is wrapped.
UNBOUNDED = 10_000
#: A column of text that may wrap is not made narrower than this.
NARROWEST_TEXT = 16
#: What table borders and padding take: per column, and once.
BORDER_PER_COLUMN, BORDER = 3, 1


class Terminal:
    """Standard output or standard error as people see it; rich is imported when something is first shown."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @cached_property
    def console(self) -> Console:
        """The rich console behind it, for what needs one (a table, a progress display)."""
        from rich.console import Console  # late: a verb that prints JSON, or its help, needs none of rich

        if is_dumb():  # it has a width and obeys no escapes: plain text that fits
            width = shutil.get_terminal_size().columns
            plain = Console(stderr=self._stderr, highlight=False, soft_wrap=True, emoji=False, force_terminal=False)
            plain.width = width if self.file.isatty() else UNBOUNDED
            return plain
        console = Console(stderr=self._stderr, highlight=False, soft_wrap=True, emoji=False)
        if not console.is_terminal:
            console.width = UNBOUNDED
        return console

    @property
    def file(self) -> IO[str]:
        """The stream that is written to now."""
        if self._stderr:
            return sys.stderr
        return sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches: a terminal, and one that can move its cursor."""
        return self.console.is_terminal

    def print(self, *objects: Any, markup: bool = True, end: str = "\n") -> None:
        """Print on one line that the terminal wraps, never we: a path stays in one piece when it is copied."""
        self.console.print(*objects, markup=markup, end=end, soft_wrap=True)


def is_dumb() -> bool:
    """Return whether the terminal says of itself that it cannot move its cursor (``TERM=dumb``)."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


out = Terminal()
err = Terminal(stderr=True)


class ProgressStep(Protocol):
    """Handle on a running progress display."""

    def __call__(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show ``text`` as the current step; optionally move the bar."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading, and whether its cells must stay in one piece (names, addresses, paths)."""

    heading: str
    whole: bool = True
    right: bool = False


class RunningVerb:
    """The verb that this process runs, such as ``net.plan``: the name of the schema of what it emits."""

    schema = "rackproof"


def emit_json(data: Any, errors: Sequence[dict[str, Any]] = ()) -> None:
    """Print the result of a verb for programs: one envelope, and nothing else goes to standard output.

    ``errors`` are what went wrong beside a result that is worth having, such as one host of many.
    """
    envelope = wrap_data(data) | {"errors": list(errors)}
    print(encode_json(envelope, indent=2))


def emit_json_line(data: Any) -> None:
    """Print one event of a stream for programs: one envelope a line (JSON Lines), written out at once."""
    print(encode_json(wrap_data(data)), flush=True)


@contextmanager
def end_stream(tell: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Tell the last event of a stream, ``ended``: the work came to its end, or somebody asked it to.

    An error tells nothing here: its own envelope is the last line.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        tell({"event": "ended"})
        raise
    tell({"event": "ended"})


def emit_json_errors(errors: Sequence[dict[str, Any]]) -> None:
    """Print what went wrong for programs, in the same envelope; ``data`` is null.

    It stands on one line, whatever the verb prints: a reader of a stream's lines must be able to read its last one.
    """
    envelope = {"schema": ERROR_SCHEMA, "version": JSON_VERSION, "data": None, "errors": list(errors)}
    print(encode_json(envelope))


def encode_json(data: Any, indent: int | None = None) -> str:
    """Return data as JSON that every reader takes: a name that is not UTF-8 would go out as the bytes it was.

    Python keeps such a byte as half of a surrogate pair, and JSON can write that as an escape (RFC 8259, 7).
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False, default=str)
    return HALF_PAIR.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def wrap_data(data: Any) -> dict[str, Any]:
    """Return the envelope of a result: the schema is the verb's own path."""
    return {"schema": RunningVerb.schema, "version": JSON_VERSION, "data": data, "errors": []}


def say_rest(count: int) -> str:
    """Say how many more there are of what was shown in part, and how to see them."""
    return _("… and {count} more; --json lists them all").format(count=count)


def cut_lines(lines: Sequence[str], most: int) -> list[str]:
    """Return the first ``most`` of some lines, and one more that says how many are left out, if any are."""
    rest = [say_rest(len(lines) - most)] if len(lines) > most else []
    return [*lines[:most], *rest]


def print_table(columns: Sequence[Column | str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table on standard output.

    On a terminal it fits the width: text wraps between words, names and paths stay whole. Where the whole cells alone
    are wider than the terminal, every row becomes a block of lines ``heading: cell``. A cell may hold rich markup;
    escape what comes from outside.
    """
    from rich.table import Table  # late, as the console itself
    from rich.text import Text

    made = [Column(column) if isinstance(column, str) else column for column in columns]
    cells: list[list[Text]] = []
    for row in rows:
        cells.append([Text.from_markup(str(cell)) for cell in row])
    console = out.console
    if _narrowest(made, cells) > console.width:
        _print_blocks(made, cells, title)
        return
    table = Table(title=title or None, title_justify="left")
    for column in made:
        justify: Literal["right", "left"] = "right" if column.right else "left"
        table.add_column(column.heading, no_wrap=column.whole, justify=justify)
    for texts in cells:
        table.add_row(*texts)
    console.print(table, soft_wrap=False)


@contextmanager
def progress(title: str) -> Iterator[ProgressStep]:
    """Show a live line with the time that has passed on a terminal, plain lines elsewhere.

    Yields the function that names the current step.
    """
    if not err.is_terminal:
        yield from _show_plain_lines(title)
        return
    # Imported only here: `--help` and programs that read JSON need no progress display.
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column as RichColumn

    label = TextColumn("{task.description}", markup=False, table_column=RichColumn(no_wrap=True, overflow="ellipsis"))
    columns = (SpinnerColumn(), label, BarColumn(bar_width=10), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err.console, transient=True) as bar:
            task = bar.add_task(title, total=None)

            def show_live(text: str, *, done: int | None = None, total: int | None = None) -> None:
                bar.update(task, description=f"{title}: {text}", completed=done, total=total)

            yield show_live
    finally:  # Ctrl-C may come after the display has hidden the cursor and before it is its own to show again
        err.console.show_cursor(True)


def _show_plain_lines(title: str) -> Iterator[ProgressStep]:
    began = time.monotonic()
    err.print(title, markup=False)

    def show_plain(text: str, *, done: int | None = None, total: int | None = None) -> None:
        counted = done is not None and total
        count = f" [{done}/{total}]" if counted else ""
        err.print(f"  {time.monotonic() - began:5.1f} s  {text}{count}", markup=False)

    yield show_plain


def _narrowest(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> int:
    """Return the least number of columns of a terminal on which the table can be shown without cutting a name."""
    width = BORDER
    for number, column in enumerate(columns):
        cells = [row[number] for row in rows]
        width += _narrowest_column(column, cells) + BORDER_PER_COLUMN
    return width


def _narrowest_column(column: Column, cells: Sequence[Any]) -> int:
    heading = len(column.heading)
    longest_cell: int = max([heading, *(cell.cell_len for cell in cells)])
    if column.whole:
        return longest_cell
    words = chain.from_iterable(cell.plain.split() for cell in cells)
    longest_word = max(map(len, words), default=0)
    return max(heading, min(NARROWEST_TEXT, longest_cell), longest_word)


def _print_blocks(columns: Sequence[Column], rows: Sequence[Sequence[Any]], title: str) -> None:
    if title:
        out.print(title, markup=False)
    width = max(len(column.heading) for column in columns)
    for number, row in enumerate(rows):
        if number:
            out.print()
        for column, cell in zip(columns, row, strict=True):
            if cell.plain:
                out.print(f"  {column.heading:<{width}} ", cell)


#: Words of every table; translated where they are shown.
YES, NO = N_("yes"), N_("no")


def show_boolean(value: bool) -> str:
    """Return yes or no in the language of this process."""
    if value:
        return _(YES)
    return _(NO)
