"""One YAML file as one pydantic model, strictly; apart from the reader, because pydantic takes its time to load."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from core.errors import ErrorGroup
from core.model_errors import fit_model
from core.yaml import Document, read_yaml

Model = TypeVar("Model", bound=BaseModel)


def read_model(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into a model, strictly: no unknown key, no value of another type.

    A text is read as what a text can stand for (a date, an address, a word of an enumeration), a list also as a tuple;
    nothing else is converted. The model and those inside it must refuse unknown keys (``extra="forbid"``).
    Raises RackproofError as ``read_yaml``, and YML020 to YML028 and YML044 for what does not fit the model; ErrorGroup
    when several places do not fit. TypeError for a model that would take an unknown key.
    """
    return check_model(read_yaml(path), model)


def check_model(document: Document, model: type[Model]) -> Model:
    """Return a document's data as a model. Raises as ``read_model`` does for what does not fit."""
    made, errors = fit_model(document, model)
    if len(errors) > 1:
        raise ErrorGroup(errors)
    if made is None:
        raise errors[0]
    return made
