"""Reading the guard's one line: anything unexpected is a refusal, never a guess."""

from __future__ import annotations

import pytest

from netconfig.change.guard import (
    GuardRefused,
    GuardStatus,
    hash_config,
    normalise_config,
    read_status_line,
    wait_until_clear,
)
from netconfig.change.session import Lost


@pytest.mark.parametrize(
    ("answer", "armed", "ended"),
    [
        ("armed id=c1 timer=active left=20 sha256=ab running=ab", True, ""),
        ("armed id=c1 timer=inactive left=20 sha256=ab running=ab", False, ""),
        ("armed id=c2 timer=active left=20 sha256=ab running=ab", False, ""),
        ("busy id=c1 timer=active left=20 sha256=ab running=ab", False, ""),
        ("clear timer=inactive last=disarmed:c1 running=ab", False, "disarmed"),
        ("clear timer=inactive last=fired:c1:reload running=ab", False, "fired"),
        ("clear timer=inactive last=boot:c1 running=ab", False, "boot"),
        ("clear timer=inactive last=fired:c12:reload running=ab", False, ""),
        ("clear timer=inactive last=none running=unreadable", False, ""),
    ],
)
def test_status(answer: str, armed: bool, ended: str) -> None:
    status = read_status_line(answer)
    assert status.is_armed_for("c1") is armed
    assert status.ended("c1") == ended


@pytest.mark.parametrize("answer", ["", "ok", "armed; id", "clear\nclear", "error busy", "armed id=a\x1b[2J timer"])
def test_anything_else_is_refused(answer: str) -> None:
    with pytest.raises(GuardRefused):
        read_status_line(answer)


def test_line_ends_do_not_change_the_hash() -> None:
    assert hash_config("a\r\n b  \r\n") == hash_config("a\n b\n")
    assert hash_config("a\n b\n") != hash_config("a\nb\n")
    assert normalise_config("\n a\n") == "a\n"


class Scripted:
    def __init__(self, *answers: GuardStatus | Exception) -> None:
        self.answers = list(answers)

    def status(self) -> GuardStatus:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ((Lost("x"), GuardStatus("armed", True), GuardStatus("busy", True), GuardStatus("clear", False)), True),
        ((Lost("x"),), False),
        ((GuardRefused("busy"),), False),
        ((GuardStatus("armed", True),), False),
    ],
)
def test_waiting_ends_only_when_the_device_says_clear(
    answers: tuple[GuardStatus | Exception, ...], found: bool
) -> None:
    time = [0.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    status = wait_until_clear(Scripted(*answers), 30, lambda: time[0], sleep)  # type: ignore[arg-type]
    assert (status is not None) is found
