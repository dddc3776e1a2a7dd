"""Sites, devices and links that only a NetBox has, as the estate would write them; what does not follow is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network
from typing import Any

from pydantic import ValidationError

from inventory import ipv6
from inventory.estate import Estate
from inventory.fields import Model
from inventory.kinds import DeviceKind, LinkRole
from inventory.model import Device, Link, Rack, Site
from inventory.netbox.kinds import ASSET_FIELDS, GENERIC, REST
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import slug

Json = dict[str, Any]
_BOTH = ("ipv4", "ipv6")
_KBPS = 1000
_NUMBER = 0xFF
_VLAN = 0xFFF
_HOST = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Problem:
    """An object that is not taken over. ``why`` is a key of ``words.REASONS``."""

    kind: str
    key: str
    why: str
    detail: str = ""


@dataclass(slots=True)
class Derived:
    """What only NetBox has: whole sites, parts of known sites by site code, and links."""

    sites: list[Json] = field(default_factory=list)
    racks: dict[str, list[Json]] = field(default_factory=dict)
    devices: dict[str, list[Json]] = field(default_factory=dict)
    links: list[Json] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A VLAN as addresses are looked up in it."""

    name: str
    v6: IPv6Network | None
    v4: IPv4Network | None


class Deriver:
    """Reads one snapshot against one estate."""

    def __init__(self, estate: Estate, held: Snapshot) -> None:
        self._estate = estate
        self._held = held
        self._plan = estate.head.addressing.ipv6_prefix
        self.found = Derived()
        self._of_site = {kind: self._grouped(kind, "site") for kind in ("dcim/racks", "dcim/devices", "ipam/vlans")}
        self._prefixes = self._grouped("ipam/prefixes", "scope")
        self._by_vlan = self._grouped("ipam/prefixes", "vlan")
        self._interfaces = self._grouped("dcim/interfaces", "device")
        self._addresses = self._grouped("ipam/ip-addresses", "assigned_object")
        kinds: dict[str, set[str]] = defaultdict(set)
        for device in estate.devices.values():
            kinds[slug(device.role)].add(device.kind.value)
        self._kind_of_role = {role: next(iter(found)) for role, found in kinds.items() if len(found) == 1}

    def run(self) -> Derived:
        """Return everything that only NetBox has."""
        for code, live in self._held.kinds["dcim/sites"].items():
            if code not in self._estate.sites:
                self._site(code, live)
            else:
                self._additions(code)
        self._links()
        return self.found

    def _grouped(self, kind: str, by: str) -> dict[str, list[Live]]:
        groups: dict[str, list[Live]] = defaultdict(list)
        for live in self._held.kinds[kind].values():
            if live.fields[by]:
                groups[live.fields[by]].append(live)
        return groups

    def _problem(self, kind: str, key: str, why: str, detail: str = "") -> None:
        self.found.problems.append(Problem(kind, key, why, detail))

    def _site(self, code: str, live: Live) -> None:
        numbers = [n for n in self._prefixes[code] if (at := _within(n.key, self._plan)) and at.prefixlen == 48]
        tier = next((name for name in self._estate.tiers if slug(name) == live.fields["group"]), None)
        if len(numbers) != 1 or tier is None:
            self._problem("dcim/sites", code, "no /48" if tier else "no tier", str(live.fields["group"] or ""))
            return
        place = int(ip_network(numbers[0].key).network_address) >> 80
        rest = dict(live.fields[REST] or {})
        region = place >> 8 & _NUMBER
        known = next((s.province for s in self._estate.sites.values() if s.region == region), "")
        name = str(live.fields["name"])
        made: Json = {
            "site": code, "name": {"en": name, "vi": live.fields["description"] or name}, "tier": tier,
            "region": region, "number": place & _NUMBER, **({"province": known} if known else {}), **rest,
            **{part: live.fields[part] for part in ("latitude", "longitude") if live.fields[part] is not None},
        }
        segments = self._segments(code)
        vlans = [self._vlan(code, item, segments) for item in self._of_site["ipam/vlans"][code]]
        made["vlans"] = [vlan for vlan in vlans if vlan]
        made["racks"] = [{"name": rack.fields["name"], **(rack.fields[REST] or {})}
                         for rack in self._of_site["dcim/racks"][code]]
        devices = [self._device(item, region, segments) for item in self._of_site["dcim/devices"][code]]
        made["devices"] = [device for device in devices if device]
        if site := self._fitting(Site, made, "dcim/sites", code):
            self.found.sites.append(site)

    def _additions(self, code: str) -> None:
        """Add racks and devices that a known site has only in NetBox."""
        site = self._estate.sites[code]
        known = {rack.name for rack in site.racks}
        for rack in self._of_site["dcim/racks"][code]:
            made = {"name": rack.fields["name"], **(rack.fields[REST] or {})}
            if rack.fields["name"] not in known and (fits := self._fitting(Rack, made, "dcim/racks", rack.key)):
                self.found.racks.setdefault(code, []).append(fits)
        segments = [_Segment(v.name, self._estate.vlan_prefix(code, v), v.ipv4) for v in site.vlans]
        for live in self._of_site["dcim/devices"][code]:
            if live.key not in self._estate.devices and (device := self._device(live, site.region, segments)):
                self.found.devices.setdefault(code, []).append(device)

    def _segments(self, code: str) -> list[_Segment]:
        made = []
        for vlan in self._of_site["ipam/vlans"][code]:
            nets = [ip_network(prefix.key) for prefix in self._by_vlan[vlan.key] if " " not in prefix.key]
            v6 = [n for n in nets if isinstance(n, IPv6Network) and n.prefixlen == 64 and n.subnet_of(self._plan)]
            v4 = [net for net in nets if isinstance(net, IPv4Network)]
            made.append(_Segment(vlan.fields["name"], v6[0] if len(v6) == 1 else None, v4[0] if len(v4) == 1 else None))
        return made

    def _vlan(self, code: str, live: Live, segments: list[_Segment]) -> Json | None:
        segment = next(s for s in segments if s.name == live.fields["name"])
        rest = dict(live.fields[REST] or {})
        if segment.v6 is None or (segment.v4 is None and "ipv4" in rest.get("families", _BOTH)):
            self._problem("ipam/vlans", live.key, "no prefixes")
            return None
        digits = int(segment.v6.network_address) >> 64
        if not rest.get("management") and digits & _VLAN != live.fields["vid"]:
            self._problem("ipam/vlans", live.key, "other /64", str(segment.v6))
            return None
        gateway = next((device.key for device in self._of_site["dcim/devices"][code]
                        if any(held["host"] == 1 for held in self._attach(device, [segment]))), None)
        if gateway is None:
            self._problem("ipam/vlans", live.key, "no gateway", str(segment.v4 or segment.v6))
            return None
        made = {"name": segment.name, "id": live.fields["vid"], "ipv4": str(segment.v4) if segment.v4 else None}
        return {**made, "zone": digits >> 12 & 0xF, "gateway": gateway, **rest}

    def _device(self, live: Live, region: int, segments: list[_Segment]) -> Json | None:
        rest, fields = dict(live.fields[REST] or {}), live.fields
        role = fields["role"]
        kind = rest.pop("kind", None) or self._kind_of_role.get(role) or (role if role in list(DeviceKind) else None)
        if kind is None:
            self._problem("dcim/devices", live.key, "no kind", str(role))
            return None
        made: Json = {"name": fields["name"], "kind": kind}
        if role not in (GENERIC, None):
            made["role"] = role
        made |= {"platform": fields["platform"], "rack": (fields["rack"] or "").rpartition("/")[2], **rest}
        made["attach"] = self._attach(live, segments)
        made |= self._loopback(live, region)
        self._unread(live, region, segments)
        made["asset"] = self._asset(live, made.pop("licences", None))
        made = {key: value for key, value in made.items() if value not in (None, "", [], {})}
        return self._fitting(Device, made, "dcim/devices", live.key)

    def _held_by(self, device: Live) -> Iterator[tuple[Live, list[IPv4Interface | IPv6Interface]]]:
        for interface in self._interfaces[device.key]:
            found = self._addresses[interface.key]
            yield interface, [ip_interface(a.key) for a in found if " " not in a.key]

    def _attach(self, device: Live, segments: list[_Segment]) -> list[Json]:
        made: dict[str, Json] = {}
        for interface, addresses in self._held_by(device):
            for address in addresses:
                for segment in segments:
                    host = _host(address, segment)
                    if host is not None:
                        made.setdefault(segment.name, {"vlan": segment.name, "host": host}
                                        | ({"interface": interface.fields["name"]}))
        return list(made.values())

    def _unread(self, device: Live, region: int, segments: list[_Segment]) -> None:
        """Name what an address says and the estate cannot: one outside of the plan, a second one in a VLAN."""
        special = [IPv6Network((int(self._plan.network_address) | number << 88, 40))
                   for number in (ipv6.LINK_REGION, ipv6.LOOPBACK_REGION)]
        seen: dict[str, tuple[int, str]] = {}
        for interface, addresses in self._held_by(device):
            in_plan = any(address in block for address in addresses for block in special)
            for address in addresses:
                found = [(s.name, host) for s in segments if (host := _host(address, s)) is not None]
                if not found and not in_plan:
                    self._problem("ipam/ip-addresses", str(address), "outside", interface.key)
                for name, host in found:
                    if seen.setdefault(name, (host, interface.key)) != (host, interface.key):
                        self._problem("ipam/ip-addresses", str(address), "second host", f"{interface.key}, {name}")

    def _loopback(self, device: Live, region: int) -> Json:
        block = IPv6Network((int(self._plan.network_address) | ipv6.LOOPBACK_REGION << 88 | region << 80, 64))
        for _, addresses in self._held_by(device):
            for address in addresses:
                digits = f"{int(address) & _HOST:x}"
                if isinstance(address, IPv6Interface) and address.network.prefixlen == 128 and address in block:
                    if not digits.isdecimal():
                        continue
                    old = next((a.ip for a in addresses if a.version == 4 and a.network.prefixlen == 32), None)
                    return {"loopback": int(digits), "ipv4_loopback": str(old) if old else None}
        return {}

    def _asset(self, live: Live, licences: Any) -> Json:
        kind = self._held.kinds["dcim/device-types"][live.fields["device_type"]].fields
        maker = self._held.kinds["dcim/manufacturers"][kind["manufacturer"]].fields["name"]
        made = {"vendor": maker, "model": kind["model"]} if maker != GENERIC else {}
        made |= {"serial": live.fields["serial"], "licences": licences}
        made |= {name.removeprefix("rackproof_"): live.fields[name] for name in ASSET_FIELDS}
        return {key: value for key, value in made.items() if value not in (None, "")}

    def _links(self) -> None:
        known = {f"{end.device}/{end.interface}" for link in self._estate.links for end in (link.a, link.b)}
        given = {link.id for link in self._estate.links}
        site_of = dict(self._estate.site_of)
        site_of |= {d["name"]: s["site"] for s in self.found.sites for d in s.get("devices", ())}
        site_of |= {d["name"]: code for code, made in self.found.devices.items() for d in made}
        for live in self._held.kinds["dcim/cables"].values():
            ends = [live.fields[f"{side}_terminations"] for side in "ab"]
            if not all(ends) or set(ends) & known or not all(end.split("/", 1)[0] in site_of for end in ends):
                continue
            made = self._link(live, ends, site_of)
            if made and made["id"] in given:
                self._problem("dcim/cables", live.key, "link id", str(made["id"]))
            elif made and (link := self._fitting(Link, made, "dcim/cables", live.key)):
                self.found.links.append(link)

    def _link(self, live: Live, ends: list[str], site_of: Mapping[str, str]) -> Json | None:
        numbered: dict[int, tuple[str, int]] = {}
        first = int(self._plan.network_address) | ipv6.LINK_REGION << 88
        nets: set[IPv4Network] = set()
        for end in ends:
            for address in (ip_interface(a.key) for a in self._addresses[end] if " " not in a.key):
                if isinstance(address, IPv4Interface):
                    nets.add(address.network)
                elif address.network.prefixlen == 127 and address in IPv6Network((first, 40)):
                    numbered[int(address) & 1] = (end, int(address) - first >> 64)
        rest = dict(live.fields[REST] or {})
        families = rest.get("families", _BOTH)
        if "ipv6" not in families and "id" in rest:
            numbered = {index: (end, int(rest["id"])) for index, end in enumerate(ends)}
        if len(numbered) != 2 or numbered[0][1] != numbered[1][1]:
            self._problem("dcim/cables", live.key, "no /127")
            return None
        speeds = {self._held.kinds["dcim/interfaces"][end].fields["speed"] for end in ends}
        wanted = 1 if "ipv4" in families else 0
        if len(speeds) != 1 or None in speeds or len(nets) != wanted:
            self._problem("dcim/cables", live.key, "no speed" if len(nets) == wanted else "no /31")
            return None
        a, b = (numbered[index][0].split("/", 1) for index in (0, 1))
        inside = site_of[a[0]] == site_of[b[0]]
        return {
            "id": numbered[0][1], "a": {"device": a[0], "interface": a[1]}, "b": {"device": b[0], "interface": b[1]},
            "role": (LinkRole.ACCESS if inside else LinkRole.UPLINK).value, "speed_mbps": int(speeds.pop()) // _KBPS,
            "ipv4": str(nets.pop()) if nets else None, **rest,
        }

    def _fitting(self, model: type[Model], made: Json, kind: str, key: str) -> Json | None:
        """Return what the model makes of it, in the order of the model and without what goes without saying."""
        try:
            return model.model_validate(made).model_dump(mode="json", exclude_defaults=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            self._problem(kind, key, "no fit", f"{where} = {first['input']!r}"[:160])
        return None


def _within(prefix: str, plan: IPv6Network) -> IPv6Network | None:
    if " " in prefix:
        return None
    net = ip_network(prefix)
    return net if isinstance(net, IPv6Network) and net.subnet_of(plan) else None


def _host(address: IPv4Interface | IPv6Interface, segment: _Segment) -> int | None:
    """Return a host's number in a VLAN: its digits in IPv6, its offset in IPv4; None when it is not in there."""
    if isinstance(address, IPv6Interface):
        digits = f"{int(address) & _HOST:x}"
        return int(digits) if segment.v6 and address in segment.v6 and digits.isdecimal() else None
    return int(address) - int(segment.v4.network_address) if segment.v4 and address in segment.v4 else None
