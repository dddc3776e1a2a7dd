"""What one call works with, and where each setting comes from: option, environment, ``rackproof.yml`` or default.

The front door hands every setting on through the environment, as children inherit it. So the options are written over
the variables, and the file fills in the variables that nobody set; who set which is remembered for ``config show``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import Place, RackproofError

if TYPE_CHECKING:
    from core.settings_file import FoundSettings


#: Looked for in the current folder and in those above it, as git looks for its own.
FILE_NAME = "rackproof.yml"


class Origin(StrEnum):
    """Who set a setting, the strongest first."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the file, its variable, and its option where it has one."""

    name: str
    variable: str
    option: str = ""


ESTATE = Setting("estate", "RACKPROOF_ESTATE", "--estate")
WORKSPACE = Setting("workspace", "RACKPROOF_WORKSPACE", "--workspace")
LANGUAGE = Setting("language", "RACKPROOF_LANG", "--lang")
STORE = Setting("store", "RACKPROOF_STORE")
CACHE = Setting("cache", "RACKPROOF_NO_CACHE")
PASSWORD_FILE = Setting("vault_password_file", "RACKPROOF_VAULT_PASSWORD_FILE")
PASSWORD_COMMAND = Setting("vault_password_command", "RACKPROOF_VAULT_PASSWORD_COMMAND")
SECRETS_COMMAND = Setting("secrets_command", "RACKPROOF_SECRETS_COMMAND")
SETTINGS = (ESTATE, WORKSPACE, LANGUAGE, STORE, CACHE, PASSWORD_FILE, PASSWORD_COMMAND, SECRETS_COMMAND)
#: One of them says where the secrets come from; who names one leaves the weaker ones out.
SECRET_SETTINGS = (PASSWORD_FILE, PASSWORD_COMMAND, SECRETS_COMMAND)


@dataclass(slots=True)
class ProcessSettings:
    """What the settings of this process came from."""

    #: The file of this call, as it was read; None where there is none.
    file: FoundSettings | None = None
    #: What is wrong with the file; said only when a verb would use it, so that help on the mistake can be had.
    mistake: RackproofError | None = None
    #: Variables that were set from the file, and where it says so.
    from_file: dict[str, Place] = field(default_factory=dict)
    #: Variables that an option of this call set.
    from_options: set[str] = field(default_factory=set)
    #: Variables that this process set from something weaker than the file, such as the locale.
    guessed: set[str] = field(default_factory=set)


process = ProcessSettings()


def is_set(setting: Setting) -> bool:
    """Return whether somebody who is stronger than the file set it."""
    return bool(os.environ.get(setting.variable)) and setting.variable not in process.guessed


def find_settings() -> None:
    """Look for ``rackproof.yml`` and take the language that it names: help is made in it before a verb is known."""
    process.file = None
    process.mistake = None
    for variable in process.from_file:  # of an earlier call in this process
        os.environ.pop(variable, None)
    process.from_file = {}
    process.from_options = set()
    path = _find_file()
    if path is None:
        return
    try:
        # Late: it needs pydantic, and most calls meet no such file.
        from core.settings_file import read_file

        process.file = read_file(path)
    except RackproofError as error:
        process.mistake = error
        return
    _fill(LANGUAGE)


def write_options(values: Mapping[Setting, str]) -> None:
    """Write the options of this call over the environment."""
    for setting, value in values.items():
        os.environ[setting.variable] = value
        process.from_options.add(setting.variable)


def apply_file() -> None:
    """Fill in what neither an option nor the environment set. Raises what is wrong with the file."""
    if process.mistake is not None:
        raise process.mistake
    if process.file is None:
        return
    has_source = any(is_set(setting) for setting in SECRET_SETTINGS)
    for setting in SETTINGS:
        if has_source and setting in SECRET_SETTINGS:
            continue
        _fill(setting)


def find_origin(setting: Setting) -> tuple[Origin, str]:
    """Return who set a setting, and where: the option, the variable, or file and line; "" for a default."""
    variable = setting.variable
    if variable in process.from_options:
        return Origin.OPTION, setting.option
    if variable in process.from_file:
        return Origin.FILE, str(process.from_file[variable])
    if is_set(setting):
        return Origin.ENVIRONMENT, variable
    return Origin.DEFAULT, ""


def read_call(setting: Setting) -> tuple[str, ...] | None:
    """Return the program and arguments that a variable holds, a list in JSON; None when it is not set.

    Raises RackproofError (CFG003) for anything else: a text would need a shell to be taken apart.
    """
    text = os.environ.get(setting.variable)
    if not text:
        return None
    try:
        call = json.loads(text)
    except ValueError:
        call = None
    is_list = isinstance(call, list) and bool(call)
    if not is_list or not all(isinstance(word, str) and word for word in call):
        raise RackproofError("CFG003", variable=setting.variable)
    return tuple(call)


def read_path(setting: Setting) -> Path | None:
    """Return the path that a variable holds, None when it is not set."""
    text = os.environ.get(setting.variable)
    if not text:
        return None
    return Path(text)


def _find_file() -> Path | None:
    try:
        here = Path.cwd()
    except OSError:  # the folder was removed under us, or may not be seen: nothing can be read in it
        return None
    for folder in (here, *here.parents):
        file = folder / FILE_NAME
        if os.path.lexists(file):
            return file
    return None


def _fill(setting: Setting) -> None:
    file = process.file
    if file is None or is_set(setting):
        return
    value = file.as_variable(setting.name)
    if value is None:
        return
    os.environ[setting.variable] = value
    process.guessed.discard(setting.variable)
    process.from_file[setting.variable] = file.place(setting.name)
