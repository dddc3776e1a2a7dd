"""``rackproof init``: an estate and a workspace of one's own, outside any clone, from a few questions or an example."""

from __future__ import annotations

import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json, err, out
from core.errors import RackproofError
from core.i18n import _
from inventory.starter.answers import (
    FIRST_IPV4,
    IPV4_PREFIX,
    IPV6_PREFIX,
    NAME,
    PAGE,
    QUESTIONS,
    SITE,
    Answers,
    InitQuestion,
    check_option,
    draw_ipv6_prefix,
)

app = typer.Typer(add_completion=False)


class Example(StrEnum):
    """The examples: folders of ``inventory/starter/examples``."""

    COMPANY = "company"
    NATION = "nation"
    ROOM = "room"


@app.callback(invoke_without_command=True)
def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder to make; one that is there must be empty.")],
    example: Annotated[
        Example | None, typer.Option("--example", help="Begin with this example instead of an estate of one site.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Code of the first site, for example hq.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name for people (default: its code).")] = None,
    ipv6_prefix: Annotated[
        str | None,
        typer.Option("--ipv6-prefix", help="IPv6 /32 of the whole estate (default: a random unique local one)."),
    ] = None,
    ipv4_prefix: Annotated[
        str | None, typer.Option("--ipv4-prefix", help="IPv4 prefix of its servers (default: 10.10.1.0/24).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make an estate, a workspace with keys and secrets, and the settings file that joins them.

    All of it is made or nothing is; what is there is never written over. Nothing is contacted, and root is not needed.
    On a terminal it asks for what no option says.

    Example: rackproof init acme --site hq --name "Head office"
    """
    from inventory.starter.folder import make_home, require_free

    if not folder:
        raise RackproofError("USE005", actual="''", what="DIR", reason=_("the path of a folder"), page=PAGE)
    target = Path(os.path.realpath(folder))  # as resolve(), which has no words for a link that leads to itself
    given = {SITE: site, NAME: name, IPV6_PREFIX: ipv6_prefix, IPV4_PREFIX: ipv4_prefix}
    require_free(target)  # before the questions: nobody answers them in vain
    chosen = choose_example(example, given) or answer(given, can_ask=not as_json and is_watched())
    files = make_home(target, chosen)
    show(target, chosen, files, as_json)


def is_watched() -> bool:
    """Return whether somebody can be asked: both what is read and what is shown is a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose_example(example: Example | None, given: dict[InitQuestion, str | None]) -> str | None:
    """Return the name of the example, None for an estate from answers.

    Raises RackproofError (INI002) for an answer beside an example, which would be passed over in silence.
    """
    if example is None:
        return None
    for question in QUESTIONS:
        if given[question] is not None:
            raise RackproofError("INI002", option=question.option)
    return example.value


def answer(given: dict[InitQuestion, str | None], *, can_ask: bool) -> Answers:
    """Return the answers: from the options, from whoever watches, from the defaults, in this order.

    Raises RackproofError: USE004 nobody names the site, which has no default as its code is never changed; USE005.
    """
    checked = {question: check_option(question, text) for question, text in given.items() if text is not None}

    def find(question: InitQuestion, default: str | None) -> str:
        if question in checked:
            return checked[question]
        if can_ask:
            return ask(question, default)
        if default is None:
            raise RackproofError("USE004", what=question.option, page=PAGE)
        return default

    site = find(SITE, None)
    name = find(NAME, site)
    ipv6_prefix = find(IPV6_PREFIX, draw_ipv6_prefix())
    return Answers(site, name, ipv6_prefix, find(IPV4_PREFIX, FIRST_IPV4))


def ask(question: InitQuestion, default: str | None) -> str:
    """Ask until the answer can be used, and return it."""
    while True:
        text: str = typer.prompt(_(question.words), default=default, err=True)
        try:
            return question.check(text)
        except ValueError as wrong:
            err.print(_("expected: {what}").format(what=wrong), markup=False)


def show(target: Path, chosen: Answers | str, files: list[Path], as_json: bool) -> None:
    """Say what was made, and what to type next."""
    from inventory.starter.folder import name_program

    program = shlex.quote(name_program())
    commands = [f"cd {shlex.quote(str(target))}", f"{program} estate validate", f"{program} config show"]
    if as_json:
        example = chosen if isinstance(chosen, str) else None
        paths = [path.as_posix() for path in files]
        emit_json({"folder": str(target), "example": example, "files": paths, "next": commands})
        return
    out.print(_("made {folder}:").format(folder=target), markup=False)
    texts = {
        "rackproof.yml": _("the settings: every verb that is run in this folder or below reads them"),
        "estate/": _("the estate: edit it, and keep it in git"),
        "workspace/": _("keys and encrypted secrets: keep a copy elsewhere, and never in git"),
        ".gitignore, .pre-commit-config.yaml": _("for git: what it leaves out, and what it checks before a commit"),
    }
    for name, text in texts.items():
        out.print(f"  {name}  {text}", markup=False)
    out.print(_("next:"), markup=False)
    for command in commands:
        out.print(f"  {command}", markup=False)
