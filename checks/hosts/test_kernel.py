"""Kernel settings of the host's own network stack."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net.ipv4.conf.all.accept_redirects", 0),
        ("net.ipv4.conf.all.accept_source_route", 0),
        ("net.ipv4.conf.all.send_redirects", 0),
        ("net.ipv4.conf.default.accept_redirects", 0),
        ("net.ipv4.icmp_echo_ignore_broadcasts", 1),
        ("net.ipv4.ip_forward", 0),
        ("net.ipv4.tcp_syncookies", 1),
        ("net.ipv6.conf.all.accept_redirects", 0),
        ("net.ipv6.conf.all.accept_source_route", 0),
        ("net.ipv6.conf.all.forwarding", 0),
        ("net.ipv6.conf.default.accept_ra", 0),
    ],
)
def test_network_setting(host: Host, key: str, value: int) -> None:
    """The kernel runs with this network setting"""
    assert host.sysctl(key) == value


def test_addresses_are_randomised(host: Host) -> None:
    """The kernel places programs at random addresses"""
    assert host.sysctl("kernel.randomize_va_space") == 2
