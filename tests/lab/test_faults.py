"""The book of faults, without a lab."""

from pathlib import Path

import pytest

from core.errors import RackproofError
from inventory.model.fields import Text
from lab.faults import catalogue as faults
from lab.instance import Instance

WANTED = {
    "ups-module-lost",
    "sensor-silent",
    "wal-segment-missing",
    "uplink-100m",
    "ipv6-address-removed",
    "log-forwarding-stopped",
    "standby-disconnected",
}


class Recorder:
    def __init__(self, error: RackproofError | None = None) -> None:
        self.calls: list[str] = []
        self.error = error

    def make(self, _instance: Instance) -> None:
        self.calls.append("make")
        if self.error:
            raise self.error

    def mend(self, _instance: Instance) -> None:
        self.calls.append("mend")


@pytest.fixture
def found(tmp_path: Path) -> Instance:
    return Instance("none", tmp_path)


def put_into_book(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    fault = faults.LabFault("x", Text(en="x", vi="x"), recorder.make, recorder.mend)
    monkeypatch.setattr(faults, "book", lambda: {"x": fault})


def test_the_book_holds_every_fault_in_both_languages() -> None:
    book = faults.book()
    assert set(book) >= WANTED
    for name, fault in book.items():
        assert fault.name == name
        assert fault.text.en != fault.text.vi


def test_an_unknown_fault_is_answered_with_the_known_ones(found: Instance) -> None:
    for act in (faults.break_fault, faults.mend_fault):
        with pytest.raises(RackproofError) as caught:
            act(found, "no-such")
        assert caught.value.code == "LAB050"
        assert "uplink-100m" in caught.value.expected


def test_a_fault_is_made_once_and_mended_whatever_the_record_says(
    found: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    put_into_book(monkeypatch, recorder)
    assert faults.break_fault(found, "x")
    assert not faults.break_fault(found, "x")
    assert faults.active(found) == ["x"]
    assert faults.mend_fault(found, "x")
    assert not faults.mend_fault(found, "x")
    assert faults.active(found) == []
    assert recorder.calls == ["make", "mend", "mend"]


@pytest.mark.parametrize(("code", "active"), [("LAB001", ["x"]), (faults.NOTHING_TO_BREAK, [])])
def test_a_half_made_fault_stays_on_record_and_one_never_begun_does_not(
    code: str, active: list[str], found: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_book(monkeypatch, Recorder(RackproofError(code, program="x", status=1, command="x", what="x")))
    with pytest.raises(RackproofError):
        faults.break_fault(found, "x")
    assert faults.active(found) == active


@pytest.mark.parametrize("text", ["", "{", "null"])
def test_a_damaged_record_is_not_taken_for_an_empty_one(text: str, found: Instance) -> None:
    (found.run_dir / "faults.json").write_text(text)
    with pytest.raises(RackproofError) as caught:
        faults.active(found)
    assert caught.value.code == "LAB054"
