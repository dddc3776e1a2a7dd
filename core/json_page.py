"""The page of what ``--json`` prints: ``python -m core.json_page`` makes ``docs/json.md`` from ``docs/json.yml``.

The data file says of every schema in one sentence what it holds, and its shape. The tests hold every verb against it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.console import ERROR_SCHEMA
from core.models import read_model
from core.workspace import REPOSITORY

SOURCE = REPOSITORY / "docs" / "json.yml"
PAGE = REPOSITORY / "docs" / "json.md"
#: A shape that fits into so many characters stands on one line.
WIDTH = 100
ONE_OF = "one of"
_INTRO = """\
# What programs may rely on: `--json`

Made from `docs/json.yml` by `python -m core.json_page`; the tests hold every verb against it.

Every verb has `--json`. It then prints one envelope on standard output and nothing else there; progress and notices go
to standard error as ever. The exit code is the same as without `--json`.

| field | type | what it holds |
| --- | --- | --- |
| `schema` | text | the verb, its words joined by dots: `net.plan`; `error` when it has no result |
| `version` | integer | the version of this page: now {version} |
| `data` | see below | the result; `null` when `schema` is `error` |
| `errors` | [Error] | what went wrong: instead of a result, or beside one (one host of many) |

Wrong use prints the envelope too (`schema` is `error`, exit code 2): an unknown verb or option, a missing argument, a
wrong value. `--help` and `--version` are for people and stay as they are. A verb that is interrupted before it has a
result prints nothing, and exits with 130.

## Errors

| field | type | what it holds |
| --- | --- | --- |
| `code` | text | a code of [docs/errors.en.md](errors.en.md), which does not change its meaning |
| `kind` | text | the kind of mistake; it decides the exit code |
| `message`, `expected`, `actual`, `remedy` | text | for people, in the language of `--lang`; empty when not known |
| `place` | text | `file:line (path)`, empty when it is nowhere |
| `exit_code` | integer | what a verb exits with that ends with this error alone |

The exit codes and the kinds that lead to them stand at the top of [docs/errors.en.md](errors.en.md);
`rackproof help exit-codes` shows them too. A verb that has a result and is not green exits with 1 and has its result in
`data`.

## Streams

Verbs that go on print JSON Lines: one envelope a line, written out at once, and `data` has a field `event`. The last
line says `ended` when the work came to its end or was told to end (Ctrl-C, SIGTERM), or is an envelope of the schema
`error`. An envelope of errors stands on one line in every verb.

## What a change of `version` means

A reader must take a field that it does not know, a new event and a new schema: those come without notice. `version` is
raised, for all schemas at once, when a reader would have to change: a field is renamed or removed, or has another type
or meaning. `CHANGELOG.md` says which.

## Shapes

`text`, `integer`, `number`, `boolean`, `null`, `any` (depends on the input); `a | b` is one or the other; `[shape]` is
a list; `field?` may be missing; `<name>` stands for any key. A name with a capital is one of the types.
"""


class Schema(BaseModel):
    """One schema: what it holds in one sentence, and the shape of its data, or of each event of a stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str = Field(min_length=1)
    data: Any = None
    stream: dict[str, dict[str, Any]] = {}


class Contract(BaseModel):
    """All that ``--json`` prints. ``only_for_people``: verb → why it has nothing for programs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    only_for_people: dict[str, str]
    types: dict[str, Any]
    schemas: dict[str, Schema]


def read_contract() -> Contract:
    """Return what ``docs/json.yml`` says; raises RackproofError for a file that is not one."""
    return read_model(SOURCE, Contract)


def make_page(contract: Contract) -> str:
    """Return the page in Markdown: the envelope, the types, then every schema with its verb."""
    lines = [_INTRO.format(version=contract.version)]
    named = [f"{name}: {show_shape(shape)}" for name, shape in contract.types.items()]
    lines += ["## Types", "", "```", *named, "```", ""]
    lines += ["## Verbs that give nothing to programs", ""]
    lines += [f"- `{verb}`: {reason}." for verb, reason in contract.only_for_people.items()]
    lines += ["", "## Schemas", ""]
    for name, schema in contract.schemas.items():
        lines += _describe_schema(name, schema)
    return "\n".join(lines).rstrip("\n") + "\n"


def show_shape(shape: Any, indent: str = "") -> str:
    """Return a shape as people read it: on one line where it fits, else a field a line."""
    whole = _join_shape(shape)
    if len(indent) + len(whole) <= WIDTH or not isinstance(shape, dict | list):
        return whole
    deeper = indent + "  "
    if isinstance(shape, list):
        return f"[{show_shape(shape[0], indent)}]"
    if ONE_OF in shape:
        return f"\n{indent}| ".join(show_shape(item, deeper) for item in shape[ONE_OF])
    fields = [f"{deeper}{name}: {show_shape(part, deeper)}" for name, part in shape.items()]
    return "\n".join(["{", *fields, f"{indent}}}"])


def _join_shape(shape: Any) -> str:
    if isinstance(shape, list):
        return f"[{_join_shape(shape[0])}]"
    if not isinstance(shape, dict):
        return str(shape)
    if ONE_OF in shape:
        return " | ".join(map(_join_shape, shape[ONE_OF]))
    fields = ", ".join(f"{name}: {_join_shape(part)}" for name, part in shape.items())
    return f"{{{fields}}}"


def _describe_schema(name: str, schema: Schema) -> list[str]:
    lines = [f"### {name}", ""]
    if name != ERROR_SCHEMA:
        lines += [f"`rackproof {name.replace('.', ' ')} --json`", ""]
    lines += [schema.says, ""]
    if not schema.stream:
        return [*lines, "```", show_shape(schema.data), "```", ""]
    lines += ["A stream; its events:", ""]
    events = [show_shape({"event": f'"{event}"', **fields}) for event, fields in schema.stream.items()]
    return [*lines, "```", *events, "```", ""]


if __name__ == "__main__":
    PAGE.write_text(make_page(read_contract()), "utf-8")
