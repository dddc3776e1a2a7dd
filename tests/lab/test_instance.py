"""Names and records of a lab instance."""

import os
from pathlib import Path

import pytest

from core.errors import RackproofError
from lab import enter, owner, sweep, up
from lab.instance import Instance, instance, require_up


@pytest.mark.parametrize("name", ["", "Lab", "1ab", "much-too-long", "a-b", "ninechars", "../x"])
def test_a_name_that_would_not_fit_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LAB", name)
    with pytest.raises(RackproofError) as caught:
        instance()
    assert caught.value.code == "LAB010"


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"phase": "starting"}', '{"phase": "up"}'])
def test_a_missing_damaged_or_unfinished_record_is_not_up(text: str | None, tmp_path: Path) -> None:
    found = Instance("none", tmp_path)
    if text is not None:
        found.state_file.write_text(text)
    assert not found.is_up()  # also where the record says "up" but the namespace is not there


def test_a_lab_that_is_down_says_how_to_raise_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    with pytest.raises(RackproofError) as caught:
        require_up("none")
    assert caught.value.code == "LAB011"
    assert "lab up" in caught.value.remedy
    with pytest.raises(RackproofError):
        enter.enter_controller("none")


def test_without_root_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(RackproofError) as caught:
        enter.require_root("raise the lab")
    assert caught.value.code == "LAB012"
    assert "sudo" in caught.value.remedy


def test_two_at_once_are_refused_also_from_two_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "SOCKETS", tmp_path / "sockets")
    first, second = Instance("two", tmp_path / "one"), Instance("two", tmp_path / "two")
    with up.exclusive(first, "raising it"):
        for other in (first, second):
            with pytest.raises(RackproofError) as caught, up.exclusive(other, "taking it down"):
                pass
            assert caught.value.code == "LCK001"
            assert "raising it" in caught.value.message
            assert str(os.getpid()) in caught.value.actual


def test_a_plain_file_is_no_namespace(tmp_path: Path) -> None:
    file = tmp_path / "netns"
    file.touch()
    with pytest.raises(RackproofError) as caught:
        enter.set_netns(file)
    assert caught.value.code == "LAB013"


def test_the_lab_of_another_checkout_is_neither_raised_nor_taken_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "SOCKETS", tmp_path / "sockets")
    monkeypatch.setattr(sweep, "namespaces", lambda _instance: ["rp-x-ctl"])
    first, second = Instance("x", tmp_path / "one"), Instance("x", tmp_path / "two")
    first.run_dir.mkdir()
    owner.claim(first)
    owner.claim(first)
    for act in (owner.claim, owner.refuse_foreign):
        with pytest.raises(RackproofError) as caught:
            act(second)
        assert caught.value.code == "LAB016"
    first.run_dir.rmdir()  # that checkout is gone: its leftovers may be cleared by anybody
    owner.claim(second)
