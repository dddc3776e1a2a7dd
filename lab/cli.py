"""The lab's commands: up, down, destroy, status, serve, shell, exec, faults, break, mend."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.console import Column, emit_json, err, out, print_table, progress, show_boolean
from core.errors import ExitCode, RackproofError
from core.i18n import N_, _, language
from lab.netbox.cli import netbox

if TYPE_CHECKING:
    from lab.instance import Instance


app = typer.Typer(help="The embedded lab: the small estate on this machine.", no_args_is_help=True)
app.command()(netbox)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
#: How a node's state is shown; ``lab.reach`` gives the names.
COLOURS = {"answers": "green", "silent": "red", "stopped": "red"}
STATES = {"answers": N_("answers"), "silent": N_("silent"), "stopped": N_("stopped")}


@app.command()
def up(as_json: Json = False) -> None:
    """Raise the lab: hosts, routers, facility agents. Harmless when it is up already. Needs root.

    Example: sudo ./rackproof lab up
    """
    from lab.instance import instance
    from lab.up import up as raise_lab

    found = instance()
    with progress(_("raising the lab '{lab}'").format(lab=found.name)) as step:
        is_new = raise_lab(found, step)
    state = found.state() or {}
    if as_json:
        emit_json(
            {
                "lab": found.name,
                "already_up": not is_new,
                "nodes": state.get("nodes", []),
                "seconds": state.get("seconds"),
                "workspace": str(found.workspace.root),
            }
        )
    elif is_new:
        systems = len(state.get("pids", {})) - 1
        text = _("the lab '{lab}' is up after {seconds} s: {systems} systems; workspace {workspace}")
        seconds = state.get("seconds")
        said = text.format(lab=found.name, seconds=seconds, systems=systems, workspace=found.workspace.root)
        out.print(said, markup=False)
    else:
        out.print(_("the lab '{lab}' is already up; nothing was changed").format(lab=found.name), markup=False)


@app.command()
def down(as_json: Json = False) -> None:
    """Take the lab down: no namespace, mount or process stays. Its workspace (evidence, reports) does. Needs root.

    Example: sudo ./rackproof lab down
    """
    from lab.instance import instance
    from lab.keeping import list_workspaces
    from lab.up import down as take_down

    found = instance()
    with progress(_("taking the lab '{lab}' down").format(lab=found.name)) as step:
        existed = take_down(found, step)
    kept = list_workspaces(found)
    if as_json:
        emit_json({"lab": found.name, "was_up": existed, "kept": [dataclasses.asdict(item) for item in kept]})
        return
    text = _("the lab '{lab}' was down already")
    if existed:
        text = _("the lab '{lab}' is down")
    out.print(text.format(lab=found.name), markup=False)
    for item in kept:
        out.print(_("kept: {workspace}").format(workspace=item.describe()), markup=False)
    if kept:
        out.print(_("`rackproof lab destroy` removes what is kept, and asks before it does"), markup=False)


@app.command()
def destroy(
    yes: Annotated[str, typer.Option("--yes", metavar="NAME", help="The lab's name, where nobody can be asked.")] = "",
    as_json: Json = False,
) -> None:
    """Destroy what a lab that is down has kept: evidence, journal, keys, reports. Asks for the lab's name. Needs root.

    Example: sudo ./rackproof lab destroy
    """
    from lab.instance import instance
    from lab.keeping import destroy as destroy_workspaces
    from lab.keeping import list_workspaces

    found = instance()
    kept = list_workspaces(found)
    answer = yes
    if kept and not yes and not as_json and sys.stdin.isatty():
        for item in kept:
            err.print(item.describe(), markup=False)
        question = _("type the lab's name to destroy this for good")
        answer = typer.prompt(question, err=True, default="", show_default=False)
    removed = destroy_workspaces(found, answer)
    if as_json:
        emit_json({"lab": found.name, "destroyed": [dataclasses.asdict(item) for item in removed]})
    elif removed:
        for item in removed:
            out.print(_("destroyed: {folder}").format(folder=item.folder), markup=False)
    else:
        out.print(_("the lab '{lab}' has kept nothing").format(lab=found.name), markup=False)


@app.command()
def status(as_json: Json = False) -> None:
    """Show every host and router and whether it answers; exit code 1 when one does not. Needs root.

    Example: sudo ./rackproof lab status --json
    """
    from lab import faults as fault_book
    from lab.enter import require_root
    from lab.instance import require_up
    from lab.reach import status as node_status

    found = require_up()
    require_root(_("ask the lab's hosts and routers"))
    nodes = node_status(found)
    broken = fault_book.active(found)
    if as_json:
        emit_json({"lab": found.name, "nodes": [dataclasses.asdict(node) for node in nodes], "faults": broken})
    else:
        headings = (_("node"), _("kind"), _("site"), "IPv4", "IPv6", _("state"))
        rows = []
        for node in nodes:
            state = f"[{COLOURS[node.state]}]{_(STATES[node.state])}[/]"
            rows.append((node.name, node.kind, node.site, node.ipv4, node.ipv6, state))
        print_table(headings, rows, _("Lab '{lab}'").format(lab=found.name))
        if broken:
            out.print(_("broken on purpose: {faults}").format(faults=", ".join(broken)), markup=False)
    if any(node.state != "answers" for node in nodes):
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command()
def serve(
    stop: Annotated[bool, typer.Option("--stop", help="Stop them instead.")] = False,
    as_json: Json = False,
) -> None:
    """Start the controller's own services, the exporter and the watch, and wait until both are well. Needs root.

    Example: sudo ./rackproof lab serve
    """
    from lab.instance import require_up
    from lab.serving import start_services, stop_services

    found = require_up()
    done, text = "started", _("started: {names}")
    if stop:
        done, text = "stopped", _("stopped: {names}")
    with progress(_("the controller's services")) as step:
        changed = stop_services(found) if stop else start_services(found, step)
    if as_json:
        emit_json({"lab": found.name, done: changed})
    else:
        out.print(text.format(names=", ".join(changed) or _("nothing")), markup=False)


@app.command()
def shell(
    node: Annotated[str, typer.Argument(help="A host or router; `ctl` is the controller's network.")],
    as_json: Json = False,
) -> None:
    """Open a shell on a host, the command line of a router, or a local shell in the controller's network.

    Example: sudo ./rackproof lab shell dc-db1
    """
    from lab.instance import require_up

    if as_json:
        raise RackproofError("USE006", verb="lab shell")
    argv = _argv_on(require_up(), node, [])
    err.file.flush()
    os.execvp(argv[0], argv)  # noqa: S606 - the point is to become that program


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(
    node: Annotated[str, typer.Argument(help="A host or router; `ctl` is the controller's network.")],
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
    as_json: Json = False,
) -> None:
    """Run one command on a node and exit as it does. Root on a host: put sudo in front.

    Example: sudo ./rackproof lab exec dc-db1 -- systemctl is-system-running
    """
    from lab.instance import require_up

    argv = _argv_on(require_up(), node, command)
    if not as_json:
        err.file.flush()
        os.execvp(argv[0], argv)  # noqa: S606 - the point is to become that program
    done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    streams = {name: data.decode("utf-8", errors="replace") for name, data in _streams(done)}
    emit_json({"node": node, "exit_code": done.returncode, **streams})
    raise typer.Exit(done.returncode)


@app.command()
def faults(as_json: Json = False) -> None:
    """List the faults that can be made, and which are active.

    Example: ./rackproof lab faults
    """
    from lab import faults as fault_book
    from lab.instance import instance

    active = fault_book.active(instance())
    book = fault_book.book()
    if as_json:
        listed = [
            {"name": fault.name, "active": fault.name in active, "en": fault.text.en, "vi": fault.text.vi}
            for fault in book.values()
        ]
        emit_json(listed)
        return
    columns = (_("fault"), _("active"), Column(_("what it breaks"), whole=False))
    rows = []
    for fault in book.values():
        rows.append((fault.name, show_boolean(fault.name in active), getattr(fault.text, language())))
    print_table(columns, rows)


@app.command("break")
def break_(fault: Annotated[str, typer.Argument(help="See `lab faults`.")], as_json: Json = False) -> None:
    """Break one thing on purpose. Needs root.

    Example: sudo ./rackproof lab break ups-module-lost
    """
    from lab.faults import break_fault

    found = _require_for_fault()
    with progress(_("breaking: {fault}").format(fault=fault)):
        changed = break_fault(found, fault)
    text = _("{fault}: broken already")
    if changed:
        text = _("{fault}: broken")
    if as_json:
        text = ""
    _show_fault(found, fault, "break", changed, text)


@app.command()
def mend(fault: Annotated[str, typer.Argument(help="See `lab faults`.")], as_json: Json = False) -> None:
    """Undo a fault made by `lab break`, and make sure that it is gone. Needs root.

    Example: sudo ./rackproof lab mend ups-module-lost
    """
    from lab.faults import mend_fault

    found = _require_for_fault()
    with progress(_("mending: {fault}").format(fault=fault)):
        changed = mend_fault(found, fault)
    text = _("{fault}: was not broken")
    if changed:
        text = _("{fault}: mended")
    if as_json:
        text = ""
    _show_fault(found, fault, "mend", changed, text)


def _require_for_fault() -> Instance:
    from lab.enter import require_root
    from lab.instance import require_up

    found = require_up()
    require_root(_("break or mend something in the lab"))
    return found


def _show_fault(found: Instance, fault: str, verb: str, changed: bool, text: str) -> None:
    """Show what became of a fault; without a text, for programs."""
    from lab.faults import active

    if text:
        out.print(text.format(fault=fault), markup=False)
    else:
        emit_json({"fault": fault, "done": verb, "changed": changed, "active": active(found)})


def _streams(done: subprocess.CompletedProcess[bytes]) -> tuple[tuple[str, bytes], ...]:
    return ("stdout", done.stdout), ("stderr", done.stderr)


def _argv_on(found: Instance, name: str, command: list[str]) -> list[str]:
    """Return what runs a command on a node, or a shell there when there is none.

    Raises RackproofError: LAB012 not root, LAB014 nothing of this name runs a shell.
    """
    from inventory.load.loader import load_estate
    from lab.enter import CONTROLLER, argv_inside, require_root
    from lab.instance import ESTATE
    from lab.topology import derive

    require_root(_("go into the lab's network"))
    if name == CONTROLLER:
        return argv_inside(found, CONTROLLER, command or [os.environ.get("SHELL", "/bin/bash")])
    topology = derive(load_estate(ESTATE))
    base, _dash, suffix = name.rpartition("-")
    known = base if suffix in ("v4", "v6", "ops", "guard") else name
    booted = {node.name: node for node in topology.booted}
    if known not in booted:
        raise RackproofError("LAB014", actual=known, known=[CONTROLLER, *booted])
    is_host = booted[known].kind == "host"
    alias = name
    if is_host and known == name:
        alias = f"{name}-v4"
    argv = ["ssh", "-F", str(found.workspace.ssh_config)]
    if not command:
        return argv_inside(found, CONTROLLER, [*argv, "-t", alias])
    # A router's command line takes words as they are; a host's shell would split them again.
    words = " ".join(command)
    if is_host or alias.endswith(("-v4", "-ops")):
        words = shlex.join(command)
    return argv_inside(found, CONTROLLER, [*argv, alias, "--", words])
