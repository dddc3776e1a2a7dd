# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: one line of JSON for each task on each host. Results of ``no_log`` tasks arrive here censored."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rackproof_events
type: stdout
short_description: One line of JSON for each task on each host
description:
  - Used by C(rackproof provision); people who call ansible-playbook themselves keep Ansible's own output.
"""

KEPT_DETAIL = 4000
#: What ansible.builtin.command says when it was left out of a plan: an apply would run it, so a plan shows it.
LEFT_OUT = "would have run if not in check mode"


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints the protocol of playbooks/events.py."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rackproof_events"

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Report the hosts known so far; the last such line names all of them."""
        self._seen.update(host.name for host in play.get_variable_manager()._inventory.get_hosts(play.hosts))
        self._say("hosts", hosts=sorted(self._seen))

    def v2_runner_on_ok(self, result: Any) -> None:
        """Report a task that went well, and what it says of the change it made."""
        if result.result.get("changed"):
            self._task(result, "changed", self._told(result))
        else:
            self._task(result, "ok", "")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Report a task that failed, with what it said."""
        self._task(result, "failed", self._why(result.result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Report a host that went away."""
        self._task(result, "unreachable", str(result.result.get("msg", "")))

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Report a task that does not concern the host, or one that only an apply would run."""
        status = "changed" if self._is_left_out(result.result) else "skipped"
        self._task(result, status)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Report how the work on every host ended: the last word of this engine.

        Every play has any_errors_fatal: where one host failed, the others are not known to have come to their end.
        """
        summaries = {host: stats.summarize(host) for host in sorted(stats.processed)}
        is_whole = not any(summary["failures"] or summary["unreachable"] for summary in summaries.values())
        for host, summary in summaries.items():
            status = "done" if is_whole else "stopped"
            if summary["failures"]:
                status = "failed"
            if summary["unreachable"]:
                status = "unreachable"
            self._say("end", host=host, status=status)

    def v2_on_file_diff(self, result: Any) -> None:
        """Report a difference, unless the task keeps its contents to itself."""
        if result.task.no_log or not result.task.diff:
            return
        for part in result.result.get("results", [result.result]):
            text = self._get_diff(part["diff"]) if part.get("diff") and part.get("changed") else ""
            if text:
                self._say("diff", host=result.host.name, task=self._name(result.task), detail=text[:KEPT_DETAIL])

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say nothing: with ``--limit`` most plays concern nobody, and a run without any task is no success anyway."""

    def _task(self, result: Any, status: str, detail: str = "") -> None:
        name = self._name(result.task)
        self._say("task", host=result.host.name, task=name, status=status, detail=detail[:KEPT_DETAIL])

    @staticmethod
    def _is_left_out(result: Any) -> bool:
        parts = result.get("results") or [result]
        return any(LEFT_OUT in str(part.get("msg", "")) for part in parts)

    @staticmethod
    def _told(result: Any) -> str:
        """Return what the service script printed; the output of other commands is theirs and is not shown."""
        if result.task.no_log or result.task.get_name(include_role_fqcn=False).split(" : ")[0] != "service_state":
            return ""
        parts = result.result.get("results") or [result.result]
        return "\n".join(str(part.get("stdout", "")) for part in parts if part.get("stdout"))

    @staticmethod
    def _name(task: Any) -> str:
        return str(task.get_name(include_role_fqcn=False)).strip()

    @staticmethod
    def _why(result: Any) -> str:
        parts = [part for part in result.get("results", []) if part.get("failed")] or [result]
        wanted = ("msg", "stdout", "stderr")  # the end of standard error says most: it stands last
        said: list[str] = []
        for part in parts:
            said += [str(part[key]).strip() for key in wanted if part.get(key)]
        return "\n".join(said)

    @staticmethod
    def _say(event: str, **fields: Any) -> None:
        print(json.dumps({"event": event, **fields}, ensure_ascii=False, default=str), flush=True)
