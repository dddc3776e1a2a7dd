"""Runs on a host as root: looks at units twice, at sockets and at web pages, and prints what it saw as JSON.

One argument, JSON: ``units`` (names), ``sockets`` (``tcp/9090``), ``pages`` (name, URL, the beginnings of the lines to
keep), ``settle_s`` (seconds between both looks: what fails a second after its start is seen failing). Read-only,
standard library only; sent over SSH, never installed.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "MainPID",
    "ExecMainStatus",
    "ActiveEnterTimestamp",
    "ExecMainExitTimestamp",
    "LastTriggerUSec",
    "NextElapseUSecRealtime",
    "NextElapseUSecMonotonic",
)
MAX_BODY_BYTES = 4 * 1024 * 1024
KEPT_BYTES = 200_000
PAGE_TIMEOUT_S = 5


def show_unit(unit: str) -> dict[str, str]:
    """Return what systemd says of a unit, and the program that its main process really runs."""
    argv = ["systemctl", "show", "--timestamp=unix", "--property=" + ",".join(PROPERTIES), "--", unit]
    # Some moments are written out in words, whatever --timestamp says: then at least in one language and time zone.
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if done.returncode != 0:
        found["trouble"] = done.stderr.strip() or f"systemctl ended with {done.returncode}"
    found["program"] = read_program(found.get("MainPID", "0"))
    return found


def read_program(pid: str) -> str:
    """Return the file that a process runs; empty when there is no such process (as for number 0)."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
    except OSError:
        return ""


def list_sockets() -> list[dict[str, str]]:
    """Return every listening socket with the process that holds it."""
    done = subprocess.run(["ss", "-Hlntup"], capture_output=True, text=True, check=False)
    found: set[tuple[str, str]] = set()
    for line in done.stdout.splitlines():
        words = line.split()
        port = words[4].rpartition(":")[2]
        found.update((f"{words[0]}/{port}", pid) for pid in re.findall(r"pid=(\d+)", line) or ["0"])
    return [{"socket": socket, "pid": pid, "program": read_program(pid)} for socket, pid in sorted(found)]


def ask_page(url: str, keep: list[str]) -> dict[str, object]:
    """Ask one page; keep only the lines that begin as wanted (all of them when nothing is named)."""
    answer: dict[str, object] = {"url": url, "status": 0, "body": "", "trouble": ""}
    try:
        with urllib.request.urlopen(url, timeout=PAGE_TIMEOUT_S) as stream:  # noqa: S310 - the estate's own addresses
            answer["status"] = stream.status
            body = stream.read(MAX_BODY_BYTES).decode("utf-8", errors="replace")
    except urllib.error.HTTPError as error:
        return answer | {"status": error.code, "trouble": f"HTTP {error.code}"}
    except (OSError, ValueError) as error:
        return answer | {"trouble": str(getattr(error, "reason", error))}
    lines = [line for line in body.splitlines() if not keep or line.startswith(tuple(keep))]
    answer["body"] = "\n".join(lines)[:KEPT_BYTES]
    return answer


def look(question: dict[str, object]) -> dict[str, object]:
    """Look at everything: units at once and again after the settle time, sockets and pages in between."""
    units: list[str] = question["units"]  # type: ignore[assignment]
    sockets: list[str] = question["sockets"]  # type: ignore[assignment]
    pages: list[tuple[str, str, list[str]]] = question["pages"]  # type: ignore[assignment]
    began = time.time()
    first = {unit: show_unit(unit) for unit in units}
    asked = {name: ask_page(url, keep) for name, url, keep in pages}
    time.sleep(max(0.0, float(str(question["settle_s"])) - (time.time() - began)))
    second = {unit: show_unit(unit) for unit in units}
    listening = [entry for entry in list_sockets() if entry["socket"] in sockets]
    return {
        "began": began,
        "ended": time.time(),
        "units": {unit: [first[unit], second[unit]] for unit in units},
        "sockets": listening,
        "pages": asked,
    }


if __name__ == "__main__":
    print(json.dumps(look(json.loads(sys.argv[1])), sort_keys=True))
