"""Half a result is not a result: no router, not all routers, a folder that takes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ExitCode, RackproofError
from inventory.model.estate import Estate
from netconfig.change.plan import make_plan
from netconfig.cli import net as cli
from netconfig.intent.render import write_files
from netconfig.journal.record import ChangeState
from netconfig.rollout.rollout import EXIT, judge_run
from netconfig.rollout.status import read_status
from tests.netconfig.world import World


@pytest.mark.parametrize(
    ("ended", "planned", "expected"),
    [
        ({"a": ChangeState.VERIFIED, "b": ChangeState.VERIFIED}, ["a", "b"], "verified"),
        ({"a": ChangeState.VERIFIED}, ["a", "b"], "incomplete"),
        ({"a": ChangeState.VERIFIED, "b": ChangeState.UNCHANGED}, ["a", "b"], "incomplete"),
        ({"a": ChangeState.VERIFIED, "b": ChangeState.ROLLED_BACK}, ["a", "b"], "rolled_back"),
        ({"a": ChangeState.VERIFIED, "b": ChangeState.UNPROVEN}, ["a", "b"], "unproven"),
        ({"a": ChangeState.VERIFIED, "b": ChangeState.CONFIRMED}, ["a", "b"], "unproven"),
        ({"a": ChangeState.UNCHANGED}, ["a", "b"], "unchanged"),
        ({"other": ChangeState.VERIFIED}, ["a"], "incomplete"),
        ({}, ["a"], "unchanged"),
        ({}, [], "unchanged"),
    ],
)
def test_a_rollout_is_verified_when_every_planned_router_is(
    ended: dict[str, ChangeState], planned: list[str], expected: str
) -> None:
    assert judge_run(ended, planned) == expected
    assert (EXIT[judge_run(ended, planned)] == ExitCode.OK) is (expected == "verified")


@pytest.fixture
def without_routers(small_estate: Estate) -> Estate:
    """The lab's estate, none of whose routers this room manages."""
    sites = {
        code: site.model_copy(
            update={"devices": tuple(device.model_copy(update={"wave": None}) for device in site.devices)}
        )
        for code, site in small_estate.sites.items()
    }
    return replace(small_estate, sites=sites)


def test_without_a_router_nothing_is_green(without_routers: Estate, world: World, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("inventory.load.loader.load_estate", lambda folder: without_routers)
    for call in (
        lambda: make_plan(without_routers, world.open),
        lambda: read_status(without_routers, world.means()),
        lambda: cli.render(None, tmp_path / "out"),
        lambda: cli.render(None, None),
        cli.plan,
        cli.status,
    ):
        with pytest.raises(RackproofError) as caught:
            call()
        assert (caught.value.code, caught.value.exit_code) == ("NET012", ExitCode.USAGE)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_takes_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RackproofError) as caught:
        write_files(tmp_path / "file", {"core1": "text"})
    assert (caught.value.code, caught.value.kind) == ("FIL003", "missing_file")


def test_a_configuration_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"core1": "old\n"})

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(RackproofError) as caught:
        write_files(tmp_path, {"core1": "new\n"})
    monkeypatch.undo()
    assert (caught.value.code, caught.value.kind) == ("FIL001", "no_space")
    assert [file.name for file in tmp_path.iterdir()] == ["core1.conf"]
    assert (tmp_path / "core1.conf").read_text() == "old\n"
