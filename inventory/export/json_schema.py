"""JSON Schema of the estate's files, generated from the model, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import Place
from inventory.model.diagnostics import mistake
from inventory.model.entities import EstateFile, LinksFile, ServicesFile, Site, TiersFile
from inventory.model.fields import PRINTABLE, StrictModel
from inventory.model.hardware import HardwareFile
from inventory.model.policy import PoliciesFile
from inventory.source.layers import IDENTITY

_FILES: dict[str, type[StrictModel]] = {
    "site": Site,
    "archetype": Site,
    "estate": EstateFile,
    "tiers": TiersFile,
    "links": LinksFile,
    "services": ServicesFile,
    "hardware": HardwareFile,
    "policies": PoliciesFile,
}
_IDENTITIES = frozenset(IDENTITY.values())


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of file.

    In sites and archetypes only what names an item is required, because the rest may come from another layer;
    ``estate validate`` checks the merged site.
    Raises EST046 for a kind that does not exist.
    """
    if kind not in _FILES:
        raise mistake("EST046", Place(Path("estate schema")), actual=kind, known=_FILES)
    made = _FILES[kind].model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    if kind in ("site", "archetype"):
        return _layered(made, kind)
    return made


def make_text(kind: str) -> str:
    """Return the schema of one kind of file as it is printed and published. Raises as ``schema``."""
    return json.dumps(schema(kind), indent=1, ensure_ascii=False) + "\n"


def make_files(folder: Path) -> dict[Path, bytes]:
    """Return the schema of every kind of file, each by its path in ``folder``; nothing is written."""
    return {folder / f"{kind}.schema.json": make_text(kind).encode() for kind in _FILES}


def _layered(made: dict[str, Any], kind: str) -> dict[str, Any]:
    for part in made.get("$defs", {}).values():
        part["required"] = [name for name in part.get("required", []) if name in _IDENTITIES]
        if part.get("properties"):
            part["properties"]["remove"] = {"const": True, "description": "take the inherited item away"}
    for part in (made, *made["$defs"].values()):
        for value in part.get("properties", {}).values():
            _allow_placeholder(value)
    made.pop("required", None)
    if kind == "archetype":
        made["properties"]["extends"] = {"type": "string"}
        return made
    one = {key: made[key] for key in ("properties", "additionalProperties", "title") if key in made}
    many = {
        "properties": {
            "defaults": {"$ref": "#/$defs/SiteLayer"},
            "sites": {"type": "array", "items": {"$ref": "#/$defs/SiteLayer"}},
        },
        "required": ["sites"],
        "additionalProperties": False,
    }
    defs = {**made["$defs"], "SiteLayer": {"type": "object", **one}}
    return {"$schema": made["$schema"], "$defs": defs, "anyOf": [many, {"$ref": "#/$defs/SiteLayer"}]}


def _allow_placeholder(value: dict[str, Any]) -> None:
    """Let a text with a placeholder stand where a number or a patterned text is wanted."""
    patterned = value.get("pattern", PRINTABLE) != PRINTABLE or "format" in value
    if value.get("type") == "integer" or (value.get("type") == "string" and patterned):
        kept = {key: value.pop(key) for key in list(value) if key not in ("description", "default", "title")}
        value["anyOf"] = [kept, {"type": "string", "pattern": r"\{[a-z]+(\*[0-9]+)?(\+[0-9]+)?\}"}]
        return
    for inner in (value.get("items"), *value.get("anyOf", ())):
        if isinstance(inner, dict):
            _allow_placeholder(inner)
