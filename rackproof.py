"""The front door: finds the room of a verb, turns errors into texts and exit codes, and nothing else."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.exceptions import TyperException

from core.errors import ErrorGroup, ExitCode, RackproofError
from core.locale import LANGUAGES
from core.narrowing import explained, narrowed
from core.workspace import current

VERSION = "0.1.0"

# verb → (module that holds its typer app, one line of help). A room is imported only when its verb is used.
ROOMS: dict[str, tuple[str, str]] = {
    "demo": ("lab.demo", "The main job, end to end, on the embedded lab."),
    "doctor": ("lab.doctor", "What this machine lacks, and how to get it."),
    "estate": ("inventory.cli", "The estate: validate it, show it."),
    "bench": ("inventory.bench_cli", "Measure how fast the estate is at full size, on this machine."),
    "lab": ("lab.cli", "The embedded lab: bring it up and down, break and mend things."),
    "provision": ("playbooks.cli", "Provision hosts with Ansible and pyinfra."),
    "net": ("netconfig.cli", "Plan and apply network configuration; devices roll back by themselves."),
    "monitor": ("monitoring.cli", "Poll devices, serve readings as metrics, check the alert rules."),
    "checks": ("checks.cli", "Judge the requirements, once or continuously."),
    "evidence": ("checks.evidence_cli", "Verify evidence bundles offline."),
    "report": ("checks.report_cli", "Render the report of a run."),
}
# These speak to devices; when the lab is the target they do it from the lab's controller namespace.
SPEAKS_TO_DEVICES: dict[str, frozenset[str]] = {
    "provision": frozenset({"plan", "apply"}),
    "net": frozenset({"plan", "apply", "resume", "status"}),
    "monitor": frozenset({"poll", "serve"}),
    "checks": frozenset({"run", "watch"}),
}


def _parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {verb:<10} {text}" for verb, (_module, text) in ROOMS.items())
    parser = argparse.ArgumentParser(
        prog="rackproof",
        description="Rackproof provisions, configures and proves the estate it is given.",
        epilog=f"verbs:\n{verbs}\n\nexample:\n  ./rackproof demo\n  ./rackproof checks run --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="rackproof [options] VERB ...",
    )
    parser.add_argument("--version", action="version", version=f"rackproof {VERSION}")
    parser.add_argument("--estate", type=Path, help="estate folder (default: the lab's while it is up)")
    parser.add_argument("--workspace", type=Path, help="folder for keys, secrets, journal and evidence")
    parser.add_argument("--lang", choices=LANGUAGES, help="language of texts for people")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    parser.add_argument("verb", nargs="?", choices=list(ROOMS), metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _apply(options: argparse.Namespace) -> None:
    """Hand the global options to the rooms through the environment, which child processes inherit."""
    settings = {
        "RACKPROOF_ESTATE": options.estate and options.estate.resolve(),
        "RACKPROOF_WORKSPACE": options.workspace and options.workspace.resolve(),
        "RACKPROOF_LANG": options.lang,
        "RACKPROOF_DEBUG": options.debug and "1",
    }
    os.environ.update({key: str(value) for key, value in settings.items() if value})


def _call(verb: str, rest: list[str]) -> int:
    speaks = SPEAKS_TO_DEVICES.get(verb, frozenset()).intersection(rest) and "--help" not in rest
    if speaks and current().is_lab:
        importlib.import_module("lab.enter").enter_controller()
    app: typer.Typer = importlib.import_module(ROOMS[verb][0]).app
    app.rich_markup_mode = None  # plain help: the decorated one imports a Markdown reader and costs every --help 0.13 s
    with explained(app, rest):
        result: Any = narrowed(app, rest)(args=rest, prog_name=f"rackproof {verb}", standalone_mode=False)
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _show(error: RackproofError, as_json: bool) -> int:
    if as_json:
        errors = error.errors if isinstance(error, ErrorGroup) else [error]
        print(json.dumps({"errors": [item.as_dict() for item in errors]}, ensure_ascii=False, indent=2))
    else:
        print(error, file=sys.stderr)
    return int(error.exit_code)


def _show_internal(error: Exception) -> int:
    if os.environ.get("RACKPROOF_DEBUG"):
        traceback.print_exception(error)
    text = f"[RPK000] internal error: {type(error).__name__}: {error}"
    print(f"{text}\n  remedy: run again as `rackproof --debug …` and report what it prints", file=sys.stderr)
    return int(ExitCode.INTERNAL)


def _refuse_usage(error: TyperException) -> int:
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        print(error, file=sys.stderr)
    return int(ExitCode.USAGE)


def _cut_off() -> int:
    """Write the rest to nowhere, so that the end of the process says nothing more about the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.CUT_OFF)


def _flushed(code: int) -> int:
    """Write out what is held back; the work is done by now, and ``code`` is right whoever still reads."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _cut_off()
    return code


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; no traceback gets out unless ``--debug`` asks for it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.verb is None:
        parser.print_help()
        return int(ExitCode.USAGE)
    _apply(options)
    code: int
    try:
        code = _call(options.verb, options.rest)
    except RackproofError as error:
        code = _show(error, "--json" in arguments)
    except typer.Exit as stop:
        code = int(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        code = int(ExitCode.INTERRUPTED)
    except TyperException as error:
        code = _refuse_usage(error)
    except BrokenPipeError:  # the reader of our output went away, as in `rackproof … | head`
        code = _cut_off()
    except SystemExit as stop:  # typer and rich make 1 of a broken pipe, which here would say "not green"
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        code = _cut_off()
    except Exception as error:  # noqa: BLE001 - the last line of defence: a text and an exit code
        code = _show_internal(error)
    return _flushed(code)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
