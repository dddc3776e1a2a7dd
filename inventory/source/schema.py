"""What pydantic says about a wrong value of an estate, in the estate's own codes and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import Place, RackproofError
from core.i18n import N_
from core.model_errors import Dialect, describe_mistakes, model_at
from inventory.source.positions import PREFIX, Path_

__all__ = ["model_at", "schema_errors"]

ESTATE = Dialect(
    PREFIX,
    {
        "^[a-z0-9][a-z0-9-]{0,30}$": N_("lower-case letters, digits and hyphens, at most 31"),
        "^[A-Z0-9][A-Z0-9-]{0,15}$": N_("upper-case letters, digits and hyphens, at most 16"),
        "^[a-z][a-z0-9-]{0,30}$": N_("a lower-case letter, then letters, digits and hyphens, at most 31"),
        "^[a-zA-Z][a-zA-Z0-9./-]{0,30}$": N_("a letter, then letters, digits, dots, slashes and hyphens, at most 31"),
    },
)

#: Unknown key, wrong type, out of range, no name, none of those allowed, no address, empty, not to be seen.
_WRONG_IN_ANY_CASE = ("EST020", "EST022", "EST023", "EST024", "EST025", "EST026", "EST027", "EST044")


def schema_errors(
    error: ValidationError, data: Any, model: type[BaseModel], place: Callable[[Path_], Place]
) -> Iterator[RackproofError]:
    """Yield one error per wrong place; what a union says twice about one place is said once."""
    return describe_mistakes(error, data, model, place, ESTATE)


def find_wrong_parts(
    data: dict[str, Any], model: type[BaseModel], place: Callable[[Path_], Place]
) -> Iterator[RackproofError]:
    """Yield what is wrong in a part of a model's data whatever the rest will be: unknown keys, values of another type.

    What is missing may come from another layer, a placeholder stands for a value to come, and ``remove`` is a word of
    the layers.
    """
    try:
        model.model_validate(data)
    except ValidationError as error:
        for found in schema_errors(error, data, model, place):
            removal = found.code == "EST020" and found.actual == "remove"
            if found.code in _WRONG_IN_ANY_CASE and not removal and "{" not in found.actual:
                yield found
