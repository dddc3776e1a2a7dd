"""Why a run was not good: one error of the table for each host and task, from what engines say (rules/failures.yml)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from core.errors import ExitCode, RackproofError
from core.i18n import _
from core.models import read_model
from playbooks.events import Ending, EngineResult, TaskEvent, TaskStatus

RULES = Path(__file__).with_name("rules") / "failures.yml"
#: What the rules call a failure → its code in the table of errors.
CODES = {
    "task": "PRV020",
    "no_answer": "PRV021",
    "login_refused": "PRV022",
    "host_key": "PRV023",
    "went_back": "PRV026",
    "package": "PRV028",
}
#: The last lines of a reason are kept: there a program says what ended it.
REASON_LINES, REASON_LENGTH = 6, 600
#: Which kind decides the exit code when there are several: what a person has to look at first.
GRAVEST_FIRST = ("host_key_changed", "login_refused", "unreachable", "rolled_back", "invalid_data", "not_green")
#: What engines put before the reason and what says nothing.
_WRAPPING = re.compile(
    r"^(?:Task failed: |Module failed: |error occurred on host \S+: |Action failed: |"
    r"timed out waiting for ping module test: )+"
)
_CALLBACK = re.compile(r"^Unexpected error in Python callback: \w+\(['\"](?P<reason>.*)['\"],\)$")
_EMPTY = re.compile(r"^(?:non-zero return code|MODULE FAILURE.*|See stdout/stderr for the exact error|[\^~ ]+)$")


class FailureRule(BaseModel):
    """One reason: what names it, see failures.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failure: Literal["task", "no_answer", "login_refused", "host_key", "went_back", "package"]
    tasks: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    link_words: tuple[str, ...] = ()
    any_link: bool = False


class FailureRules(BaseModel):
    """``rules/failures.yml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    link_tasks: tuple[str, ...]
    link_texts: tuple[str, ...]
    entries: tuple[FailureRule, ...]
    noise: tuple[str, ...]


def explain_failures(results: Iterable[EngineResult]) -> list[RackproofError]:
    """Return why these results are not good, in the order in which it happened; empty when all of them are good."""
    found: list[RackproofError] = []
    for result in results:
        found += _explain(result)
    return found


def choose_exit_code(results: Sequence[EngineResult]) -> ExitCode:
    """Return OK only when there is work at all and all of it went well, else the code of the gravest failure."""
    failures = explain_failures(results)
    if results and not failures and all(result.is_good for result in results):
        return ExitCode.OK
    by_kind = {failure.kind: failure.exit_code for failure in reversed(failures)}
    known = [by_kind[kind] for kind in GRAVEST_FIRST if kind in by_kind]
    if known:
        return known[0]
    return ExitCode.NOT_GREEN


def explain_event(engine: str, event: TaskEvent) -> RackproofError:
    """Return the error that a failed task stands for."""
    code = _find_code(event)
    reason = shorten_reason(event.detail) or _("no reason was given")
    return RackproofError(code, actual=reason, host=event.host, task=event.task, engine=engine)


def shorten_reason(text: str) -> str:
    """Return what a program says of its end: its last lines, without what engines wrap around it."""
    lines = [_WRAPPING.sub("", _CALLBACK.sub(r"\g<reason>", line.strip())) for line in text.splitlines()]
    telling = [line for line in lines if line and not _EMPTY.match(line) and not is_noise(line)]
    latest_first = list(dict.fromkeys(reversed(telling)))
    kept = latest_first[:REASON_LINES]
    return "\n".join(reversed(kept))[-REASON_LENGTH:]


def is_noise(line: str) -> bool:
    """Return whether an engine's line explains nothing."""
    return any(re.search(pattern, line) for pattern in _rules().noise)


def _explain(result: EngineResult) -> list[RackproofError]:
    if result.is_good:
        return []
    failed = result.of(TaskStatus.FAILED, TaskStatus.UNREACHABLE)
    found = [explain_event(result.engine, event) for event in failed]
    noise = "\n".join(line for line in result.noise if not is_noise(line))
    if result.timed_out_after is not None:
        found.append(RackproofError("PRV001", seconds=f"{result.timed_out_after:.0f}", engine=result.engine))
    elif result.stopped and not failed:
        found.append(RackproofError("PRV027", engine=result.engine, actual=shorten_reason(result.stopped)))
    elif not failed and result.exit_code != 0:
        reason = shorten_reason(noise) or _("no reason was given")
        found.append(RackproofError("PRV025", engine=result.engine, status=result.exit_code, actual=reason))
    silent = [host for host in result.all_hosts if result.ending(host) is Ending.SILENT]
    found += [_explain_silence(result, host) for host in silent]
    if not found:
        found.append(RackproofError("PRV025", engine=result.engine, status=result.exit_code, actual=noise))
    return found


def _explain_silence(result: EngineResult, host: str) -> RackproofError:
    tasks = [event.task for event in result.events if event.host == host]
    last = _("it was never spoken of")
    if tasks:
        last = _("the last task was “{task}”").format(task=tasks[-1])
    return RackproofError("PRV024", engine=result.engine, host=host, actual=last)


def _find_code(event: TaskEvent) -> str:
    rules = _rules()
    task, text = event.task.lower(), event.detail.lower()
    is_link = event.status is TaskStatus.UNREACHABLE or _has(rules.link_tasks, task) or _has(rules.link_texts, text)
    for entry in rules.entries:
        fits = (
            _has(entry.tasks, task),
            _has(entry.words, text),
            is_link and _has(entry.link_words, text),
            is_link and entry.any_link,
        )
        if any(fits):
            return CODES[entry.failure]
    return CODES["task"]


def _has(words: Iterable[str], text: str) -> bool:
    return any(word in text for word in words)


@cache
def _rules() -> FailureRules:
    return read_model(RULES, FailureRules)
