"""Reading a bundle: the run, the evidence, the estate and the requirements as they were when it was sealed.

Nothing here says that a bundle can be believed; that is what ``checks.verify`` is for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from checks import bundle_manifest as names
from checks.bundle import raw_name
from checks.bundle_chain import bundles, last_bundle
from checks.bundle_manifest import Manifest
from checks.bundle_names import LATEST
from checks.model import Run
from core.errors import ExitCode, Place, RackproofError
from core.workspace import Workspace

if TYPE_CHECKING:
    from checks.requirement import Requirement
    from inventory.estate import Estate


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
        """The run with its verdicts and the index of its evidence; raises RackproofError (EVD030)."""
        try:
            parts = {"verdicts": self._json(names.VERDICTS), "evidence": self._json(names.EVIDENCE)}
            return Run.from_dict({**self._json(names.RUN), **parts})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(names.RUN, error) from error

    def raw(self, sha256: str) -> bytes:
        """Return raw bytes by their digest; KeyError when the bundle does not hold them."""
        try:
            return (self.path / raw_name(sha256)).read_bytes()
        except OSError:
            raise KeyError(sha256) from None

    @cached_property
    def estate(self) -> Estate:
        """The estate as it was; raises what ``load_estate`` raises."""
        from inventory.load import load_estate

        root = self.path / names.ESTATE / str(self.manifest.head["estate_root"])
        head = yaml.safe_load((root / "estate.yml").read_text("utf-8"))
        tiers = (root / str(head.get("tiers", "tiers.yml"))).resolve()
        if not tiers.is_relative_to((self.path / names.ESTATE).resolve()):
            raise RackproofError("EVD032", "the estate in the bundle points outside the bundle", place=Place(root),
                                 actual=str(tiers), exit_code=ExitCode.INVALID)
        return load_estate(root, cached=False)

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        """The requirements as they were, by id."""
        from checks.register import load_requirements

        return load_requirements(self.path / names.REQUIREMENTS)

    @cached_property
    def register(self) -> dict[str, Requirement]:
        """The requirements as they were, also those whose judge or collector this installation does not know.

        Enough to show them; to judge, take ``requirements``.
        """
        from checks.requirement import Requirement

        files = sorted((self.path / names.REQUIREMENTS).rglob("*.yml"))
        try:
            found = [Requirement.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in files]
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise self._unreadable(names.REQUIREMENTS, error) from error
        return {requirement.id: requirement for requirement in found}

    def _json(self, name: str) -> Any:
        return json.loads((self.path / name).read_bytes())

    def _unreadable(self, name: str, error: Exception) -> RackproofError:
        return RackproofError("EVD030", f"the bundle cannot be read: {type(error).__name__}: {error}",
                              place=Place(self.path / name), remedy="rackproof evidence verify names what was altered",
                              exit_code=ExitCode.INVALID)


def find_bundle(which: str, ws: Workspace) -> Path:
    """Return the bundle meant by a path, a run id, the start of one, or ``latest``; RackproofError (EVD031) else."""
    as_path = Path(which)
    if (as_path / names.MANIFEST).exists() or ("/" in which and as_path.is_dir()):
        return as_path
    if which == LATEST:
        last = last_bundle(ws.evidence_dir)
        if last:
            return last
        raise RackproofError("EVD031", "no evidence bundle has been written yet", place=Place(ws.evidence_dir),
                             remedy="run: rackproof checks run")
    if (ws.evidence_dir / which).is_dir():
        return ws.evidence_dir / which
    begun = [folder for folder in bundles(ws.evidence_dir) if folder.name.startswith(which)]
    if which and len(begun) == 1:
        return begun[0]
    known = [folder.name for folder in bundles(ws.evidence_dir)]
    raise RackproofError("EVD031", f"no single evidence bundle is meant by '{which}'", place=Place(ws.evidence_dir),
                         expected=f"a path, {LATEST}, or one of: {', '.join(known[-5:]) or 'none yet'}",
                         remedy="rackproof evidence list shows them all")
