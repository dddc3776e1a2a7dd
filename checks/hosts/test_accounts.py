"""Accounts and the files that hold them. No test here ever fetches a password or its hash."""

from __future__ import annotations

import pytest
from testinfra.host import Host


def test_only_root_is_root(host: Host) -> None:
    """No account but root has user number 0"""
    assert host.check_output("awk -F: '$3==0 {print $1}' /etc/passwd") == "root"


def test_no_empty_password(host: Host) -> None:
    """No account has an empty password"""
    with host.sudo():
        found = host.run("awk -F: '$2==\"\" {n++} END {print n+0}' /etc/shadow")
    assert (found.rc, found.stdout.strip(), found.stderr) == (0, "0", "")


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/passwd", 0o644),
        ("/etc/group", 0o644),
        ("/etc/shadow", 0o640),
        ("/etc/gshadow", 0o640),
    ],
)
def test_account_file(host: Host, path: str, mode: int) -> None:
    """The account files belong to root and nobody else may write them"""
    file = host.file(path)
    assert file.user == "root"
    assert file.mode & ~mode == 0


def test_nothing_under_etc_is_writable_by_all(host: Host) -> None:
    """No file under /etc can be written by everybody"""
    with host.sudo():
        found = host.run("find /etc -xdev -type f -perm -o+w")
    assert (found.rc, found.stdout, found.stderr) == (0, "", "")
