"""Ansible Vault, through its program: the library would put whoever imports it under the GPL.

A password reaches the program as a file that it is given the name of, or, when it came from a command, as a file that
lies in memory alone: never in an argument, never on disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

TIMEOUT_S = 60
#: What every file of Ansible Vault begins with.
HEADER = b"$ANSIBLE_VAULT;"

#: Where the password is: in a file of this name, or here.
Password = Path | bytes


class VaultError(Exception):
    """The program did not do it; ``complaint`` is what it said, which may quote what it read."""

    def __init__(self, complaint: str) -> None:
        super().__init__("ansible-vault failed")
        self.complaint = complaint


def encrypt(plain: str, password: Password) -> str:
    """Return a text as a file of Ansible Vault. Raises VaultError."""
    return _run(["encrypt", "--output", "-"], password, plain.encode()).decode()


def decrypt(file: Path, password: Password) -> bytes:
    """Return what a file of Ansible Vault holds. Raises VaultError."""
    return _run(["view", str(file)], password, b"")


def is_encrypted(file: Path) -> bool:
    """Return whether a file is one of Ansible Vault. Raises OSError."""
    with file.open("rb") as stream:
        return stream.read(len(HEADER)) == HEADER


def _run(words: Sequence[str], password: Password, fed: bytes) -> bytes:
    tool = Path(sys.executable).with_name("ansible-vault")
    verb, *rest = words
    # Ansible keeps files in the home of who runs it, and a service's account may have none.
    with TemporaryDirectory(prefix="rackproof-ansible-") as home, _lend(password) as (name, descriptors):
        argv = [str(tool), verb, "--vault-password-file", name, *rest]
        environment = os.environ | {"ANSIBLE_HOME": home}
        try:
            done = subprocess.run(
                argv,
                input=fed,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                env=environment,
                pass_fds=descriptors,
            )
        except subprocess.TimeoutExpired as error:
            raise VaultError(f"no end within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise VaultError(done.stderr.decode(errors="replace"))
    return done.stdout


@contextmanager
def _lend(password: Password) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name of a file with the password, and the descriptors that the program must inherit for it."""
    if isinstance(password, Path):
        yield str(password), ()
        return
    descriptor = os.memfd_create("vault-password")
    try:
        os.fchmod(descriptor, 0o600)  # one that may be run would be run, for the password that it prints
        os.write(descriptor, password)
        yield f"/dev/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)
