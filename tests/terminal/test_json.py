"""What ``--json`` prints is what ``docs/json.yml`` says: every verb, every envelope, wrong use included."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import rackproof
from core.console import JSON_VERSION, RunningVerb
from core.errors import Place
from core.json_page import PAGE, make_page, read_contract
from core.lazy_cli import build_house
from core.manpages import walk_commands
from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from tests.terminal.json_shapes import SCALARS, check_envelope, find_mismatches, name_scalars
from tests.terminal.test_terminal import LAUNCH, VERBS, WORKERS, environment_for, make_workspace

CONTRACT = read_contract()
MORE: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("json_words.yml").read_text("utf-8"))
#: Go on until they are told to end; driven one by one.
STREAMS = {name.replace(".", " ") for name, schema in CONTRACT.schemas.items() if schema.stream}
#: Take minutes; what they print is made here from results that are not their own.
MINUTES = {"bench estate", "demo", "prove long", "prove mutants", "prove mutation", "prove newcomer"}
#: In the order in which they are driven, in one workspace: the others sign with the keys that the first makes.
SIGNING = ("checks signer", "checks attest", "checks waive")
TIMEOUT_S = 120
RENAMED = ("en: Hải Phòng Provincial Procuracy", "en: Hải Phòng Procuracy")


@dataclass(frozen=True, slots=True)
class Case:
    """One command line of a verb, and the exit codes that are right."""

    verb: str
    words: tuple[str, ...]
    exits: tuple[int, ...]
    estate: str = "ESTATE"
    names: dict[str, str] = field(default_factory=dict)

    def argv(self, folder: Path) -> list[str]:
        """Return the command line over an estate, in a workspace of its own in ``folder``; who signs shares one."""
        workspace = str(folder / "workspace") if self.verb in SIGNING else make_workspace(folder)
        words = [self.fill(word) for word in self.words]
        options = ["--estate", self.fill(self.estate), "--workspace", workspace]
        return [*LAUNCH, *options, *self.verb.split(), *add_json(words)]

    def fill(self, word: str) -> str:
        """Return a word with what its name stands for."""
        for name, value in self.names.items():
            if word == name or word.startswith(f"{name}."):
                return value + word.removeprefix(name)
        return word


def add_json(words: list[str]) -> list[str]:
    """Return the words of a verb with --json, before what is meant for another program."""
    at = words.index("--") if "--" in words else len(words)
    return [*words[:at], "--json", *words[at:]]


def leaf_contexts() -> Iterator[Any]:
    house = build_house(rackproof.FrontDoor, rackproof.apply_options)
    for context in walk_commands(house):
        names = getattr(context.command, "list_commands", None)
        if not names or not names(context):
            yield context


def verb_of(context: Any) -> str:
    return " ".join(context.command_path.split()[1:])


@pytest.fixture(scope="module")
def places(folder: Path) -> dict[str, str]:
    """What the names in ``json_words.yml`` stand for."""
    for name in ("broken", "changed", "grown"):
        shutil.copytree(folder / "lab", folder / name)
    named = {name: folder / name / "estate" for name in ("lab", "broken", "changed", "grown")}
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "-A"], ["commit", "-qm", "more"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    site = named["changed"] / "sites" / "hph.yml"
    text = site.read_text("utf-8")
    assert RENAMED[0] in text
    site.write_text(text.replace(*RENAMED, 1), "utf-8")
    (named["broken"] / "links.yml").write_text("links: 1\n", "utf-8")
    ledger = named["grown"] / "allocations.jsonl"
    ledger.write_text("".join(ledger.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    estates = {"ESTATE": "lab", "BROKEN": "broken", "CHANGED": "changed", "GROWN": "grown"}
    found = {word: str(named[name]) for word, name in estates.items()}
    return found | {"TOKEN": str(folder / "token"), "DOC": str(folder / "token")}


def list_cases(places: dict[str, str], folder: Path) -> list[Case]:
    """Return every command line that is driven without a lab."""
    found = []
    for verb, case in VERBS.items():
        if "exits" in case and verb not in STREAMS | MINUTES:
            names = {**places, "NEW": mkdtemp(prefix="new-", dir=folder)}
            found.append(Case(verb, tuple(case.get("words", [])), tuple(case["exits"]), names=names))
        for number, more in enumerate(MORE.get(verb, [])):
            out = folder / "out" / f"{verb.replace(' ', '-')}-{number}"
            out.parent.mkdir(exist_ok=True)
            names = {**places, "OUT": str(out)}
            exits = (more.get("exits", 0),)
            found.append(Case(verb, tuple(more["words"]), exits, more.get("estate", "ESTATE"), names))
    return found


def check_answer(case: Case, code: int, text: str) -> list[str]:
    """Return what is wrong with the answer of a verb: its exit code, its envelope, the shape of its data."""
    label = " ".join([case.verb, *case.words])
    found = [] if code in case.exits else [f"exit {code}, not one of {case.exits}"]
    try:
        envelope = json.loads(text)
    except ValueError:
        return [f"{label}: no JSON: {text[:200]!r}"]
    found += check_envelope(envelope, CONTRACT, case.verb.replace(" ", "."))
    if envelope["schema"] == "error" and envelope["errors"]:
        if code != envelope["errors"][0]["exit_code"]:
            found.append(f"exit {code}, the error says {envelope['errors'][0]['exit_code']}")
        if case.verb in CONTRACT.only_for_people and envelope["errors"][0]["code"] != "USE006":
            found.append("it does not say that it is for people")
    elif case.verb in CONTRACT.only_for_people:
        found.append("it is only for people, and has data")
    return [f"{label}: {complaint}" for complaint in found]


def test_every_verb_has_json_and_a_schema() -> None:
    contexts = list(leaf_contexts())
    without = [
        verb_of(context)
        for context in contexts
        if "--json" not in [option for parameter in context.command.params for option in parameter.opts]
    ]
    assert without == []
    verbs = {verb_of(context) for context in contexts}
    described = {name.replace(".", " ") for name in CONTRACT.schemas if name != "error"}
    assert described == verbs - set(CONTRACT.only_for_people)


def test_the_contract_is_whole() -> None:
    assert CONTRACT.version == JSON_VERSION
    shapes = [CONTRACT.types, *(schema.stream or schema.data for schema in CONTRACT.schemas.values())]
    used = {word for shape in shapes for word in name_scalars(shape)}
    assert used <= {*SCALARS, *CONTRACT.types}
    assert set(CONTRACT.types) <= used


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == make_page(CONTRACT), "run: python -m core.json_page"


def find_envelopes(source: str) -> list[int]:
    """Return the lines on which a module makes an envelope of its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Dict):
            continue
        keys = {getattr(key, "value", None) for key in node.keys}
        if {"schema", "version", "data"} <= keys:
            found.append(node.lineno)
    return found


