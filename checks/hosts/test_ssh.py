"""The SSH service as it really runs (``sshd -T``), not as a file says."""

from __future__ import annotations

import pytest
from testinfra.host import Host

WEAK = ("cbc", "3des", "arcfour", "md5", "sha1", "umac-64")


def effective(host: Host) -> dict[str, str]:
    with host.sudo():
        lines = host.check_output("/usr/sbin/sshd -T").lower().splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("permitrootlogin", "no"),
        ("passwordauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("permitemptypasswords", "no"),
        ("hostbasedauthentication", "no"),
        ("x11forwarding", "no"),
        ("permituserenvironment", "no"),
        ("ignorerhosts", "yes"),
        ("pubkeyauthentication", "yes"),
    ],
)
def test_sshd_setting(host: Host, key: str, value: str) -> None:
    """The SSH service runs with this setting"""
    assert effective(host)[key] == value


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [
        ("maxauthtries", 1, 4),
        ("logingracetime", 1, 60),
        ("clientaliveinterval", 1, 300),
    ],
)
def test_sshd_limit(host: Host, key: str, least: int, most: int) -> None:
    """The SSH service limits tries, log-in time and idle time"""
    assert least <= int(effective(host)[key]) <= most


@pytest.mark.parametrize("key", ["ciphers", "macs", "kexalgorithms"])
def test_sshd_algorithms(host: Host, key: str) -> None:
    """The SSH service offers no weak algorithm"""
    offered = effective(host)[key].split(",")
    assert offered and not [name for name in offered if any(weak in name for weak in WEAK)]


def test_sshd_names_who_may_log_in(host: Host) -> None:
    """The SSH service names the accounts that may log in"""
    assert effective(host)["allowusers"]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_host_key_is_private(host: Host, kind: str) -> None:
    """A private host key is readable by root alone"""
    with host.sudo():
        found = host.run("stat -c '%%U:%%a' /etc/ssh/ssh_host_%s_key" % kind)  # noqa: UP031
    absent = found.rc == 1 and "No such file" in found.stderr
    assert absent or found.stdout.strip() == "root:600"
