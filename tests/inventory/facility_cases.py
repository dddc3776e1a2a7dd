"""Cases of the static verdict as data: (rule, what is changed in SITE, subject, outcome, words of its reason).

SITE is a room with everything twice; nothing in it fails. A change is a list of (text, replacement).
"""

import re

from tests.support import require

HARDWARE = """
server: {kind: host, power_w: 1000, inlets: 2}
switch: {kind: switch, power_w: 500, inlets: 2}
probe: {kind: environment, power_w: 10, inlets: 1}
small-switch: {kind: switch, power_w: 10, inlets: 1}
air: {kind: crac, power_w: 600, inlets: 0}
"""

SITE = """
site: x
name: {en: X, vi: X}
tier: DC
region: 1
number: 1
racks:
  - {name: R1, zone: hall, feed_a: pdu-a, feed_b: pdu-b}
devices:
  - {name: srv1, kind: host, hardware: server, rack: R1, cords: [pdu-a, pdu-b]}
  - {name: sw1, kind: switch, hardware: switch, rack: R1, cords: [pdu-b, pdu-a]}
  - {name: ac1, kind: crac, hardware: air}
  - {name: ac2, kind: crac, hardware: air}
  - {name: ac3, kind: crac, hardware: air}
power:
  - {name: u1, kind: utility, rating_w: 9000}
  - {name: u2, kind: utility, rating_w: 9000}
  - {name: g1, kind: generator, rating_w: 5000, group: generators}
  - {name: g2, kind: generator, rating_w: 5000, group: generators}
  - {name: ats-1, kind: ats, rating_w: 5000, fed_by: [u1, g1]}
  - {name: ats-2, kind: ats, rating_w: 5000, fed_by: [u2, g2]}
  - {name: ups-a, kind: ups, rating_w: 4000, fed_by: [ats-1], group: ups, modules: 2, module_rating_w: 2000}
  - {name: ups-b, kind: ups, rating_w: 4000, fed_by: [ats-2], group: ups, modules: 2, module_rating_w: 2000}
  - {name: pdu-a, kind: pdu, rating_w: 4000, fed_by: [ups-a]}
  - {name: pdu-b, kind: pdu, rating_w: 4000, fed_by: [ups-b]}
cooling:
  - {name: ac1, zone: hall, capacity_w: 2000, fed_by: [ats-1], device: ac1}
  - {name: ac2, zone: hall, capacity_w: 2000, fed_by: [ats-2], device: ac2}
  - {name: ac3, zone: hall, capacity_w: 2000, fed_by: [ats-1, ats-2], device: ac3}
"""


def _rated(name: str, watt: int) -> list[tuple[str, str]]:
    text = require(re.search(rf"name: {name}, kind: \w+, rating_w: \d+", SITE)).group()
    return [(text, re.sub(r"\d+$", str(watt), text))]


