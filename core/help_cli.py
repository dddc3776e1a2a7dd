"""``rackproof help``: topics, error codes, the help of any verb; man pages and shell completion from the same texts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.console import emit_json, out
from core.errors import RackproofError
from core.errors.table import read_entry
from core.i18n import _

app = typer.Typer()


class Shell(StrEnum):
    """The shells that complete our verbs and options."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.callback(invoke_without_command=True)
def show_help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="A topic, an error code such as EST020, or a verb such as net plan.")
    ] = None,
    man: Annotated[Path | None, typer.Option("--man", help="Write a man page per verb into this folder.")] = None,
    completion: Annotated[
        Shell | None, typer.Option("--completion", help="Print what makes this shell complete verbs and options.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Explain a topic, an error code or a verb; without a word, list the topics.

    Example: rackproof help exit-codes
    """
    from core.topics import TOPICS

    if man is not None:
        from core.manpages import write_pages

        pages = write_pages(_find_house(ctx), man)
        _show(
            {"pages": [str(page) for page in pages]},
            _("{n} man pages in {folder}").format(n=len(pages), folder=man),
            as_json,
        )
    elif completion is not None:
        script = make_completion(completion)
        _show({"shell": completion.value, "script": script}, script, as_json)
    elif not words:
        listed = [f"  {name:<12}{_(topic.title)}" for name, topic in TOPICS.items()]
        heading = _("topics, as in `rackproof help exit-codes`; a code or a verb is explained too:")
        _show({"topics": list(TOPICS)}, "\n".join([heading, *listed]), as_json)
    else:
        text = _explain(ctx, words)
        _show({"topic": " ".join(words), "text": text}, text, as_json)


def make_completion(shell: Shell) -> str:
    """Return the script that a shell reads to complete our command line."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # there, though not in __all__

    return get_completion_script(prog_name="rackproof", complete_var="_RACKPROOF_COMPLETE", shell=shell.value)


def explain_code(code: str) -> str | None:
    """Return what the table says of an error code, with its cause and exit code; None for an unknown code."""
    entry = read_entry(code)
    if entry is None:
        return None
    lines = [f"{code}  {entry.texts['message']}"]
    labels: list[tuple[str, str]] = [
        (_("expected"), entry.texts.get("expected", "")),
        (_("remedy"), entry.texts.get("remedy", "")),
        (_("cause"), entry.cause),
        (_("kind"), entry.kind),
        (_("exit code"), str(int(entry.exit_code))),
    ]
    lines += [f"  {label}: {text}" for label, text in labels if text]
    return "\n".join(lines)


def _explain(ctx: Any, words: list[str]) -> str:
    from core.errors.table import codes
    from core.topics import TOPICS

    name = " ".join(words)
    if name in TOPICS:
        return TOPICS[name].make_text()
    explained = explain_code(name.upper())
    if explained is not None:
        return explained
    found = _explain_verb(_find_house(ctx), words)
    if found is not None:
        return found
    known = [*TOPICS, *_find_house(ctx).list_commands(ctx), *codes()]
    raise RackproofError("USE007", actual=name, known=known, expected=_("a topic, an error code or a verb"))


def _explain_verb(house: Any, words: list[str]) -> str | None:
    command, context = house, typer.Context(house, info_name="rackproof")
    for word in words:
        step: Callable[..., Any] | None = getattr(command, "get_command", None)
        command = step(context, word) if step else None
        if command is None:
            return None
        context = typer.Context(command, parent=context, info_name=word)
    return str(command.get_help(context))


def _find_house(ctx: Any) -> Any:
    return ctx.find_root().command


def _show(data: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        emit_json(data)
    else:
        out.print(text, markup=False)
