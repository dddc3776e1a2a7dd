"""The lab's commands: up, down, status, shell, exec, faults, break, mend."""

from __future__ import annotations

import dataclasses
import os
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode, RackproofError
from lab.netbox.cli import netbox

if TYPE_CHECKING:
    from lab.instance import Instance


app = typer.Typer(help="The embedded lab: the small estate on this machine.", no_args_is_help=True)
app.command()(netbox)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
COLOURS = {"answers": "green", "silent": "red", "stopped": "red"}


@app.command()
def up(as_json: Json = False) -> None:
    """Raise the lab: hosts, routers, facility agents. Harmless when it is up already. Needs root.

    Example: sudo ./rackproof lab up
    """

    from lab.instance import instance
    from lab.up import up as raise_lab

    found = instance()
    with progress(f"raising the lab '{found.name}'") as step:
        is_new = raise_lab(found, step)
    state = found.state() or {}
    if as_json:
        emit_json({"lab": found.name, "already_up": not is_new, "nodes": state.get("nodes", []),
                   "seconds": state.get("seconds"), "workspace": str(found.workspace.root)})
    elif is_new:
        out.print(f"the lab '{found.name}' is up after {state.get('seconds')} s: "
                  f"{len(state.get('pids', {})) - 1} systems; workspace {found.workspace.root}")
    else:
        out.print(f"the lab '{found.name}' is already up; nothing was changed")


@app.command()
def down(as_json: Json = False) -> None:
    """Take the lab down: no namespace, mount or process stays. Its workspace (evidence, reports) does. Needs root.

    Example: sudo ./rackproof lab down
    """

    from lab.down import down as take_down
    from lab.instance import instance

    found = instance()
    with progress(f"taking the lab '{found.name}' down") as step:
        existed = take_down(found, step)
    if as_json:
        emit_json({"lab": found.name, "was_up": existed})
    else:
        out.print(f"the lab '{found.name}' is down" if existed else f"the lab '{found.name}' was down already")


@app.command()
def status(as_json: Json = False) -> None:
    """Show every host and router and whether it answers; exit code 1 when one does not. Needs root.

    Example: sudo ./rackproof lab status --json
    """

    from rich.table import Table

    from lab import faults as fault_book
    from lab.enter import require_root
    from lab.instance import require_up
    from lab.status import status as node_status

    found = require_up()
    require_root("ask the lab's hosts and routers")
    nodes = node_status(found)
    broken = fault_book.active(found)
    if as_json:
        emit_json({"lab": found.name, "nodes": [dataclasses.asdict(node) for node in nodes], "faults": broken})
    else:
        table = Table(title=f"Lab '{found.name}'", title_justify="left")
        for column in ("node", "kind", "site", "IPv4", "IPv6", "state"):
            table.add_column(column)
        for node in nodes:
            table.add_row(node.name, node.kind, node.site, node.ipv4, node.ipv6,
                          f"[{COLOURS[node.state]}]{node.state}[/]")
        out.print(table)
        if broken:
            out.print(f"[red]broken on purpose:[/] {', '.join(broken)}")
    if any(node.state != "answers" for node in nodes):
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command()
def shell(node: Annotated[str, typer.Argument(help="A host or router; `ctl` is the controller's network.")]) -> None:
    """Open a shell on a host, the command line of a router, or a local shell in the controller's network.

    Example: sudo ./rackproof lab shell dc-db1
    """

    from lab.instance import require_up

    _become(require_up(), node, [])


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(node: str, command: Annotated[list[str], typer.Argument(help="The command, after --.")]) -> None:
    """Run one command on a node and exit as it does. Root on a host: put sudo in front.

    Example: sudo ./rackproof lab exec dc-db1 -- systemctl is-system-running
    """

    from lab.instance import require_up

    _become(require_up(), node, command)


@app.command()
def faults(as_json: Json = False) -> None:
    """List the faults that can be made, and which are active.

    Example: ./rackproof lab faults
    """

    from rich.table import Table

    from lab import faults as fault_book
    from lab.instance import instance

    active = fault_book.active(instance())
    book = fault_book.book()
    if as_json:
        emit_json([{"name": f.name, "active": f.name in active, "en": f.text.en, "vi": f.text.vi}
                   for f in book.values()])
        return
    table = Table()
    for column in ("fault", "active", "what it breaks", "hỏng gì"):
        table.add_column(column)
    for fault in book.values():
        table.add_row(fault.name, "yes" if fault.name in active else "", fault.text.en, fault.text.vi)
    out.print(table)


@app.command("break")
def break_(fault: Annotated[str, typer.Argument(help="See `lab faults`.")], as_json: Json = False) -> None:
    """Break one thing on purpose. Needs root.

    Example: sudo ./rackproof lab break ups-module-lost
    """
    _play(fault, "break", as_json)


@app.command()
def mend(fault: Annotated[str, typer.Argument(help="See `lab faults`.")], as_json: Json = False) -> None:
    """Undo a fault made by `lab break`, and make sure that it is gone. Needs root.

    Example: sudo ./rackproof lab mend ups-module-lost
    """
    _play(fault, "mend", as_json)


def _play(name: str, verb: str, as_json: bool) -> None:
    from lab import faults as fault_book
    from lab.enter import require_root
    from lab.instance import require_up

    found = require_up()
    require_root(f"{verb} a fault in the lab")
    with progress(f"{verb} {name}"):
        changed = fault_book.break_fault(found, name) if verb == "break" else fault_book.mend_fault(found, name)
    if as_json:
        emit_json({"fault": name, "done": verb, "changed": changed, "active": fault_book.active(found)})
    else:
        out.print(f"{name}: {'broken' if verb == 'break' else 'mended'}" + ("" if changed else " already"))


def _become(found: Instance, name: str, command: list[str]) -> None:
    """Replace this process by the shell or command; raises RackproofError (LAB014) for an unknown node."""

    from inventory.load import load_estate
    from lab.enter import CONTROLLER, argv_inside, require_root
    from lab.instance import ESTATE
    from lab.topology import derive

    require_root("go into the lab's network")
    if name == CONTROLLER:
        argv = command or [os.environ.get("SHELL", "/bin/bash")]
    else:
        base, _, suffix = name.rpartition("-")
        known = base if suffix in ("v4", "v6", "ops", "guard") else name
        if not derive(load_estate(ESTATE)).node(known).boots:
            raise RackproofError("LAB014", f"'{name}' is no host or router: nothing runs a shell there",
                                 remedy="run `./rackproof lab status` for those that do")
        alias = f"{name}-v4" if known == name and _is_host(known) else name
        argv = ["ssh", "-F", str(found.workspace.ssh_config), *([] if command else ["-t"]), alias]
        # A router's command line takes words as they are; a host's shell would split them again.
        is_shell = alias.endswith(("-v4", "-ops")) or _is_host(known)
        argv += ["--", shlex.join(command) if is_shell else " ".join(command)] if command else []
    err.file.flush()
    full = argv_inside(found, CONTROLLER, argv)
    os.execvp(full[0], full)  # noqa: S606 - the point is to become that program


def _is_host(name: str) -> bool:
    from inventory.load import load_estate
    from lab.instance import ESTATE
    from lab.topology import derive

    return derive(load_estate(ESTATE)).node(name).kind == "host"
