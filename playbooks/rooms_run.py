"""Runs ``playbooks/rooms.py`` on every server room and reports each operation as a line of JSON.

A process of its own, because pyinfra replaces Python's networking (gevent) when it is imported.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import argparse  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from pyinfra.api import BaseStateCallback, Config, Host, Inventory, State  # noqa: E402
from pyinfra.api.connect import connect_all, disconnect_all  # noqa: E402
from pyinfra.api.deploy import add_deploy  # noqa: E402
from pyinfra.api.exceptions import PyinfraError  # noqa: E402
from pyinfra.api.operations import run_ops  # noqa: E402
from pyinfra.api.state import StateStage  # noqa: E402

from core.errors import RackproofError  # noqa: E402
from inventory.pyinfra_inventory import rooms_inventory  # noqa: E402
from playbooks.events import line_of  # noqa: E402
from playbooks.rooms import deploy_rooms  # noqa: E402

CONNECT_TIMEOUT_S = 10


class Reporter(BaseStateCallback):  # type: ignore[misc]
    """Prints one line for each operation on each host."""

    @staticmethod
    def host_connect(state: State, host: Host) -> None:
        """Report that a host answers."""
        _say(host, "connect", "ok")

    @staticmethod
    def host_connect_error(state: State, host: Host, error: Any) -> None:
        """Report that a host does not answer."""
        _say(host, "connect", "unreachable", str(error))

    @staticmethod
    def operation_host_success(state: State, host: Host, op_hash: str, retry_count: int = 0) -> None:
        """Remember it; whether it changed anything is known only once the operation is complete."""

    @staticmethod
    def operation_end(state: State, op_hash: str) -> None:
        """Report the operation on every host that had it."""
        for host in state.activated_hosts:
            data = state.ops[host].get(op_hash)
            if data is None or not data.operation_meta.is_complete():
                continue
            done = data.operation_meta
            status = "failed" if done.did_error() else "changed" if done.did_change() else "ok"
            _say(host, _name(state, op_hash), status, done.stderr if done.did_error() else "")


def main() -> int:
    """Run or plan; exit code 0 when every host is as it should be, 1 when something failed, 4 when a host is silent."""
    options = _options()
    logging.disable(logging.CRITICAL)
    rooms = [entry for entry in rooms_inventory()["rooms"] if not options.limit or entry[0] in options.limit]
    print(line_of("hosts", hosts=[name for name, _data in rooms]), flush=True)
    if not rooms:
        return 0
    config = Config(SUDO=True, FAIL_PERCENT=0, CONNECT_TIMEOUT=CONNECT_TIMEOUT_S)
    # Asking first what would change costs every fact twice: only a plan does it.
    state = State(Inventory((rooms, {})), config, check_for_changes=options.plan)
    state.add_callback_handler(Reporter())
    return _run(state, options.plan)


def _run(state: State, is_plan: bool) -> int:
    try:
        # The brake: with FAIL_PERCENT 0 one silent host stops the wave here, before anything is changed.
        state.set_stage(StateStage.Connect)
        connect_all(state)
    except PyinfraError as error:
        print(line_of("stopped", detail=str(error)), flush=True)
        return 4
    try:
        state.set_stage(StateStage.Prepare)
        add_deploy(state, deploy_rooms)
        if is_plan:
            _report_plan(state)
        else:
            state.set_stage(StateStage.Execute)
            run_ops(state)
    except (PyinfraError, RackproofError) as error:
        print(line_of("stopped", detail=str(error)), flush=True)
        return 1
    finally:
        disconnect_all(state)
    return 0


def _report_plan(state: State) -> None:
    for op_hash in state.get_op_order():
        for host in state.activated_hosts:
            data = state.ops[host].get(op_hash)
            if data is not None:
                _say(host, _name(state, op_hash), "changed" if data.operation_meta.will_change else "ok")


def _name(state: State, op_hash: str) -> str:
    return ", ".join(sorted(state.get_op_meta(op_hash).names))


def _say(host: Host, task: str, status: str, detail: str = "") -> None:
    print(line_of("task", host=host.name, task=task, status=status, detail=detail), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", action="store_true", help="say what would change, change nothing")
    parser.add_argument("--limit", action="append", default=[], help="only this host (may be repeated)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
