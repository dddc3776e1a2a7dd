"""Secrets, read from one file encrypted in Ansible Vault format, and kept out of whatever is shown or stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from core.errors import Place, RackproofError
from core.workspace import Workspace

HIDDEN = "••••••"
VAULT_TIMEOUT_S = 60


def load(ws: Workspace) -> Mapping[str, str]:
    """Decrypt the workspace's secrets file and return its flat mapping.

    Raises RackproofError (SEC001 missing, SEC002 cannot be decrypted, SEC003 not a flat mapping of texts).
    """
    return _load(ws.secrets_file, ws.vault_password_file, _stamp(ws.secrets_file))


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with every secret replaced; longest first so that no part of a longer one survives."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        raise RackproofError("SEC001", place=Place(path)) from None


@lru_cache(maxsize=8)
def _load(secrets_file: Path, password_file: Path, stamp: int) -> Mapping[str, str]:  # noqa: ARG001 - of the cache's key
    # The command line tool, not the library: importing Ansible would put this module under the GPL.
    tool = Path(sys.executable).with_name("ansible-vault")
    argv = [str(tool), "view", "--vault-password-file", str(password_file), str(secrets_file)]
    # Ansible keeps files in the home of who runs it, and a service's account may have none.
    with TemporaryDirectory(prefix="rackproof-ansible-") as home:
        environment = os.environ | {"ANSIBLE_HOME": home}
        result = subprocess.run(argv, capture_output=True, timeout=VAULT_TIMEOUT_S, check=False, env=environment)
    if result.returncode != 0:
        raise RackproofError("SEC002", place=Place(secrets_file), password_file=password_file)
    data = yaml.safe_load(result.stdout)
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise RackproofError("SEC003", place=Place(secrets_file))
    return {str(key): value for key, value in data.items()}
