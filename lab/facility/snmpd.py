"""One net-snmp ``snmpd`` per facility device: its configuration and its life.

net-snmp answers SNMP itself (v2c, v3 with USM, GETBULK, engine boots); only the facility's own objects come from the
simulator, over an AgentX socket in the device's folder.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from core.errors import RackproofError
from lab.facility.plan import SECRET_AUTH, SECRET_COMMUNITY, SECRET_PRIV, SNMP_USER, Agent, identity, subtrees

SOCKET, CONFIG, LOG = "agentx.sock", "snmpd.conf", "snmpd.log"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STANDARD_VIEW = ("1.3.6.1.2.1.1", "1.3.6.1.2.1.11", "1.3.6.1.6.3.10", "1.3.6.1.6.3.15.1.1")
# Only what a network management card has beside its own objects; the controller's own processes and discs stay out.
MODULES = (
    "system_mib,sysORTable,snmp_mib,setSerialNo,snmpEngine,snmpMPDStats,usmStats,usmUser,usmConf,"
    "vacm_conf,vacm_vars,vacm_context"
)
STOP_TIMEOUT_S = 2.0


def configuration(agent: Agent, secrets: Mapping[str, str]) -> str:
    """Return the ``snmpd.conf`` of one device. Raises RackproofError LAB020 when a secret is missing."""
    v4, v6 = agent.addresses[0], agent.addresses[1]
    description, object_id = identity(agent.kind)
    lines = [
        f"agentAddress udp:{v4}:161,udp6:[{v6}]:161",
        "master agentx",
        f"agentXSocket unix:{SOCKET}",
        "agentXTimeout 4",
        "agentXRetries 0",
        f"sysDescr {description}",
        f"sysObjectID .{'.'.join(map(str, object_id))}",
        f"sysName {agent.name}",
        f"sysLocation {agent.site}",
        "sysContact facility",
        "sysServices 72",
        "dontLogTCPWrappersConnects yes",
    ]
    lines += [f"view facility included .{oid}" for oid in STANDARD_VIEW]
    lines += [f"view facility included .{'.'.join(map(str, oid))}" for oid in subtrees(agent.kind)]
    return "\n".join(lines + _access(agent, secrets)) + "\n"


def _access(agent: Agent, secrets: Mapping[str, str]) -> list[str]:
    needed = (SECRET_AUTH, SECRET_PRIV) if agent.v3 else (SECRET_COMMUNITY,)
    missing = [name for name in needed if not secrets.get(name)]
    if missing:
        raise RackproofError("LAB020", device=agent.name, names=", ".join(missing))
    if not agent.v3:
        community = secrets[SECRET_COMMUNITY]
        return [f"rocommunity {community} default -V facility", f"rocommunity6 {community} default -V facility"]
    user = f'createUser {SNMP_USER} SHA-256 "{secrets[SECRET_AUTH]}" AES "{secrets[SECRET_PRIV]}"'
    return [user, f"rouser {SNMP_USER} priv -V facility"]


def write_configuration(agent: Agent, folder: Path, secrets: Mapping[str, str]) -> None:
    """Write the configuration where only its owner can read it: it holds the credentials."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG
    config.unlink(missing_ok=True)
    config.touch(mode=0o600)
    config.write_text(configuration(agent, secrets), encoding="utf-8")


class Snmpd:
    """A running snmpd; its parent is the simulator, and the kernel ends it when the simulator dies."""

    def __init__(self, agent: Agent, folder: Path, program: list[str]) -> None:
        self.agent, self.folder, self.program = agent, folder, program
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start snmpd inside the device's namespace, with the kernel's parent-death signal set."""
        (self.folder / SOCKET).unlink(missing_ok=True)
        argv = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.agent.namespace]
        argv += [*self.program, "-f", "-C", "-c", CONFIG, "-m", "", "-M", "", "-I", MODULES, "-Lf", LOG]
        # An absolute folder: net-snmp 5.9 makes the parents of a relative one from the root of the file system.
        environment = {"PATH": SYSTEM_PATH, "SNMP_PERSISTENT_DIR": str(self.folder.resolve() / "state")}
        self.process = subprocess.Popen(
            argv,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def alive(self) -> bool:
        """Say whether snmpd runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs: STOP makes the device mute, CONT lets it speak again."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self) -> None:
        """End snmpd, by force if it does not go by itself."""
        if self.process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
