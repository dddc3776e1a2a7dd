"""What `checks run` refuses before it begins: names that do not exist, sites that nothing binds, a workspace unfit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks.register.requirement import Requirement
from checks.run import once
from checks.run.judge_run import Selection, choose, choose_sites
from checks.run.once import judge_once, refuse_idle
from core.errors import RackproofError
from core.workspace import Workspace
from inventory.model.estate import Estate

from .conftest import LAB_ESTATE


def refusal(call: Callable[..., object], *arguments: object) -> RackproofError:
    with pytest.raises(RackproofError) as caught:
        call(*arguments)
    return caught.value


def test_an_unknown_name_is_one_kind_and_has_a_proposal(requirements: dict[str, Requirement], estate: Estate) -> None:
    found = refusal(choose, requirements, Selection(("QH-3-DC-NPLUS",)))
    assert (found.code, found.kind, int(found.exit_code)) == ("CHK001", "unknown_name", 2)
    assert "QH-3-DC-NPLUS1" in found.remedy
    found = refusal(choose_sites, estate, Selection((), ("hpg",)))
    assert (found.code, found.kind) == ("CHK002", "unknown_name")
    assert "'hph'" in found.remedy


def test_a_long_list_of_names_is_shortened(requirements: dict[str, Requirement]) -> None:
    found = refusal(choose, requirements, Selection(("X",)))
    assert len(found.expected) < 400
    assert str(len(requirements)) in found.expected


def test_a_site_that_nothing_binds_is_refused_not_green(requirements: dict[str, Requirement], estate: Estate) -> None:
    """No verdict at all would be no failure: exit code 0."""
    only_dc = {name: item for name, item in requirements.items() if item.tiers == ("DC",)}
    found = refusal(refuse_idle, estate, only_dc, Selection((), ("dc", "hph")))
    assert (found.code, found.kind, found.actual) == ("CHK006", "wrong_use", "hph")
    refuse_idle(estate, requirements, Selection((), ("dc", "hph")))


def test_secrets_are_asked_for_before_anything_is_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secrets file every host was asked first, and the run then ended with SEC001."""
    ws = Workspace(tmp_path, LAB_ESTATE)
    begun: list[int] = []

    def begin(*_arguments: object, **_options: object) -> None:
        begun.append(1)
        pytest.skip("collected")

    monkeypatch.setattr(once, "run_once", begin)
    assert refusal(judge_once, ws, Selection(), lambda *_: None).code == "SEC001"
    assert refusal(judge_once, ws, Selection(("QH-3-NOC",), ("hph",)), lambda *_: None).code == "SEC001"
    assert begun == []


def test_what_sealing_needs_is_asked_for_before_anything_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vault that cannot be opened was known after 98 steps of collecting."""
    ws = Workspace(tmp_path, LAB_ESTATE)
    ws.secrets_file.write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n", encoding="utf-8")
    ws.vault_password_file.write_text("wrong\n", encoding="utf-8")
    monkeypatch.setattr(once, "run_once", lambda *_a, **_k: pytest.fail("it began to collect"))
    found = refusal(judge_once, ws, Selection(), lambda *_: None)
    assert found.code == "SEC002"
