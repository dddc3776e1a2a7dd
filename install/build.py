"""What the wheel needs besides the files of the repository: made by hatchling while it builds (``pyproject.toml``).

- The version, and the dependencies, from the one place where each is written.
- ``build.json``: that version, and the commit, for ``core/version.py`` to say where there is no git to ask.
- The catalogues as gettext reads them: an installed tree may be read-only, and Babel takes long to compile them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the build is not run by the launcher: the rooms are not on the path

from core.i18n import DOMAINS, LANGUAGES, STAMP, compile_source, digest_sources, source_file  # noqa: E402
from core.version import read_revision, read_version  # noqa: E402

__all__ = ["read_version"]  # for [tool.hatch.version]


class DependencyHook(MetadataHookInterface):
    """The dependencies of the wheel are those that the locked environment of a clone is made of."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the dynamic fields of ``[project]``."""
        metadata["dependencies"] = read_requirements(ROOT / "requirements.in")


class StampHook(BuildHookInterface[Any]):
    """Adds what is made for the wheel; it is made in a folder that goes again, never in the repository."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files and name them to the builder, under their names below the root of the tree."""
        if version == "editable":
            raise RuntimeError("an editable install is a clone: use its launcher, ./rackproof")
        self._folder = tempfile.TemporaryDirectory(prefix="rackproof-build-")
        made = Path(self._folder.name)
        stamp = {"version": self.metadata.version, "revision": read_revision()}
        (made / "build.json").write_text(json.dumps(stamp) + "\n", encoding="utf-8")
        if self.target_name == "wheel":
            compile_catalogues(made / "locale")
        files = [file for file in sorted(made.rglob("*")) if file.is_file()]
        build_data["force_include"].update({str(file): file.relative_to(made).as_posix() for file in files})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made."""
        if self._folder is not None:
            self._folder.cleanup()


def read_requirements(file: Path) -> list[str]:
    """Return the requirements that a list holds, without its comments."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def compile_catalogues(folder: Path) -> None:
    """Write every catalogue as gettext reads it, and the stamp that says of what source they are."""
    for language in LANGUAGES:
        for domain in DOMAINS:
            source = source_file(language, domain)
            if source.exists():
                target = folder / language / "LC_MESSAGES" / f"{domain}.mo"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(compile_source(source))
    (folder / STAMP).write_text(digest_sources() + "\n", encoding="ascii")
