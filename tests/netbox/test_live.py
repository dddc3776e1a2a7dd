"""Against a real NetBox: what is pushed arrives, what is interrupted can be finished, and what is not ours stays."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.load.loader import load_estate
from lab.netbox.server import NetBox
from tests.netbox.worlds import LAB, ROOT, plain
from tests.support import json_of, require

pytestmark = [pytest.mark.lab, pytest.mark.long]


#: Answers hold JSON.
Verb = Callable[..., Any]


@pytest.fixture
def api(netbox: NetBox) -> Verb:
    """NetBox's API as somebody else uses it: (method, path, data) → answer."""

    def call(method: str, path: str, data: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{netbox.url}/api/{path}",
            method=method,
            headers={
                "Authorization": f"Bearer {netbox.token}",
                "Content-Type": "application/json",
            },
        )
        body = None if data is None else json.dumps(data).encode()
        with urllib.request.urlopen(request, body, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read() or "null")

    return call


@pytest.fixture
def token_file(netbox: NetBox, tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(netbox.token)
    file.chmod(0o600)
    return file


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """A copy of the lab's estate to change."""
    for folder in ("lab/estate", "inventory/estate"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path / "lab/estate"


def argv(*words: str, url: str, token_file: Path, folder: Path) -> list[str]:
    return [
        sys.executable,
        "-P",
        "-m",
        "rackproof",
        "--estate",
        str(folder),
        "--lang",
        "en",
        "estate",
        "netbox",
        *words,
        "--url",
        url,
        "--token-file",
        str(token_file),
    ]


ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith("RACKPROOF_")}, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def verb(netbox: NetBox, token_file: Path, estate: Path) -> Verb:
    """``estate netbox …`` in a process of its own, with --json."""

    def call(
        *words: str, expected: int = 0, url: str = netbox.url, token_file: Path = token_file, folder: Path = estate
    ) -> Any:
        done = subprocess.run(
            [*argv(*words, url=url, token_file=token_file, folder=folder), "--json"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expected, (words, done.stdout[-2000:], done.stderr[-2000:])
        assert netbox.token not in done.stdout + done.stderr
        return json_of(done.stdout) if expected == 0 else json.loads(done.stdout)

    return call


@pytest.fixture
def push_all(verb: Verb) -> Verb:
    """Bring the NetBox to the estate, whatever a test before left there; returns the plan that did it."""

    def call() -> Any:
        plan = verb("plan")
        if plan["actions"]:
            verb("push", "--approve", plan["plan_id"])
        return plan

    return call


class Cutting:
    """A way to the NetBox that is cut for good after so many connections' worth of requests: the server is gone."""

    def __init__(self, url: str, writes: int) -> None:
        self._there = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._left = writes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._there)
            threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_request and data.startswith((b"POST", b"PATCH")):
                    self._left -= 1
                target.sendall(data)
                if self._left < 0:
                    break
        except OSError:
            pass
        if self._left < 0:
            self._listener.close()
        for end in (source, target):
            end.close()


def empty(api: Verb) -> None:
    """Take everything out of the NetBox, whoever made it."""
    for path in (
        "dcim/cables",
        "ipam/ip-addresses",
        "ipam/prefixes",
        "ipam/vlans",
        "dcim/devices",
        "dcim/racks",
        "dcim/sites",
        "dcim/site-groups",
        "dcim/platforms",
        "dcim/device-roles",
        "dcim/device-types",
        "dcim/manufacturers",
        "extras/custom-fields",
        "extras/tags",
    ):
        while found := api("GET", f"{path}/?limit=500&fields=id")["results"]:
            api("DELETE", f"{path}/", found)


def test_interrupted_pushes_are_finished_by_the_next(
    api: Verb, verb: Verb, netbox: NetBox, token_file: Path, estate: Path
) -> None:
    empty(api)
    plan = verb("plan")
    assert plan["actions"] and {action["verb"] for action in plan["actions"]} == {"create"}
    error = verb("push", "--approve", "0" * 12, expected=6)["errors"][0]
    assert error["code"] == "EST079"
    assert verb("plan")["plan_id"] == plan["plan_id"]  # refused: nothing was done

    error = verb("push", "--approve", plan["plan_id"], url=Cutting(netbox.url, 6).url, expected=4)["errors"][0]
    assert error["code"] == "EST062"
    second = verb("plan")
    assert 0 < len(second["actions"]) < len(plan["actions"])

    words = argv("push", "--approve", second["plan_id"], url=netbox.url, token_file=token_file, folder=estate)
    running = subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in require(running.stderr):
        if "interfaces: create" in line:
            running.send_signal(signal.SIGKILL)
            break
    running.communicate()
    third = settled(verb)
    assert 0 < len(third["actions"]) < len(second["actions"])
    assert verb("push", "--approve", third["plan_id"])["changed"] == len(third["actions"])
    last = verb("plan")
    assert last["actions"] == [] == last["left"]
    assert verb("push", "--approve", last["plan_id"])["changed"] == 0
    found = verb("pull")
    assert (found["edits"], found["derived"]["sites"], found["derived"]["problems"]) == ([], [], [])


def settled(verb: Verb) -> Any:
    """Return the plan once the request that was under way when its sender died is done."""
    before, plan = None, verb("plan")
    while before != plan["plan_id"]:
        before, plan = plan["plan_id"], verb("plan")
    return plan


def test_all_of_it_comes_back_into_an_empty_estate(push_all: Verb, verb: Verb, estate: Path) -> None:
    push_all()
    empty_estate = estate.parent / "empty"
    empty_estate.mkdir()
    for name in ("estate.yml", "allocations.jsonl"):
        shutil.copy(estate / name, empty_estate)
    written = verb("pull", "--write", folder=empty_estate)["written"]
    assert len(written) == 2 + len(load_estate(LAB).sites)
    assert plain(load_estate(empty_estate)) == plain(load_estate(LAB))
    assert verb("plan", folder=empty_estate)["actions"] == []


def test_drift_goes_to_who_owns_the_field(push_all: Verb, api: Verb, verb: Verb, estate: Path) -> None:
    push_all()
    device = api("GET", "dcim/devices/?name=dc-db1")["results"][0]
    role = api("GET", "dcim/device-roles/?slug=core")["results"][0]["id"]
    api(
        "PATCH",
        f"dcim/devices/{device['id']}/",
        {"serial": "NEW-1", "role": role, "custom_fields": {"rackproof_support_until": "2031-12-31"}},
    )
    plan = verb("plan")
    assert [(a["verb"], a["key"], list(a["changes"])) for a in plan["actions"]] == [("change", "dc-db1", ["role"])]
    assert {item["field"] for item in plan["left"]} == {"serial", "rackproof_support_until"}
    assert verb("pull")["written"] == []
    before = (estate / "sites/dc.yml").read_text("utf-8")
    verb("pull", "--write")
    assert (estate / "sites/dc.yml").read_text("utf-8") == before.replace("LAB-S-0011", "NEW-1").replace(
        "NEW-1, in_service: 2023-06-01, life_years: 5, support_until: 2028-06-01",
        "NEW-1, in_service: 2023-06-01, life_years: 5, support_until: 2031-12-31",
    )
    push_all()
    assert verb("plan")["actions"] == verb("plan")["left"] == []
    assert api("GET", f"dcim/devices/{device['id']}/")["role"]["slug"] == "database-primary"
    api(
        "PATCH",
        f"dcim/devices/{device['id']}/",
        {"serial": device["serial"], "custom_fields": {"rackproof_support_until": "2028-06-01"}},
    )


def test_what_is_not_ours_stays_and_what_is_gone_goes(push_all: Verb, api: Verb, verb: Verb, estate: Path) -> None:
    file = estate / "sites/dr.yml"
    before = file.read_text("utf-8")
    line = "  - {name: dr-old, kind: host, role: retired, attach: [{vlan: srv, host: 50}]}\n"
    file.write_text(before.replace("devices:\n", f"devices:\n{line}"), "utf-8")
    push_all()
    site = api("GET", "dcim/sites/?slug=dr")["results"][0]["id"]
    rack = api("POST", "dcim/racks/", {"name": "HIS", "site": site})
    prefix = api("POST", "ipam/prefixes/", {"prefix": "192.0.2.0/24"})
    file.write_text(before, "utf-8")
    plan = verb("plan")
    assert {action["verb"] for action in plan["actions"]} == {"delete"}
    assert {(action["kind"], action["key"]) for action in plan["actions"]} == {
        ("dcim/devices", "dr-old"),
        ("dcim/interfaces", "dr-old/eth0"),
        ("dcim/device-roles", "retired"),
        ("dcim/device-types", "generic/generic-host"),
        ("ipam/ip-addresses", "10.2.10.50/24"),
        ("ipam/ip-addresses", "fd52:5052:201:106e::50/64"),
    }
    verb("push", "--approve", plan["plan_id"])
    assert api("GET", "dcim/devices/?name=dr-old")["count"] == 0
    assert verb("plan")["actions"] == []
    assert api("GET", f"dcim/racks/{rack['id']}/")["tags"] == api("GET", f"ipam/prefixes/{prefix['id']}/")["tags"] == []
    for path, made in (("dcim/racks", rack), ("ipam/prefixes", prefix)):
        api("DELETE", f"{path}/{made['id']}/")


def test_what_somebody_made_is_adopted_visibly(push_all: Verb, api: Verb, verb: Verb) -> None:
    push_all()
    device = api("GET", "dcim/devices/?name=crac-1")["results"][0]
    api("PATCH", f"dcim/devices/{device['id']}/", {"tags": []})
    plan = verb("plan")
    assert [(a["verb"], a["key"]) for a in plan["actions"]] == [("adopt", "crac-1")]
    verb("push", "--approve", plan["plan_id"])
    assert [tag["slug"] for tag in api("GET", f"dcim/devices/{device['id']}/")["tags"]] == ["rackproof"]


def test_a_site_made_in_netbox_becomes_a_site_of_the_estate(
    push_all: Verb, api: Verb, verb: Verb, estate: Path
) -> None:
    push_all()

    def made(path: str, **data: Any) -> Any:
        return api("POST", f"{path}/", data)["id"]

    def slug(path: str, name: str) -> Any:
        return api("GET", f"{path}/?slug={name}")["results"][0]["id"]

    site = made(
        "dcim/sites",
        name="Regional 2",
        slug="hph-kv02",
        status="active",
        description="Khu vực 2",
        group=slug("dcim/site-groups", "huyen"),
        latitude=20.9,
        longitude=106.6,
    )
    kind, role = slug("dcim/device-types", "frrouting-lab-router"), slug("dcim/device-roles", "edge")
    router = made(
        "dcim/devices",
        name="hph-kv02-edge1",
        site=site,
        device_type=kind,
        role=role,
        serial="NB-1",
        platform=slug("dcim/platforms", "frr"),
        rack=made("dcim/racks", name="R1", site=site),
    )
    vlan = made("ipam/vlans", name="srv", vid=110, site=site)
    for prefix, of in (("fd52:5052:1f02::/48", None), ("fd52:5052:1f02:106e::/64", vlan), ("10.132.10.0/24", vlan)):
        made("ipam/prefixes", prefix=prefix, scope_type="dcim.site", scope_id=site, vlan=of)
    far = api("GET", "dcim/devices/?name=hph-edge1")["results"][0]["id"]
    faces = {}
    for device, name, speed, addresses in (
        (router, "lo", None, ("fd52:5052:ff1f::3/128", "10.255.31.3/32")),
        (router, "srv", None, ("fd52:5052:1f02:106e::1/64", "10.132.10.1/24")),
        (router, "up1", 1000000, ("fd52:5052:fe00:7::1/127", "10.254.0.13/31")),
        (far, "to-kv02", 1000000, ("fd52:5052:fe00:7::/127", "10.254.0.12/31")),
    ):
        faces[name] = made("dcim/interfaces", device=device, name=name, type="other", speed=speed)
        for address in addresses:
            made(
                "ipam/ip-addresses",
                address=address,
                assigned_object_type="dcim.interface",
                assigned_object_id=faces[name],
            )
    made(
        "dcim/cables",
        **{
            f"{side}_terminations": [{"object_type": "dcim.interface", "object_id": faces[name]}]
            for side, name in (("a", "up1"), ("b", "to-kv02"))
        },
    )
    found = verb("pull")
    assert found["derived"]["problems"] == []
    written = verb("pull", "--write")["written"]
    assert sorted(path.rsplit("/", 1)[1] for path in written) == ["hph-kv02.yml", "links.yml"]
    new = load_estate(estate)
    place, device = new.sites["hph-kv02"], new.devices["hph-kv02-edge1"]
    assert (place.tier, place.region, place.number, place.name.vi) == ("HUYEN", 31, 2, "Khu vực 2")
    assert (device.loopback, str(device.ipv4_loopback), require(device.asset).serial) == (3, "10.255.31.3", "NB-1")
    assert new.neighbours("hph-kv02-edge1") == ["hph-edge1"]
    plan = verb("plan")  # theirs until they are adopted
    assert {a["verb"] for a in plan["actions"]} == {"adopt"}
    verb("push", "--approve", plan["plan_id"])
    assert verb("plan")["actions"] == []


@pytest.mark.parametrize("token", ["nbt_aaaaaaaaaaaa.bbbb", "0123456789abcdef0123456789abcdef01234567", "short"])
def test_a_wrong_token_is_said(verb: Verb, tmp_path: Path, token: str) -> None:
    file = tmp_path / "wrong"
    file.write_text(token)
    file.chmod(0o600)
    error = verb("plan", token_file=file, expected=7)["errors"][0]
    assert error["code"] == "EST065"


def test_nothing_of_it_outlives_its_starter(netbox: NetBox) -> None:
    """A second NetBox, whose starter is killed as hard as can be."""
    code = (
        "import time; from lab.netbox.server import running\n"
        "with running() as found: print(found.pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv_ = [sys.executable, "-P", "-c", code]
    with subprocess.Popen(argv_, stdout=subprocess.PIPE, text=True, env=environment) as starter:
        pid = int(require(starter.stdout).readline())
        every = [pid, *below(pid)]
        assert len(every) > 5
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (left := [p for p in every if alive(p)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    assert alive(netbox.pid)


def below(pid: int) -> list[int]:
    """Return every process below one."""
    parents = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for process in found:
        found.extend(child for child, parent in parents.items() if parent == process)
    return found[1:]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
