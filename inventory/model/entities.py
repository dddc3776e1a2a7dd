"""What can be written in an estate file. Strict: an unknown key or a value out of range is an error with its place.

Units are part of the names: ``_mbps`` megabit per second, ``_w`` watt, ``_gb`` gigabyte.
"""

# No deferred annotations here: pydantic would have to evaluate every one of them again, at every start.

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from inventory.model.enums import (
    Assignment,
    DeviceKind,
    Duty,
    Family,
    Igp,
    LinkRole,
    PortMode,
    ProvisioningEngine,
    Quantity,
    SnmpVersion,
    Stage,
)
from inventory.model.fields import (
    Day,
    FreeText,
    InterfaceName,
    Ipv4,
    Ipv4Prefix,
    Ipv6,
    Ipv6Prefix,
    Name,
    Number,
    PortRange,
    PositionName,
    RackName,
    StrictModel,
    Text,
    Whole,
)

BOTH = (Family.IPV4, Family.IPV6)
GLOBAL_VRF = "default"  # that of loopbacks, services and circuits
Mtu = Annotated[Whole, Field(ge=1280, le=65535)]  # RFC 8200 section 5


class Tier(StrictModel):
    """One tier of units and the rules that bind it. ``min_speed_mbps`` is by role of link; access ports are access.

    The speed of a link is that of its interfaces: what the circuits under it were bought with is not held against it.
    ``measured_positions``: every named rack position has a temperature and a humidity sensor.
    """

    name: Text
    min_speed_mbps: dict[LinkRole, Annotated[Whole, Field(gt=0)]]
    redundant_power: bool = False
    redundant_cooling: bool = False
    standby_generator: bool = Field(default=False, description="generators carry a site when every utility is lost")
    engine: ProvisioningEngine = ProvisioningEngine.PYINFRA
    transit: bool = Field(default=True, description="traffic between other sites may pass through its routers")
    min_paths: Whole = Field(default=0, ge=0, le=8, description="physical routes that the circuits of a site must have")
    centre: bool = Field(default=False, description="its machines speak with every site, and every site with them")
    measured_positions: Duty = Duty.WARNING
    redundant_gateways: Duty = Field(default=Duty.NONE, description="a second router stands behind every gateway")
    guarded_ports: Duty = Field(default=Duty.WARNING, description="every port says its use, and how it is guarded")
    transition: dict[Stage, Day] = Field(default={}, description="the day by which its sites have reached a stage")


class Vlan(StrictModel):
    """One VLAN of a site; its IPv6 /64 follows from ``zone`` and ``id``, its IPv4 prefix is that of today.

    ``gateway`` and ``backups`` are one virtual router (VRRPv3, RFC 9568) whose address is host 1, held by the gateway.
    ``filters`` act on what comes in from its machines.
    """

    name: Name
    id: Whole = Field(ge=1, le=4094)
    zone: Whole = Field(default=0, ge=0, le=15, description="zone nibble in front of the VLAN id")
    ipv4: Ipv4Prefix | None = None
    families: tuple[Family, ...] = Field(default=BOTH, min_length=1)
    gateway: Name = Field(description="the router that holds host address 1 of the VLAN")
    backups: tuple[Name, ...] = Field(default=(), description="routers that take the gateway's address over")
    vrid: Whole | None = Field(default=None, ge=1, le=255, description="virtual router id")
    vrf: Name = GLOBAL_VRF
    mtu: Mtu = 1500
    assignment: Assignment = Assignment.STATIC
    relay: tuple[Name, ...] = Field(default=(), description="DHCPv6 servers that the gateways relay to")
    filters: tuple[Name, ...] = ()
    management: bool = Field(default=False, description="its /64 is the site's part of the management block")


class Rack(StrictModel):
    """One rack: where it can be measured, and which PDUs feed its A and B side."""

    name: RackName
    zone: Name = "room"
    positions: tuple[PositionName, ...] = ()
    feed_a: Name | None = None
    feed_b: Name | None = None


class Attachment(StrictModel):
    """How a device sits in a VLAN: ``host`` is its number there, written alike in IPv4 and (as digits) in IPv6."""

    vlan: Name
    host: Whole = Field(ge=1, le=254)
    interface: InterfaceName = "eth0"


class PortUse(StrictModel):
    """What ports of a device are for: ``{name: users, ports: ge1-20, mode: access, vlan: usr, guard: host}``."""

    name: Name
    ports: PortRange
    mode: PortMode
    vlan: Name | None = None
    guard: Name | None = Field(default=None, description="a guard profile of policies.yml")


class Routing(StrictModel):
    """How a router speaks to its neighbours; ``area`` is OSPF's, of those of its links that name none."""

    igp: Igp = Igp.OSPFV3
    area: Whole = Field(default=0, ge=0, le=4294967295)


class SnmpAccess(StrictModel):
    """How a device is polled and which reading profile fits it."""

    profile: Name
    version: SnmpVersion = SnmpVersion.V3


