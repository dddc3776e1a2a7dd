"""What every router is now: reached or not, in step with the estate or not, and what its rollback guard says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from core.errors import ExitCode, RackproofError
from core.i18n import _, ngettext
from inventory.model.estate import Estate
from netconfig.change.change import ChangeContext
from netconfig.change.guard import GuardRefused
from netconfig.change.plan import CONNECTIONS, plan_device, set_goal
from netconfig.change.session import HostKeyChanged, LoginRefused, Lost, explain_unreached
from netconfig.intent.design import require_routers


class Contact(StrEnum):
    """How far a router was reached."""

    REACHED = "reached"
    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    HOST_KEY_CHANGED = "host_key_changed"


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """One router. ``in_sync`` is None while its configuration is not known; ``problem`` is an error's code.

    ``configuration``, ``guard`` and ``last`` are texts for people; ``guard_clear`` says that nothing is armed.
    """

    device: str
    wave: int
    contact: Contact = Contact.UNREACHABLE
    in_sync: bool | None = None
    configuration: str = ""
    guard_clear: bool = False
    guard: str = ""
    last: str = ""
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Tell whether the router runs what it is to run and no change is under way."""
        return self.contact == Contact.REACHED and self.in_sync is True and self.guard_clear

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "device": self.device,
            "wave": self.wave,
            "contact": str(self.contact),
            "reachable": self.contact == Contact.REACHED,
            "in_sync": self.in_sync,
            "configuration": self.configuration,
            "guard": self.guard,
            "last": self.last,
            "problem": self.problem,
        }


def read_status(
    estate: Estate, means: ChangeContext, step: Callable[[str], None] = lambda _: None
) -> list[RouterStatus]:
    """Read every router of the estate, several at a time. Raises RackproofError (NET012) when there is none."""

    def read_one(device: str) -> RouterStatus:
        step(device)
        return read_router(estate, means, device)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(read_one, require_routers(estate)))


def choose_exit_code(rows: Sequence[RouterStatus]) -> ExitCode:
    """Return what the command ends with: good only when there is a router and every one is good.

    A router that answers and does not let us in is another mistake than one that does not answer.
    """
    if rows and all(row.is_good for row in rows):
        return ExitCode.OK
    contacts = {row.contact for row in rows}
    if contacts & {Contact.LOGIN_REFUSED, Contact.HOST_KEY_CHANGED}:
        return ExitCode.NOT_LET_IN
    if Contact.UNREACHABLE in contacts:
        return ExitCode.UNREACHABLE
    return ExitCode.NOT_GREEN


def read_router(estate: Estate, means: ChangeContext, device: str) -> RouterStatus:
    """Return what one router is now: reached, in step, and what its guard says."""
    row = RouterStatus(device, estate.devices[device].wave or 0, configuration=_("unknown"), guard=_("unknown"))
    try:
        row = read_configuration(estate, means, row)
        status = means.guard(device).status()
    except Lost as problem:
        error = explain_unreached(device, problem)
        return replace(row, contact=classify_contact(problem), problem=error.code, guard=f"{error.message}: {problem}")
    except GuardRefused as problem:
        return replace(row, guard=str(problem))
    is_clear = status.state == "clear"
    guard = _("clear")
    if not is_clear:
        guard = _("{state}, {left} s left").format(state=status.state, left=status.left)
    return replace(row, guard_clear=is_clear, guard=guard, last=status.last)


def read_configuration(estate: Estate, means: ChangeContext, row: RouterStatus) -> RouterStatus:
    """Return the status of a router with how its configuration differs from the estate."""
    try:
        plan = plan_device(estate, set_goal(estate, row.device), means.open_session)
    except RackproofError as error:  # it was reached; what it runs is refused by a plan, so it is not in step
        text = f"[{error.code}] {error.message}: {error.actual}"
        return replace(row, contact=Contact.REACHED, in_sync=False, configuration=text, problem=error.code)
    text = _("as intended")
    if not plan.is_empty:
        away = len(plan.commands)
        text = ngettext("{n} command away", "{n} commands away", away).format(n=away)
    return replace(row, contact=Contact.REACHED, in_sync=plan.is_empty, configuration=text)


def classify_contact(problem: Lost) -> Contact:
    """Return how far a router was reached when an attempt to speak to it ended like this."""
    if isinstance(problem, LoginRefused):
        return Contact.LOGIN_REFUSED
    if isinstance(problem, HostKeyChanged):
        return Contact.HOST_KEY_CHANGED
    return Contact.UNREACHABLE
