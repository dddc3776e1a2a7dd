"""A command line with many verbs, of which one call builds one: groups whose commands are made when they are asked for.

``RoomGroup`` shows the verbs of one room (a typer app); ``HouseGroup`` shows the rooms and imports one when its verb is
used. Both are groups as typer has them (``cls=``) and use typer's own builder for the one command that is called.
Help is translated here: the text of a docstring is what the catalogue holds, paragraph by paragraph.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import chain, takewhile
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command_from_info, get_command_name, get_group_from_info
from typer.models import TyperInfo

from core.console import RunningVerb
from core.i18n import N_, _
from core.usage import refuse_empty_paths
from core.workspace import name_command

EXAMPLE = N_("Example:")
_HELP_OPTION = {"help_option_names": ["-h", "--help"]}
#: What typer says in its help texts.
_LIBRARY_WORDS = (
    N_("Usage:"),
    N_("Options:"),
    N_("Arguments:"),
    N_("Commands:"),
    N_("Show this message and exit."),
    N_("[default: "),
    N_("[required]"),
    N_("; required]"),
    N_("[OPTIONS]"),
    N_("COMMAND [ARGS]..."),
)

#: What typer calls the types of values, and what people call them.
_TYPE_WORDS = {
    "str": N_("<text>"),
    "path": N_("<path>"),
    "file": N_("<file>"),
    "directory": N_("<folder>"),
    "int": N_("<number>"),
    "int range": N_("<number>"),
    "float": N_("<number>"),
    "float range": N_("<number>"),
    "%Y-%m-%d": N_("<YYYY-MM-DD>"),
}


class RoomCommand(TyperCommand):
    """One verb, whose help is in the language of this process."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the verb; raises RackproofError (USE005) for a path without a name."""
        options = [parameter for parameter in self.params if isinstance(parameter, TyperOption)]
        takes_path = [option.opts for option in options if option.type_descriptor.is_path]
        words = [*takewhile(lambda word: word != "--", args)]
        refuse_empty_paths(chain.from_iterable(takes_path), words, ctx.command_path)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, the words of the library translated too."""
        super().format_help(ctx, formatter)
        _translate_buffer(formatter)


class RoomGroup(TyperGroup):
    """The verbs of one room: a command is built when it is called, the others only say their one line of help."""

    source: typer.Typer

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the verbs in the order in which the room defines them."""
        return [*_commands(self.source), *_groups(self.source)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build and return one verb, None when the room has none of that name."""
        info = _commands(self.source).get(cmd_name)
        if info is not None:
            made = copy(info)
            made.cls = RoomCommand
            return _prepare(get_command_from_info(made, pretty_exceptions_short=True, rich_markup_mode=None))
        group = _groups(self.source).get(cmd_name)
        if group is None or group.typer_instance is None:
            return None
        return build_room(group.typer_instance, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb that the words begin with, and remember its path as the schema of what it emits."""
        # typer suggests from ``commands``: the names are enough for that.
        self.commands = cast("dict[str, Any]", dict.fromkeys(self.list_commands(ctx)))
        found = super().resolve_command(ctx, args)
        RunningVerb.schema = ".".join([*ctx.command_path.split()[1:], str(found[0])])
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, the words of the library translated too."""
        super().format_help(ctx, formatter)
        _translate_buffer(formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs, each with the first sentence of its help, without building any of them."""
        rows = [(name, text) for name, text in describe_verbs(self.source) if text]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class HouseGroup(TyperGroup):
    """The rooms: each is imported when one of its verbs is used. ``rooms``: verb → (module, one line of help)."""

    rooms: Mapping[str, tuple[str, str]]
    before_room: Callable[[str, Sequence[str]], None]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of the table of rooms."""
        return list(self.rooms)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the room of a verb and return its command, None for an unknown verb."""
        if cmd_name not in self.rooms:
            return None
        app: typer.Typer = importlib.import_module(self.rooms[cmd_name][0]).app
        return build_room(app, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the room of the first word; what must happen before its module is imported happens first."""
        self.commands = cast("dict[str, Any]", dict.fromkeys(self.rooms))
        if args and args[0] in self.rooms:
            type(self).before_room(args[0], args[1:])
            RunningVerb.schema = args[0]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, the words of the library translated too."""
        super().format_help(ctx, formatter)
        _translate_buffer(formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of rooms."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, _(text)) for verb, (_module, text) in self.rooms.items()])


def build_room(app: typer.Typer, name: str) -> Any:
    """Return the command of a room: a group that builds its verbs lazily, or its one command."""
    shell = copy(app)
    shell.registered_commands, shell.registered_groups = [], []
    info = TyperInfo(shell, name=name, cls=RoomGroup)
    group = get_group_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None, suggest_commands=True)
    if not isinstance(group, RoomGroup):
        raise TypeError(type(group))
    group.source = app
    if not app.registered_commands and not app.registered_groups:
        group.subcommand_metavar = ""
        group.allow_interspersed_args = True  # it has no verbs: options may stand after its words
    return _prepare(group)


def describe_verbs(app: typer.Typer) -> Iterator[tuple[str, str]]:
    """Yield every verb of a room with the first sentence of its help, translated."""
    for name, info in _commands(app).items():
        text = info.help or inspect.getdoc(info.callback) if info.callback else info.help
        yield name, first_sentence(translate_help(text or ""))
    for name, group in _groups(app).items():
        text = group.help if isinstance(group.help, str) else ""
        if group.typer_instance is not None and not text:
            inner = group.typer_instance.info.help
            text = inner if isinstance(inner, str) else ""
        yield name, first_sentence(translate_help(text))


def split_help(text: str) -> list[str]:
    """Return the paragraphs of a help text, each on one line; an example is a paragraph of its own."""
    paragraphs: list[str] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = [line.strip() for line in block.splitlines()]
        at = next((n for n, line in enumerate(lines) if line.startswith(EXAMPLE)), len(lines))
        if at:
            paragraphs.append(" ".join(lines[:at]))
        paragraphs += [line for line in lines[at:] if line]
    return [paragraph for paragraph in paragraphs if paragraph]


def translate_help(text: str) -> str:
    """Return a help text in the language of this process, its examples as they are."""
    return "\n\n".join(_translate_paragraph(paragraph) for paragraph in split_help(text))


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text, without its full stop."""
    first = text.split("\n\n", 1)[0]
    return re.split(r"\.(?:\s|$)", first, maxsplit=1)[0]


def _translate_paragraph(paragraph: str) -> str:
    if not paragraph.startswith(EXAMPLE):
        return _(paragraph)
    return "\b\n" + _(EXAMPLE) + name_command(paragraph.removeprefix(EXAMPLE))


def _prepare(command: Any) -> Any:
    """Translate what a command says of itself and of its parameters; give it ``-h`` as well."""
    command.context_settings = {**(command.context_settings or {}), **_HELP_OPTION}
    command.rich_markup_mode = None
    if command.help:
        command.help = translate_help(command.help)
    for parameter in command.params:
        text = getattr(parameter, "help", None)
        if text:
            joined = " ".join(text.split())
            parameter.help = _(joined)
        parameter.display_type = partial(name_type, parameter.display_type)
    return command


def name_type(display: Callable[[Any], str | None], context: Any) -> str | None:
    """Return the kind of value that a parameter takes, in the reader's words; ``display`` says it in the library's."""
    shown = display(context)
    listed = re.fullmatch(r"<(?:list\[)?(.*?)\]?>", shown or "")
    if listed is None:
        return shown
    return _(_TYPE_WORDS[listed[1]]) if listed[1] in _TYPE_WORDS else f"<{listed[1]}>"


def _commands(app: typer.Typer) -> dict[str, Any]:
    found = {}
    for info in app.registered_commands:
        name = info.name or get_command_name(str(getattr(info.callback, "__name__", "")))
        found[name] = info
    return found


def _groups(app: typer.Typer) -> dict[str, Any]:
    return {str(info.name): info for info in app.registered_groups}


def _translate_buffer(formatter: Any) -> None:
    """Replace the words of the library in a help text that was just written."""
    text = "".join(formatter.buffer)
    for words in _LIBRARY_WORDS:
        text = text.replace(words, _(words))
    formatter.buffer[:] = [text]


def build_house(kind: type[HouseGroup], callback: Callable[..., None]) -> Any:
    """Return the command line of the house: ``kind`` names its rooms, ``callback`` its global options."""
    house = typer.Typer(cls=kind, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    house.callback()(callback)
    info = TyperInfo(house, name="rackproof")
    return _prepare(
        get_group_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None, suggest_commands=True)
    )
