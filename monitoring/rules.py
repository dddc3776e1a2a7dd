"""The alert rules: data in ``rules/*.yml``, checked and unit-tested by Prometheus' own promtool."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY

FOLDER = Path(__file__).parent / "rules"
TESTS = FOLDER / "tests"
TIMEOUT_S = 120
SEVERITIES = frozenset(("warning", "critical"))
PROVENANCES = frozenset(("S", "R", "P"))


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the rules: what was checked, whether it holds, what was found."""

    name: str
    ok: bool
    output: str


def rule_files() -> list[Path]:
    """Return the files of alert rules."""
    return sorted(FOLDER.glob("*.yml"))


def alerts() -> list[tuple[Path, Mapping[str, Any]]]:
    """Return every alert with the file it stands in."""
    found: list[tuple[Path, Mapping[str, Any]]] = []
    for path in rule_files():
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            found += [(path, rule) for rule in group["rules"] if "alert" in rule]
    return found


def promtool() -> list[str]:
    """Return the command of promtool (``RACKPROOF_PROMTOOL`` overrides). Raises RackproofError MON030 without one."""
    told = os.environ.get("RACKPROOF_PROMTOOL", "")
    found = told.split() if told else [shutil.which("promtool") or ""]
    if not found[0]:
        raise RackproofError(
            "MON030", "promtool is not installed", remedy="apt-get install prometheus", exit_code=ExitCode.REFUSED
        )
    return found


def check(tool: list[str] | None = None) -> list[Check]:
    """Check syntax, conventions and unit tests of all rules."""
    command = tool or promtool()
    files = [str(path) for path in rule_files()]
    tests = [str(path) for path in sorted(TESTS.glob("*.yml"))]
    return [
        _conventions(),
        _untested(),
        _run("syntax of the rules", [*command, "check", "rules", *files]),
        _run("unit tests of the rules", [*command, "test", "rules", *tests]),
    ]


def check_metrics(text: bytes, tool: list[str] | None = None) -> Check:
    """Let promtool judge an exposition."""
    return _run("exposition", [*(tool or promtool()), "check", "metrics"], text)


def _run(name: str, argv: list[str], given: bytes = b"") -> Check:
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run(
            argv, input=given, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=scratch
        )
    output = (result.stdout + result.stderr).decode(errors="replace").strip()
    return Check(name, result.returncode == 0, output)


def _conventions() -> Check:
    """Every alert says how bad it is, whose threshold it applies, what it means in both languages, and what to do."""
    flaws: list[str] = []
    for path, rule in alerts():
        labels, notes = rule.get("labels", {}), rule.get("annotations", {})
        wanted = {
            "severity": labels.get("severity") in SEVERITIES,
            "provenance": labels.get("provenance") in PROVENANCES,
            "summary": bool(notes.get("summary")),
            "summary_vi": bool(notes.get("summary_vi")),
            "runbook_url": (REPOSITORY / str(notes.get("runbook_url", "?")).partition("#")[0]).is_file(),
        }
        flaws += [f"{path.name}: {rule['alert']}: {name} missing or wrong" for name, ok in wanted.items() if not ok]
    return Check("conventions of the rules", not flaws, "\n".join(flaws))


def _untested() -> Check:
    """Every alert must be seen firing and seen not firing in a unit test."""
    fires: set[str] = set()
    silent: set[str] = set()
    for path in sorted(TESTS.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for expected in case.get("alert_rule_test", []):
                (fires if expected.get("exp_alerts") else silent).add(expected["alertname"])
    names = {str(rule["alert"]) for _, rule in alerts()}
    flaws = _missing("never fires in a test", names - fires) + _missing("is never silent in a test", names - silent)
    flaws += _missing("is tested but does not exist", (fires | silent) - names)
    return Check("unit tests for every rule", not flaws, "\n".join(flaws))


def _missing(what: str, names: Iterable[str]) -> list[str]:
    return [f"{name} {what}" for name in sorted(names)]
