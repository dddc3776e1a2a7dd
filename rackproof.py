"""The front door: finds the room of a verb, turns errors into texts and exit codes, and nothing else."""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until main() can say "interrupted", Ctrl-C ends this process at once, and without a traceback of its imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # the launcher held it back while Python started

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from core.console import emit_json_errors
from core.errors import ExitCode, RackproofError, list_errors
from core.i18n import LANGUAGES, N_, _, language
from core.lazy_cli import HouseGroup, build_house
from core.settings import (
    ESTATE,
    LANGUAGE,
    WORKSPACE,
    apply_file,
    find_settings,
    process,
    write_options,
)
from core.usage import describe_system_error, describe_usage_error, hold_streams, refuse_empty_paths
from core.version import read_version
from core.workspace import current

# verb → (module that holds its typer app, one line of help). A room is imported only when its verb is used.
ROOMS: dict[str, tuple[str, str]] = {
    "init": ("inventory.cli.init", N_("Make an estate and a workspace of your own.")),
    "demo": ("lab.demo", N_("The main job, end to end, on the embedded lab.")),
    "doctor": ("lab.doctor", N_("What this machine lacks, and how to get it.")),
    "estate": ("inventory.cli.estate", N_("The estate: validate it, show it.")),
    "bench": ("bench.cli", N_("Measure: the speed of the estate at full size, and how the code is written.")),
    "lab": ("lab.cli", N_("The embedded lab: bring it up and down, break and mend things.")),
    "provision": ("playbooks.cli", N_("Provision hosts with Ansible and pyinfra.")),
    "net": ("netconfig.cli.net", N_("Plan and apply network configuration; devices roll back by themselves.")),
    "monitor": ("monitoring.cli.monitor", N_("Poll devices, serve readings as metrics, check the alert rules.")),
    "checks": ("checks.cli.checks", N_("Judge the requirements, once or continuously.")),
    "evidence": ("checks.cli.evidence", N_("Verify evidence bundles offline.")),
    "report": ("checks.cli.report", N_("Render the report of a run.")),
    "prove": ("lab.proofs.cli", N_("Long proofs, run before a release: what the README promises, on a new machine.")),
    "config": ("core.config_cli", N_("The settings of this call, and where each comes from.")),
    "help": ("core.help_cli", N_("Explain a topic or an error code; write man pages and shell completion.")),
}
# These speak to devices; when the lab is the target they do it from the lab's controller namespace.
SPEAKS_TO_DEVICES: dict[str, frozenset[str]] = {
    "provision": frozenset({"plan", "apply"}),
    "net": frozenset({"plan", "apply", "resume", "status"}),
    "monitor": frozenset({"poll", "serve"}),
    "checks": frozenset({"run", "watch"}),
}
#: These bring an estate and a workspace of their own, or need none: `rackproof.yml` is not for them.
WITHOUT_FILE = frozenset({"init", "demo", "doctor", "lab", "prove", "help"})
HELP_OPTIONS = frozenset({"--help", "-h"})
#: Set by the shell that asks for completions (`rackproof help --completion bash`).
COMPLETION = "_RACKPROOF_COMPLETE"


class Terminated(KeyboardInterrupt):
    """Somebody asked this process to end (SIGTERM, SIGHUP): it ends as after Ctrl-C, and leaves nothing behind."""


def enter_lab(verb: str, rest: Sequence[str]) -> None:
    """Go into the lab's controller namespace before a verb speaks to devices of the lab."""
    if not SPEAKS_TO_DEVICES.get(verb, frozenset()).intersection(rest) or HELP_OPTIONS.intersection(rest):
        return
    if current().is_lab:
        importlib.import_module("lab.enter").enter_controller()


def prepare_room(verb: str, rest: Sequence[str]) -> None:
    """Settle all that a room reads as soon as it is imported: the settings, and the namespace it works from."""
    if verb not in WITHOUT_FILE and not HELP_OPTIONS.intersection(rest):
        apply_file()
    enter_lab(verb, rest)


