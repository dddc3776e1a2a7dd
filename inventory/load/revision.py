"""An estate as a git revision holds it, read through ``git archive``; the checkout is left alone."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import Place, RackproofError, list_errors
from core.workspace import trust_checkout
from inventory.load.loader import load_estate
from inventory.model.diagnostics import mistake
from inventory.model.estate import Estate
from inventory.source.positions import load_yaml

_TIMEOUT_S = 60
#: Debian 12's own Python, 3.11.2, has no filters yet. Without one, what git packs has no path outside of it either.
SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class Revision:
    """One revision of the git checkout that holds an estate folder.

    Raises EST054 when the folder is in no checkout (or git is not there), EST053 when the revision does not exist.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder.resolve(), name
        self._top = Path(os.fsdecode(self._git(folder, "rev-parse", "--show-toplevel", code="EST054").strip()))
        query = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        self.commit = self._git(self._top, *query, code="EST053").decode().strip()

    def _git(self, where: Path, *words: str, code: str) -> bytes:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        command = ["git", *trust_checkout(), "-C", str(where), *words]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_TIMEOUT_S, check=False, env=environment | {"LC_ALL": "C"}
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise mistake("EST054", Place(self.folder), reason=str(error)) from error
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[:1]
            raise mistake(code, Place(self.folder), actual=self.name, reason="".join(reason))
        return done.stdout

    @contextmanager
    def files(self) -> Iterator[Path]:
        """Yield the estate folder as it was in the revision; it is gone afterwards. EST055 when it was not there."""
        inside = self.folder.relative_to(self._top)
        with TemporaryDirectory(prefix="rackproof-revision-") as name:
            top = Path(name).resolve()
            self._unpack(top, inside)
            for file in self._beside(top / inside):
                if not file.exists() and file.is_relative_to(top):  # a table may lie beside the estate
                    self._unpack(top, file.relative_to(top))
            yield top / inside

    def _unpack(self, top: Path, inside: Path) -> None:
        packed = self._git(self._top, "archive", "--format=tar", self.commit, "--", inside.as_posix(), code="EST055")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(top, **SAFELY)  # type: ignore[arg-type]  # noqa: S202 - our own git packed it

    def _beside(self, folder: Path) -> list[Path]:
        """Return the files that the head of the estate names."""
        try:
            head = load_yaml(folder / "estate.yml").data
        except RackproofError:
            return []  # loading the estate says what is wrong with its head
        named = (head.get("tiers", "tiers.yml"), head.get("hardware"), head.get("policies"))
        return [(folder / str(name)).resolve() for name in named if name]

    def load(self) -> Estate:
        """Load the estate of the revision; places in errors read ``REVISION:path``."""
        with self.files() as folder:
            top = folder.parents[len(self.folder.relative_to(self._top).parts) - 1]
            try:
                return load_estate(folder, cached=False)
            except RackproofError as error:
                for item in list_errors(error):
                    item.place = self._place(item.place, top)
                raise

    def _place(self, place: Place | None, top: Path) -> Place | None:
        if place is None or not place.file.is_relative_to(top):
            return place
        return Place(Path(f"{self.name}:{place.file.relative_to(top)}"), place.line, place.path)
