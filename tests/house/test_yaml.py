"""One strict reader for every data file: nobody reads YAML past it, and every file has a closed model.

A new data file needs a line in ``MODELS``; a reader past ``core/yaml.py`` needs a reason in ``OTHER_READERS``.
"""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, RootModel

from core.errors import ErrorGroup, RackproofError
from core.models import read_model
from core.yaml import read_yaml
from tests.support import require

REPOSITORY = Path(__file__).resolve().parents[2]
LOADERS = {"safe_load", "safe_load_all", "load", "load_all", "compose", "compose_all", "full_load", "unsafe_load"}
ROOMS = ("core", "inventory", "netconfig", "monitoring", "checks", "bench", "lab", "playbooks", "roles")

#: Who reads YAML without the strict reader, and why.
OTHER_READERS = {
    "core/errors/table.py": "the strict reader reports its mistakes through this table; test_error_tables holds it",
    "core/secrets.py": "what ansible-vault and an external vault give out",
    "inventory/netbox/yamledit.py": "edits a text in place; the file was read strictly before",
    "roles/variables.py": "Ansible's own files of roles",
}

#: Every data file of the rooms that they read: pattern → its model, as module:name.
MODELS = {
    ".github/ISSUE_TEMPLATE/config.yml": "tests.house.data_models:IssueChooser",
    ".github/ISSUE_TEMPLATE/*.yml": "tests.house.data_models:IssueForm",
    "checks/collect/commands.yml": "checks.collect.hosts:Questions",
    "checks/messages.yml": "checks.messages:Messages",
    "checks/requirements/*/*.yml": "checks.register.requirement:Requirement",
    "checks/register/measured_texts.yml": "checks.register.measured_texts:MeasuredTexts",
    "checks/register/services.yml": "checks.register.services:Services",
    "checks/register/threshold_texts.yml": "checks.register.threshold_texts:ThresholdTexts",
    "core/errors/kinds.yml": "tests.house.data_models:Kinds",
    "core/errors/*.yml": "tests.house.data_models:ErrorTable",
    "inventory/rules/icmpv6.yml": "inventory.rules.filters:Icmpv6Types",
    "inventory/starter/templates/rackproof.yml": "core.settings_file:SettingsFile",
    "inventory/facility/rules.yml": "inventory.facility.verdict:RuleTable",
    "bench/style.yml": "bench.style:StyleTable",
    "docs/house.yml": "tests.house.data_models:House",
    "docs/walks.yml": "tests.house.data_models:Walks",
    "docs/json.yml": "core.json_page:Contract",
    "lab/netbox/recipe/image.yml": "lab.netbox.image:NetboxImage",
    "lab/proofs/releases/*.yml": "lab.proofs.machine:Release",
    "lab/rootfs/image.yml": "lab.image:GoldenImage",
    "lab/router/accounts.yml": "lab.router.install:Accounts",
    "locale/glossary.yml": "tests.house.data_models:Glossary",
    "monitoring/profiles/*.yml": "monitoring.profiles.profile:Profile",
    "monitoring/rules/tests/*.yml": "monitoring.rules.alert_rules:TestFile",
    "monitoring/rules/*.yml": "monitoring.rules.alert_rules:RuleFile",
    "netconfig/platforms/*/guard/install.yml": "lab.router.install:InstallPlan",
    "netconfig/platforms/*/platform.yml": "netconfig.platforms.platform:Platform",
    "playbooks/rules/failures.yml": "playbooks.failures:FailureRules",
    "tests/checks/fault_expectations.yml": "tests.house.data_models:FaultExpectations",
    "tests/house/unimported.yml": "tests.house.data_models:Unimported",
    "tests/house/waits.yml": "tests.house.data_models:Waits",
    "tests/install/asked.yml": "tests.house.data_models:Questions",
    "tests/long.yml": "lab.proofs.long_tests:LongTable",
    "tests/mutants.yml": "lab.proofs.mutants:MutantTable",
    "tests/mutation.yml": "lab.proofs.mutation:MutationTable",
    "tests/mutation_survivors.yml": "lab.proofs.mutation:SurvivorTable",
    "tests/netconfig/refused_changes.yml": "tests.house.data_models:RefusedChanges",
    "tests/terminal/json_words.yml": "tests.house.data_models:JsonWords",
    "tests/terminal/verbs.yml": "tests.house.data_models:Verbs",
}
#: YAML files that are not read into a model here: pattern → who reads them, or why not.
ELSEWHERE = {
    ".pre-commit-config.yaml": "pre-commit's own",
    ".pre-commit-hooks.yaml": "pre-commit's own",
    "*/estate/*": "files of an estate: codes and tests of their own, tests/inventory/test_mistakes.py",
    "tests/inventory/base/*": "files of an estate",
    "tests/inventory/campus/*": "files of an estate",
    "docs/tutorials/examples/new-province.yml": "a file of an estate",
    "docs/tutorials/examples/cut-own-uplink.yml": "a change, tests/netconfig/test_change.py",
    "inventory/*.rackproof.yml": "the inventory plug-in's, tests/inventory/test_hosts.py",
    "playbooks/site.yml": "Ansible's own: a playbook",
    "playbooks/tasks/*": "Ansible's own: tasks",
    "playbooks/group_vars/*": "Ansible's own: variables, whose names tests/provision/test_roles.py holds",
    "roles/*": "Ansible's own: tasks, and variables that tests/provision/test_roles.py holds",
    "tests/checks/*_cases.yml": "cases of one test, a list at the top, which that test reads",
}