class Resources(StrictModel):
    """Compute resources, of a host (what it has) or of a service (what it needs)."""

    vcpu: Whole = Field(ge=0)
    ram_gb: Number = Field(ge=0)
    storage_gb: Number = Field(ge=0)


class Licence(StrictModel):
    """One licence or subscription of a device; one without an end is perpetual."""

    product: FreeText = Field(min_length=1)
    seats: Whole = Field(default=1, ge=1)
    until: Day | None = None


class Asset(StrictModel):
    """What the asset register says of a device. Dates are ISO 8601, costs whole Vietnamese dong."""

    vendor: FreeText = ""
    model: FreeText = ""
    serial: FreeText = ""
    in_service: Day | None = None
    life_years: Whole | None = Field(default=None, ge=1, le=50)
    support_until: Day | None = None
    cost_vnd: Whole | None = Field(default=None, ge=0, description="purchase price, for depreciation")
    licences: tuple[Licence, ...] = ()


class Device(StrictModel):
    """Any thing that is installed: router, host, UPS, PDU, environment unit."""

    name: Name
    kind: DeviceKind
    role: Name = "generic"
    hardware: Name | None = Field(default=None, description="its model, a name in hardware.yml")
    platform: Name | None = None
    rack: RackName | None = None
    power_w: Whole | None = Field(default=None, ge=0, description="the most it draws, when not what its model says")
    cords: tuple[Name, ...] = Field(default=(), description="PDUs this device is plugged into")
    attach: tuple[Attachment, ...] = ()
    ports: tuple[PortUse, ...] = ()
    routing: Routing = Routing()
    loopback: Whole | None = Field(default=None, ge=1, le=65535, description="id within the region, append-only")
    ipv4_loopback: Ipv4 | None = None
    wave: Whole | None = Field(default=None, ge=0, le=99, description="rollout wave; 0 is the canary")
    snmp: SnmpAccess | None = None
    resources: Resources | None = None
    asset: Asset | None = None


class PowerNode(StrictModel):
    """One component of the power chain; ``fed_by`` names the components upstream."""

    name: Name
    kind: DeviceKind | Annotated[str, StringConstraints(pattern="^utility$")]
    rating_w: Whole = Field(gt=0)
    fed_by: tuple[Name, ...] = ()
    group: Name | None = Field(default=None, description="redundancy group judged as one")
    modules: Whole | None = Field(default=None, ge=1, description="power modules installed in the frame")
    module_rating_w: Whole | None = Field(default=None, gt=0)
    device: Name | None = Field(default=None, description="the device that answers for it")


class CoolingUnit(StrictModel):
    """One cooling unit and the zone it cools."""

    name: Name
    zone: Name
    capacity_w: Whole = Field(gt=0)
    fed_by: tuple[Name, ...] = Field(default=(), description="components of the power chain; any one is enough")
    device: Name | None = None


class Sensor(StrictModel):
    """One measuring point: which device answers, at which index, for which position (``RACK/position`` or a zone)."""

    device: Name
    quantity: Quantity
    position: FreeText
    index: Whole = Field(ge=1)


class SensorGroup(StrictModel):
    """Sensors of whole racks in one line: one per quantity at every position, numbered on from ``index``."""

    device: Name
    racks: tuple[RackName, ...] = Field(min_length=1)
    index: Whole = Field(default=1, ge=1)
    quantities: tuple[Quantity, ...] = (Quantity.TEMPERATURE, Quantity.HUMIDITY)


class Assigned(StrictModel):
    """Address space that the operator of a network has assigned to a circuit: written down, never computed."""

    ipv6: Ipv6Prefix | None = None
    ipv4: Ipv4Prefix | None = None
    peer_ipv6: Ipv6 | None = Field(default=None, description="the operator's end of the circuit")
    peer_ipv4: Ipv4 | None = None
    document: FreeText = Field(min_length=1, description="the paper that assigns it, and its date")


class Circuit(StrictModel):
    """A rented line; ``path`` names the physical route, so that two circuits can be told to be apart.

    ``router`` is where it ends: links of that router to other sites run over it.
    """

    name: Name
    network: Name
    speed_mbps: Whole = Field(gt=0)
    path: Name
    router: Name | None = None
    mtu: Mtu = 1500
    provider: FreeText = ""
    assigned: Assigned | None = None


class Owner(StrictModel):
    """Who answers for a site."""

    unit: Text
    accountable: Text


class Uplink(StrictModel):
    """A link written at the site it serves. ``id`` is a link id, unique over the estate and never used again.

    Left out: ``device`` is the site's ``edge``, the interfaces are ``to-`` and the other end's device, ``ipv4`` is
    the /31 number ``id`` of the estate's link block.
    """

    id: Whole = Field(ge=1, le=65535)
    to: Name
    device: Name | None = None
    interface: InterfaceName | None = None
    port: InterfaceName | None = Field(default=None, description="interface at the far end")
    role: LinkRole = LinkRole.UPLINK
    speed_mbps: Whole = Field(default=1000, gt=0)
    ipv4: Ipv4Prefix | None = None
    families: tuple[Family, ...] = Field(default=BOTH, min_length=1)
    vrf: Name = GLOBAL_VRF
    mtu: Mtu = 1500
    area: Whole | None = Field(default=None, ge=0, le=4294967295, description="OSPF area, when not the router's")
    media: Name = "fibre"


