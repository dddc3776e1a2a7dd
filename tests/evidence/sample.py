"""Sample runs of any size: an estate, requirements, evidence and the verdicts that the real engine draws from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from checks.attest.attestation import SignedStatement, sign, write_yaml
from checks.collect.capture import capture_evidence
from checks.judge.case import Case
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.judge.registry import judge
from checks.model import (
    CollectOutcome,
    Coverage,
    Measurement,
    MemoryRawStore,
    Run,
    Status,
    Unit,
    Verdict,
    format_utc,
)
from checks.register import judge_names
from checks.register.register import load_requirements
from checks.register.requirement import binds
from core.workspace import Workspace
from inventory.load.loader import load_estate
from inventory.model.entities import Device

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
SPEED, TIER3, ROOM = "QH-3-DIST-CORE-1G", "QH-3-DC-TIER3", "QH-3-PROV-ROOM-COOL"
TIERS = {
    "DC": {"name": {"en": "Sector data centre", "vi": "Trung tâm dữ liệu ngành KSND"}},
    "TINH": {"name": {"en": "Provincial procuracy", "vi": "VKSND cấp tỉnh"}},
    "HUYEN": {"name": {"en": "Regional procuracy", "vi": "VKSND khu vực"}},
}
OWNER = {
    "unit": {"en": "Department 2 (IT)", "vi": "Cục 2 (Cục TKTP và CĐS)"},
    "accountable": {"en": "Director of Department 2", "vi": "Cục trưởng Cục 2"},
}


# The register looks for judges in the project's own files; the sample's judge lives here.
_names = judge_names.read_judge_names
judge_names.read_judge_names = lambda: _names() | {"sample"}


@judge("sample")
def sample_judge(case: Case) -> Iterator[Verdict]:
    """Judge the reading of every device of a site against the requirement's threshold."""
    yield from case.judge_each(case.site.devices, judge_speed)


def judge_speed(case: Case, device: Device) -> Iterator[Verdict]:
    """Judge the reading of one device."""
    found = case.require("sample", device.name, case.requirement.id)
    value, limit = float(found.text.split("=")[1].split()[0]), case.limit("least")
    measured = Measurement("interface_speed", value, Unit.MEGABIT_PER_SECOND)
    yield case.pass_or_fail(
        limit.is_reached_by(measured),
        device.name,
        ("port.fast", "port.slow"),
        [found],
        measured=(measured,),
        limit=limit,
        device=device.name,
        port=found.text.split("=")[0],
        speed=f"{value:g}",
        least=limit.value,
    )


def requirement(name: str, group: str, tiers: list[str], quote: str, **changes: Any) -> dict[str, Any]:
    """Return one requirement as its file holds it."""
    return {
        "id": name,
        "group": group,
        "tiers": tiers,
        "owner": OWNER,
        "method": "measured",
        "clause": {"document": "QH", "ref": "QH III.3b", "lines": "608-610", "quote": quote},
        "meaning": {"en": f"Backbone and core at {name}", "vi": f"Mạng đường trục, mạng lõi ({name})"},
        "due": {"date": "2025-12-31"},
        "validity_s": 3600,
        "cadence_s": 300,
        "thresholds": [{"name": "least", "value": 1000, "unit": "Mb/s", "provenance": "S", "source": "QH l.610"}],
        "check": {"judge": "sample", "collectors": [collector()]},
        **changes,
    }


def collector() -> str:
    """Return a collector that the register knows."""
    from checks.register.collectors import COLLECTORS

    return next(iter(COLLECTORS))


def write_requirements(folder: Path) -> Path:
    """Write the sample register."""
    policy = [{"name": "least", "value": 500, "unit": "Mb/s", "provenance": "P", "source": "operator's proposal"}]
    law = [{"name": "least", "value": 900, "unit": "Mb/s", "provenance": "R", "source": "TT 06/2026/TT-BKHCN"}]
    for data in (
        requirement(SPEED, "1.3", ["HUYEN", "TINH"], "Trang bị mạng đường trục, mạng lõi tốc độ tối thiểu 1Gbps"),
        requirement(
            ROOM,
            "1.3",
            ["TINH"],
            "Trang bị phòng máy chủ tối thiểu có thiết bị làm mát",
            thresholds=policy,
            due={"note": {"en": "No date in the plan", "vi": "Quy hoạch không nêu thời hạn"}},
        ),
        requirement(TIER3, "1.1", ["DC"], "Trung tâm dữ liệu đạt chuẩn Tier III… hoặc Rated 3", thresholds=law),
    ):
        target = folder / data["group"] / f"{data['id']}.yml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return folder


def write_estate(folder: Path, sites: int, title: str = "Hạ tầng mẫu") -> Path:
    """Write an estate of that many sites: one data centre, a tenth provinces, the rest regional rooms."""
    (folder / "sites").mkdir(parents=True)
    (folder.parent / "shared").mkdir(exist_ok=True)
    speeds = {"min_speed_mbps": {"backbone": 1000}}
    tiers = {code: {**tier, **speeds, "engine": "ansible"} for code, tier in TIERS.items()}
    _dump(folder.parent / "shared" / "tiers.yml", {"tiers": tiers})
    _dump(
        folder / "estate.yml",
        {
            "name": "sample",
            "title": {"en": "Sample estate", "vi": title},
            "tiers": "../shared/tiers.yml",
            "addressing": {"ipv6_prefix": "fd00:1234::/32", "routing_as": 65000, "route_reflectors": []},
        },
    )
    _dump(folder / "links.yml", {"links": []})
    _dump(folder / "services.yml", {"services": []})
    for number in range(sites):
        tier = "DC" if number == 0 else "TINH" if number % 10 == 1 else "HUYEN"
        _dump(
            folder / "sites" / f"s{number:03}.yml",
            {
                "site": f"s{number:03}",
                "name": {"en": f"Site {number}", "vi": f"VKSND khu vực {number}"},
                "tier": tier,
                "region": number // 200 + 1,
                "number": number % 200,
                "owner": OWNER,
                "devices": [{"name": f"s{number:03}-env1", "kind": "environment"}],
            },
        )
    return folder


