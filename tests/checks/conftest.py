"""The bench of the judge tests: one capture of a good estate, changed on purpose, judged again."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.attest import signed_statements as papers
from checks.attest.attestation import read_statement, sign, write_yaml
from checks.collect.capture import capture_evidence
from checks.collect.files import RULES, collect_attestations, collect_estate, collect_register
from checks.collect.sweep import Sweep
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.model import Captured, CollectOutcome, EvidenceItem, MemoryRawStore, Status, Verdict, roll_up
from checks.register.register import load_requirements
from checks.register.requirement import Requirement
from checks.replay.recording import HostRecording
from checks.replay.suite import hash_suite
from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from inventory.model.estate import Estate

LAB_ESTATE = REPOSITORY / "lab" / "estate"
CAPTURE = Path(__file__).parent / "captures" / "lab.jsonl"


@pytest.fixture(scope="session")
def requirements() -> dict[str, Requirement]:
    return load_requirements()


@pytest.fixture(scope="session")
def estate() -> Estate:
    return load_estate(LAB_ESTATE)


def read_capture() -> list[Captured]:
    found = []
    for line in CAPTURE.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        item, raw = EvidenceItem.from_dict(data["item"]), data["raw"].encode()
        if item.collector == "hosts":
            # A capture outlives an edit of the host tests as long as their commands are the same.
            tape = HostRecording.from_bytes(raw)
            tape.suite_sha256 = hash_suite()
            raw = tape.to_bytes()
            item = replace(item, sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
        found.append(Captured(item, raw))
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass
class Bench:
    """A capture that can be changed. ``judge`` returns the verdicts of the whole register."""

    items: list[Captured]
    requirements: Any
    estate: Any
    folder: Path
    ws: Workspace
    now: datetime
    rules_without: str = ""
    unregistered: str = ""

    def change(self, change: dict[str, list[Any]]) -> None:
        for name, arguments in change.items():
            getattr(self, f"do_{name}")(*arguments)

    def judge(self, wanted: frozenset[str] | None = None) -> tuple[Verdict, ...]:
        raw, items = MemoryRawStore(), self.all_items()
        for entry in items:
            raw.put(entry.raw)
        view = EvidenceView([entry.item for entry in items], raw.get)
        return judge_all(self.requirements, self.estate, view, self.now, wanted)

    def all_items(self) -> list[Captured]:
        sweep = Sweep(self.estate, self.ws, "test", frozenset(), frozenset(self.estate.sites))
        rules = [self.file("rules", file) for file in sorted(RULES.glob("*.yml"))]
        files = [*collect_estate(sweep), *collect_register(), *collect_attestations(self.ws.attestations_dir), *rules]
        fixed = [
            Captured(replace(e.item, started_at=self.now.isoformat(), ended_at=self.now.isoformat()), e.raw)
            for e in files
        ]
        return [
            entry
            for entry in [*self.items, *fixed]
            if not (entry.item.collector == "register" and entry.item.asset == self.unregistered)
        ]

    def file(self, collector: str, file: Path) -> Captured:
        raw = file.read_bytes()
        if self.rules_without:
            raw = re.sub(self.rules_without.encode(), b"xxxx", raw, flags=re.IGNORECASE)
        return capture_evidence(("estate", "rules"), (collector, file.name), file.name, raw, (self.now, self.now))

    def status(self, verdicts: tuple[Verdict, ...], requirement: str, site: str) -> tuple[Status, list[Verdict]]:
        mine = [v for v in verdicts if (v.requirement, v.site) == (requirement, site)]
        status = roll_up(v.status for v in mine)
        return status, [v for v in mine if v.status is status]

    def swap(self, fits: Callable[[EvidenceItem], bool], make: Callable[[Captured], Captured | None]) -> None:
        touched, kept = 0, []
        for entry in self.items:
            if not fits(entry.item):
                kept.append(entry)
                continue
            touched += 1
            new = make(entry)
            if new is not None:
                kept.append(new)
        assert touched, "the change fits no evidence: the case tests nothing"
        self.items = kept

    def do_drop(self, collector: str, asset: str, key: str | None = None) -> None:
        self.swap(lambda i: (i.collector, i.asset) == (collector, asset) and key in (None, i.key), lambda _e: None)

    def do_replace(self, collector: str, asset: str, key: str, old: str, new: str) -> None:
        def make(entry: Captured) -> Captured:
            assert old.encode() in entry.raw, f"{old!r} is not in the capture"
            return self.made(entry, entry.raw.replace(old.encode(), new.encode()))

        self.swap(lambda i: (i.collector, i.asset, i.key) == (collector, asset, key), make)

    def do_raw(self, collector: str, asset: str, key: str, text: str) -> None:
        self.swap(
            lambda i: (i.collector, i.asset, i.key) == (collector, asset, key), lambda e: self.made(e, text.encode())
        )

    def do_exit_code(self, collector: str, asset: str, key: str, code: int) -> None:
        self.swap(
            lambda i: (i.collector, i.asset, i.key) == (collector, asset, key),
            lambda e: Captured(replace(e.item, exit_code=code), e.raw),
        )

    def do_trouble(self, collector: str, asset: str, outcome: str, text: str) -> None:
        self.swap(
            lambda i: (i.collector, i.asset) == (collector, asset),
            lambda e: self.made(e, text.encode(), outcome=CollectOutcome(outcome), exit_code=None),
        )

    def do_age(self, collector: str, asset: str, seconds: float) -> None:
        def older(entry: Captured) -> Captured:
            back = timedelta(seconds=seconds)
            old = {name: moment(getattr(entry.item, name)) for name in ("started_at", "ended_at")}
            began, ended = ((old[name] - back).isoformat() for name in ("started_at", "ended_at"))
            return Captured(replace(entry.item, started_at=began, ended_at=ended), entry.raw)

        self.swap(lambda i: (i.collector, i.asset) == (collector, asset), older)

    def do_set_oid(self, asset: str, oid: str, number: int) -> None:
        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            hit = [varbind for varbind in data["varbinds"] if varbind[0] == oid]
            assert hit, f"{oid} is not in the poll of {asset}"
            width = max(1, (int(number).bit_length() + 8) // 8)
            hit[0][2] = int(number).to_bytes(width, "big", signed=True).hex()
            return self.made(entry, json.dumps(data, sort_keys=True, separators=(",", ":")).encode())

        self.swap(lambda i: (i.collector, i.asset) == ("snmp", asset), make)

    def do_remove_oid(self, asset: str, oid: str) -> None:
        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            left = [v for v in data["varbinds"] if v[0] != oid and not v[0].startswith(f"{oid}.")]
            assert len(left) < len(data["varbinds"]), f"{oid} is not in the poll of {asset}"
            data["varbinds"] = left
            return self.made(entry, json.dumps(data, sort_keys=True, separators=(",", ":")).encode())

        self.swap(lambda i: (i.collector, i.asset) == ("snmp", asset), make)

    def do_answer(self, asset: str, part: str, changes: dict[str, Any]) -> None:
        def make(entry: Captured) -> Captured:
            tape = HostRecording.from_bytes(entry.raw)
            hits = [key for key, answer in tape.answers.items() if part in answer.command]
            assert hits, f"no command with {part!r} on the tape"
            for key in hits:
                old = tape.answers[key]
                values = {
                    name: value.encode() if name in ("stdout", "stderr") else value
                    for name, value in changes.items()
                    if name != "replace"
                }
                if "replace" in changes:
                    one, other = changes["replace"]
                    assert one.encode() in old.stdout
                    values["stdout"] = old.stdout.replace(one.encode(), other.encode())
                tape.answers[key] = replace(old, **values)
            return self.made(entry, tape.to_bytes())

        self.swap(lambda i: (i.collector, i.asset) == ("hosts", asset), make)

    def do_estate(self, name: str, old: str, new: str) -> None:
        root = self.folder / "repo" / "lab" / "estate"
        if not root.exists():
            shutil.copytree(LAB_ESTATE, root)
            tiers = self.folder / "repo" / "inventory" / "estate"
            tiers.mkdir(parents=True)
            shutil.copy(REPOSITORY / "inventory" / "estate" / "tiers.yml", tiers)
        file = root / name
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        self.estate = load_estate(root)

    def do_no_site_owner(self, site: str) -> None:
        text = (LAB_ESTATE / "sites" / f"{site}.yml").read_text(encoding="utf-8")
        block = re.search(r"^owner:\n(?:  .*\n)+", text, re.MULTILINE)
        assert block
        self.do_estate(f"sites/{site}.yml", block.group(0), "")

    def own_papers(self) -> None:
        """Copy the signed papers, which all tests share, before one is changed."""
        root = self.folder / "ws"
        if self.ws.root != root:
            shutil.copytree(self.ws.root, root)
            self.ws = Workspace(root, LAB_ESTATE, is_lab=True)

    def do_paper(self, requirement: str, changes: dict[str, Any], signed: bool = True) -> None:
        self.own_papers()
        for file in self.ws.attestations_dir.glob(f"*-{requirement}-*.yml"):
            paper = read_statement(file.read_bytes())
            assert paper is not None
            data = paper.model_dump(mode="json") | changes
            new = type(paper).model_validate(data)
            file.write_text(
                write_yaml(sign(new, papers.load_signer_key(self.ws, papers.LAB_SIGNER)) if signed else new)
            )
            return
        raise AssertionError(f"there is no paper for {requirement}")

    def do_no_paper(self, requirement: str) -> None:
        self.own_papers()
        files = list(self.ws.attestations_dir.glob(f"*-{requirement}-*.yml"))
        assert files
        for file in files:
            file.unlink()

    def do_no_signers(self) -> None:
        self.own_papers()
        (self.ws.attestations_dir / "signers.yml").write_text("signers: []\n")

    def do_register(self, requirement: str, changes: dict[str, Any]) -> None:
        self.requirements = {
            **self.requirements,
            requirement: self.requirements[requirement].model_copy(update=changes),
        }

    def do_threshold(self, requirement: str, name: str, value: Any) -> None:
        item = self.requirements[requirement]
        changed = tuple(one.model_copy(update={"value": value}) if one.name == name else one for one in item.thresholds)
        assert changed != item.thresholds
        self.do_register(requirement, {"thresholds": changed})

    def do_stanza(self, name: str) -> None:
        """Let the repository hold a second stanza, one without any backup."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            data.append({"name": name, "backup": [], "status": {"code": 2, "message": "no valid backups"}, "db": []})
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.key) == ("backups", "info"), make)

    def do_port_speed(self, device: str, port: str, mbps: int) -> None:
        self.do_set_oid(device, f"1.3.6.1.2.1.31.1.1.1.15.{self.index_of(device, port)}", mbps)

    def do_port_state(self, device: str, port: str, state: int) -> None:
        self.do_set_oid(device, f"1.3.6.1.2.1.2.2.1.8.{self.index_of(device, port)}", state)

    def do_port_gone(self, device: str, port: str, column: str) -> None:
        self.do_remove_oid(device, f"{column}.{self.index_of(device, port)}")

    def index_of(self, device: str, port: str) -> str:
        entry = next(e for e in self.items if (e.item.collector, e.item.asset) == ("snmp", device))
        varbinds = json.loads(entry.raw)["varbinds"]
        names: dict[str, str] = {
            bytes.fromhex(content).decode(errors="replace"): oid.rpartition(".")[2]
            for oid, _tag, content in varbinds
            if oid.startswith("1.3.6.1.2.1.31.1.1.1.1.")
        }
        return names[port]

    def do_service_down(self, host: str) -> None:
        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            for answer in data["answers"]:
                if answer["name"] == host and answer["kind"] == "tcp":
                    answer["ok"] = False
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: i.collector == "probes", make)

    def do_drop_all(self, collector: str) -> None:
        self.swap(lambda i: i.collector == collector, lambda _e: None)

    def do_drop_site(self, site: str) -> None:
        self.swap(lambda i: i.site == site, lambda _e: None)

    def do_canary(self, asset: str, key: str, seconds: float) -> None:
        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            data["canary"] = (moment(data["now"]) - timedelta(seconds=seconds)).isoformat()
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.asset, i.key) == ("database", asset, key), make)

    def do_backup_hours(self, hours: int) -> None:
        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            data[0]["backup"][-1]["timestamp"]["stop"] -= hours * 3600
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.key) == ("backups", "info"), make)

    def do_clock(self, asset: str, field: int, value: str) -> None:
        def make(entry: Captured) -> Captured:
            fields = entry.raw.decode().strip().split(",")
            fields[field] = value
            return self.made(entry, ",".join(fields).encode())

        self.swap(lambda i: (i.collector, i.asset, i.key) == ("time", asset, "tracking"), make)

    def do_rules_without(self, word: str) -> None:
        self.rules_without = word

    def do_unregistered(self, requirement: str) -> None:
        self.unregistered = requirement

    def do_no_owner(self, requirement: str) -> None:
        owner = self.requirements[requirement].owner
        blank = owner.model_copy(update={"unit": owner.unit.model_copy(update={"vi": " "})})
        self.do_register(requirement, {"owner": blank})

    def do_year(self, year: int) -> None:
        self.now = self.now.replace(year=year)

    def do_json(self, collector: str, asset: str, key: str, path: list[Any], value: Any) -> None:
        """Set a value inside a JSON answer; a value of None takes the entry out of its object."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            inner = data
            for step in path[:-1]:
                inner = inner[step]
            assert isinstance(inner, list) or path[-1] in inner, f"{path} is not in the capture"
            if value == "REMOVE":
                del inner[path[-1]]
            else:
                inner[path[-1]] = value
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.asset, i.key) == (collector, asset, key), make)

    def change_services(self, asset: str, edit: Callable[[Any], None]) -> None:
        """Edit what was seen of the services on a host."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            edit(data)
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.asset) == ("services", asset), make)

    def do_unit(self, asset: str, unit: str, looks: list[int], changes: dict[str, Any]) -> None:
        """Change what systemd said of a unit, at some of both looks (0, 1); a moment is seconds before the end."""

        def edit(data: Any) -> None:
            for look in looks:
                told = data["units"][unit][look]
                assert changes.keys() <= told.keys() | {"trouble"}
                for name, value in changes.items():
                    told[name] = value if isinstance(value, str) else f"@{data['ended'] - value:.0f}"

        self.change_services(asset, edit)

    def do_page(self, asset: str, part: str, changes: dict[str, Any]) -> None:
        """Change the answers of the pages whose name holds ``part``; ``older`` moves every moment in it back."""

        def edit(data: Any) -> None:
            hits = [page for name, page in data["pages"].items() if part in name]
            assert hits, f"no page {part}"
            for page in hits:
                page.update({name: value for name, value in changes.items() if name in page})
                if "older" in changes:
                    page["body"] = re.sub(
                        r"\b1795\d{6}\.\d+", lambda m: f"{float(m[0]) - changes['older']:.3f}", page["body"]
                    )
                if "without" in changes:
                    lines = [line for line in page["body"].splitlines() if changes["without"] not in line]
                    page["body"] = "\n".join(lines)

        self.change_services(asset, edit)

    def do_socket(self, asset: str, socket: str, program: str) -> None:
        """Let another program hold a socket, or nobody (None)."""

        def edit(data: Any) -> None:
            hits = [entry for entry in data["sockets"] if entry["socket"] == socket]
            assert hits, f"nobody listens on {socket}"
            for entry in hits:
                entry["program"] = program
            if program is None:
                data["sockets"] = [entry for entry in data["sockets"] if entry["socket"] != socket]

        self.change_services(asset, edit)

    def do_unanswered(self, asset: str, name: str) -> None:
        """Take one target out of what a host's probe asked."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            left = [answer for answer in data["answers"] if answer["name"] != name]
            assert len(left) < len(data["answers"])
            data["answers"] = left
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.asset, i.key) == ("probes", asset, "ipv6-only"), make)

    def do_deaf(self, asset: str, name: str) -> None:
        """Let one host alone not reach another one's service."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            hits = [answer for answer in data["answers"] if (answer["name"], answer["kind"]) == (name, "tcp")]
            assert hits
            hits[0]["ok"] = False
            return self.made(entry, json.dumps(data).encode())

        self.swap(lambda i: (i.collector, i.asset, i.key) == ("probes", asset, "ipv6-only"), make)

    def do_poll_part(self, asset: str, oid: str, status: str) -> None:
        """Let the poller have failed to get one object."""

        def make(entry: Captured) -> Captured:
            data = json.loads(entry.raw)
            data["varbinds"] = [varbind for varbind in data["varbinds"] if varbind[0] != oid]
            hits = [part for part in data["parts"] if part[:2] == ["get", oid]]
            data["parts"] = [part for part in data["parts"] if part not in hits] + [["get", oid, status]]
            return self.made(entry, json.dumps(data, sort_keys=True, separators=(",", ":")).encode())

        self.swap(lambda i: (i.collector, i.asset) == ("snmp", asset), make)

    @staticmethod
    def made(entry: Captured, raw: bytes, **changes: Any) -> Captured:
        item = entry.item
        return capture_evidence(
            (item.site, item.asset),
            (item.collector, item.key),
            item.source,
            raw,
            (moment(item.started_at), moment(item.ended_at)),
            outcome=changes.get("outcome", item.outcome),
            exit_code=changes.get("exit_code", item.exit_code),
            tool=item.tool,
            tool_version=item.tool_version,
        )


NOW = max(moment(entry.item.ended_at) for entry in read_capture()) + timedelta(seconds=5)


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory, requirements: dict[str, Requirement], estate: Estate) -> Workspace:
    """A workspace with the lab's sample papers, signed on the day of the capture; copied before it is changed."""
    ws = Workspace(tmp_path_factory.mktemp("ws"), LAB_ESTATE, is_lab=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "today", NOW.date)
        papers.sign_lab_samples(ws, estate, requirements.values())
    return ws


@pytest.fixture
def bench(tmp_path: Path, signed: Workspace, requirements: dict[str, Requirement], estate: Estate) -> Bench:
    return Bench(read_capture(), requirements, estate, tmp_path, signed, NOW)


def load_cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return cases