class Site(StrictModel):
    """One site. ``region`` and ``number`` are its place in the IPv6 plan and never change once given."""

    site: Name
    name: Text
    tier: FreeText
    region: Whole = Field(ge=1, le=253)
    number: Whole = Field(ge=0, le=255)
    province: FreeText = ""
    illustrative: FreeText = Field(default="", description="why facts of this site are illustrative, when they are")
    archetype: Name | None = None
    stage: Stage = Field(default=Stage.DUAL_STACK, description="how far the site is on its way to IPv6")
    transition: dict[Stage, Day] = Field(default={}, description="days of its own, when not those of its tier")
    edge: Name | None = Field(default=None, description="router at which uplinks start that name no device")
    owner: Owner | None = None
    latitude: Number | None = Field(default=None, ge=-90, le=90)
    longitude: Number | None = Field(default=None, ge=-180, le=180)
    vlans: tuple[Vlan, ...] = ()
    racks: tuple[Rack, ...] = ()
    devices: tuple[Device, ...] = ()
    power: tuple[PowerNode, ...] = ()
    cooling: tuple[CoolingUnit, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    sensor_groups: tuple[SensorGroup, ...] = ()
    circuits: tuple[Circuit, ...] = ()
    uplinks: tuple[Uplink, ...] = ()


class LinkEnd(StrictModel):
    """One end of a link."""

    device: Name
    interface: InterfaceName


class Link(StrictModel):
    """A point-to-point link; its id gives its IPv6 /127 and is never used again."""

    id: Whole = Field(ge=1, le=65535)
    a: LinkEnd
    b: LinkEnd
    role: LinkRole
    speed_mbps: Whole = Field(gt=0)
    ipv4: Ipv4Prefix | None = None
    families: tuple[Family, ...] = Field(default=BOTH, min_length=1)
    vrf: Name = GLOBAL_VRF
    mtu: Mtu = 1500
    area: Whole | None = Field(default=None, ge=0, le=4294967295, description="OSPF area, when not the routers'")
    media: Name = Field(default="fibre", description="'tap' in the lab: an interface whose speed can be set")


class Service(StrictModel):
    """A service, where it runs, what it needs and how much of it may be lost."""

    name: Name
    title: Text
    mode: Name = "central"
    hosts: tuple[Name, ...] = ()
    on_role: Name | None = Field(default=None, description="runs on every host of this role, beside ``hosts``")
    needs: Resources | None = None
    dr_scope: bool = False
    dr_hosts: tuple[Name, ...] = ()
    rpo_s: Whole | None = Field(default=None, ge=0)
    rto_s: Whole | None = Field(default=None, ge=0)
    critical: bool = False
    families: tuple[Family, ...] = Field(default=BOTH, min_length=1, description="what its software can be used over")
    anycast: Whole | None = Field(default=None, ge=1, le=65535, description="id of its anycast address, append-only")
    ipv4_anycast: Ipv4 | None = None


class Addressing(StrictModel):
    """The address space of the estate. ``ipv6_second`` follows the same plan: GUA beside ULA, or the reverse."""

    ipv6_prefix: Ipv6Prefix
    ipv6_second: Ipv6Prefix | None = None
    vrfs: tuple[Name, ...] = (GLOBAL_VRF,)
    assigned_networks: tuple[Name, ...] = Field(
        default=(), description="networks whose operator assigns the addresses of its circuits"
    )
    ipv4_links: Ipv4Prefix | None = Field(default=None, description="block of the /31 of uplinks, by link id")
    routing_as: Whole = Field(ge=1, le=4294967295)
    route_reflectors: tuple[Name, ...] = ()
    quarantine_days: Whole = Field(default=365, ge=0, le=3650, description="before a retired number goes to another")


class EstateFile(StrictModel):
    """``estate.yml``: the head of an estate folder. ``tiers`` is a path relative to the file; so are the others."""

    name: Name
    title: Text
    addressing: Addressing
    tiers: str = "tiers.yml"
    hardware: str | None = Field(default=None, description="catalogue of device models, relative to this file")
    policies: str | None = Field(default=None, description="guard profiles and filters, relative to this file")
    ledger: Literal["allocations.jsonl"] | None = Field(
        default=None, description="this estate has a ledger of its plan numbers: without the file it is not whole"
    )


class TiersFile(StrictModel):
    """``tiers.yml``: the table of tiers."""

    tiers: dict[FreeText, Tier]


class LinksFile(StrictModel):
    """``links.yml``: every link between sites and inside them."""

    links: tuple[Link, ...]


class ServicesFile(StrictModel):
    """``services.yml``: every service."""

    services: tuple[Service, ...]
