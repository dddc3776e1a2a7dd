"""``estate netbox``: plan, push, pull. Only a push changes a NetBox, only ``pull --write`` changes files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out
from core.workspace import current

if TYPE_CHECKING:
    from inventory.model.estate import Estate
    from inventory.netbox.client import Client
    from inventory.netbox.live import Snapshot

app = typer.Typer(help="NetBox: plan, push to it, pull from it.", no_args_is_help=True)
Url = Annotated[str, typer.Option("--url", help="Where the NetBox answers; https, or http on this machine.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with an API token, only its owner's; else RACKPROOF_NETBOX_TOKEN."),
]
Ca = Annotated[Path | None, typer.Option("--ca", help="Certificates to trust, in PEM form.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def plan(url: Url, token_file: TokenFile = None, ca: Ca = None, as_json: Json = False) -> None:
    """Say what a push would create, change, adopt and delete. Nothing is changed.

    Example: rackproof estate netbox plan --url https://netbox.example.vn --token-file token
    """
    from dataclasses import asdict

    from inventory.load.loader import load_estate
    from inventory.netbox.mapping import objects
    from inventory.netbox.plan import make_plan
    from inventory.netbox.words import plan_lines, say

    estate = load_estate(current().estate_dir)
    client = open_client(url, token_file, ca)
    made = make_plan(objects(estate), take_snapshot(client, estate))
    if as_json:
        emit_json(
            {
                "netbox": str(client.place),
                "plan_id": made.plan_id,
                "counts": made.count(),
                "actions": [asdict(action) for action in made.actions],
                "left": [asdict(item) for item in made.left],
            }
        )
        return
    for line in plan_lines(made):
        out.print(line, markup=False)
    facts = {"netbox": client.place, "plan": made.plan_id, "count": len(made.actions), "url": url}
    key = "plan" if made.actions else "nothing"
    out.print(say(key, **facts), markup=False)
    if made.actions:
        err.print(say("approve", **facts), markup=False)


@app.command()
def push(
    url: Url,
    approve: Annotated[str, typer.Option("--approve", help="The id of the plan that was looked at.")],
    token_file: TokenFile = None,
    ca: Ca = None,
    as_json: Json = False,
) -> None:
    """Apply exactly the plan with this id; refused when the plan is another one by now.

    Example: rackproof estate netbox push --url https://netbox.example.vn --token-file token --approve 4e265005146d
    """
    from core.console import progress
    from inventory.load.loader import load_estate
    from inventory.model.diagnostics import mistake
    from inventory.netbox.mapping import objects
    from inventory.netbox.plan import make_plan
    from inventory.netbox.push import Push
    from inventory.netbox.words import say

    estate = load_estate(current().estate_dir)
    client = open_client(url, token_file, ca)
    held = take_snapshot(client, estate)
    made = make_plan(objects(estate), held)
    if made.plan_id != approve:
        raise mistake("EST079", client.place, actual=approve, now=made.plan_id)
    with progress(say("pushing", netbox=client.place)) as step:
        count = Push(client, held, made, _teller(step)).run()
    if as_json:
        emit_json({"netbox": str(client.place), "plan_id": made.plan_id, "changed": count})
        return
    key = "pushed" if count else "nothing"
    out.print(say(key, netbox=client.place, count=count, plan=made.plan_id), markup=False)


@app.command()
def pull(
    url: Url,
    token_file: TokenFile = None,
    ca: Ca = None,
    do_write: Annotated[bool, typer.Option("--write", help="Change the estate's files.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a NetBox has that the estate says otherwise or not at all; with --write, take it over.

    Example: rackproof estate netbox pull --url https://netbox.example.vn --token-file token
    """
    from dataclasses import asdict

    from inventory.netbox.pull import compare, read_estate, write
    from inventory.netbox.words import pull_lines, say

    folder = current().estate_dir
    estate = read_estate(folder)
    client = open_client(url, token_file, ca)
    held = take_snapshot(client, estate)
    found = compare(estate, held)
    written = write(folder, found, lambda new: compare(new, held)) if do_write and found else []
    if as_json:
        emit_json({"netbox": str(client.place), **asdict(found), "written": [str(file) for file in written]})
        return
    for line in pull_lines(found):
        out.print(line, markup=False)
    if not found:
        out.print(say("same", estate=folder, netbox=client.place), markup=False)
    elif not do_write:
        err.print(say("dry"), markup=False)
    for file in written:
        out.print(say("wrote", file=file), markup=False)
    if written and (found.derived.sites or found.derived.links or found.derived.devices):
        err.print(say("ledger"), markup=False)


def open_client(url: str, token_file: Path | None, ca: Path | None) -> Client:
    """Return a NetBox that answers and takes the token of a file. Raises RackproofError as ``connect`` does."""
    from inventory.netbox.client import connect, read_token

    return connect(url, read_token(token_file), ca)


def take_snapshot(client: Client, estate: Estate) -> Snapshot:
    """Return what a NetBox holds, and show meanwhile which kind is read."""
    from core.console import progress
    from inventory.netbox.live import snapshot
    from inventory.netbox.words import say

    with progress(say("reading", netbox=client.place)) as step:
        return snapshot(client, estate.site_of, _teller(step))


def _teller(step: Any) -> Callable[[str, int, int], None]:
    return lambda text, done, total: step(text, done=done, total=total)
