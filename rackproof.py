"""The front door: assembles the rooms' commands, turns errors into texts and exit codes, and nothing else."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import typer
from typer.main import get_command

from core.errors import ErrorGroup, ExitCode, RackproofError

# verb → (module that holds its typer app, one line of help). A room is imported only when its verb is used.
ROOMS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The main job, end to end, on the embedded lab."),
    "doctor": ("lab.doctor", "What this machine lacks, and how to get it."),
    "estate": ("inventory.cli", "The estate: validate it, show it."),
    "lab": ("lab.cli", "The embedded lab: bring it up and down, break and mend things."),
    "provision": ("playbooks.cli", "Provision hosts with Ansible and pyinfra."),
    "net": ("netconfig.cli", "Plan and apply network configuration, with a rollback the device fires itself."),
    "monitor": ("monitoring.cli", "Poll devices, serve readings as metrics, check the alert rules."),
    "checks": ("checks.cli", "Judge the requirements, once or continuously."),
    "evidence": ("checks.evidence_cli", "Verify evidence bundles offline."),
    "report": ("checks.report_cli", "Render the report of a run."),
}
# These speak to devices; when the lab is the target they do it from the lab's controller namespace.
CONTROLLER_VERBS = frozenset({"provision", "net", "monitor", "checks"})


class RoomGroup(click.Group):
    """A group that knows every room's name and help, and imports a room only when its verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the verbs in the order of the flow."""
        return list(ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the room of a verb and return its command."""
        if cmd_name not in ROOMS:
            return None
        command = get_command(importlib.import_module(ROOMS[cmd_name][0]).app)
        command.name = cmd_name
        command.help = command.help or ROOMS[cmd_name][1]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing any room."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_module, text) in ROOMS.items()])


@click.group(cls=RoomGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="rackproof")
@click.option("--estate", type=click.Path(path_type=Path), help="Estate folder (default: the lab's while it is up).")
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder for keys, secrets, journal and evidence.")
@click.option("--lang", type=click.Choice(["en", "vi"]), help="Language of texts for people.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
def main(estate: Path | None, workspace: Path | None, lang: str | None, debug: bool) -> None:
    """Rackproof provisions, configures and proves the estate it is given.

    Example: ./rackproof demo
    """
    settings = {"RACKPROOF_ESTATE": estate and estate.resolve(), "RACKPROOF_WORKSPACE": workspace and
                workspace.resolve(), "RACKPROOF_LANG": lang, "RACKPROOF_DEBUG": "1" if debug else None}
    os.environ.update({key: str(value) for key, value in settings.items() if value})


def _enter_controller(arguments: Sequence[str]) -> None:
    """Move into the lab's controller namespace when the verb talks to devices and the lab is what it talks to."""
    from core.workspace import current

    verb = next((word for word in arguments if word in ROOMS), "")
    if verb not in CONTROLLER_VERBS or {"--help", "-h"} & set(arguments):
        return
    if current().is_lab:
        importlib.import_module("lab.enter").enter_controller()


def _show(error: RackproofError, as_json: bool) -> int:
    if as_json:
        errors = error.errors if isinstance(error, ErrorGroup) else [error]
        print(json.dumps({"errors": [item.as_dict() for item in errors]}, ensure_ascii=False, indent=2))
    else:
        print(error, file=sys.stderr)
    return int(error.exit_code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never lets a traceback out unless ``--debug`` asks for it."""
    try:
        result: Any = main.main(list(arguments), prog_name="rackproof", standalone_mode=False)
    except RackproofError as error:
        return _show(error, "--json" in arguments)
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a text and an exit code, not a traceback
        if "--debug" in arguments or os.environ.get("RACKPROOF_DEBUG"):
            traceback.print_exc()
        print(f"[RPK000] internal error: {type(error).__name__}: {error}\n  remedy: run again with --debug and report it",
              file=sys.stderr)
        return int(ExitCode.INTERNAL)
    return int(result) if isinstance(result, int) else 0


__all__ = ["main", "run", "typer"]

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
