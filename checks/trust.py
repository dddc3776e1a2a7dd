"""Whose signature counts: the key a person gives, else the workspace's own."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle import public_key_file
from core.errors import ExitCode, Place, RackproofError
from core.signing import load_public_pem
from core.workspace import Workspace


def trusted_key(file: Path | None, ws: Workspace) -> Ed25519PublicKey | None:
    """Return the key to trust; None when none was given and the workspace has none that this user may read.

    Raises RackproofError (EVD041, SIG002) when the given file is no readable Ed25519 public key.
    """
    if file is None:
        try:
            return load_public_pem(public_key_file(ws).read_bytes())
        except OSError:
            return None
    try:
        return load_public_pem(file.read_bytes())
    except OSError as error:
        raise RackproofError("EVD041", f"the public key cannot be read: {error.strerror}", place=Place(file),
                             expected="an Ed25519 public key in PEM") from error
    except UnsupportedAlgorithm as error:
        raise RackproofError("EVD041", "the public key is of a kind that is not known", place=Place(file),
                             expected="an Ed25519 public key in PEM", exit_code=ExitCode.INVALID) from error
