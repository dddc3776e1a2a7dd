"""``rackproof config``: every setting of this call, its value, and who set it."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from rich.markup import escape

from core.console import Column, emit_json, err, out, print_table
from core.i18n import N_, _, language
from core.secrets import HIDDEN
from core.settings import (
    CACHE,
    ESTATE,
    LANGUAGE,
    PASSWORD_COMMAND,
    PASSWORD_FILE,
    SECRETS_COMMAND,
    SETTINGS,
    STORE,
    WORKSPACE,
    Origin,
    Setting,
    find_origin,
    process,
    read_call,
    read_path,
)
from core.workspace import Workspace, current

app = typer.Typer(help="The settings of this call.", no_args_is_help=True, add_completion=False, rich_markup_mode=None)
ORIGINS = {
    Origin.OPTION: N_("option"),
    Origin.ENVIRONMENT: N_("environment variable"),
    Origin.FILE: N_("file"),
    Origin.DEFAULT: N_("default"),
}


@app.callback()
def keep_verbs() -> None:
    """Show the settings of this call, and where each comes from."""


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Show every setting: its value, and whether an option, a variable, rackproof.yml or nobody set it.

    An option wins over a variable, a variable over the file, the file over the default.

    Example: rackproof config show
    """
    rows = [_describe(setting) for setting in SETTINGS]
    file = process.file
    if as_json:
        emit_json({"file": str(file.document.file) if file else None, "settings": rows})
        return
    columns = (Column(_("setting")), Column(_("value")), Column(_("comes from")), Column(_("where")))
    print_table(columns, [write_row(row) for row in rows])
    if file is None:
        err.print(_("there is no rackproof.yml in this folder or above it"), markup=False)
    else:
        out.print(_("settings file: {file}").format(file=file.document.file), markup=False)


def write_row(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return one setting as people read it; what comes from outside is text, never markup."""
    words = ORIGINS[row["origin"]]
    return row["name"], escape(show_value(row["value"])), _(words), escape(row["where"])


def show_value(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _describe(setting: Setting) -> dict[str, Any]:
    origin, where = find_origin(setting)
    return {"name": setting.name, "value": find_value(setting, current()), "origin": origin, "where": where}


def find_value(setting: Setting, ws: Workspace) -> str | bool | None:
    """Return what a setting comes to in this call; nothing in it is secret.

    Raises RackproofError (CFG003) for a variable that holds no command.
    """
    if setting is CACHE:
        return not os.environ.get(CACHE.variable)
    if setting in (PASSWORD_COMMAND, SECRETS_COMMAND):
        return name_program(read_call(setting))
    texts = {
        ESTATE: str(ws.estate_dir),
        WORKSPACE: str(ws.root),
        LANGUAGE: language(),
        STORE: hide_password(ws.store_url),
        PASSWORD_FILE: str(read_path(PASSWORD_FILE) or ws.vault_password_file),
    }
    return texts[setting]


def name_program(call: tuple[str, ...] | None) -> str | None:
    """Return the program of a call; its arguments may hold what is secret."""
    if call is None:
        return None
    program, *arguments = call
    if arguments:
        return f"{program} …"
    return program


def hide_password(url: str) -> str:
    """Return the URL of a database without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # what cannot be taken apart may have one anywhere
        return HIDDEN
    hidden = parsed.render_as_string(hide_password=True)
    if parsed.query:  # libpq takes a password there too
        return hidden.partition("?")[0] + "?" + HIDDEN
    return hidden
