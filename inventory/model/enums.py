"""The closed lists of words an estate file may use."""

from __future__ import annotations

from enum import StrEnum


class DeviceKind(StrEnum):
    """What a device is; decides which parts of it are required."""

    ROUTER = "router"
    SWITCH = "switch"
    FIREWALL = "firewall"
    HOST = "host"
    CONTROLLER = "controller"
    UPS = "ups"
    PDU = "pdu"
    ATS = "ats"
    GENERATOR = "generator"
    CRAC = "crac"
    ENVIRONMENT = "environment"


ROUTING = (DeviceKind.ROUTER, DeviceKind.FIREWALL, DeviceKind.SWITCH)  # what may pass traffic of others on


class LinkRole(StrEnum):
    """What a link is for; the tier table gives the least speed per role."""

    BACKBONE = "backbone"
    UPLINK = "uplink"
    ACCESS = "access"


class Quantity(StrEnum):
    """What a sensor measures or reports."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    SMOKE = "smoke"
    FIRE = "fire"
    DOOR = "door"


class SnmpVersion(StrEnum):
    """SNMP protocol version; v3 means authPriv."""

    V2C = "v2c"
    V3 = "v3"


class ProvisioningEngine(StrEnum):
    """Which provisioning engine looks after the hosts of a tier."""

    ANSIBLE = "ansible"
    PYINFRA = "pyinfra"


class Duty(StrEnum):
    """How strictly a rule about design binds a tier when the estate is validated."""

    ERROR = "error"
    WARNING = "warning"
    NONE = "none"


class Family(StrEnum):
    """An address family."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class Stage(StrEnum):
    """Where a site is on its way to IPv6 (RFC 7381): from IPv4 alone over both to IPv6 alone."""

    IPV4_ONLY = "ipv4-only"
    DUAL_STACK = "dual-stack"
    IPV6_ONLY = "ipv6-only"


class Assignment(StrEnum):
    """How the machines of a VLAN get their IPv6 address."""

    STATIC = "static"
    SLAAC = "slaac"
    DHCPV6 = "dhcpv6"


class PortMode(StrEnum):
    """What a switch port is for; an unused one is shut."""

    ACCESS = "access"
    TRUNK = "trunk"
    UNUSED = "unused"


class Igp(StrEnum):
    """The interior routing protocol of a router or a link."""

    OSPFV3 = "ospfv3"
    ISIS = "is-is"
    NONE = "none"


class Feature(StrEnum):
    """What a model of device can do. Sources: RFC 6105, 7610, 6620, 7039, 4541, 9568, 8415."""

    RA_GUARD = "ra-guard"
    DHCPV6_GUARD = "dhcpv6-guard"
    ND_INSPECTION = "nd-inspection"
    SOURCE_GUARD = "source-guard"
    MLD_SNOOPING = "mld-snooping"
    VRRP = "vrrp"
    DHCPV6_RELAY = "dhcpv6-relay"
    OSPFV3 = "ospfv3"
    ISIS = "is-is"
    BGP = "bgp"
    IPV6_FILTER = "ipv6-filter"
    IPV6_MANAGEMENT = "ipv6-management"  # everything that manages it works over IPv6 alone