def papers() -> list[tuple[str, bytes]]:
    """Return signed papers as (key, bytes): who may sign, a waiver that holds, one that has expired, a stranger's."""
    keys = {name: Ed25519PrivateKey.generate() for name in ("nguyen", "stranger")}
    paper = {
        "requirement": SPEED,
        "sites": ("s003",),
        "statement": "Chờ thay thiết bị <b>quý I</b>",
        "document": {"number": "12/BC", "date": "2026-10-01", "sha256": "ab" * 32},
        "signed_on": "2026-10-02",
        "valid_from": "2026-10-02",
        "kind": "waiver",
        "approver": "Trần Văn B",
    }
    found = [
        (
            "signers",
            yaml.safe_dump(
                {
                    "signers": [
                        {
                            "name": "nguyen",
                            "title": "Phó Cục trưởng",
                            "kinds": ["waiver", "attestation"],
                            "public_key": keys["nguyen"].public_key().public_bytes_raw().hex(),
                        }
                    ]
                }
            ).encode(),
        )
    ]
    for name, signer, expires in (
        ("good", "nguyen", "2026-12-31"),
        ("old", "nguyen", "2026-11-01"),
        ("forged", "stranger", "2026-12-31"),
    ):
        signed = sign(SignedStatement.model_validate({**paper, "signer": signer, "expires": expires}), keys[signer])
        found.append((f"waiver:{name}.yml", write_yaml(signed).encode()))
    return found


def make_run(
    estate_dir: Path,
    requirements_dir: Path,
    *,
    run_id: str = "20261120T013000Z-sample",
    raws: dict[str, bytes] | None = None,
    signed: list[tuple[str, bytes]] | None = None,
    source: str = "snmpget {} ifHighSpeed.1",
) -> tuple[Run, MemoryRawStore]:
    """Collect made-up readings for every device and judge them. A few sites are slow, silent, late or never asked."""
    estate, requirements = load_estate(estate_dir), load_requirements(requirements_dir)
    store, items = MemoryRawStore(), []
    for number, site in enumerate(estate.sites.values()):
        for name in [name for name, rule in requirements.items() if binds(rule, site)]:
            for device in site.devices:
                if number % 50 == 7:
                    continue  # never asked: not assessed
                late = timedelta(hours=3) if number % 50 == 11 else timedelta(minutes=5)
                outcome = CollectOutcome.UNREACHABLE if number % 50 == 13 else CollectOutcome.COLLECTED
                speed = 100 if number % 50 == 3 else 1000
                raw = (raws or {}).get(site.site, f"ifHighSpeed={speed} Mbit/s at {site.site} for {name}\n".encode())
                if outcome is CollectOutcome.UNREACHABLE:
                    raw = b"connect timed out\n"
                times = (NOW - late, NOW - late + timedelta(seconds=1))
                piece = capture_evidence(
                    (site.site, device.name),
                    ("sample", name),
                    source.format(device.name),
                    raw,
                    times,
                    outcome=outcome,
                    exit_code=0,
                    tool="snmpget",
                    tool_version="5.9.3",
                )
                store.put(piece.raw)
                items.append(piece.item)
    for key, raw in signed or ():
        piece = capture_evidence(
            ("estate", SPEED), ("attestations", key), key, raw, (NOW, NOW), tool="file", tool_version="1"
        )
        store.put(piece.raw)
        items.append(piece.item)
    verdicts = judge_all(requirements, estate, EvidenceView(items, store.get), NOW)
    pairs = {(verdict.requirement, verdict.site) for verdict in verdicts}
    good = [verdict for verdict in verdicts if verdict.status is Status.PASS]
    asked = [v for v in verdicts if v.status in {Status.PASS, Status.FAIL, Status.WAIVED}]
    return Run(
        id=run_id,
        estate=estate.head.name,
        started_at=format_utc(NOW - timedelta(minutes=6)),
        ended_at=format_utc(NOW),
        judged_at=format_utc(NOW),
        selection={},
        requirements=tuple(requirements),
        verdicts=verdicts,
        evidence=tuple(items),
        coverage=Coverage(len(pairs), len(asked), len(good), 0),
    ), store


@dataclass
class Sample:
    """Everything a bundle is made from, and the workspace."""

    run: Run
    store: MemoryRawStore
    estate_dir: Path
    requirements_dir: Path
    ws: Workspace


def sample(root: Path, sites: int, title: str = "Hạ tầng mẫu", **options: Any) -> Sample:
    """Return everything a bundle is made from, below ``root``, with the workspace."""
    estate_dir = write_estate(root / "estates" / "small", sites, title)
    requirements_dir = write_requirements(root / "register")
    run, store = make_run(estate_dir, requirements_dir, **options)
    ws = Workspace(root / "workspace", estate_dir)
    return Sample(run=run, store=store, estate_dir=estate_dir, requirements_dir=requirements_dir, ws=ws)


def _dump(file: Path, data: Any) -> None:
    # JSON is YAML, and the estate of 397 sites is written 20 times faster so.
    file.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
