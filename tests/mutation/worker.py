"""The process that tries mutants in a clone: reads requests from standard input, one JSON object a line, and answers.

    survey   run the tests of a target unbroken and list the mutants of its files, with the tests that reach each
    preload  import what no mutant can change, so that a try begins in no time
    try      write one mutant into the clone, run tests in a forked child, and put the file back

It is started in the root of the clone, ends with its input, and takes with it whatever a test left running.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.mutation.forking import adopt_orphans, run_forked
from tests.mutation.mutating import Mutation, find_difference, is_python, list_mutations, mutate
from tests.mutation.survey import ANY_TEST, Limiter, find_importers, run_pytest, survey

Answer = dict[str, Any]


def answer_survey(request: Mapping[str, Any], scratch: Path) -> Answer:
    """Survey a target and list its mutants; ``exit_code`` other than 0 means that its tests are red already."""
    files, tests = request["files"], request["tests"]
    ending = run_forked(lambda: survey(files, tests, scratch), request["limit_s"])
    if ending.exit_code != 0:
        return dataclasses.asdict(ending)
    seen = json.loads((scratch / "survey.json").read_text(encoding="utf-8"))
    mutants = []
    for file in files:
        source = Path(file).read_text(encoding="utf-8")
        reached = {int(line): names for line, names in seen["lines"][file].items()}
        for mutation in list_mutations(file, source, request["operators"], request["leave_out"]):
            names = choose_tests(mutation, reached, seen["seconds"])
            mutants.append(dataclasses.asdict(mutation) | {"tests": names})
    more = {"mutants": mutants, "durations": seen["seconds"], "modules": seen["modules"]}
    return dataclasses.asdict(ending) | more


def choose_tests(mutation: Mutation, reached: Mapping[int, Sequence[str]], seconds: Mapping[str, float]) -> list[str]:
    """Return the tests that can notice a mutant, the quickest first; none where no test reaches its statement."""
    names: set[str] = set()
    for line in range(mutation.first, mutation.last + 1):
        names |= set(reached.get(line, ()))
    ordered = sorted(seconds, key=lambda name: seconds[name])
    own = [name for name in ordered if name in names]
    if ANY_TEST not in names:
        return own
    return own + [name for name in ordered if name not in names]


def answer_preload(request: Mapping[str, Any]) -> Answer:
    """Import what does not depend on the files to be broken. Raises RuntimeError when one of those came along."""
    root = Path.cwd()
    breakable = find_importers(root, request["files"])
    own = {path.name for path in root.iterdir() if path.is_dir()}
    loaded = 0
    for name in request["modules"]:
        is_own = name.partition(".")[0] in own
        if name in sys.modules or name in breakable or name.startswith(("tests", "__")) or name == "conftest":
            continue
        with contextlib.suppress(ImportError, AttributeError):
            importlib.import_module(name)
            loaded += is_own
    if early := breakable.intersection(sys.modules):
        raise RuntimeError(f"loaded before it is broken: {sorted(early)}")
    gc.collect()
    gc.freeze()  # pytest collects twice a run: of what every child inherits there is nothing to collect
    return {"loaded": loaded}


def answer_try(request: Mapping[str, Any], scratch: Path) -> Answer:
    """Try one mutant with the tests it names. The file is whole again afterwards, whatever happens.

    ``is_python`` false: the mutant does not compile. ``before`` and ``after`` are what differs. Without tests, nothing
    runs.
    """
    file = Path(request["file"])
    source = file.read_text(encoding="utf-8")
    mutated = mutate(source, request["operator"], request["occurrence"])
    before, after = find_difference(source, mutated)
    made = {"is_python": is_python(mutated), "before": before, "after": after}
    tests = tuple(request["tests"])
    if not made["is_python"] or not tests:
        return made
    file.write_text(mutated, encoding="utf-8")
    try:
        action = functools.partial(run_pytest, tests, scratch / "tests", [Limiter(request["durations"])])
        ending = run_forked(action, request["limit_s"])
    finally:
        file.write_text(source, encoding="utf-8")
        shutil.rmtree(scratch / "tests", ignore_errors=True)
    return made | dataclasses.asdict(ending)


def answer(request: Mapping[str, Any], scratch: Path) -> Answer:
    """Do what a request asks for. Raises KeyError for what there is not."""
    if request["do"] == "preload":
        return answer_preload(request)
    return {"survey": answer_survey, "try": answer_try}[request["do"]](request, scratch)


def end(_signal: int, _frame: object) -> None:
    """End in order: the file is put back, and the tests that run are killed."""
    raise SystemExit(0)


def main() -> None:
    """Answer requests until there are none left."""
    signal.signal(signal.SIGTERM, end)
    adopt_orphans()
    # Whatever is imported may print: the answers have a stream of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="rackproof-mutation-") as folder:
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line), Path(folder))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
