"""Ed25519 keys in OpenSSH format: those of the accounts by which hosts and routers are entered."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.files import PRIVATE, make_folder, write_atomic
from core.workspace import Workspace


def make_account_keys(ws: Workspace) -> None:
    """Make the private keys of the accounts that are not there yet, each with its public half beside it."""
    for path in (ws.ssh_key, ws.netops_key, ws.netguard_key):
        make_folder(path.parent, 0o700)
        if not path.exists():
            write_key(path, path.stem)


def write_key(path: Path, comment: str) -> str:
    """Write a new Ed25519 key in OpenSSH format (mode 0600) and its public half (``.pub``); return the public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} {comment}"
    write_atomic(path.with_name(path.name + ".pub"), line + "\n")
    write_atomic(path, private, PRIVATE)
    return line


def public_line(private: Path) -> str:
    """Return the public line of a key made by ``write_key``."""
    return private.with_name(private.name + ".pub").read_text(encoding="ascii").strip()