#: Mappings by free names and plain values, in which no key further in has a name of ours.
OPEN = ("checks/register/threshold_texts.yml", "inventory/rules/icmpv6.yml", "tests/house/waits.yml")


def list_files(*patterns: str) -> list[str]:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    return sorted(set(done.stdout.split()))


def find_loaders(source: str) -> set[str]:
    """Return the names of YAML loaders that a module calls or takes from the library."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
            found |= {node.attr} & LOADERS
        if isinstance(node, ast.ImportFrom) and node.module == "yaml":
            found |= {alias.name for alias in node.names} & LOADERS
        if isinstance(node, ast.ImportFrom | ast.Import) and "ruamel" in ast.unparse(node):
            found.add("ruamel")
    return found


def test_nobody_reads_yaml_past_the_strict_reader() -> None:
    files = [f"{room}/*.py" for room in ROOMS]
    readers = {file for file in list_files(*files, "rackproof.py") if find_loaders((REPOSITORY / file).read_text())}
    assert readers == set(OTHER_READERS)


SOURCES = ["import yaml\nyaml.safe_load(x)", "from yaml import load\n", "import ruamel.yaml\n"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_reader_past_it_would_be_seen(source: str) -> None:
    assert find_loaders(source)


def data_files() -> list[str]:
    files = list_files("*.yml", "*.yaml")
    return [file for file in files if not any(fnmatch(file, pattern) for pattern in ELSEWHERE)]


def test_no_pattern_is_without_a_file() -> None:
    files = list_files("*.yml", "*.yaml")
    assert [pattern for pattern in [*MODELS, *ELSEWHERE] if not any(fnmatch(file, pattern) for file in files)] == []


def known_keys(
    annotation: Any, data: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], frozenset[str]]]:
    """Yield (path, names) of every key of ``data`` that a model names, with the names that may stand there."""
    if not isinstance(annotation, type) or get_origin(annotation) is not None:
        if isinstance(data, dict) and (values := get_args(annotation)) and get_origin(annotation) in (dict, Mapping):
            for key, value in data.items():
                yield from known_keys(values[1], value, (*path, key))
        elif isinstance(data, list) and get_origin(annotation) in (tuple, list, frozenset):
            for index, value in enumerate(data):
                yield from known_keys(get_args(annotation)[0], value, (*path, index))
        else:
            for inner in get_args(annotation):
                yield from known_keys(inner, data, path)
    elif issubclass(annotation, RootModel):
        yield from known_keys(annotation.model_fields["root"].annotation, data, path)
    elif issubclass(annotation, BaseModel) and isinstance(data, dict):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        if set(data) <= set(fields):
            for key, value in data.items():
                yield (*path, key), frozenset(fields)
                yield from known_keys(fields[key], value, (*path, key))


def known_once(name: str) -> list[tuple[tuple[str | int, ...], frozenset[str]]]:
    """Return the first place of each key that the models of a file name, and the names that may stand there."""
    once: dict[tuple[str | int, frozenset[str]], tuple[str | int, ...]] = {}
    for path, names in known_keys(model_of(name), read_yaml(REPOSITORY / name).data):
        once.setdefault((path[-1], names), path)
    return [(path, names) for (_key, names), path in once.items()]


@cache
def model_of(file: str) -> type[BaseModel]:
    reference = next((model for pattern, model in MODELS.items() if fnmatch(file, pattern)), None)
    if reference is None:
        pytest.fail(f"{file}: no model in MODELS of {__file__}")
    module, name = reference.split(":")
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    return model


def refuse(file: Path, model: type[BaseModel]) -> list[RackproofError]:
    with pytest.raises(RackproofError) as caught:
        read_model(file, model)
    return caught.value.errors if isinstance(caught.value, ErrorGroup) else [caught.value]


def read_place(error: RackproofError) -> tuple[Path, int]:
    place = require(error.place)
    return place.file, place.line


@pytest.mark.parametrize("name", data_files())
def test_a_data_file_fits_its_model(name: str) -> None:
    read_model(REPOSITORY / name, model_of(name))


@pytest.mark.parametrize("name", data_files())
def test_an_unknown_key_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    data = read_yaml(REPOSITORY / name).data
    file = tmp_path / Path(name).name
    file.write_text(yaml.safe_dump({**data, "zz_not_known": 1}, allow_unicode=True, sort_keys=False), "utf-8")
    line = len(file.read_text("utf-8").splitlines())
    errors = refuse(file, model_of(name))
    assert [read_place(error) for error in errors] == [(file, line)]
    assert require(errors[0].place).path.startswith("zz_not_known")


@pytest.mark.parametrize("name", data_files())
def test_an_unknown_key_further_in_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    inner = [path for path, _names in known_once(name) if len(path) > 1]
    data = read_yaml(REPOSITORY / name).data
    if not inner:
        assert not any(isinstance(value, dict) for value in data.values()) or name in OPEN
        return
    here = data
    for part in inner[-1][:-1]:
        here = here[part]
    here["zz_not_known"] = 1
    file = tmp_path / Path(name).name
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    line = read_yaml(file).lines[(*inner[-1][:-1], "zz_not_known")]
    assert (file, line) in [read_place(error) for error in refuse(file, model_of(name))]


@pytest.mark.parametrize("name", data_files())
def test_a_misspelt_key_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    """Every key that a model of the file names, without its last letter."""
    document = read_yaml(REPOSITORY / name)
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    file = tmp_path / Path(name).name
    cases = known_once(name)
    assert cases or name in OPEN
    for path, names in cases:
        key, line = str(path[-1]), document.lines[path]
        wrong = key[:-1] if key[:-1] and key[:-1] not in names else key + "z"
        changed = re.sub(rf"(?<![\w-]){re.escape(key)}(?=:)", wrong, lines[line - 1], count=1)
        assert changed != lines[line - 1], (path, line)
        file.write_text("\n".join([*lines[: line - 1], changed, *lines[line:]]) + "\n", "utf-8")
        assert line in [require(error.place).line for error in refuse(file, model_of(name))], (path, wrong)


@pytest.mark.parametrize("name", data_files())
def test_a_second_key_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    text = (REPOSITORY / name).read_text("utf-8").rstrip("\n")
    first = next(iter(read_yaml(REPOSITORY / name).data))
    file = tmp_path / Path(name).name
    file.write_text(f"{text}\n{first}: {{}}\n", "utf-8")
    (error,) = refuse(file, model_of(name))
    assert (error.code, require(error.place).line) == ("YML005", len(text.splitlines()) + 1)
