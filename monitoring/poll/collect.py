"""Polling devices of the estate: credentials, addresses, engine; the answers as raw evidence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from core import secrets
from core.errors import RackproofError
from core.workspace import Workspace
from inventory.model.entities import Device
from inventory.model.enums import SnmpVersion
from inventory.model.estate import Estate
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import SYS_NAME, SYS_OBJECT_ID, SYS_UP_TIME, Profile, find_profile
from monitoring.snmp import usm
from monitoring.snmp.engine import SnmpEngine, describe_fault, open_engine, sort_addresses
from monitoring.snmp.poll import Absence, Budget, PollPlan, PollResult
from monitoring.snmp.session import CommunitySession, SnmpSession, UsmSession

PORT = 161
RETURN_TO_IPV6 = 97  # polls; no multiple of a usual number of devices, so that every device has its turn
USER, DIGEST = "rackproof-mon", "SHA-256"
AUTH_SECRET, PRIV_SECRET, COMMUNITY_SECRET = "snmp_auth_password", "snmp_priv_password", "snmp_community"
IDENTITY = (SYS_OBJECT_ID, SYS_UP_TIME, SYS_NAME)
#: What may be otherwise at another address of the same device.
SILENCES = (Absence.NO_ANSWER, Absence.NOT_BELIEVED)
LOGGER = logging.getLogger(__name__)
#: Called after each device: the names of those still waited for, how many have ended, how many there are.
Progress = Callable[[list[str], int, int], None]


def plan_poll(profile: Profile) -> PollPlan:
    """Return what a profile needs asked: identity, its single instances, its walks."""
    singles = tuple(spec.oid for spec in profile.readings if spec.oid is not None)
    return PollPlan(tuple(dict.fromkeys((*IDENTITY, *singles))), profile.walks)


def choose_devices(estate: Estate, names: Iterable[str] | None = None) -> list[Device]:
    """Return the devices that are polled, all of them when ``names`` is None.

    Raises RackproofError MON012 for a name that is no device, MON013 for a device without SNMP access in the estate,
    MON016 when there is none at all: what asks nobody must not end well.
    """
    if names is None:
        everything = [device for device in estate.devices.values() if device.snmp is not None]
        if not everything:
            raise RackproofError("MON016")
        return everything
    found: list[Device] = []
    for name in names:
        device = estate.devices.get(name)
        if device is None:
            raise RackproofError("MON012", actual=name, known=estate.devices)
        if device.snmp is None:
            raise RackproofError("MON013", device=name)
        found.append(device)
    return found


class Poller:
    """Polls devices again and again; what it learns of v3 engines is kept, so later polls need no discovery."""

    def __init__(self, estate: Estate, credentials: Mapping[str, str], budget: Budget | None = None) -> None:
        self._estate, self._credentials = estate, credentials
        self._budget = budget or Budget()
        self._quick = replace(self._budget, first_retries=0)
        self._sessions: dict[tuple[str, str], SnmpSession] = {}
        self._answered: dict[str, str] = {}
        self._polls = 0

    def prepare(self, devices: Iterable[Device]) -> None:
        """Make sure, before anything is sent, that each device's profile and secrets are there and can be used.

        Raises RackproofError MON003 (no such profile), MON014 (no such secret), MON015 (too short for version 3).
        """
        for device in devices:
            assert device.snmp is not None  # noqa: S101 - polled() filters
            find_profile(device.snmp.profile)
            self.make_session(device)

    async def poll(self, line: SnmpEngine, device: Device) -> RawPoll:
        """Poll one device; whatever goes wrong with it is that device's named absence and touches no other.

        Never raises for a device: an exception while it is asked or its answer is taken gives a recording with
        ``absence`` FAULT, which counts as an error everywhere, and a line in the log.
        """
        began = time.time()
        try:
            return await self.ask(line, device)
        except Exception as error:  # noqa: BLE001 - a stranger's answer must not end the polling of all others
            fault = describe_fault(error)
            LOGGER.error("collecting from %s failed: %s", device.name, fault)
            version = device.snmp.version.value if device.snmp else ""
            return RawPoll.of_fault(self.identify(device), version, (began, time.time()), fault)

    async def ask(self, line: SnmpEngine, device: Device) -> RawPoll:
        """Ask one device: IPv6, else IPv4; it is given up only after all retries on each of its addresses.

        Another address is tried only when one gives no answer at all; the first gets one quick try, so that a
        network that has only one family yet costs a second, and its full number of retries at the end.
        """
        assert device.snmp is not None  # noqa: S101 - polled() filters
        plan, attempts = plan_poll(find_profile(device.snmp.profile)), []
        first, *others = self.choose_addresses(device)
        t0 = time.time()
        for host, budget in [(first, self._quick), *((other, self._budget) for other in others), (first, self._budget)]:
            session = self.find_session(device, host)
            session.rejected.clear()
            result = await line.poll(host, PORT, session, plan, budget)
            if result.answered:
                self._answered[device.name] = host
            if result.answered or result.absence not in SILENCES:
                break
            attempts.append((host, result.error))
        tried = tuple(attempts if result.answered else attempts[:-1])
        return self.make_recording(device, host, (t0, time.time()), result, (tried, dict(session.rejected)))

    def choose_addresses(self, device: Device) -> list[str]:
        """Return the addresses to try; the one that answered last comes first, but IPv6 gets its chance again."""
        place = self._estate.address(device.name)
        hosts = sort_addresses([str(address.ip) for address in place.addresses])
        self._polls += 1
        last = self._answered.get(device.name)
        if last is not None and self._polls % RETURN_TO_IPV6:
            hosts.sort(key=lambda host: host != last)
        return hosts

    def make_recording(
        self,
        device: Device,
        host: str,
        times: tuple[float, float],
        result: PollResult,
        trouble: tuple[tuple[tuple[str, str], ...], dict[str, int]],
    ) -> RawPoll:
        """Make the recording of a poll; what this program failed at is logged."""
        assert device.snmp is not None  # noqa: S101 - polled() filters
        if result.absence is Absence.FAULT:
            LOGGER.error("collecting from %s failed: %s", device.name, result.error)
        return RawPoll.of(self.identify(device), (host, device.snmp.version.value), times, result, trouble)

    def identify(self, device: Device) -> tuple[str, str, str]:
        """Return the device, its site and its profile, as a recording names them."""
        profile = device.snmp.profile if device.snmp else ""
        return device.name, self._estate.site_of[device.name], profile

    def find_session(self, device: Device, host: str) -> SnmpSession:
        """Return the session with one address of a device, made on first use."""
        key = (device.name, host)
        if key not in self._sessions:
            self._sessions[key] = self.make_session(device)
        return self._sessions[key]

    def make_session(self, device: Device) -> SnmpSession:
        """Make a session with a device from its version and the secrets. Raises RackproofError (MON014, MON015)."""
        assert device.snmp is not None  # noqa: S101 - polled() filters
        if device.snmp.version is SnmpVersion.V2C:
            return CommunitySession(self.find_secret(COMMUNITY_SECRET))
        return UsmSession(usm.User(USER, DIGEST, self.find_password(AUTH_SECRET), self.find_password(PRIV_SECRET)))

    def find_password(self, name: str) -> str:
        """Return a password of version 3. Raises RackproofError: MON014 there is none, MON015 it is too short."""
        value = self.find_secret(name)
        if len(value.encode()) < usm.SHORTEST_PASSWORD:
            raise RackproofError("MON015", name=name)
        return value

    def find_secret(self, name: str) -> str:
        """Return a secret. Raises RackproofError (MON014) when there is none."""
        value = self._credentials.get(name, "")
        if not value:
            raise RackproofError("MON014", name=name)
        return value


async def sweep(poller: Poller, devices: Iterable[Device], progress: Progress | None = None) -> list[RawPoll]:
    """Poll devices at once and return one recording per device, in the given order. Never raises for a device."""
    wanted = list(devices)
    waiting = [device.name for device in wanted]

    async def one(line: SnmpEngine, device: Device) -> RawPoll:
        raw = await poller.poll(line, device)
        waiting.remove(device.name)
        if progress is not None:
            progress(waiting, len(wanted) - len(waiting), len(wanted))
        return raw

    with open_engine() as line:
        return list(await asyncio.gather(*(one(line, device) for device in wanted)))


def poll_devices(
    estate: Estate, ws: Workspace, names: Iterable[str] | None = None, progress: Progress | None = None
) -> list[RawPoll]:
    """Poll the named devices (all with SNMP access when None) and return one recording per device, in order.

    A device that does not answer has a recording too, with ``error``. Raises RackproofError for a name, a profile or a
    secret that does not exist; never for a device.
    """
    devices = choose_devices(estate, names)
    poller = Poller(estate, secrets.load(ws))
    poller.prepare(devices)
    return asyncio.run(sweep(poller, devices, progress))