def test_one_module_makes_envelopes() -> None:
    listing = ["git", "-C", str(REPOSITORY), "ls-files", "*.py"]
    files = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    ours = [file for file in files if not file.startswith("tests/")]
    makers = [file for file in ours if find_envelopes((REPOSITORY / file).read_text("utf-8"))]
    assert makers == ["core/console.py"]


def test_every_verb_prints_what_the_contract_says(folder: Path, places: dict[str, str]) -> None:
    cases = list_cases(places, folder)
    first = [case for verb in SIGNING for case in cases if case.verb == verb]
    rest = [case for case in cases if case not in first and case.verb not in {"lab down", "lab destroy"}]

    def drive(case: Case) -> list[str]:
        done = subprocess.run(
            case.argv(folder), env=environment_for(folder), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        return check_answer(case, done.returncode, done.stdout)

    complaints = [text for case in first for text in drive(case)]
    with ThreadPoolExecutor(WORKERS) as pool:
        complaints += [text for texts in pool.map(drive, rest) for text in texts]
    assert not complaints, "\n".join(complaints)


def test_what_was_written_is_named_with_its_digest(folder: Path, places: dict[str, str]) -> None:
    out = folder / "hosts"
    case = Case("estate export hosts", ("--to", str(out)), (0,), names=places)
    done = subprocess.run(case.argv(folder), env=environment_for(folder), capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)["data"]
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert data == {"text": None, "files": [{"path": str(out), "sha256": digest, "bytes": out.stat().st_size}]}


def run_stream(argv: list[str], environment: dict[str, str], until: str) -> tuple[int, list[Any]]:
    """Run a verb that goes on; press Ctrl-C once it told of the event ``until``; return exit code and envelopes."""
    process = subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
        cwd=REPOSITORY,
    )  # fmt: skip
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(json.loads(line))
            if (lines[-1]["data"] or {}).get("event") == until:
                process.send_signal(signal.SIGINT)
                until = ""
        return process.wait(TIMEOUT_S), lines
    finally:
        process.kill()


