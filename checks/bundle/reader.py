"""Reading a bundle: the run, the evidence, the estate and the requirements as they were when it was sealed.

Nothing here says that a bundle can be believed; that is what ``checks.verify.verification`` is for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.bundle import manifest as names
from checks.bundle.chain import find_last_bundle, list_bundles
from checks.bundle.manifest import Manifest
from checks.bundle.names import BY_WATCH, LATEST
from checks.bundle.writer import name_raw
from checks.model import Run
from core.errors import Place, RackproofError
from core.workspace import Workspace

if TYPE_CHECKING:
    from checks.register.requirement import Requirement
    from inventory.model.estate import Estate


#: What only a bundle has.
PARTS = (names.MANIFEST, names.SIGNATURE, names.LOCATOR)


@dataclass(frozen=True)
class BundleReader:
    """One bundle on disk, read on demand."""

    path: Path

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest, unverified; raises RackproofError (EVD030) when it is none."""
        try:
            return Manifest.decode(json.loads((self.path / names.MANIFEST).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(names.MANIFEST, error) from error

    @cached_property
    def run(self) -> Run:
        """The run with its verdicts and the index of its evidence; raises RackproofError (EVD030, EVD037)."""
        self.require_known_schema()
        try:
            parts = {"verdicts": self._json(names.VERDICTS), "evidence": self._json(names.EVIDENCE)}
            return Run.from_dict({**self._json(names.RUN), **parts})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(names.RUN, error) from error

    def require_known_schema(self) -> None:
        """Refuse a bundle whose verdicts have another form than those of this release: RackproofError (EVD037)."""
        schema = self.manifest.schema
        if schema != names.SCHEMA:
            place = Place(self.path / names.MANIFEST)
            revision = self.manifest.head.get("revision") or "?"
            raise RackproofError("EVD037", place=place, actual=schema, form=names.SCHEMA, revision=revision)

    def raw(self, sha256: str) -> bytes:
        """Return raw bytes by their digest; KeyError when the bundle does not hold them."""
        try:
            return (self.path / name_raw(sha256)).read_bytes()
        except OSError:
            raise KeyError(sha256) from None

    @cached_property
    def estate(self) -> Estate:
        """The estate as it was; raises what ``load_estate`` raises."""
        from inventory.load.loader import load_estate
        from inventory.source.positions import load_yaml

        root = self.path / names.ESTATE / str(self.manifest.head["estate_root"])
        head = load_yaml(root / "estate.yml").data
        tiers = (root / str(head.get("tiers", "tiers.yml"))).resolve()
        if not tiers.is_relative_to((self.path / names.ESTATE).resolve()):
            raise RackproofError("EVD032", place=Place(root), actual=tiers)
        return load_estate(root, cached=False)

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        """The requirements as they were, by id."""
        from checks.register.register import load_requirements

        return load_requirements(self.path / names.REQUIREMENTS)

    @cached_property
    def register(self) -> dict[str, Requirement]:
        """The requirements as they were, also those whose judge or collector this installation does not know.

        Enough to show them; to judge, take ``requirements``.
        """
        from checks.register.requirement import Requirement
        from core.models import read_model
        from core.yaml import list_data_files

        try:
            files = list_data_files(self.path / names.REQUIREMENTS, deep=True)
            found = [read_model(file, Requirement) for file in files]
        except RackproofError as error:
            raise self._unreadable(names.REQUIREMENTS, error) from error
        return {requirement.id: requirement for requirement in found}

    def _json(self, name: str) -> Any:
        return json.loads((self.path / name).read_bytes())

    def _unreadable(self, name: str, error: Exception) -> RackproofError:
        return RackproofError("EVD030", place=Place(self.path / name), reason=f"{type(error).__name__}: {error}")


def find_bundle(which: str, ws: Workspace) -> Path:
    """Return the bundle meant by a path, a run id, the start of one, or ``latest``.

    Raises RackproofError: EVD031 no such bundle, EVD034 none at all yet, EVD035 the start of several, EVD036 a folder
    that is none.
    """
    if which == LATEST:
        # A watch that runs beside keeps what changed, of the requirements that were due: that is not the run one means.
        last = find_last_bundle(ws.evidence_dir, BY_WATCH) or find_last_bundle(ws.evidence_dir)
        if last is None:
            raise RackproofError("EVD034", place=Place(ws.evidence_dir))
        return last
    as_path = Path(which)
    for folder in (as_path, ws.evidence_dir / which) if which else ():
        if is_bundle(folder):
            return folder
    if "/" in which or (which and as_path.exists()):
        raise RackproofError("EVD036", place=Place(as_path), files=", ".join(PARTS))
    known = [folder.name for folder in list_bundles(ws.evidence_dir)]
    begun = [name for name in known if which and name.startswith(which)]
    if len(begun) > 1:
        raise RackproofError("EVD035", place=Place(ws.evidence_dir), actual=which, known=begun)
    if not begun:
        raise RackproofError("EVD031", place=Place(ws.evidence_dir), actual=which, known=[LATEST, *known[-5:]])
    return ws.evidence_dir / begun[0]


def is_bundle(folder: Path) -> bool:
    """Tell whether a folder was ever a bundle: of a damaged one some part is left, and verifying names the rest."""
    return any((folder / name).is_file() for name in PARTS)
