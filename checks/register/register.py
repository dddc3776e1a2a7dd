"""The register of requirements: one YAML file each, read strictly, every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

from checks.register import judge_names
from checks.register.collectors import COLLECTORS
from checks.register.requirement import Requirement
from checks.register.services import read_services
from core.errors import ErrorGroup, Place, RackproofError
from core.model_errors import fit_model
from core.yaml import Document, list_data_files, read_yaml

REQUIREMENTS_DIR = Path(__file__).resolve().parent.parent / "requirements"


def load_requirements(folder: Path | None = None) -> dict[str, Requirement]:
    """Load every requirement below ``folder`` (the project's own by default), ordered by id.

    Raises RackproofError or ErrorGroup: YML0xx what ``core.models.read_model`` refuses, REQ002 file name and id
    differ, REQ003 folder and group differ, REQ004 unknown judge or collector, REQ005 an id twice, REQ006 no requirement
    at all.
    """
    folder = folder or REQUIREMENTS_DIR
    errors: list[RackproofError] = []
    found: dict[str, Requirement] = {}
    for file in list_data_files(folder, deep=True):
        try:
            document = read_yaml(file)
        except RackproofError as error:
            errors.append(error)
            continue
        requirement, mistakes = fit_model(document, Requirement)
        errors.extend(mistakes)
        if requirement is None:
            continue
        errors.extend(check_names(requirement, document, found))
        found[requirement.id] = requirement
    if not found and not errors:
        errors.append(RackproofError("REQ006", place=Place(folder)))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return dict(sorted(found.items()))


def check_names(requirement: Requirement, document: Document, found: dict[str, Requirement]) -> list[RackproofError]:
    """Return what is wrong between a requirement and its place, and with the names it names."""
    file = document.file
    errors = []
    if file.stem != requirement.id:
        errors.append(RackproofError("REQ002", place=document.place(("id",)), file=file.stem))
    if file.parent.name != requirement.group:
        errors.append(RackproofError("REQ003", place=document.place(("group",)), folder=file.parent.name))
    if requirement.id in found:
        errors.append(RackproofError("REQ005", place=document.place(("id",)), actual=requirement.id))
    errors += check_known(requirement.check.judge, sorted(judge_names.read_judge_names()), document, ("check", "judge"))
    for index, name in enumerate(requirement.check.collectors):
        errors += check_known(name, list(COLLECTORS), document, ("check", "collectors", index))
    for index, name in enumerate(requirement.check.services):
        errors += check_known(name, list(read_services().services), document, ("check", "services", index))
    return errors


def check_known(name: str, names: list[str], document: Document, path: tuple[str | int, ...]) -> list[RackproofError]:
    """Return the error REQ004 when a name is none of those there are."""
    if name in names:
        return []
    return [RackproofError("REQ004", place=document.place(path), what=path[1], actual=name, known=names)]
