"""Mutants of a source file: what cosmic-ray's operators and one of ours make of it; not what no test need notice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Name

#: A place in a source: line from 1, column from 0, counted in characters.
Position = tuple[int, int]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutant: the ``occurrence``-th place in ``file`` where ``operator`` fits.

    ``where`` is the function or class it stands in, "" for the module; ``first`` and ``last`` are the lines of its
    statement.
    """

    file: str
    operator: str
    occurrence: int
    line: int
    first: int
    last: int
    where: str


class ReplaceCaught(Operator):  # type: ignore[misc] # cosmic-ray has no types
    """An operator that lets a handler miss one of its exceptions.

    In place of cosmic-ray's ExceptionReplacer, which fails on a dotted name such as ``subprocess.TimeoutExpired``.
    """

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        """Yield the place of every exception that a handler names."""
        for caught in self.list_caught(node):
            yield caught.start_pos, caught.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put a name that nobody raises in place of one exception."""
        caught = self.list_caught(node)[index]
        siblings = caught.parent.children
        siblings[siblings.index(caught)] = Name("NobodyRaises", caught.start_pos, caught.get_first_leaf().prefix)
        return node

    @staticmethod
    def list_caught(node: Any) -> list[Any]:
        """Return the exceptions of a handler, as nodes; nothing for another node."""
        if node.type != "except_clause":
            return []
        named = node.children[1]
        if named.type != "atom":
            return [named]
        inner = named.children[1]
        return list(inner.children[::2]) if inner.type == "testlist_comp" else [inner]

    @classmethod
    def examples(cls) -> list[Example]:
        """Return what it does to a handler, as cosmic-ray wants to be told."""
        return [Example("try: pass\nexcept (a.B, C): pass", "try: pass\nexcept (NobodyRaises, C): pass")]


OWN_OPERATORS = {"ReplaceCaught": ReplaceCaught}


def find_operator(name: str) -> Operator:
    """Return an operator, ours or cosmic-ray's. Raises KeyError for a name that there is not."""
    made: Operator = (OWN_OPERATORS.get(name) or OperatorProvider()[name])()
    return made


def mutate(source: str, operator: str, occurrence: int) -> str:
    """Return ``source`` with one mutation. Raises LookupError when there is no such place."""
    mutated = mutate_code(source, find_operator(operator), occurrence)
    if mutated is None:
        raise LookupError(f"{operator} {occurrence}")
    return str(mutated)


def list_mutations(file: str, source: str, operators: Sequence[str], leave_out: Sequence[str]) -> list[Mutation]:
    """Return the mutants of a source, in the order of their lines.

    Left out are annotations, which are mypy's business, and what matches one of the patterns ``leave_out`` on its line.
    """
    tree = ast.parse(source)
    nodes = list(ast_nodes(get_ast(source)))
    lines = source.splitlines()
    annotations = list(find_annotations(tree, lines))
    patterns = [re.compile(pattern) for pattern in leave_out]
    found = []
    for operator in operators:
        for occurrence, position in enumerate(find_positions(nodes, operator)):
            if any(start <= position < end for start, end in annotations):
                continue
            if is_left_out(lines[position[0] - 1], position[1], patterns):
                continue
            line = position[0]
            first, last = find_statement(tree, line)
            found.append(Mutation(file, operator, occurrence, line, first, last, name_place(tree, line)))
    return sorted(found, key=lambda mutation: (mutation.line, mutation.operator, mutation.occurrence))


def find_positions(nodes: Sequence[Any], operator: str) -> Iterator[Position]:
    """Yield where an operator fits among the nodes of a source, in the order in which cosmic-ray counts them."""
    found = find_operator(operator)
    for node in nodes:
        for start, _end in found.mutation_positions(node):
            yield start


def find_annotations(tree: ast.AST, lines: Sequence[str]) -> Iterator[tuple[Position, Position]]:
    """Yield the start and the end of every annotation of a parameter, a result or a name."""
    for node in ast.walk(tree):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.expr):
            start = count_characters(lines, annotation.lineno, annotation.col_offset)
            yield start, count_characters(lines, annotation.end_lineno or 0, annotation.end_col_offset or 0)


def count_characters(lines: Sequence[str], line: int, offset: int) -> Position:
    """Return a place whose column is counted in bytes, as ``ast`` does, with its column in characters."""
    return line, len(lines[line - 1].encode()[:offset].decode())


def is_left_out(line: str, column: int, patterns: Sequence[re.Pattern[str]]) -> bool:
    """Whether what stands at ``column`` of a line is part of a match of one of the patterns."""
    matches = (match for pattern in patterns for match in pattern.finditer(line))
    return any(match.start() <= column < match.end() for match in matches)


def is_python(source: str) -> bool:
    """Whether a source compiles."""
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def find_difference(source: str, mutated: str) -> tuple[str, str]:
    """Return the lines that differ, before and after, each without its indentation."""
    before, after = source.splitlines(), mutated.splitlines()
    gone: list[str] = []
    come: list[str] = []
    for tag, low, high, new_low, new_high in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += before[low:high]
            come += after[new_low:new_high]
    return join_lines(gone), join_lines(come)


def join_lines(lines: Sequence[str]) -> str:
    """Return lines without their indentation, and none that is empty."""
    return "\n".join(line.strip() for line in lines if line.strip())


def find_statement(tree: ast.AST, line: int) -> tuple[int, int]:
    """Return the first and the last line of the innermost statement at ``line``; of a compound one its head alone."""
    spans = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            first, last = find_head(node)
            if first <= line <= last:
                spans.append((first, last))
    return min(spans, key=lambda span: span[1] - span[0], default=(line, line))


def find_head(node: ast.stmt | ast.ExceptHandler) -> tuple[int, int]:
    """Return the first and last line of a statement, of a compound one up to where its body begins."""
    first, last = node.lineno, node.end_lineno or node.lineno
    if isinstance(node, Definition):
        first = min([first, *(decorator.lineno for decorator in node.decorator_list)])
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return first, last
    inner = getattr(body[0], "pattern", body[0])
    return first, max(first, inner.lineno - 1)


def name_place(tree: ast.AST, line: int) -> str:
    """Return the dotted name of the function or class at ``line``; "" for the module itself."""
    names = []
    for node in ast.walk(tree):  # breadth first: the outer ones come before the inner ones
        if isinstance(node, Definition):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= line <= (node.end_lineno or first):
                names.append(node.name)
    return ".".join(names)
