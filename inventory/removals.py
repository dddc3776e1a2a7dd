"""What layers take away (``remove: true``) and whether there was anything to take: a slip in the name takes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import Place, RackproofError
from inventory.layers import Layer, Removal, keyed
from inventory.mistakes import mistake
from inventory.positions import Path_

Written = tuple[Path, Path_]  # a file and a path in it


@dataclass(slots=True)
class Removals:
    """The removals of all sites. One in an archetype or in defaults is right when it takes something at any site."""

    useful: set[Written] = field(default_factory=set)
    vain: dict[Written, tuple[Layer, Removal]] = field(default_factory=dict)

    def note(self, layer: Layer, below: Sequence[Layer], said: Sequence[Removal]) -> None:
        """Keep what one layer of one site takes away from those ``below`` it."""
        for removal in said:
            written = (layer.source.file, (*layer.base, *removal.path))
            if removal.found or _named(layer, below, removal):
                self.useful.add(written)
            else:
                self.vain.setdefault(written, (layer, removal))

    def in_vain(self) -> Iterator[RackproofError]:
        """Yield EST042 for every removal that took nothing anywhere."""
        for written, (layer, removal) in self.vain.items():
            if written not in self.useful:
                at, keys = layer.place(removal.path), keyed(layer.data, removal.path)
                where = Place(at.file, at.line, ".".join(str(key) for key in keys))
                yield mistake("EST042", where, actual=removal.name, known=removal.known, list=keys[-2])


def _named(layer: Layer, below: Sequence[Layer], removal: Removal) -> bool:
    """Tell whether a layer below names the thing: then another one between the two took it away already."""
    keys = keyed(layer.data, removal.path)
    return any(lower.locate(keys) is not None for lower in below)
