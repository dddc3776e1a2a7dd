"""``estate diff``: what changed since a git revision, and whom it concerns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from core.console import emit_json, out
from core.errors import ExitCode
from core.workspace import current


def diff(
    revision: Annotated[str, typer.Argument(help="A git revision: a commit, a branch, a tag, HEAD~1.")] = "HEAD",
    to: Annotated[str | None, typer.Option("--to", help="Compare with this revision, not the working tree.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say in words what changed in the estate since a git revision, and who is affected. Both states are validated.

    Example: rackproof --estate inventory/estate estate diff HEAD~1
    """
    from inventory.change.diff import find_changes
    from inventory.change.diff_words import count_changes, describe_changes
    from inventory.change.impact import find_impact
    from inventory.load.loader import load_estate
    from inventory.load.revision import Revision

    folder = current().estate_dir
    source = Revision(folder, revision)
    target = Revision(folder, to) if to is not None else None
    old = source.load()
    new = target.load() if target else load_estate(folder)
    found = find_changes(old, new)
    felt = find_impact(old, new, found)
    if as_json:
        emit_json(
            {
                "from": {"revision": revision, "commit": source.commit},
                "to": {"revision": to, "commit": target.commit} if target else None,
                **count_changes(found),
                "changes": [asdict(change) for change in found],
                "impact": asdict(felt),
            }
        )
    else:
        for line in describe_changes(found, felt):
            out.print(line, markup=False)
    if exit_code and found:
        raise typer.Exit(int(ExitCode.NOT_GREEN))
