"""One booted node: its disk (an overlay over the golden image), its identity, and the systemd that runs in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from core.account_keys import public_line, write_key
from core.errors import RackproofError
from lab import access, cgroup
from lab.command import run
from lab.instance import Instance
from lab.topology import LabNode, Topology

#: systemd-nspawn's exit code when the system inside asked for a reboot and nobody but us would do it.
REBOOT = 133
#: Capabilities a host needs beyond nspawn's default: its own firewall and links, raw sockets, reading its kernel log.
CAPABILITIES = "CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYSLOG"
NSPAWN = (
    "systemd-nspawn",
    "--quiet",
    "--boot",
    "--register=no",
    "--keep-unit",
    "--resolv-conf=off",
    "--link-journal=no",
    "--timezone=off",
    "--console=pipe",
    f"--capability={CAPABILITIES}",
    "--system-call-filter=@keyring",
)
#: Starts the system again when it asked for a reboot. A router loses its addresses then, as one without power would.
SUPERVISOR = f"""
node=$1 groups=$2 flush=$3; shift 3
for group in $groups; do echo $$ > "$group/cgroup.procs" || exit 1; done
while :; do
    "$@" < /dev/null
    code=$?
    [ $code -eq {REBOOT} ] || exit $code
    [ "$flush" = no ] || ip -n "$node" addr flush scope global
done
"""


def make_disk(instance: Instance, node: LabNode, image: Path) -> Path:
    """Mount a fresh root file system for the node and return it."""
    home = instance.hosts_dir / node.name
    for name in ("up", "work", "root"):
        (home / name).mkdir(parents=True)
    # overlayfs splits its options at commas and colons; relative paths keep those of the folders above out of it.
    link = home / "image"
    link.symlink_to(image)
    argv = [
        "mount",
        "-t",
        "overlay",
        f"rp-{instance.name}-{node.name}",
        "-o",
        "lowerdir=image,upperdir=up,workdir=work",
        "root",
    ]
    run(["env", f"--chdir={home}", *argv])
    return home / "root"


def write_identity(instance: Instance, node: LabNode, topology: Topology, root: Path) -> str:
    """Give the node its name, host key and accounts' keys, and everybody's addresses; return its public host key."""
    (root / "etc/hostname").write_text(node.name + "\n", encoding="ascii")
    (root / "etc/hosts").write_text(_hosts_file(topology), encoding="ascii")
    (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n", encoding="ascii")
    authorise(root, access.OPS, public_line(instance.workspace.ssh_key))
    return write_key(root / "etc/ssh/ssh_host_ed25519_key", node.name)


def authorise(root: Path, account: str, line: str) -> None:
    """Let the holder of a key log in to an account of a root file system.

    Raises RackproofError (LAB043) when the image has no such account.
    """
    entry = account_entry(root, account)
    uid, gid, home = int(entry[2]), int(entry[3]), root / entry[5].lstrip("/")
    folder = home / ".ssh"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "authorized_keys"
    file.write_text(line + "\n", encoding="ascii")
    file.chmod(0o600)
    for path in (home, folder, file):
        os.chown(path, uid, gid)


def account_entry(root: Path, account: str) -> list[str]:
    """Return an account's fields in a root file system's passwd file; raises RackproofError (LAB043) when missing."""
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{account}:"):
            return line.split(":")
    raise RackproofError("LAB043", account=account)


def enable(root: Path, *units: str) -> None:
    """Enable services in a root file system that is not running."""
    run(["systemctl", f"--root={root}", "enable", "--quiet", *units])


def boot(instance: Instance, node: LabNode) -> int:
    """Boot the node and return the id of the process that keeps it running."""
    groups = " ".join(str(path) for path in cgroup.make(instance, node.name))
    argv = [
        *_scope(instance, node),
        "sh",
        "-c",
        SUPERVISOR,
        "supervisor",
        instance.netns(node.name),
        groups,
        "yes" if node.kind == "router" else "no",
        *NSPAWN,
        f"--network-namespace-path={instance.netns_file(node.name)}",
        f"--machine={instance.netns(node.name)}",
        f"--hostname={node.name}",
        "-D",
        str(instance.root_of(node.name)),
    ]
    environment = {**instance.environment, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
    with (instance.hosts_dir / node.name / "console.log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    return process.pid


def is_running(pid: int | None) -> bool:
    """Tell whether the process that keeps a node running is alive (a zombie is not)."""
    try:
        return b"supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _scope(instance: Instance, node: LabNode) -> Sequence[str]:
    if not cgroup.managed_by_systemd():
        return ()
    unit = f"rp-{instance.name}-{node.name}"
    return ("systemd-run", "--quiet", "--scope", "--collect", f"--unit={unit}", "--property=Delegate=yes")


def _hosts_file(topology: Topology) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for other in topology.nodes:
        if other.device:
            lines += [f"{other.ipv6} {other.device}", f"{other.ipv4} {other.device}"]
    return "\n".join(lines) + "\n"


def console_tail(instance: Instance, node: str) -> str:
    """Return the end of what a node printed while booting, for error messages."""
    file = instance.hosts_dir / node / "console.log"
    if file.exists():
        return file.read_text(encoding="utf-8", errors="replace")[-400:]
    return ""


def copy_owned(source: Path, target: Path, mode: int) -> None:
    """Copy a file into a root file system as root's, with this mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
    os.chown(target, 0, 0)
