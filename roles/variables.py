"""What a role is told, for the engine that is not Ansible: the same defaults, the same mapping, plain Jinja."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, meta

from core.errors import Place, RackproofError
from core.workspace import REPOSITORY
from roles.services import ServiceUnit, read_service

ROLES = REPOSITORY / "roles"
MAPPING = REPOSITORY / "playbooks" / "group_vars" / "all.yml"

# The whole value is one expression: its result keeps its type instead of becoming text.
_EXPRESSION = re.compile(r"^\s*\{\{((?:(?!\}\}|\{\{).)*)\}\}\s*$", re.DOTALL)
# The same settings as Ansible's own, so that one template gives the same bytes under both engines.
_JINJA = Environment(  # noqa: S701 - configuration files, not HTML
    trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
)


class Variables:
    """Defaults, overridden by the mapping, by the vars of roles, by what is known of the host and the secrets; lazy."""

    def __init__(self, known: Mapping[str, Any], roles: tuple[str, ...]) -> None:
        self._known = dict(known)
        self._written: dict[str, Any] = {}
        for role in roles:
            self._written.update(_yaml(ROLES / role / "defaults" / "main.yml"))
        self._written.update(_yaml(MAPPING))
        for role in roles:
            own = ROLES / role / "vars" / "main.yml"
            self._written.update(_yaml(own) if own.exists() else {})
        self._pending: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """Return the value of a variable, its expressions evaluated.

        Raises RackproofError (PRV010) when nothing defines it, or when it is defined by itself.
        """
        if name in self._known:
            return self._known[name]
        if name not in self._written or name in self._pending:
            raise _undefined(name)
        self._pending.add(name)
        try:
            value = self._evaluate(self._written[name])
        finally:
            self._pending.discard(name)
        self._known[name] = value
        return value

    def render(self, role: str, template: str, **extra: Any) -> str:
        """Render a template of a role; ``extra`` are values that only this call knows."""
        source = (ROLES / role / "templates" / template).read_text(encoding="utf-8")
        return _JINJA.from_string(source).render(self._used_by(source, extra))

    def services(self, role: str) -> list[ServiceUnit]:
        """Return the services that a role declares; none when it declares none."""
        name = f"{role}_services"
        declared = self[name] if name in self._written else []
        return [read_service(entry) for entry in declared]

    def _used_by(self, source: str, extra: Mapping[str, Any]) -> dict[str, Any]:
        names = meta.find_undeclared_variables(_JINJA.parse(source))
        return {name: extra[name] if name in extra else self[name] for name in names}

    def _evaluate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._evaluate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._evaluate(item) for item in value]
        if not isinstance(value, str) or "{{" not in value:
            return value
        whole = _EXPRESSION.match(value)
        if whole is None:
            return _JINJA.from_string(value).render(self._used_by(value, {}))
        return _JINJA.compile_expression(whole[1].strip(), undefined_to_none=False)(**self._used_by(value, {}))


@cache
def _yaml(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return data


def _undefined(name: str) -> RackproofError:
    return RackproofError("PRV010", place=Place(MAPPING, path=name), actual=name)