def check_stream(verb: str, lines: list[Any]) -> list[str]:
    schema = verb.replace(" ", ".")
    return [f"{verb}: {text}" for line in lines for text in check_envelope(line, CONTRACT, schema)]


@pytest.mark.parametrize(
    ("estate", "port", "told"),
    [("ESTATE", 19783, ["listening", "ended"]), ("BROKEN", 19784, ["listening", "estate", "ended"])],
)
def test_a_server_tells_its_events_line_by_line(
    folder: Path, places: dict[str, str], estate: str, port: int, told: list[str]
) -> None:
    case = Case("estate serve-sd", ("--listen", f"127.0.0.1:{port}"), (130,), estate, places)
    code, lines = run_stream(case.argv(folder), environment_for(folder), told[-2])
    assert check_stream(case.verb, lines) == []
    assert ([line["data"]["event"] for line in lines], code) == (told, 130)


@pytest.mark.parametrize("verb", sorted(STREAMS))
def test_what_ends_a_stream_stands_on_one_line(folder: Path, places: dict[str, str], verb: str) -> None:
    words = [*VERBS[verb].get("words", []), "--json", "--nonsense"]
    argv = [*LAUNCH, *verb.split(), *words]
    done = subprocess.run(argv, env=environment_for(folder), capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert check_stream(verb, [json.loads(done.stdout)]) == []


WRONG = [
    (["nonsense"], "USE002"), (["--nonsense"], "USE003"), ([], "USE003"), (["estate"], "USE003"),
    (["estate", "nonsense"], "USE002"), (["estate", "ledger", "nonsense"], "USE002"), (["estate", "draw"], "USE004"),
    (["checks", "history", "--limit", "0"], "USE005"), (["estate", "show", "a", "b"], "USE001"),
    (["--lang", "fr", "estate", "show"], "USE005"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code"), WRONG)
def test_wrong_use_prints_the_envelope(words: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert rackproof.run([*words, "--json"]) == 2
    envelope = json.loads(capsys.readouterr().out)
    assert check_envelope(envelope, CONTRACT, "") == []
    assert (envelope["schema"], [error["code"] for error in envelope["errors"]]) == ("error", [code])


def test_a_wrong_option_of_every_verb_prints_the_envelope(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LAB", "nolab")
    for context in leaf_contexts():
        verb = verb_of(context)
        assert rackproof.run([*verb.split(), "--nonsense", "--json"]) == 2, verb
        envelope = json.loads(capsys.readouterr().out)
        assert envelope["schema"] == "error", verb
        assert check_envelope(envelope, CONTRACT, "") == [], verb


def test_words_for_another_program_ask_us_for_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LAB", "nolab")
    assert rackproof.run(["lab", "exec", "dc-db1", "--", "ip", "--json", "link"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "LAB011" in shown.err) == ("", True)


def run_here(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    code = rackproof.run([*words, "--json"])
    verb = " ".join(words)
    return check_answer(Case(verb, (), (0,)), code, capsys.readouterr().out)


def test_a_benchmark_prints_its_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from bench import estate as bench
    from bench.result import Figure

    found = [Figure("load", 1.5, 1, 2, None), Figure("help", 0.1, 0.1, 0.2, 0.2)]
    monkeypatch.setattr(bench, "measure_estate", lambda _runs, _step: found)
    assert run_here(capsys, "bench", "estate") == []


def test_a_proof_prints_its_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lab.proofs import cli, newcomer

    command = newcomer.CommandProof("./rackproof demo", 0, 61.0, "", ())
    proof = newcomer.Proof("bookworm", "3.11.2", "0" * 40, 0, "/log", "", (command,), ())
    monkeypatch.setattr(cli, "require_root", lambda _what: None)
    monkeypatch.setattr(newcomer, "prove_newcomer", lambda *_wanted, **_more: proof)
    assert run_here(capsys, "prove", "newcomer") == []


def test_a_proof_of_mutants_prints_its_shape(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lab.proofs import mutants

    proof = mutants.MutantProof("a-guard", "core/files.py", mutants.MutantState.KILLED, 1.5)
    monkeypatch.setattr(mutants, "prove_mutants", lambda *_wanted: [proof])
    assert run_here(capsys, "prove", "mutants") == []


def test_a_proof_of_mutation_prints_its_shape(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lab.proofs import mutation

    survivor = mutation.MutantTrial("core/files.py", 3, "f", "a < b", "a <= b", mutation.State.SURVIVED, 1.5)
    proof = mutation.TargetProof("files", 1, 0, 0, 0.0, True, (survivor,), (survivor.identity,))
    monkeypatch.setattr(mutation, "prove_mutation", lambda *_wanted, **_more: [proof])
    assert run_here(capsys, "prove", "mutation") == []


def test_a_netbox_tells_where_it_is_and_that_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from lab.netbox import cli, image, server

    def press_ctrl_c() -> None:
        raise KeyboardInterrupt

    made = SimpleNamespace(url="http://127.0.0.1:1", user="admin", password="secret", token="0" * 40)
    monkeypatch.setattr(image, "path", lambda: tmp_path)
    monkeypatch.setattr(server, "running", lambda _step: nullcontext(made))
    quiet = SimpleNamespace(SIGTERM=0, default_int_handler=0, signal=lambda *_: None, pause=press_ctrl_c)
    monkeypatch.setattr(cli, "signal", quiet)
    monkeypatch.setattr(RunningVerb, "schema", "lab.netbox")
    cli.netbox(tmp_path / "token", as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert check_stream("lab netbox", lines) == []
    assert [line["data"]["event"] for line in lines] == ["listening", "ended"]


@pytest.mark.parametrize("verb", ["plan", "push", "pull"])
def test_work_with_a_netbox_prints_its_shape(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from inventory.cli import netbox as cli
    from inventory.netbox import push
    from inventory.netbox.kinds import KINDS
    from inventory.netbox.live import Snapshot
    from inventory.netbox.mapping import objects
    from inventory.netbox.plan import make_plan
    from lab.instance import ESTATE

    monkeypatch.setattr(cli, "open_client", lambda *_where: SimpleNamespace(place=Place(Path("http://127.0.0.1:1"))))
    empty = Snapshot({kind.path: {} for kind in KINDS}, {kind.path: {} for kind in KINDS})
    monkeypatch.setattr(cli, "take_snapshot", lambda *_what: empty)
    monkeypatch.setattr(push.Push, "run", lambda _push: 3)
    approved = []
    if verb == "push":
        approved = ["--approve", make_plan(objects(load_estate(ESTATE)), empty).plan_id]
    words = ["estate", "netbox", verb, "--url", "x", *approved, "--json"]
    code = rackproof.run(["--estate", str(ESTATE), *words])
    assert check_answer(Case(f"estate netbox {verb}", (), (0,)), code, capsys.readouterr().out) == []


def test_the_demo_prints_its_shape(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from core.console import err
    from lab import demo

    ws = Workspace(tmp_path / "ws", tmp_path)
    for made in (ws.reports_dir, ws.evidence_dir):
        made.mkdir(parents=True)
    row = {"requirement": "QH-5-BCP", "site": "dc", "status": "fail"}
    score = {"site": "dc", "tier": "DC", "passed": 1, "total": 2, "coverage": 0.5, "waived": 0, "not_met": 1}
    run = {"not_green": [row], "scoreboard": [score]}
    instance: Any = SimpleNamespace(workspace=ws)
    summary = demo.keep_results(instance, run, run, run, tmp_path / "results")
    monkeypatch.setattr(RunningVerb, "schema", "demo")
    running = demo.Demo(tmp_path / "log", err, [("Raise the estate", 1.5)])
    demo.show_summary(summary | {"seconds": 1.5}, running, as_json=True, keep=False)
    assert check_answer(Case("demo", (), (0,)), 0, capsys.readouterr().out) == []


TYPES = {"Person": {"name": "text", "age?": "integer | null"}}
MISMATCHES = [
    ({"name": "a"}, "Person", []),
    ({"name": "a", "age": None}, "Person", []),
    ({}, "Person", ["data.name: missing"]),
    ({"name": "a", "town": "b"}, "Person", ["data.town: unknown"]),
    ({"name": 1}, "Person", ["data.name: int, not text"]),
    ({"name": "a", "age": "b"}, "Person", ["data.age: str, not integer | null"]),
    ({"name": "a", "age": True}, "Person", ["data.age: bool, not integer | null"]),
    ([{"name": "a"}, {}], ["Person"], ["data[].name: missing"]),
    ({}, ["Person"], ["data: dict, not a list"]),
    ([], "Person", ["data: list, not an object"]),
    (1.5, "integer", ["data: float, not integer"]),
    (1, "number", []),
    (None, "any", []),
    ({"x": 1}, {"<key>": "integer"}, []),
    ({"x": "y"}, {"<key>": "integer"}, ["data.x: str, not integer"]),
    ({"x": "y", "a": 1}, {"a": "integer", "<key>": "text"}, []),
    ({"b": 1}, {"one of": [{"a": "integer"}, {"b": "integer"}]}, []),
    ({"b": "c"}, {"one of": [{"a": "integer"}, {"b": "integer"}]}, ["data.b: str, not integer"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "shape", "found"), MISMATCHES)
def test_what_does_not_fit_a_shape_is_named(
    value: float | list[dict[str, str]] | dict[str, str | int | None] | None,
    shape: list[str] | str | dict[str, list[dict[str, str]] | str],
    found: list[str],
) -> None:
    assert find_mismatches(value, shape, TYPES) == found


ENVELOPES = [
    ({"schema": "checks.waive", "version": 1, "data": {"file": "a"}}, "no envelope"),
    ({"schema": "checks.waive", "version": 0, "data": {"file": "a"}, "errors": []}, "version 0"),
    ({"schema": "checks.watch", "version": 1, "data": {"event": "x"}, "errors": []}, "one of the events"),
    ({"schema": "checks.attest", "version": 1, "data": {"file": "a"}, "errors": []}, "not checks.waive"),
    ({"schema": "error", "version": 1, "data": None, "errors": []}, "says nothing"),
    ({"schema": "error", "version": 1, "data": 1, "errors": [{}]}, "with data"),
    ({"schema": "checks.waive", "version": 1, "data": {"file": "a"}, "errors": [{"code": "X"}]}, "errors[].kind"),
]


@pytest.mark.parametrize(("envelope", "complaint"), ENVELOPES)
def test_a_wrong_envelope_is_seen(envelope: dict[str, Any], complaint: str) -> None:
    schema = "checks.watch" if envelope["schema"] == "checks.watch" else "checks.waive"
    assert complaint in str(check_envelope(envelope, CONTRACT, schema))


def test_an_envelope_made_elsewhere_would_be_seen() -> None:
    assert find_envelopes('x = {"schema": 1, "version": 2, "data": 3}') == [1]
