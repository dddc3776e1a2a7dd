"""The topics of ``rackproof help``: what holds for every verb. Made from the tables that the program itself uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors.table import ExitCode, codes, read_entry, read_kinds
from core.i18n import N_, _, language

EXIT_CODES = {
    ExitCode.OK: N_("fine: all was done, all is as it must be"),
    ExitCode.NOT_GREEN: N_("not green: something is not as it must be, or is not known to be"),
    ExitCode.USAGE: N_("wrong use: the command line, a name, a path, or something that must be made first"),
    ExitCode.INVALID: N_("invalid data: what a file says, or its signature"),
    ExitCode.UNREACHABLE: N_("unreachable: no answer within its time"),
    ExitCode.ROLLED_BACK: N_("rolled back: a change was undone"),
    ExitCode.REFUSED: N_("refused: not approved, unsafe, not allowed, or in use by somebody else"),
    ExitCode.NOT_LET_IN: N_("not let in: a log-in was refused, or a host key is not the pinned one"),
    ExitCode.NO_SPACE: N_("no space: the disk is full or read-only"),
    ExitCode.INTERNAL: N_("internal error"),
    ExitCode.INTERRUPTED: N_("interrupted by Ctrl-C, SIGTERM or SIGHUP"),
    ExitCode.CUT_OFF: N_("cut off: the reader of the output went away; neither green nor not"),
}
VARIABLES = {
    "RACKPROOF_ESTATE": N_("estate folder, as --estate"),
    "RACKPROOF_WORKSPACE": N_("workspace, as --workspace"),
    "RACKPROOF_LANG": N_("language of texts, as --lang; else LC_ALL, LC_MESSAGES, LANG"),
    "RACKPROOF_STATE": N_(
        "folder for everything that is not source (default: .rackproof in a clone, else ~/.local/state/rackproof)"
    ),
    "RACKPROOF_LAB": N_("name of the lab instance (default: lab)"),
    "RACKPROOF_PYTHON": N_("the Python that the launcher uses"),
    "RACKPROOF_STORE": N_("URL of the store of verdicts (default: SQLite in the workspace)"),
    "RACKPROOF_NO_CACHE": N_("1: check the estate anew and remember nothing"),
    "RACKPROOF_VAULT_PASSWORD_FILE": N_("file with the password of the secrets (default: in the workspace)"),
    "RACKPROOF_VAULT_PASSWORD_COMMAND": N_("program that prints that password, and its arguments: a list in JSON"),
    "RACKPROOF_SECRETS_COMMAND": N_("program that prints the secrets instead of a file: a list in JSON"),
    "RACKPROOF_DEBUG": N_("1: show the traceback of an internal error, as --debug"),
    "NO_COLOR": N_("any value: no colour"),
}
_JSON = N_(
    "With --json every verb prints one envelope on standard output and nothing else there: schema (the verb, as in "
    "net.plan), version (raised when a reader would have to change), data, errors. When a verb fails before it has a "
    "result, wrong use included, schema is error, data is null, and errors lists code, kind, message, place, expected, "
    "actual, remedy and exit_code of each. Verbs that go on (watch, serve) print one such envelope a line. The exit "
    "code says the same as without --json."
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of help: its title, and what makes its text in the language of this process."""

    title: str
    make_text: Callable[[], str]


def list_exit_codes() -> str:
    """Return every exit code with its meaning and the kinds of mistakes that end with it."""
    lines = []
    for code, text in EXIT_CODES.items():
        kinds = [name for name, kind in read_kinds().items() if kind["exit"] == code.name.lower()]
        lines.append(f"{int(code):>4}  {_(text)}")
        lines += [f"        {kind}: {read_kinds()[kind]['cause'][language()]}" for kind in kinds]
    return "\n".join(lines)


def list_errors() -> str:
    """Return every error code with its text and exit code."""
    entries = [entry for entry in map(read_entry, codes()) if entry is not None]
    return "\n".join(f"{entry.code}  {int(entry.exit_code)}  {entry.texts['message']}" for entry in entries)


def list_variables() -> str:
    """Return every environment variable that is read, with its meaning."""
    width = max(map(len, VARIABLES)) + 2
    return "\n".join(f"{name:<{width}}{_(text)}" for name, text in VARIABLES.items())


def describe_json() -> str:
    """Return what programs may rely on."""
    return _(_JSON)


TOPICS = {
    "exit-codes": Topic(N_("what the exit codes mean, and which mistakes end with which"), list_exit_codes),
    "errors": Topic(N_("every error code; `rackproof help CODE` explains one"), list_errors),
    "json": Topic(N_("the envelope that --json prints"), describe_json),
    "environment": Topic(N_("the variables that are read"), list_variables),
}
