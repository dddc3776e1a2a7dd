"""What goes wrong outside the rooms, as errors of the table: wrong words on the command line, the system's refusals."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from core.errors import Place, RackproofError
from core.i18n import N_, _
from core.refusals import say_refusal

#: How an output that is no UTF-8 gets what it cannot say.
ESCAPED = "rackproof.json"
#: What the system says → our code. Anything else is an internal error.
SYSTEM_CODES = {
    errno.ENOSPC: "FIL001",
    errno.EDQUOT: "FIL001",
    errno.EROFS: "FIL001",
    errno.EACCES: "FIL002",
    errno.EPERM: "FIL002",
    errno.ENOENT: "FIL003",
    errno.ENOTDIR: "FIL003",
    errno.EISDIR: "FIL003",
    errno.ELOOP: "FIL003",
    errno.ENAMETOOLONG: "FIL003",
}
#: What another program says, by its pattern → how we say it; the groups of the pattern fill the text.
Table = tuple[tuple[re.Pattern[str], str], ...]
#: What the checker of values says of a wrong one, and how we say it.
_LIMITS: Table = (
    (re.compile(r"Input should be greater than or equal to (\S+)"), N_("at least {}")),
    (re.compile(r"Input should be less than or equal to (\S+)"), N_("at most {}")),
    (re.compile(r"Input should be greater than (\S+)"), N_("more than {}")),
    (re.compile(r"Input should be a valid integer.*"), N_("a whole number")),
    (re.compile(r"Input should be a valid number.*"), N_("a number")),
    (re.compile(r"'.*' does not match the formats? '%Y-%m-%d'.*"), N_("a date, 2029-12-31")),
    (re.compile(r"'.*' is not one of (.+)\."), N_("one of: {}")),
    (re.compile(r"Input should be a valid boolean.*"), N_("true or false")),
    (re.compile(r"\w+ '.*' does not exist\.", re.DOTALL), N_("a file or folder that is there")),
    (re.compile(r"\w+ '.*' is a directory\.", re.DOTALL), N_("a file, not a folder")),
    (re.compile(r"\w+ '.*' is a file\.", re.DOTALL), N_("a folder, not a file")),
    (re.compile(r"\w+ '.*' is not readable\.", re.DOTALL), N_("a file that may be read")),
    (re.compile(r"\w+ '.*' is not writable\.", re.DOTALL), N_("a file that may be written")),
)
#: What the reader of the command line says of words that fit no parameter, and how we say it.
_COMPLAINTS: Table = (
    (re.compile(r"Option '(.*)' requires an argument\.", re.DOTALL), N_("option '{}' needs a value")),
    (re.compile(r"Option '(.*)' requires (\d+) arguments\.", re.DOTALL), N_("option '{}' needs {} values")),
    (re.compile(r"Option '(.*)' does not take a value\.", re.DOTALL), N_("option '{}' takes no value")),
    (re.compile(r"Argument '(.*)' takes (\d+) values\.", re.DOTALL), N_("argument '{}' needs {} values")),
    (re.compile(r"Got unexpected extra argument\(s\) \((.*)\)", re.DOTALL), N_("more words than the verb takes: {}")),
    (re.compile(r"Missing command\."), N_("the verb is missing")),
)


class Unheard(io.FileIO):
    """Standard error that takes nothing more, as a log on a full disk or a reader that went away: what is said is lost.

    That changes neither the result nor the exit code: else a full disk would turn every end into "not green".
    """

    def write(self, data: Any, /) -> int:
        """Write what can be written, and take the rest as said."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def hold_streams() -> None:
    """Open ``/dev/null`` on each of the three standard streams that the caller closed (``2>&-``).

    Else the next file to be opened would take its number, and whatever writes to standard error would write into it.
    Standard error that cannot be written is no end of the work either (``Unheard``), nor is a standard output that is
    no UTF-8: a sign that it has no byte for goes out escaped, so that JSON stays JSON.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, "r", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper) and codecs.lookup(sys.stdout.encoding).name != "utf-8":
        codecs.register_error(ESCAPED, escape_as_json)
        sys.stdout.reconfigure(errors=ESCAPED)
    encoding = sys.stderr.encoding if sys.stderr is not None else "utf-8"
    said = Unheard(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(said), encoding, "backslashreplace", line_buffering=True)


def escape_as_json(error: UnicodeError) -> tuple[str, int]:
    """Return the characters that cannot be encoded as JSON escapes them (RFC 8259, 7), and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = memoryview(error.object[error.start : error.end].encode("utf-16-be", "surrogatepass"))
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)), error.end


def describe_system_error(error: OSError) -> RackproofError:
    """Return the error of the table for what the system refused: a full disk, missing rights, a missing file."""
    code = SYSTEM_CODES.get(error.errno or 0)
    if code is None:
        return RackproofError("RPK000", type=type(error).__name__, reason=error)
    place = Place(Path(os.fsdecode(error.filename))) if error.filename else None
    return RackproofError(code, place=place, actual=say_refusal(error))


def describe_usage_error(error: Any) -> RackproofError | None:
    """Return the error of the table for wrong words on the command line; None for a group that got no verb.

    ``error`` is one of typer's usage errors; they differ in their class's name only.
    """
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rackproof"
    advice = f"{path} --help"
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return None
    if kind == "NoSuchOption":
        return RackproofError("USE003", actual=error.option_name, known=_options(context), page=advice)
    if kind == "MissingParameter":
        return RackproofError("USE004", what=_name_parameter(error), page=advice)
    if kind == "BadParameter":
        reason = _translate(str(error.message).removeprefix("Value error, "), _LIMITS)
        quoted = re.match(r"(?:\w+ )?'(.*?)'", str(error.message).removeprefix("Value error, "), re.DOTALL)
        actual = quoted[1] if quoted else None
        return RackproofError("USE005", actual=actual, what=_name_parameter(error), reason=reason, page=advice)
    verb = re.match(r"No such command '(.*?)'\.", str(getattr(error, "message", "")), re.DOTALL)
    if verb:
        names = context.command.list_commands(context) if context is not None else []
        return RackproofError("USE002", actual=verb[1], known=names)
    return RackproofError("USE001", reason=_translate(error.format_message(), _COMPLAINTS), page=advice)


def refuse_empty_paths(options: Iterable[str], words: Sequence[str], command: str) -> None:
    """Refuse a path without a name, as an unset variable of a shell leaves it: it would be the folder we stand in.

    ``options`` are those of ``command`` that take a path. Raises RackproofError USE005.
    """
    for option in options:
        if f"{option}=" in words or (option, "") in pairwise(words):
            page = f"{command} --help"
            raise RackproofError(
                "USE005", actual="''", what=option, reason=_("the path of a file or folder"), page=page
            )


def _options(context: Any) -> list[str]:
    """Return the options of the verb that was called."""
    if context is None:
        return []
    names = chain.from_iterable(parameter.opts for parameter in context.command.get_params(context))
    return [name for name in names if name.startswith("-")]


def _name_parameter(error: Any) -> str:
    hint = error.param_hint or (error.param.get_error_hint() if error.param is not None else "")
    if not isinstance(hint, str):
        hint = " / ".join(hint)
    return hint.strip("'")


def _translate(reason: str, table: Table) -> str:
    for pattern, text in table:
        found = pattern.fullmatch(reason)
        if found:
            return _(text).format(*found.groups())
    return reason