_OFF_GRID = [
    ("  - {name: u1, kind: utility, rating_w: 9000}\n", ""), ("  - {name: u2, kind: utility, rating_w: 9000}\n", ""),
    ("[u1, g1]", "[g1]"), ("[u2, g2]", "[g2]"),
]  # fmt: skip
_SRV1 = "{name: srv1, kind: host, hardware: server, rack: R1, cords: [pdu-a, pdu-b]}"
_NO_MODEL = [("srv1, kind: host, hardware: server", "srv1, kind: host")]
_NO_WATT = [(_SRV1, _SRV1.replace("server,", "server, power_w: 0,"))]
_NO_CORDS = [("hardware: server, rack: R1, cords: [pdu-a, pdu-b]", "hardware: server, rack: R1")]
_ONE_CORD = [(_SRV1, _SRV1.replace("pdu-a, pdu-b", "pdu-a"))]
_ONE_SIDE = [(_SRV1, _SRV1.replace("pdu-a, pdu-b", "pdu-a, pdu-a"))]
_PROBE = [("devices:\n", "devices:\n  - {name: env1, kind: environment, hardware: probe, rack: R1, cords: [pdu-a]}\n")]
_SMALL = [("devices:\n", "devices:\n  - {name: sw9, kind: switch, hardware: small-switch, rack: R1, cords: [pdu-a]}\n")]
_PDU_C = [
    (_SRV1, _SRV1.replace("pdu-b", "pdu-c")),
    ("cooling:\n", "  - {name: pdu-c, kind: pdu, rating_w: 4000, fed_by: [ups-a]}\ncooling:\n"),
]
_ONE_MODULE = [("modules: 2, module_rating_w: 2000", "modules: 1, module_rating_w: 4000")]
_NO_MODULES = [(", modules: 2, module_rating_w: 2000", "")]
_NO_FEEDS = [(", feed_a: pdu-a, feed_b: pdu-b", "")]
_ONE_FEED = [(", feed_b: pdu-b", "")]
_NO_COOLING = [(SITE[SITE.index("cooling:") :], "")]
_NO_CHAIN = [(SITE[SITE.index("power:") :], "")]
_AIR_UNSIZED = [("{name: ac1, kind: crac, hardware: air}", "{name: ac1, kind: crac}")]
_NOTHING_PLUGGED = [
    *_NO_FEEDS, *_NO_CORDS, ("rack: R1, cords: [pdu-b, pdu-a]", "rack: R1"),
    (SITE[SITE.index("power:") :], ("power:\n  - {name: u1, kind: utility, rating_w: 9000}\n"
     "cooling:\n  - {name: ac1, zone: hall, capacity_w: 9000, device: ac1}\n")),
    *[(f"  - {{name: ac{n}, kind: crac, hardware: air}}\n", "") for n in (2, 3)],
]  # fmt: skip
_AIR_UNFED = [("fed_by: [ats-1], device: ac1", "device: ac1")]
_AIR_ON_ONE = [("fed_by: [ats-2], device", "fed_by: [ats-1], device"), ("fed_by: [ats-1, ats-2]", "fed_by: [ats-1]")]
_ONE_AIR = [
    ("  - {name: ac2, zone: hall, capacity_w: 2000, fed_by: [ats-2], device: ac2}\n", ""),
    ("  - {name: ac3, zone: hall, capacity_w: 2000, fed_by: [ats-1, ats-2], device: ac3}\n", ""),
]
_HOT = [("hardware: server, rack", "hardware: server, power_w: 4000, rack")]
_TOO_HOT = [("hardware: server, rack", "hardware: server, power_w: 6000, rack")]
_NO_RACK = [("hardware: server, rack: R1, ", "hardware: server, ")]
_ONE_UPS = [("rating_w: 4000, fed_by: [ups-b]", "rating_w: 4000, fed_by: [ups-a]")]
_ONE_BUS = [("rating_w: 4000, fed_by: [ups-a]", "rating_w: 4000, fed_by: [ups-a, ups-b]")]
_UNPLUGGED_UTILITY = [("fed_by: [u1, g1]", "fed_by: [g1, u1]")]
_NO_GENERATOR = [
    ("  - {name: g1, kind: generator, rating_w: 5000, group: generators}\n", ""),
    ("  - {name: g2, kind: generator, rating_w: 5000, group: generators}\n", ""),
    ("[u1, g1]", "[u1]"),
    ("[u2, g2]", "[u2]"),
]
_ONE_UTILITY = [("[u1, g1]", "[u1]"), ("[u2, g2]", "[u1]")]

