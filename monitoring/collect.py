"""Polling devices of the estate: credentials, addresses, engine; the answers as raw evidence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from core import secrets
from core.errors import ExitCode, RackproofError
from core.workspace import Workspace
from inventory.estate import Estate
from inventory.kinds import SnmpVersion
from inventory.model import Device
from monitoring.profiles import SYS_NAME, SYS_OBJECT_ID, SYS_UP_TIME, Profile, profile_named
from monitoring.raw import RawPoll
from monitoring.snmp import usm
from monitoring.snmp.engine import Engine, addresses, engine
from monitoring.snmp.poll import SILENT, Budget, Plan, Result
from monitoring.snmp.session import CommunitySession, Session, UsmSession

PORT = 161
RETURN_TO_IPV6 = 97  # polls; no multiple of a usual number of devices, so that every device has its turn
USER, DIGEST = "rackproof-mon", "SHA-256"
AUTH_SECRET, PRIV_SECRET, COMMUNITY_SECRET = "snmp_auth_password", "snmp_priv_password", "snmp_community"
IDENTITY = (SYS_OBJECT_ID, SYS_UP_TIME, SYS_NAME)
Progress = Callable[[str, int, int], None]


def plan_of(profile: Profile) -> Plan:
    """Return what a profile needs asked: identity, its single instances, its walks."""
    singles = tuple(spec.oid for spec in profile.readings if spec.oid is not None)
    return Plan(tuple(dict.fromkeys((*IDENTITY, *singles))), profile.walks)


def polled(estate: Estate, names: Iterable[str] | None = None) -> list[Device]:
    """Return the devices that are polled, all of them when ``names`` is None.

    Raises RackproofError MON012 for a name that is no device, MON013 for a device without SNMP access in the estate.
    """
    if names is None:
        return [device for device in estate.devices.values() if device.snmp is not None]
    found: list[Device] = []
    for name in names:
        device = estate.devices.get(name)
        if device is None:
            raise RackproofError(
                "MON012", f"no device {name!r} in the estate", remedy="`rackproof estate show` lists them"
            )
        if device.snmp is None:
            raise RackproofError("MON013", f"{name} has no SNMP access in the estate", expected="snmp: {profile: …}")
        found.append(device)
    return found


class Poller:
    """Polls devices again and again; what it learns of v3 engines is kept, so later polls need no discovery."""

    def __init__(self, estate: Estate, credentials: Mapping[str, str], budget: Budget | None = None) -> None:
        self._estate, self._credentials = estate, credentials
        self._budget = budget or Budget()
        self._quick = replace(self._budget, first_retries=0)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._answered: dict[str, str] = {}
        self._polls = 0

    async def poll(self, line: Engine, device: Device) -> RawPoll:
        """Poll one device: IPv6, else IPv4; a device is given up only after all retries on each of its addresses.

        Another address is tried only when one gives no answer at all; the first gets one quick try, so that a
        network that has only one family yet costs a second, and its full number of retries at the end.
        """
        assert device.snmp is not None  # noqa: S101 - polled() filters
        plan, attempts = plan_of(profile_named(device.snmp.profile)), []
        first, *others = self._hosts(device)
        t0 = time.time()
        for host, budget in [(first, self._quick), *((other, self._budget) for other in others), (first, self._budget)]:
            session = self._session(device, host)
            session.rejected.clear()
            result = await line.poll(host, PORT, session, plan, budget)
            if result.answered:
                self._answered[device.name] = host
            if result.answered or not result.error.startswith(SILENT):
                break
            attempts.append((host, result.error))
        tried = tuple(attempts if result.answered else attempts[:-1])
        return self._raw(device, host, (t0, time.time()), result, (tried, dict(session.rejected)))

    def _hosts(self, device: Device) -> list[str]:
        """Return the addresses to try; the one that answered last comes first, but IPv6 gets its chance again."""
        place = self._estate.address(device.name)
        hosts = addresses([str(address.ip) for address in place.addresses])
        self._polls += 1
        last = self._answered.get(device.name)
        if last is not None and self._polls % RETURN_TO_IPV6:
            hosts.sort(key=lambda host: host != last)
        return hosts

    def _raw(
        self, device: Device, host: str, times: tuple[float, float], result: Result,
        trouble: tuple[tuple[tuple[str, str], ...], dict[str, int]],
    ) -> RawPoll:
        assert device.snmp is not None  # noqa: S101 - polled() filters
        identity = (device.name, self._estate.site_of[device.name], device.snmp.profile)
        return RawPoll.of(identity, (host, device.snmp.version.value), times, result, trouble)

    def _session(self, device: Device, host: str) -> Session:
        key = (device.name, host)
        if key not in self._sessions:
            self._sessions[key] = self._new_session(device)
        return self._sessions[key]

    def _new_session(self, device: Device) -> Session:
        assert device.snmp is not None  # noqa: S101 - polled() filters
        if device.snmp.version is SnmpVersion.V2C:
            return CommunitySession(self._secret(COMMUNITY_SECRET))
        return UsmSession(usm.User(USER, DIGEST, self._secret(AUTH_SECRET), self._secret(PRIV_SECRET)))

    def _secret(self, name: str) -> str:
        value = self._credentials.get(name, "")
        if not value:
            raise RackproofError(
                "MON014", f"no secret {name!r}", expected="an entry in the secrets file",
                remedy="add it with `ansible-vault edit`", exit_code=ExitCode.INVALID,
            )  # fmt: skip
        return value


async def sweep(poller: Poller, devices: Iterable[Device], progress: Progress | None = None) -> list[RawPoll]:
    """Poll devices at once and return their answers in the given order."""
    wanted = list(devices)
    done = 0

    async def one(line: Engine, device: Device) -> RawPoll:
        nonlocal done
        raw = await poller.poll(line, device)
        done += 1
        if progress is not None:
            progress(device.name, done, len(wanted))
        return raw

    with engine() as line:
        return list(await asyncio.gather(*(one(line, device) for device in wanted)))


def poll_devices(
    estate: Estate, ws: Workspace, names: Iterable[str] | None = None, progress: Progress | None = None
) -> list[RawPoll]:
    """Poll the named devices (all with SNMP access when None) and return one recording per device, in order.

    A device that does not answer has a recording too, with ``error``. Raises RackproofError for a name, a profile or a
    secret that does not exist; never for a device.
    """
    devices = polled(estate, names)
    for device in devices:
        assert device.snmp is not None  # noqa: S101 - polled() filters
        profile_named(device.snmp.profile)
    return asyncio.run(sweep(Poller(estate, secrets.load(ws)), devices, progress))
