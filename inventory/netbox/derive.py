"""Sites, devices and links that only a NetBox has, as the estate would write them; what does not follow is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network
from itertools import product
from typing import Any, TypeVar

from pydantic import ValidationError

from inventory.model import ipv6
from inventory.model.entities import Device, Link, Rack, Site
from inventory.model.enums import DeviceKind, LinkRole
from inventory.model.estate import Estate
from inventory.model.fields import StrictModel
from inventory.netbox.kinds import ASSET_FIELDS, GENERIC, REST
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import slug

Json = dict[str, Any]
HostAddress = IPv4Interface | IPv6Interface
T = TypeVar("T")
_BOTH = ("ipv4", "ipv6")
_KBPS = 1000


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
class Segment:
    """A VLAN as addresses are looked up in it."""

    name: str
    v6: IPv6Network | None
    v4: IPv4Network | None

    def find_host(self, address: HostAddress) -> int | None:
        """Return a host's number in the VLAN: its digits in IPv6, its offset in IPv4; None when it is not in there."""
        if isinstance(address, IPv6Interface):
            is_inside = self.v6 is not None and address in self.v6
            if is_inside:
                return ipv6.read_host_number(address.ip)
            return None
        if self.v4 is None or address not in self.v4:
            return None
        return int(address) - int(self.v4.network_address)


