"""A dead link, a refused log-in and a changed host key are three mistakes, told apart on a real SSH connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.errors import ExitCode, RackproofError
from netconfig.change import guard as guard_module
from netconfig.change.guard import SshGuard
from netconfig.change.plan import make_plan
from netconfig.change.session import HostKeyChanged, LoginRefused, Lost, explain_unreached
from netconfig.rollout.status import Contact, choose_exit_code, read_status
from tests.netconfig.world import World


class Refusing(paramiko.ServerInterface):
    """A server that lets nobody in."""

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


@dataclass
class Server:
    port: int
    key: paramiko.PKey


@pytest.fixture
def server() -> Iterator[Server]:
    """An SSH server on this machine that answers and refuses every log-in."""
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transports.append(transport)
            try:
                transport.start_server(server=Refusing())
            except (paramiko.SSHException, EOFError, ConnectionError):  # the client saw what it came for, and left
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield Server(listener.getsockname()[1], key)
    listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake the one who waits in accept()
    listener.close()
    for transport in transports:
        transport.close()
    thread.join(5)


def pins(folder: Path, server: Server, key: paramiko.PKey | None) -> Path:
    file = folder / "known_hosts"
    lines = [f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n"] if key else []
    file.write_text("".join(lines))
    return file


CASES = [
    ("the pinned key", LoginRefused, "NET022", "login_refused", ExitCode.NOT_LET_IN),
    ("another key", HostKeyChanged, "NET023", "host_key_changed", ExitCode.NOT_LET_IN),
    ("no key", HostKeyChanged, "NET023", "host_key_changed", ExitCode.NOT_LET_IN),
    ("no server", Lost, "NET021", "unreachable", ExitCode.UNREACHABLE),
]


@pytest.mark.parametrize("way", ["session", "guard"])
@pytest.mark.parametrize(("pinned", "kind", "code", "name", "exit_code"), CASES, ids=[case[0] for case in CASES])
def test_each_is_an_error_of_its_own(
    way: str, pinned: str, kind: type[Lost], code: str, name: str, exit_code: ExitCode, server: Server,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World,
) -> None:  # fmt: skip
    keys = {"the pinned key": server.key, "another key": paramiko.ECDSAKey.generate()}
    known_hosts = pins(tmp_path, server, keys.get(pinned, server.key) if pinned != "no key" else None)
    own = tmp_path / "id"
    own.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    port = server.port
    if pinned == "no server":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    connect = paramiko.SSHClient.connect

    def to_server(self: paramiko.SSHClient, hostname: str, *args: object, **options: Any) -> None:
        connect(self, "127.0.0.1", **{**options, "port": port})

    monkeypatch.setattr(paramiko.SSHClient, "connect", to_server)
    with pytest.raises(Lost) as caught:
        _open(way, own, known_hosts, world)
    assert type(caught.value) is kind, caught.value
    error = explain_unreached("core1", caught.value)
    assert (error.code, error.kind, error.exit_code) == (code, name, exit_code)
    assert ("power" in error.remedy) == (code == "NET021")


def _open(way: str, key: Path, known_hosts: Path, world: World) -> None:
    from core.workspace import Workspace
    from netconfig.change.session import NetmikoSession, Target
    from netconfig.platforms.platform import load

    if way == "session":
        NetmikoSession(Target("core1", "127.0.0.1", load("frr"), key, known_hosts))
        return
    folder = known_hosts.parent
    (folder / "keys").mkdir()
    key.rename(folder / "keys" / "netguard_ed25519")
    SshGuard(world.estate, Workspace(folder, folder), "core1").status()


def refuse(world: World, device: str, problem: Lost) -> None:
    """Let every new connection to one router end like this."""

    def connect() -> None:
        raise problem

    world.routers[device].connect = connect  # type: ignore[method-assign]


def test_the_status_says_which_and_never_asks_for_the_power(world: World) -> None:
    world.converge()
    assert choose_exit_code(read_status(world.estate, world.means())) == ExitCode.OK
    refuse(world, "core1", LoginRefused("no"))
    refuse(world, "core2", HostKeyChanged("no"))
    rows = {row.device: row for row in read_status(world.estate, world.means())}
    assert (rows["core1"].contact, rows["core1"].problem) == (Contact.LOGIN_REFUSED, "NET022")
    assert (rows["core2"].contact, rows["core2"].problem) == (Contact.HOST_KEY_CHANGED, "NET023")
    assert choose_exit_code(list(rows.values())) == ExitCode.NOT_LET_IN
    assert "power" not in str([row.as_dict() for row in rows.values()])
    assert (
        choose_exit_code([replace(row, contact=Contact.UNREACHABLE) for row in rows.values()]) == ExitCode.UNREACHABLE
    )


def test_a_plan_names_each_mistake_by_its_own_code(world: World) -> None:
    refuse(world, "core1", LoginRefused("no"))
    refuse(world, "core2", HostKeyChanged("no"))
    world.routers["dr-edge1"].dead = True
    with pytest.raises(RackproofError) as caught:
        make_plan(world.estate, world.open)
    codes = {error.code for error in caught.value.errors}  # type: ignore[attr-defined]
    assert codes == {"NET021", "NET022", "NET023"}


def test_nothing_at_all_is_not_green() -> None:
    assert choose_exit_code([]) != ExitCode.OK
    assert guard_module.USER == "netguard"
