"""How the code is written, in figures: the same rules over every room, beside goals and the figures of other projects.

A figure is a mirror, not a target to be chased by splitting lines: a goal that is missed may have a reason.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from pydantic import BaseModel, ConfigDict, Field

from core.models import read_model
from core.workspace import REPOSITORY

TABLE = Path(__file__).with_name("style.yml")
LARGE, SMALL = 400, 60
#: Folders of modules that hold commands: a call of the command line builds one command, so they import late.
COMMANDS = frozenset({"cli"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert, ast.match_case)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LAYOUT = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER
})  # fmt: skip
#: Comments that speak to a tool.
_DIRECTIVES = ("# SPDX", "#!", "# type:", "# noqa", "# fmt:", "# pragma", "# mypy", "# pylint")


class Measure(BaseModel):
    """One thing measured; ``figures`` are those of the anchors, in their order, where they were measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    goal: float | None = None
    least: bool = False
    figures: tuple[float, ...] = ()
    why: str = ""


class StyleTable(BaseModel):
    """``style.yml``: what is measured, where, and the words that count as verbs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rooms: tuple[str, ...]
    anchors: tuple[str, ...]
    measures: dict[str, Measure]
    verbs: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class StyleFigure:
    """One figure of ours beside its goal and the anchors' figures."""

    name: str
    measure: Measure
    value: float

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        goal = self.measure.goal
        if goal is None:
            return None
        if self.measure.least:
            return self.value >= goal
        return self.value <= goal

    @property
    def reason(self) -> str:
        """Why the goal is missed; empty where it is met, where there is none, and where nobody has said why."""
        if self.is_met is False:
            return self.measure.why
        return ""


@dataclass(slots=True)
class Tally:
    """What was counted over all files."""

    tokens: list[int] = field(default_factory=list)
    function_tokens: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    complexities: list[int] = field(default_factory=list)
    module_lines: dict[str, int] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)
    filled_lines: int = 0
    comments: int = 0
    nested: int = 0
    ternaries: int = 0
    late_imports: int = 0
    functions: int = 0
    private: int = 0
    verbs: int = 0
    annotated: int = 0


def read_style_table() -> StyleTable:
    """Return ``style.yml``. Raises RackproofError as ``core.models.read_model`` does."""
    return read_model(TABLE, StyleTable)


def measure_style(table: StyleTable, repository: Path = REPOSITORY) -> list[StyleFigure]:
    """Return every figure of the rooms of ``table``, in its order."""
    tally = Tally()
    files = list(list_sources(repository, table.rooms))
    verbs = frozenset(table.verbs.split())
    for file in files:
        count_file(tally, file, file.relative_to(repository), verbs)
    values = work_out(tally)
    values["fragments"] = float(len(find_fragments(files, repository)))
    return [StyleFigure(name, measure, values[name]) for name, measure in table.measures.items()]


def find_unexplained(figures: Iterable[StyleFigure]) -> list[str]:
    """Return the names of the figures that miss their goal and say no reason."""
    return [figure.name for figure in figures if figure.is_met is False and not figure.reason]


def list_sources(repository: Path, rooms: Iterable[str]) -> Iterator[Path]:
    """Yield the Python sources of the rooms that are ours to write: not what runs inside an image."""
    for room in rooms:
        place = repository / room
        found = [place] if place.is_file() else sorted(place.rglob("*.py"))
        yield from (file for file in found if "recipe" not in file.parts)


def count_file(tally: Tally, file: Path, name: Path, verbs: frozenset[str]) -> None:
    """Count one file into ``tally``; ``name`` is its path in the repository."""
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines()
    tally.module_lines[str(name)] = len(lines)
    tally.filled_lines += sum(1 for line in lines if line.strip())

    per_line = count_tokens(text, find_docstring_lines(tree))
    tally.tokens += per_line.values()
    tally.comments += sum(1 for token in _read_tokens(text) if _is_comment(token))

    is_command = bool(COMMANDS & set(name.with_suffix("").parts)) or name.stem.endswith("_cli")
    for node in ast.walk(tree):
        if isinstance(node, _COMPREHENSIONS):
            tally.nested += _is_nested(node)
        elif isinstance(node, ast.IfExp):
            tally.ternaries += 1
        elif isinstance(node, ast.ClassDef):
            tally.classes[node.name] += 1
        elif isinstance(node, _FUNCTIONS):
            count_function(tally, node, per_line, verbs)
            if not is_command:
                tally.late_imports += sum(isinstance(below, ast.Import | ast.ImportFrom) for below in ast.walk(node))


