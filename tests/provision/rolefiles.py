"""The roles as data, for the tests of this folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = REPOSITORY / "roles"
PLAYBOOKS = REPOSITORY / "playbooks"
NAMES = sorted(folder.name for folder in ROLES.iterdir() if (folder / "tasks").is_dir())

Task = dict[str, Any]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = load(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]
    found: dict[str, dict[str, Any]] = specs["main"]["options"]
    return found


def secret_options() -> set[str]:
    return {name for role in NAMES for name, spec in options(role).items() if spec.get("no_log")}


def tasks(role: str) -> Iterator[tuple[Path, Task]]:
    """Every task and handler of a role, those in blocks too, with the file it stands in."""
    for file in sorted([*(ROLES / role / "tasks").glob("*.yml"), *(ROLES / role / "handlers").glob("*.yml")]):
        yield from ((file, task) for task in flat(load(file) or []))


def flat(items: list[Task]) -> Iterator[Task]:
    for task in items:
        if "block" in task:
            yield from flat(task["block"])
        else:
            yield task


def mentions(role: str, task: Task) -> set[str]:
    """Every word of a task, and of the templates it names: what it may give away."""
    text = yaml.safe_dump(task)
    for name in re.findall(r"[\w.@-]+\.j2", text):
        file = ROLES / role / "templates" / name
        if file.exists():
            text += file.read_text(encoding="utf-8")
    for name, value in (load(ROLES / role / "vars" / "main.yml") if (ROLES / role / "vars").is_dir() else {}).items():
        if re.search(rf"\b{name}\b", text):
            text += str(value)
    return set(re.findall(r"\w+", text))
