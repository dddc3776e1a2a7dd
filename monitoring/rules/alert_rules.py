"""The alert rules: data in ``rules/*.yml``, checked and unit-tested by Prometheus' own promtool."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.errors import RackproofError
from core.i18n import N_
from core.models import read_model
from core.refusals import say_refusal
from core.workspace import REPOSITORY
from core.yaml import list_data_files

FOLDER = Path(__file__).parent
TESTS = FOLDER / "tests"
TIMEOUT_S = 120
Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, Field(pattern=r"^[0-9]+(ms|s|m|h|d)$")]


def require_items(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list: a file that holds nothing would be checked with success."""
    if not found:
        raise ValueError("an empty list")
    return found


class RuleModel(BaseModel):
    """Base of what the files of rules hold: frozen, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Labels(RuleModel):
    """How bad an alert is, and whose threshold it applies: S the seed document, R a standard, P a policy."""

    severity: Literal["warning", "critical"]
    provenance: Literal["S", "R", "P"]


class Annotations(RuleModel):
    """What an alert means, in both languages, and the heading of the page that says what to do."""

    summary: Text
    summary_vi: Text
    runbook_url: Text


class Rule(RuleModel):
    """One alert, as Prometheus reads it. ``duration`` is how long the expression must hold before it fires."""

    alert: Text
    expr: Text
    duration: Duration = Field(default="0s", alias="for")
    labels: Labels
    annotations: Annotations


class RuleGroup(RuleModel):
    """Rules that are evaluated together."""

    name: Text
    rules: Annotated[tuple[Rule, ...], AfterValidator(require_items)]


class RuleFile(RuleModel):
    """One file of ``rules/``."""

    groups: Annotated[tuple[RuleGroup, ...], AfterValidator(require_items)]


class Series(RuleModel):
    """The samples of one series of a unit test, in promtool's notation."""

    series: Text
    values: Text


class ExpectedAlert(RuleModel):
    """An alert that must be firing, with all its labels and texts."""

    exp_labels: dict[str, str]
    exp_annotations: dict[str, str]


class AlertTest(RuleModel):
    """What must be firing of one alert at one moment."""

    eval_time: Duration
    alertname: Text
    exp_alerts: tuple[ExpectedAlert, ...]


class AlertTestCase(RuleModel):
    """One unit test: its series and what they must lead to."""

    name: Text
    interval: Duration
    input_series: tuple[Series, ...]
    alert_rule_test: Annotated[tuple[AlertTest, ...], AfterValidator(require_items)]


class TestFile(RuleModel):
    """One file of ``rules/tests/``, as promtool reads it."""

    rule_files: Annotated[tuple[str, ...], AfterValidator(require_items)]
    evaluation_interval: Duration
    tests: Annotated[tuple[AlertTestCase, ...], AfterValidator(require_items)]


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One check of the rules: what was checked, whether it holds, what was found, what the tool said of itself."""

    name: str
    ok: bool
    output: str = ""
    errors: str = ""


def rule_files() -> list[Path]:
    """Return the files of alert rules."""
    return list_data_files(FOLDER)


def list_alerts() -> list[tuple[Path, Rule]]:
    """Return every alert with the file it stands in. Raises RackproofError YML… for a file that is not right."""
    found: list[tuple[Path, Rule]] = []
    for path in rule_files():
        for group in read_model(path, RuleFile).groups:
            found += [(path, rule) for rule in group.rules]
    return found


def find_promtool() -> list[str]:
    """Return the command of promtool (``RACKPROOF_PROMTOOL`` overrides). Raises RackproofError MON030 without one."""
    told = os.environ.get("RACKPROOF_PROMTOOL", "")
    found = told.split() if told else [shutil.which("promtool") or ""]
    if not found[0]:
        raise RackproofError("MON030")
    return found


def check(tool: list[str] | None = None) -> list[RuleCheck]:
    """Check syntax, conventions and unit tests of all rules; that there are none is a finding, not a success."""
    command = tool or find_promtool()
    files = [str(path) for path in rule_files()]
    tests = [str(path) for path in list_data_files(TESTS)]
    return [
        check_conventions(),
        check_tested(),
        run_tool(N_("syntax of the rules"), [*command, "check", "rules", *files]),
        run_tool(N_("unit tests of the rules"), [*command, "test", "rules", *tests]),
    ]


def check_metrics(text: bytes, tool: list[str] | None = None) -> RuleCheck:
    """Let promtool judge an exposition."""
    return run_tool(N_("exposition"), [*(tool or find_promtool()), "check", "metrics"], text)


def run_tool(name: str, argv: list[str], given: bytes = b"") -> RuleCheck:
    """Run the tool; its exit code alone decides. What it says on its two streams stays apart."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            result = subprocess.run(argv, input=given, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=scratch)
        except subprocess.TimeoutExpired as error:
            raise RackproofError("MON031", seconds=TIMEOUT_S, what=name) from error
        except OSError as error:
            raise RackproofError("MON030", actual=f"{argv[0]}: {say_refusal(error)}") from error
    output, errors = (stream.decode(errors="replace").strip() for stream in (result.stdout, result.stderr))
    return RuleCheck(name, result.returncode == 0, output, errors)


def check_conventions() -> RuleCheck:
    """Every alert has a page that says what to do; the rest of what it must say is in the model of its file."""
    flaws: list[str] = []
    found = list_alerts()
    if not found:
        flaws.append(f"no alert in {FOLDER}")
    for path, rule in found:
        page = rule.annotations.runbook_url.partition("#")[0]
        if not (REPOSITORY / page).is_file():
            flaws.append(f"{path.name}: {rule.alert}: runbook_url: no file {page}")
    return RuleCheck(N_("conventions of the rules"), not flaws, "\n".join(flaws))


def check_tested() -> RuleCheck:
    """Every alert must be seen firing and seen not firing in a unit test, and every file of rules must be loaded."""
    fires: set[str] = set()
    silent: set[str] = set()
    for path in list_data_files(TESTS):
        for case in read_model(path, TestFile).tests:
            for expected in case.alert_rule_test:
                chosen = fires if expected.exp_alerts else silent
                chosen.add(expected.alertname)
    names = {rule.alert for _path, rule in list_alerts()}
    flaws = describe_flaws(names - fires, "never fires in a test") + describe_flaws(
        names - silent, "is never silent in a test"
    )
    flaws += describe_flaws((fires | silent) - names, "is tested but does not exist")
    return RuleCheck(N_("unit tests for every rule"), bool(names) and not flaws, "\n".join(flaws))


def describe_flaws(names: Iterable[str], what: str) -> list[str]:
    """Return a flaw for each name, in the order of the names."""
    return [f"{name} {what}" for name in sorted(names)]
