"""From a NetBox into the estate's files: what differs, which files would change, and writing them all or none."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from core.errors import Place, RackproofError
from core.files import copy_folder
from core.refusals import say_refusal
from core.usage import describe_system_error
from inventory.load.draft_reader import read_draft
from inventory.load.inspection import inspect_estate
from inventory.load.loader import load_estate
from inventory.model.diagnostics import mistake
from inventory.model.estate import Estate
from inventory.netbox.derive import Derived, Deriver
from inventory.netbox.kinds import ASSET_FIELDS, GENERIC
from inventory.netbox.live import Snapshot
from inventory.netbox.mapping import objects
from inventory.netbox.plan import Left, make_plan
from inventory.netbox.yamledit import append, flow, put
from inventory.source.parsed_estate import DraftSite

Path_ = tuple[str, ...]
#: What an estate folder may lack as long as it holds no site: its first pull makes it.
_EMPTY = {"links.yml": "links: []\n", "services.yml": "services: []\n"}
_DATES = {name for name, (kind, _label) in ASSET_FIELDS.items() if kind == "date"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One value of a known site that NetBox owns and says otherwise. ``path`` is that of `estate explain`."""

    site: str
    path: Path_
    estate: Any
    netbox: Any


@dataclass(slots=True)
class Pull:
    """What a pull found: values to change, what only NetBox has, and what cannot be taken over."""

    edits: list[Edit] = field(default_factory=list)
    derived: Derived = field(default_factory=Derived)
    unwritten: list[Left] = field(default_factory=list)

    def __bool__(self) -> bool:
        found = self.derived
        return bool(self.edits or found.sites or found.racks or found.devices or found.links)


def read_estate(folder: Path) -> Estate:
    """Return the estate of a folder; one with a head and tiers but without any site is empty, not wrong.

    Raises RackproofError or ErrorGroup as ``load_estate`` does.
    """
    if any((folder / "sites").glob("*.y*ml")):
        return load_estate(folder)
    errors: list[RackproofError] = []
    draft = read_draft(folder, errors)
    if draft is None or not draft.tiers:
        raise errors[0]
    return Estate(folder, draft.head, draft.tiers, {}, (), {}, draft.hardware, draft.policies)


def compare(estate: Estate, held: Snapshot) -> Pull:
    """Return what a pull would take from a NetBox."""
    found = Pull(derived=Deriver(estate, held).run())
    for left in make_plan(objects(estate), held).left:
        if left.why == "owned":
            found.edits.extend(_edits(estate, held, left))
        elif left.why == "no place":
            found.unwritten.append(left)
    return found


def _edits(estate: Estate, held: Snapshot, left: Left) -> Iterator[Edit]:
    """Yield the values of the estate that a field of NetBox stands for."""
    if left.kind == "dcim/sites":
        part = {"name": "en", "description": "vi"}.get(left.field)
        if part:
            yield Edit(left.key, ("name", part), left.estate, left.netbox)
        return
    if left.kind != "dcim/devices":
        return
    site, base = estate.site_of[left.key], ("devices", left.key)
    if left.field == "rack":
        yield Edit(site, (*base, "rack"), *(str(rack or "").rpartition("/")[2] for rack in (left.estate, left.netbox)))
    elif left.field == "device_type":
        asset = estate.devices[left.key].asset
        kind = held.kinds["dcim/device-types"][left.netbox].fields
        maker = held.kinds["dcim/manufacturers"][kind["manufacturer"]].fields["name"]
        for part, value in (("vendor", maker), ("model", kind["model"])):
            old = getattr(asset, part) if asset else ""
            if value not in (old, GENERIC):
                yield Edit(site, (*base, "asset", part), old, value)
    elif left.field == "serial" or left.field in ASSET_FIELDS:
        name = left.field.removeprefix("rackproof_")
        yield Edit(site, (*base, "asset", name), left.estate, left.netbox)


