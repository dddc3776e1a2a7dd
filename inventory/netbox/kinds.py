"""The kinds of NetBox objects that carry an estate, as data: their fields, how each is written, and who owns it.

The order is that of creation: what is referred to comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Slug of the tag that says "made or adopted by rackproof"; nothing without it is ever deleted.
TAG = "rackproof"
#: JSON custom field with what the estate says of an object and NetBox has no field for.
REST = "rackproof"
#: Manufacturer, and with the kind of device also type, of a device whose model the estate does not know.
GENERIC = "generic"


class Form(StrEnum):
    """How a field is written in NetBox's JSON."""

    PLAIN = "plain"
    CHOICE = "choice"  # read as {value, label}, written as the value
    NUMBER = "number"
    REF = "ref"  # read as an object, written as its id
    SCOPE = "scope"  # a site, as scope_type and scope_id
    ASSIGNED = "assigned"  # an interface, as assigned_object_type and assigned_object_id
    END = "end"  # one interface, as a list of terminations
    CUSTOM = "custom"  # a custom field


class FieldOwner(StrEnum):
    """Who is right when both sides say something. What NetBox owns is filled by a push only where it is empty."""

    ESTATE = "estate"
    NETBOX = "netbox"


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``to`` is the kind it refers to."""

    name: str
    form: Form = Form.PLAIN
    to: str = ""
    owner: FieldOwner = FieldOwner.ESTATE

    @property
    def api_names(self) -> tuple[str, ...]:
        """The names to ask NetBox for."""
        match self.form:
            case Form.SCOPE:
                return ("scope_type", "scope_id")
            case Form.ASSIGNED:
                return ("assigned_object_type", "assigned_object_id")
            case Form.CUSTOM:
                return ("custom_fields",)
            case _:
                return (self.name,)


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """One kind. ``path`` is its API path; ``also`` are further names to ask for.

    ``shared``: vocabulary (roles, manufacturers …) that is used as found and deleted only when we made it.
    ``holds``: NetBox's counters of things that would go with an object. ``first``: its deletions make room for others.
    """

    path: str
    fields: tuple[Field, ...]
    shared: bool = False
    tagged: bool = True
    first: bool = False
    holds: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """Return a field by name."""
        return next(field for field in self.fields if field.name == name)


def _ref(name: str, to: str, owner: FieldOwner = FieldOwner.ESTATE) -> Field:
    return Field(name, Form.REF, to, owner)


_NAMED = (Field("name"), Field("slug"))
_REST = Field(REST, Form.CUSTOM)
_STATUS = Field("status", Form.CHOICE, owner=FieldOwner.NETBOX)
_PARTS = tuple(
    f"{part}_count"
    for part in (
        "console_port",
        "console_server_port",
        "power_port",
        "power_outlet",
        "front_port",
        "rear_port",
        "device_bay",
        "module_bay",
        "inventory_item",
    )
)
#: Custom fields of a device that carry its asset data: name → (type in NetBox, label).
ASSET_FIELDS = {
    "rackproof_in_service": ("date", "In service since"),
    "rackproof_support_until": ("date", "Supported until"),
    "rackproof_life_years": ("integer", "Life (years)"),
    "rackproof_cost_vnd": ("integer", "Cost (VND)"),
}
#: Kinds of objects that carry ``REST``, as NetBox names them.
REST_TYPES = ("dcim.cable", "dcim.device", "dcim.rack", "dcim.site", "ipam.vlan")

KINDS = (
    ObjectKind("extras/tags", (*_NAMED, Field("description")), shared=True, tagged=False),
    ObjectKind(
        "extras/custom-fields",
        (Field("name"), Field("label"), Field("type", Form.CHOICE), Field("object_types")),
        shared=True,
        tagged=False,
    ),
    ObjectKind("dcim/site-groups", _NAMED, shared=True),
    ObjectKind(
        "dcim/sites",
        (
            Field("name", owner=FieldOwner.NETBOX),
            Field("slug"),
            _ref("group", "dcim/site-groups"),
            _STATUS,
            Field("description", owner=FieldOwner.NETBOX),
            Field("latitude", Form.NUMBER),
            Field("longitude", Form.NUMBER),
            _REST,
        ),
        holds=("circuit_count", "virtualmachine_count"),
    ),
    ObjectKind("dcim/manufacturers", _NAMED, shared=True),
    ObjectKind(
        "dcim/device-types", (_ref("manufacturer", "dcim/manufacturers"), Field("model"), Field("slug")), shared=True
    ),
    ObjectKind("dcim/device-roles", _NAMED, shared=True),
    ObjectKind("dcim/platforms", _NAMED, shared=True),
    ObjectKind("dcim/racks", (Field("name"), _ref("site", "dcim/sites"), _REST)),
    ObjectKind(
        "dcim/devices",
        (
            Field("name"),
            _ref("site", "dcim/sites"),
            _ref("rack", "dcim/racks", FieldOwner.NETBOX),
            _ref("device_type", "dcim/device-types", FieldOwner.NETBOX),
            _ref("role", "dcim/device-roles"),
            _ref("platform", "dcim/platforms"),
            Field("serial", owner=FieldOwner.NETBOX),
            _STATUS,
            *(Field(name, Form.CUSTOM, owner=FieldOwner.NETBOX) for name in ASSET_FIELDS),
            _REST,
        ),
        holds=_PARTS,
    ),
    ObjectKind(
        "dcim/interfaces",
        (
            Field("name"),
            _ref("device", "dcim/devices"),
            Field("type", Form.CHOICE),
            Field("speed", Form.NUMBER),
        ),
    ),
    ObjectKind(
        "ipam/vlans", (Field("name"), Field("vid"), _ref("site", "dcim/sites"), _STATUS, _REST), also=("group",)
    ),
    ObjectKind(
        "ipam/prefixes",
        (
            Field("prefix"),
            Field("scope", Form.SCOPE, "dcim/sites"),
            _ref("vlan", "ipam/vlans"),
            Field("status", Form.CHOICE),
        ),
        also=("vrf",),
    ),
    ObjectKind(
        "ipam/ip-addresses",
        (
            Field("address"),
            Field("assigned_object", Form.ASSIGNED, "dcim/interfaces"),
            _STATUS,
        ),
        first=True,
        also=("vrf",),
    ),
    ObjectKind(
        "dcim/cables",
        (
            Field("a_terminations", Form.END, "dcim/interfaces"),
            Field("b_terminations", Form.END, "dcim/interfaces"),
            Field("label"),
            _STATUS,
            _REST,
        ),
        first=True,
    ),
)
BY_PATH = {kind.path: kind for kind in KINDS}
