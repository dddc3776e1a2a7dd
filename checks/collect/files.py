"""Collecting what is written down: the estate, the register of requirements, attestations, waivers and signers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Sweep
from checks.model import Captured
from checks.register.register import REQUIREMENTS_DIR
from core import version
from core.errors import RackproofError
from core.workspace import REPOSITORY
from core.yaml import SUFFIXES, list_data_files, read_yaml

ESTATE = "estate"
SIGNERS = "signers.yml"
SITE = re.compile(r"^(?:\s*-\s*\{?\s*)?site:\s*['\"]?([a-z0-9-]+)", re.MULTILINE)  # alone in its file, or one of a list
RULES = REPOSITORY / "monitoring" / "rules"


def plan_files(sweep: Sweep) -> Iterable[Job]:
    """Return the jobs that read files; they are quick, one job each."""
    if "estate" in sweep.collectors:
        yield lambda: collect_estate(sweep)
    if "register" in sweep.collectors:
        yield collect_register
    if "attestations" in sweep.collectors:
        yield lambda: collect_attestations(sweep.ws.attestations_dir)
    if "rules" in sweep.collectors:
        yield lambda: [capture_file((ESTATE, "rules"), ("rules", file.name), file) for file in list_data_files(RULES)]


def collect_estate(sweep: Sweep) -> list[Captured]:
    """Read every file of the estate; a file that defines sites is evidence about each, the others about the estate."""
    root = sweep.estate.root.resolve()
    own = sorted(file for suffix in SUFFIXES for file in root.rglob(f"*{suffix}"))
    files = [*own, (root / sweep.estate.head.tiers).resolve()]
    found = []
    for file in dict.fromkeys(path.resolve() for path in files):
        named = [site for site in SITE.findall(file.read_text(encoding="utf-8")) if site in sweep.estate.sites]
        name = str(file.relative_to(root)) if file.is_relative_to(root) else file.name
        found += [capture_file((site, site), ("estate", name), file) for site in dict.fromkeys(named or [ESTATE])]
    return found


def collect_register(folder: Path = REQUIREMENTS_DIR) -> list[Captured]:
    """Read every requirement's file."""
    files = list_data_files(folder, deep=True)
    return [capture_file((ESTATE, file.stem), ("register", "requirement"), file) for file in files]


def collect_attestations(folder: Path) -> list[Captured]:
    """Read every attestation, every waiver and the list of trusted signers."""
    found = []
    for file in sorted(folder.glob("*.yml")):
        if file.name == SIGNERS:
            found.append(capture_file((ESTATE, "signers"), ("attestations", "signers"), file))
            continue
        kind, requirement = read_kind(file)
        found.append(capture_file((ESTATE, requirement), ("attestations", f"{kind}:{file.name}"), file))
    return found


def read_kind(file: Path) -> tuple[str, str]:
    """Return (kind, requirement) of a signed file; a file that cannot be read is still evidence, of nothing."""
    try:
        data = read_yaml(file).data
    except RackproofError:
        return "unreadable", file.stem
    return str(data.get("kind", "unreadable")), str(data.get("requirement", file.stem))


def capture_file(place: tuple[str, str], what: tuple[str, str], file: Path) -> Captured:
    """Make the evidence of a file as it stands now; ``place`` and ``what`` as for ``capture_evidence``."""
    now = datetime.now(UTC)
    shown = file.relative_to(REPOSITORY) if file.is_relative_to(REPOSITORY) else Path(file.name)
    return capture_evidence(
        place, what, str(shown), file.read_bytes(), (now, now), tool="rackproof", tool_version=version.read_version()
    )