class Deriver:
    """Reads one snapshot against one estate."""

    def __init__(self, estate: Estate, held: Snapshot) -> None:
        self._estate = estate
        self._held = held
        self._plan = estate.head.addressing.ipv6_prefix
        self.found = Derived()
        self._racks = self.group_by("dcim/racks", "site")
        self._devices = self.group_by("dcim/devices", "site")
        self._vlans = self.group_by("ipam/vlans", "site")
        self._prefixes = self.group_by("ipam/prefixes", "scope")
        self._by_vlan = self.group_by("ipam/prefixes", "vlan")
        self._interfaces = self.group_by("dcim/interfaces", "device")
        self._addresses = self.group_by("ipam/ip-addresses", "assigned_object")
        self._kind_of_role = find_kinds_of_roles(estate)

    def run(self) -> Derived:
        """Return everything that only NetBox has."""
        for code, live in self._held.kinds["dcim/sites"].items():
            if code not in self._estate.sites:
                self.derive_site(code, live)
            else:
                self.derive_additions(code)
        self.derive_links()
        return self.found

    def group_by(self, kind: str, field: str) -> dict[str, list[Live]]:
        """Return the objects of a kind by what one of their fields names; those where it is empty are left out."""
        groups: dict[str, list[Live]] = defaultdict(list)
        for live in self._held.kinds[kind].values():
            if live.fields[field]:
                groups[live.fields[field]].append(live)
        return groups

    def report(self, kind: str, key: str, why: str, detail: str = "") -> None:
        """Note an object that cannot be taken over."""
        self.found.problems.append(Problem(kind, key, why, detail))

    def derive_site(self, code: str, live: Live) -> None:
        """Add a site that only NetBox has. Its /48 says region and number, its group the tier."""
        numbers = [prefix for prefix in self._prefixes[code] if is_site_prefix(prefix.key, self._plan)]
        tier = next((name for name in self._estate.tiers if slug(name) == live.fields["group"]), None)
        if len(numbers) != 1 or tier is None:
            reason = "no /48" if tier else "no tier"
            self.report("dcim/sites", code, reason, str(live.fields["group"] or ""))
            return
        region, number = ipv6.read_site_numbers(IPv6Network(numbers[0].key))
        name = str(live.fields["name"])
        made: Json = {
            "site": code,
            "name": {"en": name, "vi": live.fields["description"] or name},
            "tier": tier,
            "region": region,
            "number": number,
        }
        # A new site of a known region lies in its province.
        province = next((s.province for s in self._estate.sites.values() if s.region == region), "")
        if province:
            made["province"] = province
        made |= read_rest(live)
        for part in ("latitude", "longitude"):
            if live.fields[part] is not None:
                made[part] = live.fields[part]

        segments = self.read_segments(code)
        vlans = [self.derive_vlan(code, item, segments) for item in self._vlans[code]]
        made["vlans"] = [vlan for vlan in vlans if vlan]
        made["racks"] = [derive_rack(rack) for rack in self._racks[code]]
        devices = [self.derive_device(item, region, segments) for item in self._devices[code]]
        made["devices"] = [device for device in devices if device]
        site = self.fit(Site, made, "dcim/sites", code)
        if site:
            self.found.sites.append(site)

    def derive_additions(self, code: str) -> None:
        """Add racks and devices that a known site has only in NetBox."""
        site = self._estate.sites[code]
        known = {rack.name for rack in site.racks}
        for live in self._racks[code]:
            if live.fields["name"] in known:
                continue
            rack = self.fit(Rack, derive_rack(live), "dcim/racks", live.key)
            if rack:
                self.found.racks.setdefault(code, []).append(rack)

        segments = [Segment(vlan.name, self._estate.vlan_prefix(code, vlan), vlan.ipv4) for vlan in site.vlans]
        for live in self._devices[code]:
            if live.key in self._estate.devices:
                continue
            device = self.derive_device(live, site.region, segments)
            if device:
                self.found.devices.setdefault(code, []).append(device)

    def read_segments(self, code: str) -> list[Segment]:
        """Return the VLANs of a site, each with its one /64 of the plan and its one IPv4 prefix."""
        made = []
        for vlan in self._vlans[code]:
            nets = [ip_network(prefix.key) for prefix in self._by_vlan[vlan.key] if not is_in_vrf(prefix.key)]
            v6 = [n for n in nets if isinstance(n, IPv6Network) and n.prefixlen == 64 and n.subnet_of(self._plan)]
            v4 = [net for net in nets if isinstance(net, IPv4Network)]
            made.append(Segment(vlan.fields["name"], take_only(v6), take_only(v4)))
        return made

    def derive_vlan(self, code: str, live: Live, segments: list[Segment]) -> Json | None:
        """Return a VLAN as written; None, and a problem, when zone, prefixes or gateway do not follow."""
        segment = next(s for s in segments if s.name == live.fields["name"])
        rest = read_rest(live)
        if segment.v6 is None or (segment.v4 is None and "ipv4" in rest.get("families", _BOTH)):
            self.report("ipam/vlans", live.key, "no prefixes")
            return None
        zone, vlan_id = ipv6.read_vlan_numbers(segment.v6)
        if not rest.get("management") and vlan_id != live.fields["vid"]:
            self.report("ipam/vlans", live.key, "other /64", str(segment.v6))
            return None
        gateway = self.find_gateway(code, segment)
        if gateway is None:
            self.report("ipam/vlans", live.key, "no gateway", str(segment.v4 or segment.v6))
            return None
        ipv4 = None if segment.v4 is None else str(segment.v4)
        made = {"name": segment.name, "id": live.fields["vid"], "ipv4": ipv4}
        return {**made, "zone": zone, "gateway": gateway, **rest}

    def find_gateway(self, code: str, segment: Segment) -> str | None:
        """Return the first device of a site that has host number 1 in a VLAN."""
        for device in self._devices[code]:
            if any(attached["host"] == 1 for attached in self.derive_attachments(device, [segment])):
                return device.key
        return None

    def derive_device(self, live: Live, region: int, segments: list[Segment]) -> Json | None:
        """Return a device as written; None, and a problem, when its role does not say its kind."""
        rest, fields = read_rest(live), live.fields
        role = fields["role"]
        kind = rest.pop("kind", None) or self._kind_of_role.get(role)
        if not kind and role in list(DeviceKind):
            kind = role
        if not kind:
            self.report("dcim/devices", live.key, "no kind", str(role))
            return None
        made: Json = {"name": fields["name"], "kind": kind}
        if role not in (GENERIC, None):
            made["role"] = role
        made |= {"platform": fields["platform"], "rack": (fields["rack"] or "").rpartition("/")[2], **rest}
        made["attach"] = self.derive_attachments(live, segments)
        made |= self.derive_loopback(live, region)
        self.report_unread_addresses(live, segments)
        made["asset"] = self.derive_asset(live, made.pop("licences", None))
        made = {key: value for key, value in made.items() if value not in (None, "", [], {})}
        return self.fit(Device, made, "dcim/devices", live.key)

    def read_addresses(self, device: Live) -> Iterator[tuple[Live, list[HostAddress]]]:
        """Yield every interface of a device with its addresses of the global table."""
        for interface in self._interfaces[device.key]:
            yield interface, self.read_interface(interface.key)

    def read_interface(self, key: str) -> list[HostAddress]:
        """Return the addresses of one interface in the global table."""
        return [ip_interface(address.key) for address in self._addresses[key] if not is_in_vrf(address.key)]

    def derive_attachments(self, device: Live, segments: list[Segment]) -> list[Json]:
        """Return the VLANs a device sits in, each once: by its first address there."""
        made: dict[str, Json] = {}
        for interface, addresses in self.read_addresses(device):
            for address in addresses:
                for segment in segments:
                    host = segment.find_host(address)
                    if host is not None:
                        attached = {"vlan": segment.name, "host": host, "interface": interface.fields["name"]}
                        made.setdefault(segment.name, attached)
        return list(made.values())

    def report_unread_addresses(self, device: Live, segments: list[Segment]) -> None:
        """Name what an address says and the estate cannot: one outside of the plan, a second one in a VLAN."""
        special = [ipv6.region_block(self._plan, region) for region in (ipv6.LINK_REGION, ipv6.LOOPBACK_REGION)]
        seen: dict[str, tuple[int, str]] = {}
        for interface, addresses in self.read_addresses(device):
            # An interface with an address of a link or a loopback may have others beside it, as its IPv4.
            is_special = any(address in block for address, block in product(addresses, special))
            for address in addresses:
                hosts = [(segment.name, segment.find_host(address)) for segment in segments]
                found = [(name, host) for name, host in hosts if host is not None]
                if not found and not is_special:
                    self.report("ipam/ip-addresses", str(address), "outside", interface.key)
                for name, host in found:
                    if seen.setdefault(name, (host, interface.key)) != (host, interface.key):
                        self.report("ipam/ip-addresses", str(address), "second host", f"{interface.key}, {name}")

    def derive_loopback(self, device: Live, region: int) -> Json:
        """Return the loopback that a device's /128 in the block of loopbacks says, with the IPv4 /32 beside it."""
        block = ipv6.loopback_block(self._plan, region)
        for _interface, addresses in self.read_addresses(device):
            for address in addresses:
                if not isinstance(address, IPv6Interface) or address.network.prefixlen != 128 or address not in block:
                    continue
                number = ipv6.read_host_number(address.ip)
                if number is None:
                    continue
                old = next((a.ip for a in addresses if a.version == 4 and a.network.prefixlen == 32), None)
                return {"loopback": number, "ipv4_loopback": None if old is None else str(old)}
        return {}

    def derive_asset(self, live: Live, licences: Any) -> Json:
        """Return what NetBox knows of a device as a thing that was bought."""
        kind = self._held.kinds["dcim/device-types"][live.fields["device_type"]].fields
        maker = self._held.kinds["dcim/manufacturers"][kind["manufacturer"]].fields["name"]
        made: Json = {}
        if maker != GENERIC:
            made = {"vendor": maker, "model": kind["model"]}
        made |= {"serial": live.fields["serial"], "licences": licences}
        made |= {name.removeprefix("rackproof_"): live.fields[name] for name in ASSET_FIELDS}
        return {key: value for key, value in made.items() if value not in (None, "")}

    def derive_links(self) -> None:
        """Add the cables that are links of the plan between devices that are known or new."""
        known: set[str] = set()
        for old in self._estate.links:
            known |= {f"{end.device}/{end.interface}" for end in (old.a, old.b)}
        given = {link.id for link in self._estate.links}
        site_of = self.locate_devices()
        for live in self._held.kinds["dcim/cables"].values():
            ends = [live.fields[f"{side}_terminations"] for side in "ab"]
            if not all(ends) or set(ends) & known or not all(end.split("/", 1)[0] in site_of for end in ends):
                continue
            made = self.derive_link(live, ends, site_of)
            if made is None:
                continue
            if made["id"] in given:
                self.report("dcim/cables", live.key, "link id", str(made["id"]))
                continue
            link = self.fit(Link, made, "dcim/cables", live.key)
            if link:
                self.found.links.append(link)

    def locate_devices(self) -> dict[str, str]:
        """Return device → site, of the estate and of what was found."""
        site_of = dict(self._estate.site_of)
        for site in self.found.sites:
            site_of |= {device["name"]: site["site"] for device in site.get("devices", ())}
        for code, devices in self.found.devices.items():
            site_of |= {device["name"]: code for device in devices}
        return site_of

    def derive_link(self, live: Live, ends: list[str], site_of: Mapping[str, str]) -> Json | None:
        """Return a cable as a link; None, and a problem, when its /127, its /31 or its speed does not follow."""
        numbered: dict[int, tuple[str, int]] = {}  # 0 for end A, 1 for end B → interface, link id
        block = ipv6.region_block(self._plan, ipv6.LINK_REGION)
        nets: set[IPv4Network] = set()
        for end in ends:
            for address in self.read_interface(end):
                if isinstance(address, IPv4Interface):
                    nets.add(address.network)
                elif address.network.prefixlen == 127 and address in block:
                    numbered[int(address) & 1] = (end, ipv6.read_link_id(self._plan, address))
        rest = read_rest(live)
        families = rest.get("families", _BOTH)
        if "ipv6" not in families and "id" in rest:
            numbered = {index: (end, int(rest["id"])) for index, end in enumerate(ends)}
        if len(numbered) != 2 or numbered[0][1] != numbered[1][1]:
            self.report("dcim/cables", live.key, "no /127")
            return None
        speeds = {self._held.kinds["dcim/interfaces"][end].fields["speed"] for end in ends}
        has_its_ipv4 = len(nets) == int("ipv4" in families)
        if len(speeds) != 1 or None in speeds or not has_its_ipv4:
            reason = "no speed" if has_its_ipv4 else "no /31"
            self.report("dcim/cables", live.key, reason)
            return None
        a, b = (numbered[index][0].split("/", 1) for index in (0, 1))
        role = LinkRole.ACCESS if site_of[a[0]] == site_of[b[0]] else LinkRole.UPLINK
        return {
            "id": numbered[0][1],
            "a": {"device": a[0], "interface": a[1]},
            "b": {"device": b[0], "interface": b[1]},
            "role": role.value,
            "speed_mbps": int(speeds.pop()) // _KBPS,
            "ipv4": str(nets.pop()) if nets else None,
            **rest,
        }

    def fit(self, model: type[StrictModel], made: Json, kind: str, key: str) -> Json | None:
        """Return what the model makes of it, in the order of the model and without what goes without saying."""
        try:
            return model.model_validate(made).model_dump(mode="json", exclude_defaults=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            self.report(kind, key, "no fit", f"{where} = {first['input']!r}"[:160])
        return None


def find_kinds_of_roles(estate: Estate) -> dict[str, str]:
    """Return role → kind of device, for the roles that only one kind has in the estate."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for device in estate.devices.values():
        kinds[slug(device.role)].add(device.kind.value)
    return {role: next(iter(found)) for role, found in kinds.items() if len(found) == 1}


def read_rest(live: Live) -> Json:
    """Return what NetBox has no field for: a JSON object in a field of its own."""
    return dict(live.fields[REST] or {})


def derive_rack(live: Live) -> Json:
    """Return a rack as written."""
    return {"name": live.fields["name"], **read_rest(live)}


def is_in_vrf(key: str) -> bool:
    """Tell whether an address or prefix belongs to a VRF: its key then names that after a space."""
    return " " in key


def is_site_prefix(key: str, plan: IPv6Network) -> bool:
    """Tell whether a prefix is a /48 of the plan."""
    if is_in_vrf(key):
        return False
    net = ip_network(key)
    return isinstance(net, IPv6Network) and net.subnet_of(plan) and net.prefixlen == 48


def take_only(items: list[T]) -> T | None:
    """Return the one item of a list; None when there are none or several."""
    if len(items) == 1:
        return items[0]
    return None
