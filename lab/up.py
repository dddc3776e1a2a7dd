"""`lab up` and `lab down`: from nothing to every host and router answering over SSH with its pinned key, and back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from core import secrets as core_secrets
from core.account_keys import make_account_keys
from core.console import ProgressStep
from core.errors import RackproofError
from core.i18n import _
from core.locks import hold
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from lab import access, cable, cgroup, facility, host, image, network, owner, preflight, router, sweep
from lab.command import run
from lab.enter import argv_inside, require_root
from lab.instance import ESTATE, MARK, SOCKETS, Instance
from lab.reach import PAUSE_S, TRY_S, answering
from lab.topology import LabNode, Topology, derive

READY_TIMEOUT_S = 90.0
#: Processes of `ip`, `mount` and ssh that run side by side; the work waits for the kernel more than for the processor.
PARALLEL = 4


def up(instance: Instance, step: ProgressStep) -> bool:
    """Raise the lab; return False when it was up already.

    What a killed `lab up` left behind is removed first; on any error or Ctrl-C everything made so far is taken down.
    Raises RackproofError: LAB012 not root, LAB016 another checkout has a lab of this name, LCK001 somebody is
    raising it right now, LAB018 a node does not answer.
    """
    require_root(_("raise the lab"))
    with exclusive(instance, _("raising the lab '{lab}'").format(lab=instance.name)):
        if instance.is_up():
            return False
        owner.claim(instance)
        try:
            sweep.clean(instance)
            instance.socket_dir.mkdir(mode=0o700)
            _raise(instance, step)
        except BaseException:
            with _uninterrupted():
                facility.stop(instance.run_dir)
                instance.state_file.unlink(missing_ok=True)
                sweep.clean(instance)
            raise
    return True


def down(instance: Instance, step: ProgressStep) -> bool:
    """Take the lab down; return False when there was nothing.

    Raises RackproofError: LAB012 not root, LAB016 it is another checkout's, LCK001 somebody is raising it right now,
    LAB030 something would not go.
    """
    require_root(_("take the lab down"))
    owner.refuse_foreign(instance)
    with exclusive(instance, _("taking the lab '{lab}' down").format(lab=instance.name)):
        existed = instance.state_file.exists() or bool(sweep.leftovers(instance)) or instance.hosts_dir.exists()
        step(_("facility agents"))
        facility.stop(instance.run_dir)
        instance.state_file.unlink(missing_ok=True)
        step(_("processes, mounts, namespaces"))
        sweep.clean(instance)
        instance.demo_mark.unlink(missing_ok=True)
        owner.release(instance)
    return existed


def exclusive(instance: Instance, what: str) -> AbstractContextManager[None]:
    """Hold the instance's name for one `up`, `down` or `destroy` at a time, whichever checkout it is done from.

    Raises RackproofError (LCK001), which says who holds it, when somebody does.
    """
    return hold(SOCKETS / f"{instance.name}.lock", what)


def _raise(instance: Instance, step: ProgressStep) -> None:
    started = time.monotonic()
    if not image.is_built():
        step(_("building the golden image, once (about a minute)"))
    rootfs = image.ensure(step)
    estate = load_estate(ESTATE)
    topology = derive(estate)
    instance.record({"phase": "starting", "pid": os.getpid()})
    preflight.check(len(topology.booted), step)
    step(_("keys and secrets"))
    make_account_keys(instance.workspace)
    core_secrets.make_secrets(instance.workspace)
    secrets = dict(core_secrets.load(instance.workspace))
    said = _("network: {namespaces} namespaces, {vlans} VLANs, {links} links")
    counts = {"namespaces": len(topology.nodes), "vlans": len(topology.bridges), "links": len(topology.wires)}
    step(said.format(**counts))
    network.build(instance, topology)
    pids: dict[str, int | None] = {"cable": cable.start(instance, topology)}
    pids |= _boot_all(instance, estate, topology, rootfs, secrets, step)
    step(_("facility agents"))
    with _marked(instance):
        facility.start(estate, instance.name, instance.run_dir, secrets)
    cgroup.adopt(instance, sweep.processes(instance))
    _wait(instance, topology, pids, step)
    _save_routers(instance, topology)
    instance.record(
        {
            "phase": "up",
            "instance": instance.name,
            "image": str(rootfs),
            "pids": pids,
            "nodes": [node.name for node in topology.nodes],
            "seconds": round(time.monotonic() - started, 1),
            "up_since": time.time(),
        }
    )


def _boot_all(
    instance: Instance, estate: Estate, topology: Topology, rootfs: Path, secrets: dict[str, str], step: ProgressStep
) -> dict[str, int]:
    keys: dict[str, str] = {}
    pids: dict[str, int] = {}

    def prepare(node: LabNode) -> None:
        root = host.make_disk(instance, node, rootfs)
        keys[node.name] = host.write_identity(instance, node, topology, root)
        if node.kind == "router":
            router.install(root, node.device, estate, instance.workspace, secrets)
        pids[node.name] = host.boot(instance, node)

    step(_("booting"), done=0, total=len(topology.booted))
    with ThreadPoolExecutor(PARALLEL) as pool:
        for number, _done in enumerate(pool.map(prepare, topology.booted), start=1):
            step(_("booting"), done=number, total=len(topology.booted))
    access.write_known_hosts(instance.workspace, topology.booted, keys)
    access.write_ssh_config(instance, topology.booted)
    return pids


def _wait(instance: Instance, topology: Topology, pids: Mapping[str, int | None], step: ProgressStep) -> None:
    waiting = {node.name: node for node in topology.booted}
    total = len(waiting)
    step(_("waiting for every system to answer"), done=0, total=total)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while waiting:
        gone = [name for name in waiting if not host.is_running(pids[name])]
        if gone or time.monotonic() > deadline:
            state = _("silent")
            if gone:
                state = _("stopped")
            raise _silent(instance, gone or list(waiting), state)
        answered = answering(instance, waiting.values(), TRY_S)
        for name in answered:
            del waiting[name]
        if answered:
            step(_("answering"), done=total - len(waiting), total=total)
        time.sleep(PAUSE_S)


def _silent(instance: Instance, names: Sequence[str], state: str) -> RackproofError:
    console = host.console_tail(instance, names[0])
    text = _("{names}: {state}; console of {first}: {console}")
    said = text.format(names=", ".join(names), state=state, first=names[0], console=console)
    return RackproofError("LAB018", actual=said, names=", ".join(names), seconds=f"{READY_TIMEOUT_S:.0f}")


def _save_routers(instance: Instance, topology: Topology) -> None:
    """Let every router write its configuration in its own words: from then on startup and running are the same text."""

    def save(node: LabNode) -> None:
        argv = ["ssh", "-F", str(instance.workspace.ssh_config), node.name, "write memory"]
        run(argv_inside(instance, "ctl", argv), timeout=30)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(save, (node for node in topology.booted if node.kind == "router")))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C for the second that clearing up takes: an impatient second one must not leave half of it behind."""
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


@contextmanager
def _marked(instance: Instance) -> Iterator[None]:
    """Mark whatever is started meanwhile as part of this lab, so that `lab down` finds it after any crash."""
    os.environ[MARK] = str(instance.run_dir)
    try:
        yield
    finally:
        del os.environ[MARK]