def count_function(
    tally: Tally, node: ast.FunctionDef | ast.AsyncFunctionDef, per_line: dict[int, int], verbs: frozenset[str]
) -> None:
    """Count one function, also one inside another, into ``tally``."""
    last = node.end_lineno or node.lineno
    tally.functions += 1
    tally.function_lines.append(last - node.lineno + 1)
    tally.function_tokens.append(sum(per_line.get(line, 0) for line in range(node.lineno, last + 1)))
    tally.complexities.append(1 + sum(_count_branches(below) for below in ast.walk(node)))
    name = node.name
    is_special = name.startswith("__") and name.endswith("__")
    tally.private += name.startswith("_") and not is_special
    first_word = name.strip("_").partition("_")[0]
    tally.verbs += first_word in verbs
    tally.annotated += _is_annotated(node)


def count_tokens(text: str, docstring_lines: set[int]) -> dict[int, int]:
    """Return how many tokens each line of code has; comments, docstrings and layout are none."""
    counts: Counter[int] = Counter()
    for token in _read_tokens(text):
        if token.type not in _LAYOUT and token.start[0] not in docstring_lines:
            counts[token.start[0]] += 1
    return dict(counts)


def find_docstring_lines(tree: ast.Module) -> set[int]:
    """Return the lines that docstrings stand on."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | _FUNCTIONS[0] | _FUNCTIONS[1]) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            found |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found


def work_out(tally: Tally) -> dict[str, float]:
    """Return the figures that follow from what was counted."""
    thousands = len(tally.tokens) / 1000
    return {
        "function_lines_median": median(tally.function_lines),
        "function_lines_p95": find_percentile(tally.function_lines, 0.95),
        "complexity_median": median(tally.complexities),
        "complexity_p95": find_percentile(tally.complexities, 0.95),
        "tokens_per_line": mean(tally.tokens),
        "tokens_per_function": mean(tally.function_tokens),
        "nested_comprehensions": tally.nested / thousands,
        "ternaries": tally.ternaries / thousands,
        "late_imports": tally.late_imports / thousands,
        "private_functions": 100 * tally.private / tally.functions,
        "verb_first": 100 * tally.verbs / tally.functions,
        "comments": 100 * tally.comments / tally.filled_lines,
        "annotated": 100 * tally.annotated / tally.functions,
        "repeated_class_names": float(sum(count > 1 for count in tally.classes.values())),
        "large_modules": float(sum(lines > LARGE for lines in tally.module_lines.values())),
    }


def find_percentile(values: list[int], share: float) -> float:
    """Return the value below which a share of the values lie."""
    return float(sorted(values)[min(len(values) - 1, int(len(values) * share))])


def find_fragments(files: Iterable[Path], repository: Path) -> list[str]:
    """Return the small modules that a single other module imports: their reader has to turn a page for nothing."""
    modules = {_name_module(file.relative_to(repository)): file for file in files}
    importers: dict[str, set[str]] = {name: set() for name in modules}
    for name, file in modules.items():
        for other in _list_imported(ast.parse(file.read_text(encoding="utf-8")), modules):
            importers[other].add(name)
    return sorted(
        name
        for name, file in modules.items()
        if len(importers[name] - {name}) == 1
        and file.name != "__init__.py"
        and len(file.read_text(encoding="utf-8").splitlines()) < SMALL
    )


def _name_module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _list_imported(tree: ast.Module, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        yield from (name for name in names if name in modules)


def _read_tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(text).readline)


def _is_comment(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.COMMENT and not token.string.startswith(_DIRECTIVES)


def _is_nested(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> bool:
    if len(node.generators) > 1:
        return True
    return any(isinstance(below, _COMPREHENSIONS) for below in ast.walk(node) if below is not node)


def _count_branches(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    return int(isinstance(node, _BRANCHES))


def _is_annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    arguments += [extra for extra in (given.vararg, given.kwarg) if extra is not None]
    needing = [argument for argument in arguments if argument.arg not in {"self", "cls"}]
    return node.returns is not None and all(argument.annotation is not None for argument in needing)