def apply_options(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    estate: Annotated[
        Path | None, typer.Option("--estate", help="Estate folder (default: the lab's while it is up).")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", help="Folder for keys, secrets, journal and evidence.")
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", metavar="[en|vi]", help="Language of texts for people.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")] = False,
) -> None:
    """Rackproof provisions, configures and proves the estate it is given.

    Example: rackproof checks run --help
    """


class FrontDoor(HouseGroup):
    """The rooms of this house; the global options reach them through the environment, as children inherit it."""

    rooms = ROOMS
    before_room = staticmethod(prepare_room)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the global options and hand them on before any room is imported: a room reads them at once."""
        refuse_empty_folders(args)
        rest = super().parse_args(ctx, args)
        options = ctx.params
        lang = options["lang"]
        if lang is not None and lang not in LANGUAGES:
            page = "rackproof --help"
            raise RackproofError("USE005", actual=lang, what="--lang", reason=" ".join(LANGUAGES), page=page)
        settings = {
            ESTATE: options["estate"] and options["estate"].resolve(),
            WORKSPACE: options["workspace"] and options["workspace"].resolve(),
            LANGUAGE: lang,
        }
        write_options({setting: str(value) for setting, value in settings.items() if value})
        if options["debug"]:
            os.environ["RACKPROOF_DEBUG"] = "1"
        if options["version"]:
            print(f"rackproof {read_version()}")
            ctx.exit()
        return rest


def refuse_empty_folders(arguments: Sequence[str]) -> None:
    """Refuse a folder without a name, as an unset variable of a shell leaves it: it would be the one we stand in.

    Raises RackproofError USE005.
    """
    before_verb = takewhile(lambda word: word not in ROOMS, arguments)
    refuse_empty_paths(("--estate", "--workspace"), [*before_verb], "rackproof")


def _adopt_language(arguments: Sequence[str]) -> None:
    """Take the language that words before the verb name: help is made, and mistakes are said, before they are read."""
    before_verb = takewhile(lambda word: word not in ROOMS, arguments)
    words = " ".join(before_verb).replace("--lang=", "--lang ").split()
    chosen = [after for word, after in pairwise(words) if word == "--lang" and after in LANGUAGES]
    if chosen:
        os.environ["RACKPROOF_LANG"] = chosen[-1]


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; no traceback gets out unless ``--debug`` asks for it."""
    ours = takewhile(lambda word: word != "--", arguments)  # what follows is for another program
    as_json = "--json" in [word.partition("=")[0] for word in ours]
    try:
        code = _call(list(arguments))
    except RackproofError as error:
        code = _show(error, as_json)
    except typer.Exit as stop:
        code = int(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _show_interrupted()
    except TyperException as error:
        code = _refuse_usage(error, as_json)
    except BrokenPipeError:  # the reader of our output went away, as in `rackproof … | head`
        code = _cut_off()
    except SystemExit as stop:  # typer and rich make 1 of a broken pipe, which here would say "not green"
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        code = _cut_off()
    except OSError as error:
        code = _show(describe_system_error(error), as_json)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a text and an exit code
        code = _show_internal(error, as_json)
    return _flush(code)


def main() -> int:
    """Run the command line of this process."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hold_streams()
    settle_language()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done: a late Ctrl-C has nothing to interrupt
    return code


def settle_language() -> None:
    """Take the language from the locale once; every program that we run speaks English in UTF-8 from then on.

    Their answers are parsed, and Ansible does not start at all under a locale that this machine has not generated,
    as when SSH brings ``LC_ALL=vi_VN.UTF-8`` along.
    """
    if os.environ.get(LANGUAGE.variable) not in LANGUAGES:
        process.guessed.add(LANGUAGE.variable)
    os.environ[LANGUAGE.variable] = language()
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ.pop("LANGUAGE", None)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _call(arguments: list[str]) -> int:
    if COMPLETION in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined] # there, though not in __all__

        completion_init()
    find_settings()
    _adopt_language(arguments)
    result = build_house(FrontDoor, apply_options).main(args=arguments, prog_name="rackproof", standalone_mode=False)
    if result == ExitCode.INTERRUPTED:  # typer makes this of Ctrl-C and says nothing
        return _show_interrupted()
    if isinstance(result, int):
        return result
    return int(ExitCode.OK)


def _show(error: RackproofError, as_json: bool) -> int:
    if as_json:
        errors = list_errors(error)
        try:
            emit_json_errors([item.as_dict() for item in errors])
            sys.stdout.flush()
        except BrokenPipeError:
            return _cut_off()
        except OSError as refused:  # nobody can be told there: standard error is left, and the exit code
            _cut_off()
            return _show(describe_system_error(refused), as_json=False)
    else:
        print(error, file=sys.stderr)
    if os.environ.get("RACKPROOF_DEBUG") and error.kind == "internal":
        traceback.print_exception(error)
    return int(error.exit_code)


def _show_internal(error: Exception, as_json: bool) -> int:
    if os.environ.get("RACKPROOF_DEBUG"):
        traceback.print_exception(error)
    return _show(RackproofError("RPK000", type=type(error).__name__, reason=error), as_json)


def _show_interrupted() -> int:
    print(_("interrupted"), file=sys.stderr)
    return int(ExitCode.INTERRUPTED)


def _refuse_usage(error: TyperException, as_json: bool) -> int:
    described = describe_usage_error(error)
    if described is None:  # a group without a verb: its help is the answer
        print(error.format_message(), file=sys.stderr)
        return int(ExitCode.USAGE)
    return _show(described, as_json)


def _cut_off() -> int:
    """Write the rest to nowhere, so that the end of the process says nothing more about the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.CUT_OFF)


def _flush(code: int) -> int:
    """Write out what is held back; the work is done by now, and ``code`` is right whoever still reads.

    A full disk behind standard output is an error of its own: the result did not arrive whole.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _cut_off()
    except OSError as error:
        _cut_off()
        return _show(describe_system_error(error), as_json=False)
    return code


if __name__ == "__main__":
    sys.exit(main())
