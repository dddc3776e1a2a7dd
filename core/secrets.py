"""Secrets, read through one door and kept out of whatever is shown or stored.

They come from the workspace's file, encrypted in Ansible Vault format, whose password is in a file or printed by a
command; or from a command that prints them all, as the client of an external vault does (``rackproof.yml``).
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from core.errors import Place, RackproofError
from core.files import PRIVATE, describe_refusal, make_folder, write_atomic
from core.refusals import say_refusal
from core.settings import PASSWORD_COMMAND, PASSWORD_FILE, SECRETS_COMMAND, Setting, read_call, read_path
from core.vault import Password, VaultError, decrypt, encrypt, is_encrypted
from core.workspace import Workspace

HIDDEN = "••••••"
COMMAND_TIMEOUT_S = 60
#: What a program says of a full disk that it met.
NO_SPACE = ("No space left on device", "Disk quota exceeded")
#: Where a file lies in memory, so that nothing of it reaches a disk.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the files there have folders of mode 0700 around them
#: The secrets that a workspace begins with, each with its random bytes (SNMPv3 passphrases: 8 characters, RFC 3414).
SECRET_BYTES = {
    "snmp_auth_password": 18,
    "snmp_priv_password": 18,
    "snmp_community": 12,
    "postgres_replication_password": 18,
    "pgbackrest_cipher_pass": 32,
}


def load(ws: Workspace) -> Mapping[str, str]:
    """Return the secrets of a workspace, a flat mapping.

    Raises RackproofError: SEC001 no file, SEC002 it cannot be decrypted, SEC003 no flat mapping of texts, SEC004 it is
    not encrypted, SEC005 no password file, SEC006 a command gave nothing, CFG003 a variable holds no command.
    """
    command = find_command(ws, SECRETS_COMMAND)
    if command is not None:
        return _ask_command(command)
    stamp = _stamp(ws.secrets_file)
    password_command = find_command(ws, PASSWORD_COMMAND)
    return _open_file(ws.secrets_file, find_password_file(ws), password_command, stamp)


def redact(text: str, known: Iterable[str]) -> str:
    """Return ``text`` with every secret replaced; longest first so that no part of a longer one survives."""
    for secret in sorted((s for s in known if s), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def find_command(ws: Workspace, setting: Setting) -> tuple[str, ...] | None:
    """Return the command that gives secrets or a password; the lab has its own files and asks nobody."""
    if ws.is_lab:
        return None
    return read_call(setting)


def find_password_file(ws: Workspace) -> Path:
    """Return the file with the password of the secrets file."""
    chosen = None if ws.is_lab else read_path(PASSWORD_FILE)
    return chosen or ws.vault_password_file


def name_files(ws: Workspace) -> tuple[str, ...]:
    """Return the arguments by which ``ansible-playbook`` opens the secrets file of a workspace by itself."""
    password_file = find_password_file(ws)
    return ("--extra-vars", f"@{ws.secrets_file}", "--vault-password-file", str(password_file))


@contextmanager
def lend_to_ansible(ws: Workspace) -> Iterator[tuple[str, ...]]:
    """Yield the arguments by which ``ansible-playbook`` reads the secrets, as long as the block lasts.

    Ansible opens the workspace's own file by itself. What a command gave is lent as a file for this account alone,
    which lies in memory where the machine has such a place. Raises as ``load``.
    """
    if find_command(ws, SECRETS_COMMAND) is None and find_command(ws, PASSWORD_COMMAND) is None:
        yield name_files(ws)
        return
    known = dict(load(ws))
    where = IN_MEMORY if IN_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="rackproof-", dir=where) as folder:
        file = Path(folder) / "secrets.json"
        write_atomic(file, json.dumps(known), PRIVATE)
        yield ("--extra-vars", f"@{file}")


def make_secrets(ws: Workspace) -> None:
    """Make the secrets file and its password file unless they are there.

    The secrets are random and kept only encrypted; nothing is ever printed or put into argv.
    Raises RackproofError: SEC005 there are secrets without the password that opens them,
    SEC007 ansible-vault did not encrypt them, FIL001 and FIL002 as for writing a file.
    """
    if ws.secrets_file.exists():
        if not ws.vault_password_file.exists():  # never made anew: what it holds is in use
            raise RackproofError("SEC005", place=Place(ws.vault_password_file))
        return
    make_folder(ws.root, 0o700)
    if not ws.vault_password_file.exists():
        write_atomic(ws.vault_password_file, secrets.token_urlsafe(32) + "\n", PRIVATE)
    made = {name: secrets.token_urlsafe(size) for name, size in SECRET_BYTES.items()}
    try:
        sealed = encrypt(yaml.safe_dump(made), ws.vault_password_file)
    except VaultError as error:
        code = "FIL001" if any(words in error.complaint for words in NO_SPACE) else "SEC007"
        raise RackproofError(code, place=Place(ws.secrets_file)) from None
    write_atomic(ws.secrets_file, sealed, PRIVATE)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        raise RackproofError("SEC001", place=Place(path)) from None


@lru_cache(maxsize=8)
def _open_file(
    file: Path,
    password_file: Path,
    password_command: tuple[str, ...] | None,
    stamp: int,  # noqa: ARG001 - of the cache's key
) -> Mapping[str, str]:
    with describe_refusal(file):
        if not is_encrypted(file):
            raise RackproofError("SEC004", place=Place(file))
    password: Password = password_file
    asked = str(password_file)
    if password_command is not None:
        password = _run_command(password_command).strip()
        asked = password_command[0]
    elif not password_file.exists():
        raise RackproofError("SEC005", place=Place(password_file))
    try:
        content = decrypt(file, password)
    except VaultError:  # what it said may quote what it read
        raise RackproofError("SEC002", place=Place(file), password_file=asked) from None
    return _read_mapping(content, Place(file))


@lru_cache(maxsize=8)
def _ask_command(command: tuple[str, ...]) -> Mapping[str, str]:
    return _read_mapping(_run_command(command), Place(Path(command[0])))


def _read_mapping(content: bytes, place: Place) -> Mapping[str, str]:
    try:
        data = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):  # its words quote the line, and with it a secret
        raise RackproofError("SEC003", place=place) from None
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise RackproofError("SEC003", place=place)
    return {str(key): value for key, value in data.items()}


def _run_command(command: tuple[str, ...]) -> bytes:
    """Return what a command prints. Its arguments and its complaints are never shown: they may hold what is secret."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RackproofError("SEC006", actual=f"> {COMMAND_TIMEOUT_S} s", program=command[0]) from None
    except OSError as error:
        raise RackproofError("SEC006", actual=say_refusal(error), program=command[0]) from None
    if done.returncode != 0:
        raise RackproofError("SEC006", actual=f"exit {done.returncode}", program=command[0])
    if not done.stdout.strip():
        raise RackproofError("SEC006", actual="''", program=command[0])
    return done.stdout
