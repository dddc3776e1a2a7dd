"""Edits of single values: what they give, and that no other byte changes."""

import pytest
import yaml

from inventory.netbox.yamledit import append, put

BLOCK = """\
# the head
site: dc   # a comment
name: {en: Old, vi: 'Cũ'}
devices:
  - name: core1  # the first
    rack: R1
    asset:
      vendor: FRR
      serial: A-1   # on the label

  - {name: core2, asset: {vendor: FRR}}   # short

# what follows
racks: [{name: R1}]
"""
PROVINCE = """\
defaults: {region: 31}
sites:
  - {site: a, number: 1, uplinks: [{id: 1, to: x}]}   # one
  - site: b
    number: 2
    devices:
      - {name: '{site}-n1'}
    name: {en: 'A long name
        on two lines', vi: b}
"""
FACTS = {"site": "b", "number": 2, "region": 31}
DC, A, B = (), ("sites", 0), ("sites", 1)
CASES = {
    # name: (text, where the site is, path, value, what of the text becomes what)
    "a value, its comment stays": (BLOCK, DC, ("devices", "core1", "asset", "serial"), "A-2", ("A-1   #", "A-2   #")),
    "a number as a text": (BLOCK, DC, ("devices", "core1", "asset", "serial"), "0123", ("A-1", "'0123'")),
    "a text that has to be quoted": (BLOCK, DC, ("devices", "core1", "asset", "serial"), "x: {#}", ("A-1", "'x: {#}'")),
    "Vietnamese": (BLOCK, DC, ("name", "vi"), "Trung tâm", ("'Cũ'", "Trung tâm")),
    "a key in a block": (
        BLOCK,
        DC,
        ("devices", "core1", "asset", "model"),
        "7",
        ("# on the label\n", "# on the label\n      model: '7'\n"),
    ),
    "a key in brackets": (
        BLOCK,
        DC,
        ("devices", "core2", "asset", "serial"),
        "B",
        ("{vendor: FRR}}", "{vendor: FRR, serial: B}}"),
    ),
    "a mapping that was not there": (
        BLOCK,
        DC,
        ("devices", "core2", "snmp", "profile"),
        "p",
        ("FRR}}", "FRR}, snmp: {profile: p}}"),
    ),
    "an item in a block list": (
        BLOCK,
        DC,
        ("devices", "core3", "rack"),
        "R1",
        ("# short\n", "# short\n  - {name: core3, rack: R1}\n"),
    ),
    "an item in brackets": (BLOCK, DC, ("racks", "R2", "zone"), "hall", ("R1}]", "R1}, {name: R2, zone: hall}]")),
    "a list that was not there": (
        PROVINCE,
        A,
        ("devices", "a-n1", "asset", "serial"),
        "S",
        ("to: x}]}", "to: x}], devices: [{name: a-n1, asset: {serial: S}}]}"),
    ),
    "a placeholder in a name": (
        PROVINCE,
        B,
        ("devices", "b-n1", "rack"),
        "R1",
        ("'{site}-n1'}", "'{site}-n1', rack: R1}"),
    ),
    "a text on two lines": (PROVINCE, B, ("name", "en"), "Short", ("'A long name\n        on two lines'", "Short")),
    "the end of the file": (PROVINCE, B, ("province",), "X", ("vi: b}\n", "vi: b}\n    province: X\n")),
}


@pytest.mark.parametrize(("text", "base", "path", "value", "becomes"), CASES.values(), ids=CASES)
def test_put(
    text: str, base: tuple[str | int, ...], path: tuple[str, ...], value: str, becomes: tuple[str, str]
) -> None:
    assert text.count(becomes[0]) == 1
    made = put(text, base, path, value, FACTS)
    assert made == text.replace(*becomes)
    yaml.safe_load(made)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("links: []\n", "links: [{id: 1}]\n"),
        ("links:\n  - {id: 0}  # x\n# end\n", "links:\n  - {id: 0}  # x\n  - {id: 1}\n# end\n"),
        (
            "links:\n- id: 0\n  role: >-\n    folded\n    text\n",
            "links:\n- id: 0\n  role: >-\n    folded\n    text\n- {id: 1}\n",
        ),
        ("links:\n  - {id: 0}", "links:\n  - {id: 0}\n  - {id: 1}"),
    ],
)
def test_append(text: str, made: str) -> None:
    assert append(text, ("links",), {"id": 1}) == made
