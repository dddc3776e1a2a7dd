"""`lab down`: nothing of the lab stays on this machine but its workspace, whatever happened before."""

from __future__ import annotations

from core.console import ProgressStep
from core.i18n import _
from lab import facility, owner, sweep
from lab.enter import require_root
from lab.instance import Instance
from lab.up import exclusive


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