CASES = [
    ("within-rating", [], "ups-a", "pass", "750 W of 4000 W"),
    ("within-rating", [], "ats-1", "pass", "1950 W of 5000 W"),
    ("within-rating", [], "g1", "pass", "0 W of 5000 W"),
    ("within-rating", _rated("pdu-a", 749), "pdu-a", "fail", "750 W of 749"),
    ("within-rating", _rated("pdu-a", 750), "pdu-a", "pass", "750 W of 750"),
    ("within-rating", _rated("ats-1", 1949), "ats-1", "fail", "1950 W"),
    ("within-rating", _ONE_CORD, "pdu-a", "pass", "1250 W of 4000 W"),
    ("within-rating", _ONE_BUS, "ups-b", "pass", "1125 W of 4000 W"),  # a group carries a PDU together
    # Frames of unequal rating carry in proportion to it, not evenly.
    ("within-rating", [*_ONE_BUS, *_rated("ups-b", 2000)], "ups-b", "pass", "1000 W of 2000 W"),
    ("within-rating", [*_ONE_BUS, *_rated("ups-b", 2000)], "ups-a", "pass", "500 W of 4000 W"),
    ("within-rating", _UNPLUGGED_UTILITY, "g1", "fail", "a generator carries 1950 W in normal"),
    ("within-rating", [("[u1, g1]", "[g1, g2]")], "g1", "fail", "carries 1950 W"),  # one at a time
    ("within-rating", [("[u1, g1]", "[g1, g2]")], "g2", "pass", "0 W of 5000 W"),
    ("within-rating", [("[u1, g1]", "[g1, u1]")], "g1", "fail", "while there is a utility"),  # the order decides
    ("within-rating", [("[u1, g1]", "[g1, u1]")], "u1", "pass", "0 W of 9000 W"),
    ("within-rating", _OFF_GRID, "g1", "pass", "1950 W of 5000 W"),
    ("within-rating", _NO_WATT, "ups-a", "unknown", "not known: srv1"),
    ("within-rating", [("ac1, kind: crac,", "ac1, kind: crac, power_w: 0,")], "ats-1", "unknown", "not known: ac1"),
    ("within-rating", _NO_MODEL, "ups-a", "unknown", "not known: srv1"),
    ("within-rating", _NO_CORDS, "pdu-b", "unknown", "not known: srv1"),
    ("within-rating", _AIR_UNFED, "pdu-b", "unknown", "not known: ac1"),
    ("within-rating", [("device: ac1}", "device: sw1}")], "ats-1", "unknown", "1850 W of 5000 W; not known: ac1"),
    ("within-rating", [(", device: ac1}", "}")], "ats-1", "unknown", "ac1"),
    ("within-rating", [*_NO_MODEL, *_rated("pdu-a", 249)], "pdu-a", "fail", "250 W of 249 W"),
    ("within-rating", [("rating_w: 4000, fed_by: [ups-a]", "rating_w: 4000")], "pdu-a", "fail", "nothing feeds it"),
    ("within-rating", _NO_CHAIN, "x", "unknown", "no power chain"),
    ("zone-capacity", [], "hall", "pass", "1500 W of heat, 6000 W"),
    ("zone-capacity", _TOO_HOT, "hall", "fail", "6500 W, 6000 W"),
    ("zone-capacity", _NO_MODEL, "hall", "unknown", "not known: srv1"),
    ("zone-capacity", _NO_RACK, "hall", "unknown", "not known: srv1"),
    ("zone-capacity", _NO_COOLING, "hall", "unknown", "no cooling unit"),
    ("zone-capacity", [(SITE[SITE.index("racks:") :], "")], "x", "unknown", "no rack"),
    ("foreign-cord", [], "R1", "pass", "every cord"),
    ("foreign-cord", _PDU_C, "R1", "fail", "srv1"),
    ("foreign-cord", [(_SRV1, _SRV1.replace("pdu-b", "ups-b"))], "R1", "fail", "srv1"),
    ("foreign-cord", _NO_CORDS, "R1", "unknown", "srv1"),
    ("foreign-cord", _NO_FEEDS, "R1", "unknown", "no feed"),
    ("n-plus-1-power", [], "ups", "pass", "1500 W, 4000 W without"),
    ("n-plus-1-power", [], "generators", "pass", "3300 W, 5000 W without"),
    ("n-plus-1-power", _rated("ups-b", 1499), "ups", "fail", "but 1499 W"),
    ("n-plus-1-power", _rated("g2", 3299), "generators", "fail", "3299 W"),
    ("n-plus-1-power", _ONE_SIDE, "generators", "fail", "go dark: srv1"),
    ("n-plus-1-power", [("fed_by: [ats-2], group: ups,", "fed_by: [ats-2],")], "ups", "fail", "only one"),
    ("n-plus-1-power", [("fed_by: [ats-2], group: ups,", "fed_by: [ats-2],")], "ups-b", "fail", "no redundancy group"),
    ("n-plus-1-power", _NO_MODEL, "ups", "unknown", "not known: srv1"),
    ("n-plus-1-power", _NO_CHAIN, "x", "unknown", "no UPS"),
    ("n-plus-1-modules", [], "ups-a", "pass", "750 W, 2000 W without one"),
    ("n-plus-1-modules", _HOT, "ups-a", "fail", "2250 W, but 2000 W"),
    ("n-plus-1-modules", _ONE_MODULE, "ups-a", "fail", "0 W without"),
    ("n-plus-1-modules", _NO_MODULES, "ups-a", "unknown", "nobody has written"),
    ("n-plus-1-modules", _NO_MODEL, "ups-b", "unknown", "srv1"),
    ("n-plus-1-cooling", [], "hall", "pass", "1500 W of heat, 4000 W without"),
    ("n-plus-1-cooling", _HOT, "hall", "fail", "4500 W of heat, but 4000 W"),
    ("n-plus-1-cooling", _ONE_AIR, "hall", "fail", "only one"),
    ("n-plus-1-cooling", _NO_MODEL, "hall", "unknown", "srv1"),
    ("n-plus-1-cooling", _NO_COOLING, "hall", "unknown", "no cooling unit"),
    ("two-paths", [], "R1", "pass", "nothing in common: pdu-a, pdu-b"),
    ("two-paths", [("[u2, g2]", "[u1, g2]")], "R1", "pass", "apart, but for u1; another source steps in"),
    ("two-paths", [("[u1, g1]", "[u1, g1, g2]"), ("[u2, g2]", "[u2, g2, g1]")], "R1", "pass", "apart, but for g1, g2"),
    ("two-paths", _ONE_UPS, "R1", "fail", "hang on ats-1, ups-a"),
    ("two-paths", [("fed_by: [ats-2], group", "fed_by: [ats-1], group")], "R1", "fail", "hang on ats-1"),
    ("two-paths", _ONE_BUS, "R1", "fail", "ups-b"),
    ("two-paths", [("[u2, g2]", "[u2, g1]")], "R1", "pass", "apart"),  # losing g1 leaves both
    ("two-paths", _ONE_UTILITY, "R1", "fail", "hang on u1"),
    ("two-paths", _ONE_FEED, "R1", "fail", "one feed only: pdu-a"),
    ("two-paths", [("feed_b: pdu-b", "feed_b: pdu-a")], "R1", "fail", "one feed only: pdu-a"),
    ("two-paths", _NO_FEEDS, "R1", "unknown", "no feed"),
    ("both-sides", [], "R1", "pass", "both sides"),
    ("both-sides", _ONE_CORD, "R1", "fail", "srv1"),
    ("both-sides", _ONE_SIDE, "R1", "fail", "srv1"),
    ("both-sides", _PDU_C, "R1", "fail", "srv1"),
    ("both-sides", _PROBE, "R1", "pass", "both sides"),
    ("both-sides", _NO_CORDS, "R1", "unknown", "srv1"),
    ("both-sides", [*_ONE_CORD, ("srv1, kind: host, hardware: server", "srv1, kind: host")], "R1", "unknown", "srv1"),
    ("both-sides", _NO_MODEL, "R1", "pass", "both sides"),
    ("both-sides", _ONE_FEED, "R1", "not_applicable", "one feed"),
    ("single-corded", [], "R1", "pass", "no device"),
    ("single-corded", _ONE_CORD, "R1", "fail", "one side: srv1"),
    ("single-corded", _PROBE, "R1", "fail", "one side: env1"),
    ("single-corded", _ONE_SIDE, "R1", "pass", "no device"),
    ("single-corded", _NO_CORDS, "R1", "unknown", "srv1"),
    ("single-corded", _NO_FEEDS, "R1", "unknown", "no feed"),
    ("same-side", [], "R1", "pass", "no device"),
    ("same-side", _ONE_SIDE, "R1", "fail", "one side: srv1"),
    ("same-side", _PDU_C, "R1", "fail", "one side: srv1"),
    ("same-side", [*_ONE_UPS, (_SRV1, _SRV1.replace("pdu-a, pdu-b", "ups-a, ups-a"))], "R1", "fail", "one side: srv1"),
    ("same-side", _ONE_CORD, "R1", "pass", "no device"),
    ("same-side", _NO_CORDS, "R1", "unknown", "srv1"),
    ("removable", [], "pdu-a", "pass", "highest: ats-2 2100 W of 5000 W"),
    ("removable", [], "ac1", "pass", "highest"),
    ("removable", _rated("pdu-b", 1499), "ups-a", "fail", "pdu-b overloaded: 1500 W of 1499 W"),
    ("removable", _rated("pdu-b", 1499), "ups-b", "pass", "highest"),
    ("removable", _rated("ats-2", 2699), "ats-1", "fail", "ats-2 overloaded: 2700 W of 2699 W"),
    ("removable", _ONE_CORD, "pdu-a", "fail", "go dark: srv1"),
    ("removable", _ONE_CORD, "pdu-b", "pass", "highest"),
    ("removable", _ONE_SIDE, "ats-1", "fail", "go dark: srv1"),
    ("removable", _PROBE, "pdu-a", "pass", "one inlet that go dark: env1"),
    ("removable", _SMALL, "pdu-a", "fail", "go dark: sw9"),
    ("removable", _ONE_FEED, "ups-a", "fail", "racks without feed: R1"),
    ("removable", _HOT, "ac3", "fail", "zone hall too warm: 4500 W of heat, 4000 W"),
    ("removable", _HOT, "pdu-a", "fail", "overloaded"),
    ("removable", _AIR_ON_ONE, "ats-1", "fail", "zone hall too warm: 1500 W of heat, 0 W"),
    ("removable", _NO_MODEL, "pdu-a", "unknown", "not known: srv1"),
    ("removable", _NO_CORDS, "u1", "unknown", "not known: srv1"),
    ("removable", _AIR_UNSIZED, "u1", "unknown", "not known: ac1"),
    ("removable", _NOTHING_PLUGGED, "u1", "unknown", "not known: ac1, srv1, sw1"),
    ("generator-start", _AIR_UNSIZED, "x", "unknown", "not known: ac1"),
    ("removable", _AIR_UNFED, "u1", "unknown", "not known: ac1"),
    ("removable", _AIR_UNFED, "ac1", "pass", "highest"),
    ("removable", _NO_CHAIN, "x", "unknown", "no power chain"),
    ("cooling-fed", [], "hall", "pass", "at least 4000 W"),
    ("cooling-fed", _AIR_ON_ONE, "hall", "fail", "lost: ats-1"),
    ("cooling-fed", [*_HOT, ("fed_by: [ats-1, ats-2]", "fed_by: [ats-1]")], "hall", "fail", "ats-1"),
    ("cooling-fed", _AIR_UNFED, "hall", "unknown", "ac1"),
    ("cooling-fed", _NO_MODEL, "hall", "unknown", "srv1"),
    ("cooling-fed", _NO_COOLING, "hall", "unknown", "no cooling unit"),
    ("generator-start", [], "x", "pass", "highest: g1 1950 W of 5000 W"),
    ("generator-start", _rated("g1", 1949), "x", "fail", "g1 overloaded: 1950 W of 1949 W"),
    ("generator-start", _NO_GENERATOR, "x", "fail", "no generator"),
    ("generator-start", [*_ONE_CORD, ("[u1, g1]", "[u1]")], "x", "fail", "go dark: srv1"),
    ("generator-start", [*_PROBE, ("[u1, g1]", "[u1]")], "x", "fail", "go dark: env1"),
    ("generator-start", [*_AIR_ON_ONE, ("[u1, g1]", "[u1]")], "x", "fail", "too warm"),
    ("generator-start", _NO_MODEL, "x", "unknown", "srv1"),
    ("generator-start", _NO_CHAIN, "x", "unknown", "no power chain"),
]  # fmt: skip
