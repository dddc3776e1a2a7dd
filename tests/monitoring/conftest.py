"""The lab's estate and made-up polls of its devices."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from monitoring.poll.collect import plan_poll
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import find_profile
from monitoring.snmp import ber
from monitoring.snmp.ber import Oid
from monitoring.snmp.poll import Budget, Poll
from monitoring.snmp.session import CommunitySession
from tests.monitoring.agents import Agent2c, Answers, run

IDENTITIES = {
    "apc-symmetra": (318, 1, 3, 5, 4), "apc-rpdu2": (318, 1, 3, 4, 6), "apc-ats": (318, 1, 3, 32),
    "apc-inrow": (318, 1, 3, 14, 5), "apc-uio": (318, 1, 3, 8, 4), "frr-router": (8072, 3, 2, 10),
    "net-snmp-host": (8072, 3, 2, 10),
}  # fmt: skip
T0 = 1_790_000_000.0
Tree = dict[Oid, tuple[int, bytes]]
Poller = Callable[..., RawPoll]


@pytest.fixture(scope="session")
def estate() -> Estate:
    return load_estate(REPOSITORY / "lab" / "estate")


def integer(value: int) -> tuple[int, bytes]:
    return ber.INTEGER, ber.encode_integer(value)[2:]


@pytest.fixture
def polled(estate: Estate) -> Poller:
    """Poll an agent that knows exactly ``tree`` (and what it is), as if it were the device."""

    def poll(device: str, tree: Tree, reply: object = None, identity: Oid | None = None) -> RawPoll:
        access = estate.devices[device].snmp
        assert access is not None
        told = identity or (1, 3, 6, 1, 4, 1, *IDENTITIES[access.profile])
        whole = {(1, 3, 6, 1, 2, 1, 1, 2, 0): (ber.OBJECT_ID, ber.encode_oid_content(told)), **tree}
        session = CommunitySession("public")
        machine = Poll(session, plan_poll(find_profile(access.profile)), Budget())
        run(machine, reply or Agent2c(Answers(whole)).reply)  # type: ignore[arg-type]
        identity_of = (device, estate.site_of[device], access.profile)
        trouble = ((), dict(session.rejected))
        return RawPoll.of(identity_of, ("192.0.2.1", "v2c"), (T0, T0 + 1), machine.result, trouble)

    return poll
