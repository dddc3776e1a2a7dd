"""Runs ``playbooks/rooms.py`` on every server room and reports each operation as a line of JSON.

A process of its own, because pyinfra replaces Python's networking (gevent) when it is imported.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import argparse  # noqa: E402
import logging  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
from collections import deque  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any, ClassVar  # noqa: E402

from pyinfra.api import BaseStateCallback, Config, Host, Inventory, State  # noqa: E402
from pyinfra.api.connect import connect_all, disconnect_all  # noqa: E402
from pyinfra.api.deploy import add_deploy  # noqa: E402
from pyinfra.api.exceptions import PyinfraError  # noqa: E402
from pyinfra.api.operations import run_ops  # noqa: E402
from pyinfra.api.state import StateStage  # noqa: E402

from core.errors import RackproofError  # noqa: E402
from core.i18n import _  # noqa: E402
from inventory.plugins.pyinfra_inventory import rooms_inventory  # noqa: E402
from playbooks.events import line_of  # noqa: E402
from playbooks.rooms import deploy_rooms  # noqa: E402
from roles.room_operations import FINDING, PLANNED, REFUSED  # noqa: E402

CONNECT_TIMEOUT_S = 10
#: Lines of pyinfra's own log that are kept for a host: the reason of an operation that no command's output tells.
KEPT_LINES = 20
_COLOUR = re.compile("\\x1b\\[[0-9;]*m")


class HostLog(logging.Handler):
    """Keeps what pyinfra logs of each host: a lost connection or a failed proof is told nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[str, deque[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one message; those of a host begin with its name in brackets."""
        text = _COLOUR.sub("", record.getMessage()).strip()
        found = re.match(r"\[(?P<host>[^\]]+)\]\s*(?P<line>.*)", text, re.DOTALL)
        if found:
            self.lines.setdefault(found["host"], deque(maxlen=KEPT_LINES)).append(found["line"])

    def take(self, host: Host) -> str:
        """Return what was said of a host since the last time."""
        lines = self.lines.pop(host.name, deque())
        return "\n".join(lines)


class Reporter(BaseStateCallback):  # type: ignore[misc]
    """Prints one line for each operation on each host."""

    log = HostLog()
    reported: ClassVar[set[tuple[str, str]]] = set()

    @classmethod
    def host_connect(cls, state: State, host: Host) -> None:
        """Report that a host answers."""
        say_task(host, "connect", "ok")

    @classmethod
    def host_connect_error(cls, state: State, host: Host, error: Any) -> None:
        """Report that a host does not answer, or does not let us in."""
        say_task(host, "connect", "unreachable", str(error))

    @classmethod
    def operation_end(cls, state: State, op_hash: str) -> None:
        """Report the operation on every host that had it: whether it changed anything is known only now."""
        for host in state.inventory:
            data = state.ops[host].get(op_hash)
            if data is None or not data.operation_meta.is_complete() or (host.name, op_hash) in cls.reported:
                continue
            cls.reported.add((host.name, op_hash))
            done = data.operation_meta
            told = cls.log.take(host)
            if done.did_error():
                reason = "\n".join(filter(None, [done.stdout, told, done.stderr]))
                say_task(host, _name(state, op_hash), "failed", reason)
            elif done.did_change():
                say_task(host, _name(state, op_hash), "changed", _findings(done.stdout))
            else:
                say_task(host, _name(state, op_hash), "ok")


def main() -> int:
    """Run or plan; exit code 0 when every host is as it should be, 1 when something failed, 4 when a host is silent."""
    options = _options()
    rooms = [entry for entry in rooms_inventory()["rooms"] if not options.limit or entry[0] in options.limit]
    print(line_of("hosts", hosts=[name for name, _data in rooms]), flush=True)
    known = {name for name, _data in rooms}
    for name in options.limit:
        if name not in known:
            print(_("{room} is no room of this estate").format(room=name), file=sys.stderr)
    if not rooms or not known.issuperset(options.limit):
        return 1
    return run_rooms(make_state(rooms, is_plan=options.plan), deploy_rooms, is_plan=options.plan)


def make_state(rooms: list[tuple[str, dict[str, Any]]], *, is_plan: bool) -> State:
    """Return pyinfra's state for these hosts: root on each, and a brake, because one failure stops all of them."""
    logger = logging.getLogger("pyinfra")
    logger.handlers, logger.propagate = [Reporter.log], False
    logging.lastResort = None
    config = Config(SUDO=True, FAIL_PERCENT=0, CONNECT_TIMEOUT=CONNECT_TIMEOUT_S)
    # Asking first what would change costs every fact twice: only a plan does it.
    state = State(Inventory((rooms, {})), config, check_for_changes=is_plan)
    state.add_callback_handler(Reporter())
    return state


def run_rooms(state: State, deploy: Callable[[], None], *, is_plan: bool) -> int:
    """Connect to every host, apply ``deploy`` or say what it would change, and report how each host ended."""
    failed: set[str] = set()
    try:
        code = _run(state, deploy, is_plan)
        failed = {host.name for host in state.failed_hosts}
        if is_plan:
            failed |= {host.name for host in state.inventory if REFUSED.get(host.name)}
    finally:
        disconnect_all(state)
    is_whole = code == 0 and not failed
    for host in state.inventory:
        status = "done" if is_whole else "stopped"
        if host.name in failed:
            status = "failed" if host.connected or host in state.activated_hosts else "unreachable"
        print(line_of("end", host=host.name, status=status), flush=True)
    if failed and code == 0:
        return 1
    return code


def _run(state: State, deploy: Callable[[], None], is_plan: bool) -> int:
    try:
        # The brake: with FAIL_PERCENT 0 one silent host stops the wave here, before anything is changed.
        state.set_stage(StateStage.Connect)
        connect_all(state)
    except PyinfraError as error:
        print(line_of("stopped", detail=str(error)), flush=True)
        return 4
    try:
        state.set_stage(StateStage.Prepare)
        add_deploy(state, deploy)
        if is_plan:
            _report_plan(state)
        else:
            state.set_stage(StateStage.Execute)
            run_ops(state)
    except (PyinfraError, RackproofError) as error:
        _report_end(state, str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - pyinfra raises what a fact or an operation raised, of any type
        _report_end(state, f"{type(error).__name__}: {error}")
        return 1
    return 0


def _report_end(state: State, reason: str) -> None:
    """Report why the wave was stopped, after the operations that pyinfra left unreported because they failed."""
    for op_hash in state.get_op_order():
        Reporter.operation_end(state, op_hash)
    print(line_of("stopped", detail=reason), flush=True)


def _report_plan(state: State) -> None:
    for op_hash in state.get_op_order():
        for host in state.activated_hosts:
            data = state.ops[host].get(op_hash)
            if data is None:
                continue
            task = _name(state, op_hash)
            status = "changed" if data.operation_meta.will_change else "ok"
            say_task(host, task, status, PLANNED.get((host.name, task), ""))
    for host in state.activated_hosts:
        for task, reason in REFUSED.get(host.name, []):
            say_task(host, task, "failed", reason)


def _findings(output: str) -> str:
    """Return what the service script printed of itself, nothing of what other commands print."""
    lines = [line for line in output.splitlines() if FINDING.match(line)]
    return "\n".join(lines)


def _name(state: State, op_hash: str) -> str:
    return ", ".join(sorted(state.get_op_meta(op_hash).names))


def say_task(host: Host, task: str, status: str, detail: str = "") -> None:
    """Print how one operation ended on one host."""
    print(line_of("task", host=host.name, task=task, status=status, detail=detail), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", action="store_true", help="say what would change, change nothing")
    parser.add_argument("--limit", action="append", default=[], help="only this host (may be repeated)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
