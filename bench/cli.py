"""``bench``: figures beside the goals of the project: of this machine, and of the code itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from core.console import Column, emit_json, out, print_table, progress, show_boolean
from core.errors import ExitCode
from core.i18n import _

app = typer.Typer(
    help="Measure: the speed of the estate at full size, and how the code is written.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _bench() -> None:
    """Measure: the speed of the estate at full size, and how the code is written."""


@app.command()
def estate(
    runs: Annotated[int, typer.Option("--runs", min=1, max=50, help="Runs a figure; the median is shown.")] = 5,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a goal is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Load and validate (cold, from cache), N-1, memory, growth x1 x2 x4, Ansible listing, every --help. Two minutes.

    Example: rackproof bench estate --runs 3
    """
    from bench.estate import measure_estate
    from bench.result import describe_machine

    about = describe_machine()
    with progress(_("Measuring the reference estate")) as step:
        found = list(measure_estate(runs, step))
    if as_json:
        emit_json({"machine": about, "runs": runs, "figures": [{**asdict(item), "met": item.met} for item in found]})
    else:
        for key, value in about.items():
            out.print(f"{key}: {value}", markup=False)
        about_figures = _("median of {runs}, least and most; seconds unless a line says otherwise")
        out.print(about_figures.format(runs=runs) + "\n", markup=False)
        width = max(len(_(item.name)) for item in found)
        for item in found:
            span = _("({least} to {most})").format(least=f"{item.least:.2f}", most=f"{item.most:.2f}")
            line = f"{_(item.name):<{width}} {item.median:8.2f}  {span}"
            out.print(f"{line}{describe_goal(item.goal, item.met)}", markup=False)
    if check and any(item.met is False for item in found):
        raise typer.Exit(int(ExitCode.NOT_GREEN))


def describe_goal(goal: float | None, is_met: bool | None) -> str:
    """Return what a figure's line says of its goal; empty where it has none."""
    if goal is None:
        return ""
    text = _("goal {goal}: met") if is_met else _("goal {goal}: MISSED")
    return "  " + text.format(goal=f"{goal:g}")


@app.command()
def style(
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a goal is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show how the code is written, beside goals and seven projects of the field; it needs a clone.

    Example: rackproof bench style
    """
    from bench.style import measure_style, read_style_table

    table = read_style_table()
    with progress(_("Measuring the code")):
        found = measure_style(table)
    if as_json:
        figures = [
            {
                "name": item.name,
                "text": item.measure.text,
                "value": round(item.value, 2),
                "goal": item.measure.goal,
                "least": item.measure.least,
                "met": item.is_met,
                "anchors": dict(zip(table.anchors, item.measure.figures, strict=False)),
                "why": item.reason,
            }
            for item in found
        ]
        emit_json({"figures": figures})
    else:
        rows = []
        for item in found:
            sign = "≥" if item.measure.least else "≤"
            goal = "" if item.measure.goal is None else f"{sign} {item.measure.goal:g}"
            met = "" if item.is_met is None else show_boolean(item.is_met)
            anchors = " ".join(f"{figure:g}" for figure in item.measure.figures)
            rows.append((item.measure.text, f"{item.value:.1f}", goal, met, anchors))
        columns = (_("measure"), Column(_("ours"), right=True), _("goal"), _("met"), ", ".join(table.anchors))
        print_table(columns, rows)
        for item in found:
            if item.reason:
                out.print(f"\n{item.measure.text}: {item.reason}", markup=False)
    if check and any(item.is_met is False for item in found):
        raise typer.Exit(int(ExitCode.NOT_GREEN))
