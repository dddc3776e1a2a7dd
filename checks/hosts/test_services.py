"""What runs and what must not be there."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from checks.replay.roles import roles


@pytest.mark.parametrize("name", ["telnetd", "inetutils-telnetd", "rsh-server", "nis", "tftpd", "vsftpd"])
def test_insecure_package_is_absent(host: Host, name: str) -> None:
    """A service that sends passwords in clear text is not installed"""
    found = host.run("dpkg-query -W -f '${db:Status-Status}' -- %s", name)
    unknown = found.rc == 1 and "no packages found" in found.stderr
    assert unknown or (found.rc == 0 and found.stdout in ("not-installed", "config-files"))


@pytest.mark.parametrize("name", ["ssh", "chrony"])
def test_service_runs(host: Host, name: str) -> None:
    """The service runs and starts at boot"""
    service = host.service(name)
    assert service.is_running
    assert service.is_enabled


def test_snmp_has_no_community(host: Host) -> None:
    """The SNMP agent knows no community (versions 1 and 2c)"""
    with host.sudo():
        found = host.run("grep -Ec '^[[:space:]]*(ro|rw)community|^[[:space:]]*com2sec' /etc/snmp/snmpd.conf")
    assert (found.rc, found.stdout.strip(), found.stderr) == (1, "0", "")


@roles("database-primary", "database-standby")
def test_database_trusts_nobody(host: Host) -> None:
    """The database lets nobody in without a password or a system account"""
    with host.sudo():
        found = host.run("grep -Ec '^[[:space:]]*(local|host).*[[:space:]]trust' /etc/postgresql/15/main/pg_hba.conf")
    assert (found.rc, found.stdout.strip(), found.stderr) == (1, "0", "")


@roles("database-primary", "database-standby")
def test_database_files_are_private(host: Host) -> None:
    """The database's files belong to its account alone"""
    with host.sudo():
        assert host.check_output("stat -c '%U:%a' /var/lib/postgresql/15/main") == "postgres:700"
