"""The register of requirements: one YAML file each, read strictly, every mistake with its file and line."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from checks.requirement import Requirement
from core.errors import ErrorGroup, ExitCode, Place, RackproofError
from inventory.positions import Positioned, load_yaml

REQUIREMENTS_DIR = Path(__file__).resolve().parent / "requirements"


def load_requirements(folder: Path | None = None) -> dict[str, Requirement]:
    """Load every requirement below ``folder`` (the project's own by default), ordered by id.

    Raises RackproofError or ErrorGroup: REQ001 a bad key or value, REQ002 file name and id differ, REQ003 folder and
    group differ, REQ004 unknown judge or collector, REQ005 an id twice, REQ006 no requirement at all.
    """
    folder = folder or REQUIREMENTS_DIR
    errors: list[RackproofError] = []
    found: dict[str, Requirement] = {}
    for file in sorted(folder.rglob("*.yml")):
        try:
            positioned = load_yaml(file)
            requirement = Requirement.model_validate(positioned.data)
        except ValidationError as error:
            errors.extend(_explain(item, positioned) for item in error.errors())
            continue
        except RackproofError as error:
            errors.append(error)
            continue
        errors.extend(_cross_check(requirement, positioned, found))
        found[requirement.id] = requirement
    if not found and not errors:
        errors.append(RackproofError("REQ006", "there is no requirement", place=Place(folder),
                                     exit_code=ExitCode.INVALID))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return dict(sorted(found.items()))


def _cross_check(
    requirement: Requirement, positioned: Positioned, found: dict[str, Requirement]
) -> list[RackproofError]:
    from checks.collectors import COLLECTORS
    from checks.judging import judge_names

    file = positioned.file
    errors = []
    if file.stem != requirement.id:
        errors.append(_invalid("REQ002", "the file is not named after its id", positioned, ("id",), file.stem))
    if file.parent.name != requirement.group:
        errors.append(_invalid("REQ003", "the folder is not the group", positioned, ("group",), file.parent.name))
    if requirement.id in found:
        errors.append(_invalid("REQ005", f"{requirement.id} stands twice", positioned, ("id",), "one file per id"))
    errors += _known(requirement.check.judge, sorted(judge_names()), positioned, ("check", "judge"))
    for index, name in enumerate(requirement.check.collectors):
        errors += _known(name, list(COLLECTORS), positioned, ("check", "collectors", index))
    return errors


def _known(name: str, names: list[str], positioned: Positioned, path: tuple[str | int, ...]) -> list[RackproofError]:
    if name in names:
        return []
    close = get_close_matches(name, names, n=1)
    remedy = f"did you mean '{close[0]}'?" if close else f"one of {', '.join(sorted(names))}"
    return [RackproofError("REQ004", f"unknown {path[1]} '{name}'", place=positioned.place(path), remedy=remedy,
                           exit_code=ExitCode.INVALID)]


def _explain(item: Any, positioned: Positioned) -> RackproofError:
    remedy = ""
    if item["type"] == "extra_forbidden":
        close = get_close_matches(str(item["loc"][-1]), _keys(Requirement), n=1)
        remedy = f"did you mean '{close[0]}'?" if close else "remove the key"
    return RackproofError("REQ001", str(item["msg"]), place=positioned.place(tuple(item["loc"])),
                          actual=repr(item.get("input"))[:120], remedy=remedy, exit_code=ExitCode.INVALID)


def _keys(model: type[BaseModel]) -> list[str]:
    from checks import requirement

    models = [item for item in vars(requirement).values() if isinstance(item, type) and issubclass(item, BaseModel)]
    return sorted({key for item in [model, *models] for key in item.model_fields})


def _invalid(
    code: str, message: str, positioned: Positioned, path: tuple[str | int, ...], expected: str
) -> RackproofError:
    return RackproofError(code, message, place=positioned.place(path), expected=expected, exit_code=ExitCode.INVALID)
