"""Exports: each is read back by what it is made for, or by a strict reader of its form."""

import csv
import io
import ipaddress
import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from inventory.export.assets import depreciated, life_end, rows
from inventory.export.dns import zones
from inventory.export.prometheus import targets
from inventory.load.loader import load_estate
from inventory.model.entities import Asset
from inventory.model.estate import Estate
from inventory.queries.ipam import rows as plan
from monitoring.export import targets as monitoring_targets
from rackproof import run
from tests.support import Answer, Command, needs_program

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ESTATES = {
    "base": HERE / "base",
    "lab": ROOT / "lab" / "estate",
    "reference": ROOT / "inventory" / "estate",
    "campus": HERE / "campus",
}
DOMAIN = "rackproof.internal"


@pytest.fixture(scope="module")
def estates() -> dict[str, Estate]:
    return {name: load_estate(folder) for name, folder in ESTATES.items()}


@pytest.fixture
def rackproof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for name, value in {"RACKPROOF_ESTATE": "", "RACKPROOF_LANG": "", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def call(*words: str, estate: str = "lab", lang: str = "en") -> Answer:
        code = run(["--estate", str(ESTATES[estate]), "--lang", lang, "estate", "export", *words])
        said = capsys.readouterr()
        return Answer(returncode=code, stdout=said.out, stderr=said.err)

    return call


def addresses(estate: Estate) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Every address in use, gathered another way than the exports do: from the rows of the address plan."""
    texts = [
        text
        for row in plan(estate)
        if row.kind in ("loopback", "link", "host", "anycast")
        for text in (row.ipv6, row.ipv4, row.ipv6_second)
        if text
    ]
    return {ipaddress.ip_interface(text).ip for text in texts}


@pytest.mark.parametrize("name", ESTATES)
def test_zones_hold_every_address_both_ways(estates: dict[str, Estate], name: str) -> None:
    forward, *reverse = zones(estates[name], DOMAIN, 7)
    said = {ipaddress.ip_address(value): f"{owner}.{DOMAIN}." for owner, kind, value in forward.records}
    assert set(said) == addresses(estates[name])
    pointers = {f"{owner}.{zone.origin}": value for zone in reverse for owner, _kind, value in zone.records}
    assert pointers == {address.reverse_pointer: owner for address, owner in said.items()}
    assert len({zone.origin for zone in reverse}) == len(reverse)


@needs_program("named-checkzone")
@pytest.mark.parametrize("name", ESTATES)
def test_bind_takes_every_zone(estates: dict[str, Estate], name: str, tmp_path: Path) -> None:
    for zone in zones(estates[name], DOMAIN, 2**32 - 1):
        file = tmp_path / "zone"
        file.write_text(zone.text, "utf-8")
        done = subprocess.run(
            ["named-checkzone", "-i", "local", "-k", "fail", zone.origin, str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "loaded serial 4294967295" in done.stdout


def test_reverse_zones_of_addresses_that_are_not_private(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "e")
    file = tmp_path / "e" / "links.yml"
    file.write_text(file.read_text("utf-8").replace("10.253.0.0/31", "203.162.4.8/31"), "utf-8")
    origins = [zone.origin for zone in zones(load_estate(tmp_path / "e"), DOMAIN, 1)]
    assert origins == [DOMAIN, "1.0.0.0.0.0.d.f.ip6.arpa", "10.in-addr.arpa", "4.162.203.in-addr.arpa"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("zone", "--domain", "a b"), "EST056"),
        (("zone", "--domain", ""), "EST056"),
        (("zone", "--domain", "-a.vn"), "EST056"),
        (("zone", "--domain", "x." * 120 + "vn"), "EST056"),
        (("zone", "--domain", "a;$INCLUDE /etc/passwd"), "EST056"),
        (("zone", "--serial", "0"), "EST057"),
        (("zone", "--serial", "4294967296"), "EST057"),
        (("zone", "--name-server", "nobody"), "EST050"),
        (("assets", "--to", "/nowhere/at/all.csv"), "FIL003"),
    ],
)
def test_refuses(rackproof: Command, words: tuple[str, str, str], code: str) -> None:
    answer = rackproof(*words)
    assert (answer.returncode, f"[{code}]" in answer.stderr, answer.stdout) == (2, True, "")


def test_hosts_file_is_read_as_hosts_are(rackproof: Command, estates: dict[str, Estate]) -> None:
    lines = [line.split() for line in rackproof("hosts").stdout.splitlines() if not line.startswith("#")]
    assert {ipaddress.ip_address(line[0]) for line in lines} == addresses(estates["lab"])
    assert ["fd52:5052:101:106e::11", f"dc-db1.{DOMAIN}", "dc-db1"] in lines


def test_zone_files_are_written(rackproof: Command, tmp_path: Path) -> None:
    assert rackproof("zone", "--to", str(tmp_path / "z")).returncode == 0
    names = {file.name for file in (tmp_path / "z").iterdir()}
    assert names == {f"{DOMAIN}.zone", "2.5.0.5.2.5.d.f.ip6.arpa.zone", "10.in-addr.arpa.zone"}
    assert "dc-db1 IN AAAA fd52:5052:101:106e::11" in rackproof("zone").stdout


def test_asset_list(rackproof: Command, tmp_path: Path) -> None:
    found = list(csv.DictReader(io.StringIO(rackproof("assets", lang="vi").stdout)))
    db1 = next(row for row in found if row["asset"] == "dc-db1")
    assert (db1["owner"], db1["end_of_life"], db1["serial"]) == ("Cục 2", "2028-06-01", "LAB-S-0011")
    rackproof("assets", "--to", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfasset,kind")


def test_depreciation_and_licences(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "e")
    file = tmp_path / "e" / "sites" / "dc.yml"
    text = file.read_text("utf-8").replace(
        "{serial: S-2, in_service: 2024-03-01}",
        "{serial: S-2, in_service: 2024-03-01, life_years: 4, cost_vnd: 400000000, support_until: 2026-01-01, "
        "licences: [{product: DB, seats: 2, until: 2026-06-30}, {product: OS}]}",
    )
    file.write_text(text, "utf-8")
    row = next(r for r in rows(load_estate(tmp_path / "e"), date(2026, 3, 1)) if r["asset"] == "db1")
    assert row["end_of_life"] == "2028-03-01"
    assert row["depreciated_percent"] == 50.0
    assert abs(row["residual_vnd"] - 200_000_000) < 200_000
    assert (row["supported"], row["licences"], row["licence_until"]) == ("no", "DB x2; OS x1", "2026-06-30")
    assert row["licence_valid"] == "yes"


@pytest.mark.parametrize(
    ("start", "years", "today", "end", "share"),
    [
        (date(2024, 2, 29), 1, date(2030, 1, 1), date(2025, 2, 28), 1.0),
        (date(2024, 2, 29), 4, date(2020, 1, 1), date(2028, 2, 29), 0.0),
        (date(9990, 1, 1), 50, date(9990, 1, 1), date(9999, 1, 1), 0.0),
        (None, 5, date(2026, 1, 1), None, None),
        (date(2024, 1, 1), None, date(2026, 1, 1), None, None),
    ],
)
def test_end_of_life(start: date | None, years: int | None, today: date, end: date | None, share: float | None) -> None:
    asset = Asset(in_service=start, life_years=years)
    assert (life_end(asset), depreciated(asset, today)) == (end, share)


def test_prometheus_agrees_with_monitoring(estates: dict[str, Estate]) -> None:
    mine, theirs = targets(estates["lab"]), monitoring_targets.list_targets(estates["lab"])
    for job, entries in theirs.items():
        assert [entry["targets"] for entry in mine[job]] == [entry["targets"] for entry in entries]
        assert all(a["labels"].items() <= b["labels"].items() for a, b in zip(entries, mine[job], strict=True))
    assert {entry["labels"]["profile"] for entry in mine["snmp"]} >= {"frr-router", "apc-symmetra"}


def test_prometheus_files(rackproof: Command, tmp_path: Path) -> None:
    assert rackproof("prometheus", "--to", str(tmp_path)).returncode == 0
    for job in ("rackproof", "node", "snmp"):
        assert all(set(entry) == {"targets", "labels"} for entry in json.loads((tmp_path / f"{job}.json").read_text()))
