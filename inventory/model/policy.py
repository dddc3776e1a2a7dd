"""``policies.yml``: how ports are guarded at the first hop, and packet filters as ordered rules."""

# No deferred annotations here: pydantic would have to evaluate every one of them again, at every start.

from typing import Annotated, Literal

from pydantic import Field

from inventory.model.enums import Family, Feature
from inventory.model.fields import Ipv4Prefix, Ipv6Prefix, Name, StrictModel, Whole

Action = Literal["permit", "deny"]
Protocol = Literal["any", "tcp", "udp", "icmp", "icmpv6"]
Type = Annotated[Whole, Field(ge=0, le=255)]


class GuardProfile(StrictModel):
    """What a port does about rogue routers and servers. ``trusted``: routers and DHCPv6 servers may stand behind it."""

    trusted: bool = False
    features: tuple[Feature, ...] = ()


class FilterRule(StrictModel):
    """One rule of a filter; the first rule that fits a packet decides. ``types`` are ICMP types, none given is all.

    ``ports`` are destination ports. A rule with ``source``, ``destination`` or ``ports`` fits only part of a protocol.
    """

    action: Action
    protocol: Protocol = "any"
    types: tuple[Type, ...] = ()
    source: Ipv4Prefix | Ipv6Prefix | None = None
    destination: Ipv4Prefix | Ipv6Prefix | None = None
    ports: tuple[Annotated[Whole, Field(ge=1, le=65535)], ...] = ()


class PacketFilter(StrictModel):
    """An ordered packet filter of one address family; what no rule fits is denied."""

    family: Family
    rules: tuple[FilterRule, ...] = Field(min_length=1)


class PoliciesFile(StrictModel):
    """``policies.yml``: guard profiles and filters by name."""

    guards: dict[Name, GuardProfile] = Field(default={})
    filters: dict[Name, PacketFilter] = Field(default={})
