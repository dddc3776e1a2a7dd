"""The processes that try mutants, one in each clone: `tests/mutation/worker.py`, asked and answered in JSON Lines."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import RackproofError

MODULE = "tests.mutation.worker"
#: A worker that is asked to end kills its tests, puts the file back, and is gone.
END_LIMIT_S = 20.0
COMPILE_LIMIT_S = 300.0
#: So many lines of what it said last are shown: what it died of.
LAST_LINES = 3


class Worker:
    """One process in one clone; it does one thing at a time."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        """Take over a process that was started; what it says besides its answers goes to ``log``."""
        self.process = process
        self.log = log

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer. Raises RackproofError (PRF009) when the process ended instead."""
        requests, answers = self.process.stdin, self.process.stdout
        if requests is None or answers is None:
            raise TypeError("a worker without pipes")
        line = ""
        with contextlib.suppress(BrokenPipeError):
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            line = answers.readline()
        if not line:
            said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise RackproofError("PRF009", actual="\n".join(said[-LAST_LINES:]))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the process in order; the one thing it does is given up."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def open_worker(clone: Path) -> Iterator[Worker]:
    """Yield a process that tries mutants in ``clone``; it is gone afterwards, with all that it started."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RACKPROOF_")}
    environment.pop("PYTHONPATH", None)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    log = clone.with_name("worker.log")
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", MODULE],
            cwd=clone,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        worker = Worker(process, log)
        try:
            yield worker
        finally:
            worker.end()


def compile_clone(clone: Path) -> None:
    """Compile the sources of a clone so that a compiled file holds for exactly the bytes of its source.

    By its time a mutant that is written within a second of the last one would be taken for that one.
    """
    argv = [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", "checked-hash", "."]
    subprocess.run(argv, cwd=clone, check=False, timeout=COMPILE_LIMIT_S, stdin=subprocess.DEVNULL)
