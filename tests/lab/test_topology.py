"""The lab's topology follows from the estate alone."""

from dataclasses import replace

import pytest

from core.errors import RackproofError
from inventory.load.loader import load_estate
from inventory.model.entities import LinkEnd
from lab.instance import ESTATE
from lab.router.install import day0
from lab.topology import derive
from tests.support import require

ESTATE_ = load_estate(ESTATE)
TOPOLOGY = derive(ESTATE_)


def test_every_host_router_controller_and_facility_has_a_node() -> None:
    by_kind: dict[str, set[str]] = {}
    for node in TOPOLOGY.nodes:
        by_kind.setdefault(node.kind, set()).add(node.name)
    assert by_kind == {
        "controller": {"ctl"},
        "host": {"dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"},
        "router": {"core1", "core2", "dr-edge1", "hph-edge1", "hph-kv01-edge1"},
        "facility": {"fac-dc", "fac-hph", "fac-hph-kv01"},
    }


def test_routers_boot_before_hosts() -> None:
    kinds = [node.kind for node in TOPOLOGY.booted]
    assert kinds == sorted(kinds, reverse=True)


def test_hosts_have_addresses_and_gateways_of_both_families_before_they_boot() -> None:
    port = TOPOLOGY.node("hph-node1").ports[0]
    assert [str(a) for a in port.addresses] == ["10.31.10.11/24", "fd52:5052:1f00:106e::11/64"]
    assert port.gateways == ("10.31.10.1", "fd52:5052:1f00:106e::1")


def test_router_addresses_are_left_to_its_configuration() -> None:
    assert all(not port.addresses for node in TOPOLOGY.booted if node.kind == "router" for port in node.ports)


def test_a_facility_namespace_holds_every_device_of_its_site() -> None:
    addresses = {str(a.ip) for a in TOPOLOGY.node("fac-dc").ports[0].addresses}
    expected = {d.name for d in ESTATE_.sites["dc"].devices} & {
        "ups-a",
        "ups-b",
        "pdu-a",
        "pdu-b",
        "ats-1",
        "crac-1",
        "crac-2",
        "env-dc",
    }
    for name in expected:
        main = ESTATE_.address(name)
        assert {str(require(main.ipv4).ip), str(require(main.ipv6).ip)} <= addresses


def test_room_uplinks_are_cables_and_the_rest_is_not() -> None:
    cables = {frozenset((w.a[0], w.b[0])) for w in TOPOLOGY.wires if w.is_cable}
    assert cables == {
        frozenset(p) for p in (("core1", "hph-edge1"), ("core2", "hph-edge1"), ("hph-edge1", "hph-kv01-edge1"))
    }


def test_an_unknown_node_is_named_with_the_known_ones() -> None:
    with pytest.raises(RackproofError) as caught:
        TOPOLOGY.node("dc-db9")
    assert caught.value.code == "LAB014"
    assert "dc-db1" in caught.value.expected


def test_an_interface_name_linux_would_refuse_is_refused_first() -> None:
    link = ESTATE_.links[0]
    long = link.model_copy(update={"a": LinkEnd(device="core1", interface="a-much-too-long-name")})
    with pytest.raises(RackproofError) as caught:
        derive(replace(ESTATE_, links=(long, *ESTATE_.links[1:])))
    assert caught.value.code == "LAB015"


def test_day0_is_ipv4_only_and_covers_every_interface() -> None:
    text = day0("hph-edge1", ESTATE_)
    assert "ipv6" not in text
    for interface in ESTATE_.interfaces("hph-edge1"):
        assert f"interface {interface.name}\n" in text
        assert f" ip address {interface.ipv4}\n" in text
