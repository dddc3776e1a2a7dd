"""Which address of a device is asked, in which order, and when it is given up."""

from __future__ import annotations

import asyncio

import pytest

from inventory.model.estate import Estate
from monitoring.poll.collect import RETURN_TO_IPV6, Poller
from monitoring.snmp.poll import Absence, Budget, PollPlan, PollResult
from monitoring.snmp.session import SnmpSession

SECRETS = {"snmp_auth_password": "auth-secret-1", "snmp_priv_password": "priv-secret-1", "snmp_community": "read"}


class Line:
    """Stands for the engine: answers for some addresses only, and notes what was asked."""

    def __init__(self, *, answers: str = "", refuses: str = "") -> None:
        self.answers, self.refuses = answers, refuses
        self.asked: list[tuple[str, int | None]] = []

    async def poll(self, host: str, port: int, session: SnmpSession, plan: PollPlan, budget: Budget) -> PollResult:
        family = "6" if ":" in host else "4"
        self.asked.append((family, budget.first_retries))
        result = PollResult()
        if family in self.refuses:
            result.error, result.absence = "credentials refused: wrongDigests", Absence.LOGIN_REFUSED
        elif family in self.answers:
            result.answered = True
        else:
            result.error, result.absence = "no reply", Absence.NO_ANSWER
        return result


@pytest.mark.parametrize(
    ("answers", "asked", "error", "attempts"),
    [
        ("46", [("6", 0)], "", 0),
        ("6", [("6", 0)], "", 0),
        ("4", [("6", 0), ("4", None)], "", 1),
        ("", [("6", 0), ("4", None), ("6", None)], "no reply", 2),
    ],
)
def test_ipv6_first_and_all_retries_before_giving_up(
    estate: Estate, answers: str, asked: list[tuple[str, int | None]], error: str, attempts: int
) -> None:
    line = Line(answers=answers)
    raw = asyncio.run(Poller(estate, SECRETS).poll(line, estate.devices["ups-a"]))  # type: ignore[arg-type]
    assert (line.asked, raw.error, len(raw.attempts)) == (asked, error, attempts)


def test_refused_credentials_are_not_asked_again_elsewhere(estate: Estate) -> None:
    line = Line(answers="4", refuses="6")
    raw = asyncio.run(Poller(estate, SECRETS).poll(line, estate.devices["ups-a"]))  # type: ignore[arg-type]
    assert line.asked == [("6", 0)] and raw.error.startswith("credentials refused")


def test_the_address_that_answered_is_remembered_and_ipv6_gets_its_chance_again(estate: Estate) -> None:
    line, poller = Line(answers="4"), Poller(estate, SECRETS)

    async def main() -> None:
        for _ in range(RETURN_TO_IPV6 + 1):
            await poller.poll(line, estate.devices["ups-a"])  # type: ignore[arg-type]

    asyncio.run(main())
    assert [family for family, _ in line.asked].count("6") == 2
