"""`lab down`: nothing of the lab stays on this machine but its workspace, whatever happened before."""

from __future__ import annotations

from core.console import Step
from lab import facility, owner, sweep
from lab.enter import require_root
from lab.instance import Instance
from lab.up import exclusive


def down(instance: Instance, step: Step) -> bool:
    """Take the lab down; return False when there was nothing.

    Raises RackproofError: LAB012 not root, LAB016 it is another checkout's, LAB017 somebody is raising it right now,
    LAB030 something would not go.
    """
    require_root("take the lab down")
    owner.refuse_foreign(instance)
    with exclusive(instance):
        existed = instance.state_file.exists() or bool(sweep.leftovers(instance)) or instance.hosts_dir.exists()
        step("facility agents")
        facility.stop(instance.run_dir)
        instance.state_file.unlink(missing_ok=True)
        step("processes, mounts, namespaces")
        sweep.clean(instance)
        owner.release(instance)
    return existed
