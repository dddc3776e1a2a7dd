"""``rackproof.yml``: the file that says once what would else stand in options and variables of every call.

What it names may be run (``secrets_command``), so a file that somebody else could have written is refused, never
passed over in silence.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.errors import Place, RackproofError
from core.files import describe_refusal
from core.models import check_model
from core.yaml import Document, read_yaml

#: The ways to the secrets; a file names one of them at most.
SECRET_SOURCES = ("vault_password_file", "vault_password_command", "secrets_command")

FilledText = Annotated[str, Field(min_length=1)]
#: The settings that are paths.
PATHS = ("estate", "workspace", "vault_password_file")
#: A program and its arguments, one by one: no shell reads them.
ProgramCall = Annotated[tuple[FilledText, ...], Field(min_length=1)]


class SettingsFile(BaseModel):
    """What ``rackproof.yml`` may say. Paths are meant from the folder in which the file lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estate: FilledText | None = None
    workspace: FilledText | None = None
    language: Literal["en", "vi"] | None = None
    store: FilledText | None = Field(default=None, description="SQLAlchemy URL of the store of verdicts")
    cache: bool | None = Field(default=None, description="whether a checked estate is remembered")
    vault_password_file: FilledText | None = None
    vault_password_command: ProgramCall | None = None
    secrets_command: ProgramCall | None = Field(default=None, description="prints the secrets, instead of a file")


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """The file of this call: what it says, and on which line."""

    document: Document
    values: SettingsFile

    @property
    def folder(self) -> Path:
        """The folder from which its paths are meant."""
        return self.document.file.parent

    def place(self, name: str) -> Place:
        """Return where a setting stands."""
        return self.document.place((name,))

    def as_variable(self, name: str) -> str | None:
        """Return a setting as the environment hands it on, None where the file does not name it.

        Paths are absolute then, a program and its arguments a list in JSON.
        """
        value = getattr(self.values, name)
        if value is None:
            return None
        if name in PATHS:
            return str((self.folder / value).resolve())
        if name == "cache":
            return "" if value else "1"  # the variable says the opposite: RACKPROOF_NO_CACHE
        if isinstance(value, tuple):
            return json.dumps(self._locate_program(value))
        return str(value)

    def _locate_program(self, call: tuple[str, ...]) -> list[str]:
        """Return a call whose program, where a relative path names it, lies below the folder of the file."""
        program, *arguments = call
        if "/" in program:
            program = str((self.folder / program).absolute())
        return [program, *arguments]


def read_file(path: Path) -> FoundSettings:
    """Read ``rackproof.yml``.

    Raises RackproofError: CFG001 somebody else could have written it, CFG002 it names two sources of secrets, and as
    ``read_model`` for what it says wrongly.
    """
    require_trust(path)
    document = read_yaml(path)
    found = FoundSettings(document, check_model(document, SettingsFile))
    named = [name for name in SECRET_SOURCES if getattr(found.values, name) is not None]
    if len(named) > 1:
        raise RackproofError("CFG002", place=found.place(named[1]), actual=", ".join(named))
    return found


def require_trust(path: Path) -> None:
    """Raise RackproofError (CFG001) for a file that another account owns or may write.

    Root trusts also whoever called it through sudo: the file lies in that person's own folder.
    """
    with describe_refusal(path):
        about = path.stat()
    trusted = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isdecimal():
        trusted.add(int(caller))
    if about.st_uid not in trusted or about.st_mode & stat.S_IWOTH:
        mode = stat.S_IMODE(about.st_mode)
        raise RackproofError("CFG001", place=Place(path), actual=f"uid {about.st_uid}, mode {mode:04o}")
