"""Documents that a verb makes for other programs (SVG, zones, schemas): printed, or written to files.

With ``--json`` the envelope holds the text that would have been printed, or says of every file what was written: the
path, the SHA-256 and the size, so that a program can prove later that it reads what was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.console import emit_json, err
from core.files import write_atomic, write_set


def deliver_text(text: str, to: Path | None, *, as_json: bool, encoding: str = "utf-8") -> None:
    """Print one document, or write it to a file; raises RackproofError FIL001 to FIL003."""
    if to is not None:
        content = text.encode(encoding)
        write_atomic(to, content)
        _tell_written({to: content}, as_json)
    elif as_json:
        emit_json({"text": text, "files": []})
    else:
        print(text, end="")


def deliver_files(files: Mapping[Path, bytes], *, as_json: bool) -> None:
    """Write documents that belong together, all of them or none; raises RackproofError FIL001 to FIL003."""
    write_set(files)
    _tell_written(files, as_json)


def _tell_written(files: Mapping[Path, bytes], as_json: bool) -> None:
    if as_json:
        emit_json({"text": None, "files": [_describe(path, content) for path, content in files.items()]})
        return
    for path in files:
        err.print(str(path), markup=False)


def _describe(path: Path, content: bytes) -> dict[str, Any]:
    return {"path": str(path), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
