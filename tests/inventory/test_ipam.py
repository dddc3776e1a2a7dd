"""Who has what: the plan as rows, blocks and what operators assigned beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import RackproofError
from inventory.load.loader import load_estate
from inventory.model.enums import Family
from inventory.queries.ipam import rows, who_has

CAMPUS = load_estate(Path(__file__).parent / "campus")

ANSWERS = [
    ("fd00:2:101:106e::11", [("site", "dc"), ("vlan", "dc"), ("host", "dns1")]),
    ("2d00:2:101:106e::11", [("site", "dc"), ("vlan", "dc"), ("host", "dns1")]),
    ("10.1.10.11", [("vlan", "dc"), ("host", "dns1")]),
    ("fd00:2:fe01:101::11", [("block", "campus"), ("vlan", "dc"), ("host", "sw1")]),
    ("fd00:2:ff00::1", [("block", "campus"), ("anycast", "names")]),
    ("10.250.0.1", [("anycast", "names")]),
    ("100.64.1.1", [("assigned", "dc line-1")]),
    ("2d00:9::/48", [("assigned", "dc line-1")]),
    ("11", [("link", "core1"), ("link", "kv01-edge1")]),
    ("dc line-2", [("assigned", "dc line-2")]),
    ("fd00:2:ff02::2", [("block", "campus"), ("loopback", "kv02-edge1")]),
    ("2001:db8::1", []),
    ("nobody", []),
]


@pytest.mark.parametrize(("query", "expected"), ANSWERS, ids=[query for query, _ in ANSWERS])
def test_who_has(query: str, expected: list[tuple[str, str]]) -> None:
    assert [(row.kind, row.owner) for row in who_has(CAMPUS, query)] == expected


def test_every_row_is_one_thing() -> None:
    found = list(rows(CAMPUS))
    assert len(found) == len(set(found)) > 30
    assert [row.name for row in found if row.owner == "dc line-2"] == ["tslcd: not assigned yet"]
    assert {row.ipv6_second[:6] for row in found if row.ipv6 and row.kind != "assigned"} == {"2d00:2"}


def test_an_address_of_a_family_that_is_not_in_use_is_missed_aloud() -> None:
    dc = CAMPUS.sites["dc"]
    vlans = tuple(vlan.model_copy(update={"families": (Family.IPV6,), "ipv4": None}) for vlan in dc.vlans)
    one = replace(CAMPUS, sites={**CAMPUS.sites, "dc": dc.model_copy(update={"vlans": vlans})})
    assert str(one.ipv6("dns1")) == "fd00:2:101:106e::11"
    with pytest.raises(RackproofError) as caught:
        one.ipv4("dns1")
    assert caught.value.code == "EST090"
    assert [row.ipv4 for row in rows(one) if row.owner == "dns1"] == [""]
