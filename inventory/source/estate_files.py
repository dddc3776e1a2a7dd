"""What lies in the folders of an estate: the files that are read, and whatever a person might take for one of them.

Nothing is left out silently. A file that may be meant as part of the estate and is not sure to be (hidden, or twice
under two endings) is an error, a backup is a warning, and a folder that changes while it is read is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import Place, RackproofError
from core.refusals import say_refusal
from core.yaml import SUFFIXES
from inventory.model.diagnostics import mistake
from inventory.source.file_tracking import report_read

#: What the parts of an estate are called, whether or not its head names them.
PART_NAMES = frozenset({"estate", "links", "services", "tiers", "hardware", "policies"})


def list_files(folder: Path, errors: list[RackproofError]) -> list[Path]:
    """Return the files of ``sites`` or ``archetypes`` that are read, sorted; what else lies there goes to ``errors``.

    EST001 the folder cannot be listed, EST014 a hidden file, EST015 one name under both endings, EST041 another file.
    """
    present = _list_names(folder, errors)
    errors.extend(_find_unsure(folder, present))
    readable = [name for name in present if _is_yaml(name) and not _is_hidden(name)]
    others = [name for name in present if not _is_yaml(name) and not _is_hidden(name)]
    errors.extend(mistake("EST041", Place(folder / name)) for name in others)
    return [folder / name for name in readable]


def check_unchanged(folder: Path, read: list[Path], errors: list[RackproofError]) -> None:
    """Add EST016 for every file that came or went since ``list_files`` returned ``read``."""
    now = {folder / name for name in _list_names(folder, errors) if _is_yaml(name) and not _is_hidden(name)}
    for file in sorted(now.symmetric_difference(read)):
        errors.append(mistake("EST016", Place(file)))


def check_top(folder: Path, read: Sequence[str], errors: list[RackproofError]) -> None:
    """Add what lies beside ``estate.yml`` and looks like a part of the estate without being one of those ``read``.

    EST014 a hidden copy, EST015 one name under both endings, EST037 a file that nothing names (a ``policy.yml`` that
    nobody reads guards nothing), EST041 a backup. Hidden files of other names belong to other programs.
    """
    present = _list_names(folder, errors)
    stems = {Path(name).stem for name in read} | PART_NAMES
    sure = [name for name in present if not _is_hidden(name) or Path(name).stem.removeprefix(".") in stems]
    unsure = list(_find_unsure(folder, sure))
    errors.extend(unsure)
    parts = {str(Path(name)) for name in read}
    left = parts | {error.place.file.name for error in unsure if error.place}
    for name in sure:
        if name in left or _is_hidden(name):
            continue
        if _is_yaml(name):
            errors.append(mistake("EST037", Place(folder / name), known=parts))
        elif any(suffix in name for suffix in SUFFIXES):
            errors.append(mistake("EST041", Place(folder / name)))


def _list_names(folder: Path, errors: list[RackproofError]) -> list[str]:
    try:
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else None
        report_read(folder, names)
        return names or []
    except PermissionError as error:
        errors.append(RackproofError("FIL002", place=Place(folder), actual=say_refusal(error)))
    except OSError as error:
        errors.append(mistake("EST001", Place(folder), reason=say_refusal(error)))
    return []


def _find_unsure(folder: Path, present: list[str]) -> Iterator[RackproofError]:
    for name in present:
        if not _is_yaml(name):
            continue
        if _is_hidden(name):
            yield mistake("EST014", Place(folder / name))
        twin = f"{Path(name).stem}.yml"
        if name.endswith(".yaml") and twin in present:
            yield mistake("EST015", Place(folder / name), actual=name, other=twin)


def _is_yaml(name: str) -> bool:
    return name.endswith(SUFFIXES)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
