"""Whose signature counts: the key a person gives, else the workspace's own."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle.writer import name_public_key_file
from core.errors import Place, RackproofError
from core.refusals import say_refusal
from core.signing import load_public_pem
from core.workspace import Workspace


def choose_trusted_key(file: Path | None, ws: Workspace) -> Ed25519PublicKey | None:
    """Return the key to trust; None when none was given and the workspace has none that this user may read.

    Raises RackproofError (EVD041, EVD042, SIG002) when the given file is no readable Ed25519 public key.
    """
    if file is None:
        try:
            return load_public_pem(name_public_key_file(ws).read_bytes())
        except OSError:
            return None
    try:
        return load_public_pem(file.read_bytes())
    except OSError as error:
        raise RackproofError("EVD041", place=Place(file), reason=say_refusal(error)) from error
    except UnsupportedAlgorithm as error:
        raise RackproofError("EVD042", place=Place(file)) from error