def write(folder: Path, found: Pull, check: Callable[[Estate], Pull]) -> list[Path]:
    """Write a pull into the estate's files and return those that changed.

    Everything is first done on a copy beside the folder, which must load without an error, and from which ``check``
    must find nothing left to take. Then file after file is replaced as a whole.
    Raises ErrorGroup or RackproofError: EST076 the estate would not be valid, EST077 a file changed meanwhile, EST078
    not everything would have arrived, FIL001 to FIL003 it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.resolve().parent) as name:
            copy = Path(name)  # beside the folder, so that the path of a tiers file outside of it still holds
            copy_folder(folder, copy)
            before = {file: file.read_bytes() for file in copy.rglob("*.y*ml")}
            _fill_in(copy, found)
            changed = [file for file in copy.rglob("*.y*ml") if file.read_bytes() != before.get(file)]
            _verify(copy, folder, check)
            for file in changed:
                there = folder / file.relative_to(copy)
                now = there.read_bytes() if there.exists() else None
                if now != before.get(file):
                    raise mistake("EST077", Place(there))
            for file in changed:
                (folder / file.relative_to(copy)).parent.mkdir(exist_ok=True)
                file.replace(folder / file.relative_to(copy))
    except OSError as error:
        described = describe_system_error(error)
        raise RackproofError(described.code, place=Place(folder), actual=say_refusal(error)) from error
    return sorted(folder / file.relative_to(copy) for file in changed)


def _verify(copy: Path, folder: Path, check: Callable[[Estate], Pull]) -> None:
    seen = inspect_estate(copy)
    if seen.estate is None:
        shown = "\n".join(str(error).replace(str(copy), str(folder)) for error in seen.errors)
        raise mistake("EST076", Place(folder), count=len(seen.errors), shown=shown)
    rest = check(seen.estate)
    if rest:
        raise mistake("EST078", Place(folder), actual=rest.edits[:1] or rest.derived)


def _fill_in(copy: Path, found: Pull) -> None:
    for name, text in _EMPTY.items():
        if not (copy / name).exists():
            (copy / name).write_text(text, encoding="utf-8")
    (copy / "sites").mkdir(exist_ok=True)
    draft = read_draft(copy, [])
    places = {place.site.site: place for place in draft.sites} if draft else {}
    wanted: dict[str, list[tuple[Path_, Any]]] = defaultdict(list)
    for code, racks in found.derived.racks.items():
        wanted[code] += [(("racks", rack["name"]), _dates(_without(rack, "name"))) for rack in racks]
    for code, devices in found.derived.devices.items():
        wanted[code] += [(("devices", device["name"]), _dates(_without(device, "name"))) for device in devices]
    for edit in found.edits:
        wanted[edit.site].append((edit.path, _value(edit)))
    for code, values in wanted.items():
        _change_site(places[code], values)
    for site in found.derived.sites:
        file = copy / "sites" / f"{site['site']}.yml"
        if file.exists():
            file = file.with_name(f"{site['site']}-netbox.yml")
        file.write_text(_block(site), encoding="utf-8")
    if found.derived.links:
        file = copy / "links.yml"
        text = file.read_text(encoding="utf-8")
        if text == _EMPTY["links.yml"]:
            text = _block({"links": found.derived.links})
        else:
            for link in found.derived.links:
                text = append(text, ("links",), link)
        file.write_text(text, encoding="utf-8")


def _change_site(place: DraftSite, values: list[tuple[Path_, Any]]) -> None:
    own = place.source.layers[-1]
    text = own.source.file.read_text(encoding="utf-8")
    for path, value in values:
        text = put(text, own.base, path, value, place.source.data)
    own.source.file.write_text(text, encoding="utf-8")


def _without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


def _value(edit: Edit) -> Any:
    if f"rackproof_{edit.path[-1]}" in _DATES:
        return date.fromisoformat(edit.netbox)
    return edit.netbox


def _block(data: dict[str, Any]) -> str:
    """Return new files as people write them: a mapping a line, lists of short items in brackets."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{key}:", *(f"  - {_line(item)}" for item in value)]
        else:
            lines.append(f"{key}: {_line(value)}")
    return "\n".join(lines) + "\n"


def _line(value: Any) -> str:
    return flow(_dates(value))


def _dates(value: Any, key: str = "") -> Any:
    """Return data with the dates of JSON as dates: the estate's files write them without quotes."""
    if isinstance(value, dict):
        return {name: _dates(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_dates(item) for item in value]
    is_date = key in ("in_service", "support_until", "until") and isinstance(value, str)
    if is_date:
        return date.fromisoformat(value)
    return value
