"""The house: who may import whom, that the drawing is the code's, and the size of modules."""

import importlib
import importlib.util
import inspect
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.support import require

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = require(importlib.util.spec_from_file_location("draw_architecture", REPOSITORY / "docs/draw_architecture.py"))
architecture = importlib.util.module_from_spec(SPEC)
require(SPEC.loader).exec_module(architecture)

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def _modules() -> list[Path]:
    return [
        file
        for room in architecture.MAY_IMPORT
        for file in [*(REPOSITORY / room).rglob("*.py"), REPOSITORY / f"{room}.py"]
        if file.exists() and file.name != "__init__.py"
    ]


def test_arrows_point_down_only() -> None:
    forbidden = [(a, b) for a, b in architecture.imports() if b not in architecture.MAY_IMPORT[a]]
    assert forbidden == []


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "x.py").write_text("from lab.up import go\n")
    assert architecture.imports(tmp_path)[("core", "lab")] == 1


def test_the_drawing_is_up_to_date() -> None:
    assert architecture.DRAWING.read_text(encoding="utf-8") == architecture.drawing()


def test_no_circle_inside_a_room_either() -> None:
    assert architecture.find_circle(architecture.find_imports(architecture.list_modules())) == []


def test_a_circle_would_be_seen() -> None:
    assert set(architecture.find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_arrows_between_sub_rooms_are_those_of_the_table_and_make_no_circle() -> None:
    found = architecture.find_sub_room_arrows(architecture.find_imports(architecture.list_modules()))
    allowed = {
        f"{room}.{name}": {f"{room}.{other}" for other in about["may_import"]}
        for room, names in architecture.SUB_ROOMS.items()
        for name, about in names.items()
    }
    assert found == allowed, "an arrow that nobody needs is not allowed either"
    assert architecture.find_circle(found) == []


def test_a_sub_room_is_entered_by_its_door() -> None:
    imports = architecture.find_imports(architecture.list_modules())
    past = []
    for module, others in imports.items():
        for other in others:
            there = architecture.find_sub_room(other)
            if not there or there == architecture.find_sub_room(module):
                continue
            room, _dot, name = there.partition(".")
            rest = other.removeprefix(there).lstrip(".")
            if rest and rest not in architecture.SUB_ROOMS[room][name]["door"]:
                past.append((module, other))
    assert past == []


def test_what_lies_in_a_room_itself_is_its_ground() -> None:
    """It imports no sub-room: else the arrows would go up and down at once."""
    up = [
        (module, other)
        for module, others in architecture.find_imports(architecture.list_modules()).items()
        for other in others
        if architecture.node_room(module) == architecture.node_room(other)
        and architecture.node_room(module) in architecture.SUB_ROOMS
        and not architecture.find_sub_room(module)
        and architecture.find_sub_room(other)
    ]
    assert up == []


def test_every_folder_of_modules_is_in_the_table_and_has_its_paragraph() -> None:
    folders = {
        f"{file.relative_to(REPOSITORY).parts[0]}.{file.relative_to(REPOSITORY).parts[1]}"
        for file in architecture.list_modules().values()
        if len(file.relative_to(REPOSITORY).parts) > 2
        and file.relative_to(REPOSITORY).parts[0] in architecture.SUB_ROOMS
    }
    assert folders == {f"{room}.{name}" for room, names in architecture.SUB_ROOMS.items() for name in names}
    for folder in folders:
        room, _dot, name = folder.partition(".")
        text = (REPOSITORY / room / name / "README.md").read_text(encoding="utf-8")
        title, paragraph = text.strip().split("\n\n")
        assert title == f"# {room}/{name}"
        door = architecture.SUB_ROOMS[room][name]["door"]
        assert [module for module in door if f"`{module}`" not in paragraph] == [], folder


STEPS = [step for walk in architecture.WALKS["walks"] for step in walk["steps"]]


def find_object(place: str) -> Any:
    """Return what stands at ``module:Class.function``."""
    module, _colon, name = place.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["at"])
def test_a_step_of_a_walk_is_there_and_gives_what_the_page_says(step: dict[str, str]) -> None:
    gives = str(inspect.signature(find_object(step["at"])).return_annotation)
    assert gives in {step["gives"], f"Iterator[{step['gives']}]"}


@pytest.mark.parametrize("question", architecture.WALKS["questions"], ids=lambda question: question["at"])
def test_what_the_page_points_at_is_there(question: dict[str, str]) -> None:
    assert find_object(question["at"]).__doc__


def test_modules_are_small() -> None:
    sizes = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in _modules()}
    assert [name for name, size in sizes.items() if size > 500] == []
    assert median(sizes.values()) <= 120


def test_names_explain_themselves() -> None:
    assert [str(file) for file in _modules() if file.stem in VAGUE or VAGUE & set(file.parent.parts[-1:])] == []
