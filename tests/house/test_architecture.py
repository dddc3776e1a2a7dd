"""The house: who may import whom, that the drawing is the code's, and the size of modules."""

import importlib.util
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("draw_architecture", REPOSITORY / "docs" / "draw_architecture.py")
architecture = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(architecture)

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def _modules():
    return [
        file
        for room in architecture.MAY_IMPORT
        for file in [*(REPOSITORY / room).rglob("*.py"), REPOSITORY / f"{room}.py"]
        if file.exists() and file.name != "__init__.py"
    ]


def test_arrows_point_down_only():
    forbidden = [(a, b) for a, b in architecture.imports() if b not in architecture.MAY_IMPORT[a]]
    assert forbidden == []


def test_a_forbidden_import_would_be_seen(tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "x.py").write_text("from lab.up import go\n")
    assert architecture.imports(tmp_path)[("core", "lab")] == 1


def test_the_drawing_is_up_to_date():
    assert architecture.DRAWING.read_text(encoding="utf-8") == architecture.drawing()


def test_modules_are_small():
    sizes = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in _modules()}
    assert [name for name, size in sizes.items() if size > 500] == []
    assert median(sizes.values()) <= 120


def test_names_explain_themselves():
    assert [str(file) for file in _modules() if file.stem in VAGUE or VAGUE & set(file.parent.parts[-1:])] == []
