"""The files of an estate, read by the one strict reader and reported to whoever remembers what a loading rests on."""

from __future__ import annotations

from pathlib import Path

from core.yaml import DataPath, Document, parse_yaml, read_yaml_bytes
from inventory.source.file_tracking import report_read

Path_ = DataPath
Positioned = Document
#: The estate's own codes for what the reader refuses.
PREFIX = "EST"


def load_yaml(file: Path, written: Path | None = None) -> Document:
    """Read one file of an estate. Raises RackproofError: EST001 to EST013 (``core.yaml.read_yaml`` says which).

    ``written``: the path that led to ``file``, when that was resolved.
    """
    content = read_yaml_bytes(file, PREFIX)
    report_read(written or file, content)
    return parse_yaml(content, file, PREFIX)
