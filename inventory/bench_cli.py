"""``bench``: figures of this machine, beside the goals of the project."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from core.console import emit_json, out, progress
from core.errors import ExitCode

app = typer.Typer(
    help="Measure how fast the estate is at full size, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _bench() -> None:
    """Measure how fast the estate is at full size, on this machine."""


@app.command()
def estate(
    runs: Annotated[int, typer.Option("--runs", min=1, max=50, help="Runs a figure; the median is shown.")] = 5,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a goal is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Load and validate (cold, from cache), N-1, memory, growth x1 x2 x4, Ansible listing, every --help. Two minutes.

    Example: rackproof bench estate --runs 3
    """
    from inventory.bench import estate_figures
    from inventory.bench_result import machine

    about = machine()
    with progress("Measuring the reference estate") as step:
        found = list(estate_figures(runs, step))
    if as_json:
        emit_json({"machine": about, "runs": runs, "figures": [{**asdict(item), "met": item.met} for item in found]})
    else:
        for key, value in about.items():
            out.print(f"{key}: {value}", markup=False)
        out.print(f"median of {runs}, least and most; seconds unless a line says otherwise\n", markup=False)
        width = max(len(item.name) for item in found)
        for item in found:
            goal = "" if item.goal is None else f"  goal {item.goal:g}: {'met' if item.met else 'MISSED'}"
            figures = f"{item.median:8.2f}  ({item.least:.2f} to {item.most:.2f})"
            out.print(f"{item.name:<{width}} {figures}{goal}", markup=False)
    if check and any(item.met is False for item in found):
        raise typer.Exit(int(ExitCode.NOT_GREEN))
