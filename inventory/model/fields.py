"""Field types that every estate file is made of, and the strict base of its models."""

from __future__ import annotations

import os
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from core.i18n import language

# What an estate is depends on nothing else that is installed here; and to look for plug-ins takes every start 20 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _refuse(kind: str, *types: type) -> BeforeValidator:
    """Refuse what pydantic would quietly turn into another value: ``true`` into 1, 99999 into 0.1.134.159."""

    def check(value: Any) -> Any:
        if isinstance(value, types):
            raise PydanticCustomError(kind, "wrong type")  # the texts are in mistakes.yml
        return value

    return BeforeValidator(check)


Whole = Annotated[int, _refuse("int_type", bool)]
Number = Annotated[float, _refuse("float_type", bool)]
Day = Annotated[date, _refuse("date_type", bool, int, float)]
Ipv4 = Annotated[IPv4Address, _refuse("ip_v4_address", bool, int, float)]
Ipv6 = Annotated[IPv6Address, _refuse("ip_v6_address", bool, int, float)]
Ipv4Prefix = Annotated[IPv4Network, _refuse("ip_v4_network", bool, int, float)]
Ipv6Prefix = Annotated[IPv6Network, _refuse("ip_v6_network", bool, int, float)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
RackName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,15}$")]
PositionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9./-]{0,30}$")]
PortRange = Annotated[str, StringConstraints(pattern=r"^[a-z]+[0-9]{1,3}(-[0-9]{1,3})?$")]


# No control characters (a terminal obeys them, XML has none), nothing that turns the direction of what follows.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]*$"
FreeText = Annotated[str, StringConstraints(pattern=PRINTABLE)]


class StrictModel(BaseModel):
    """Base of every estate object: frozen, and no key that is not declared."""

    # defer_build: a form is compiled when the first value of it is checked, not by whoever needs only its name
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Text(StrictModel):
    """A text for people, in both languages of the project."""

    en: FreeText = Field(min_length=1)
    vi: FreeText = Field(min_length=1)

    def translate(self) -> str:
        """Return the text in the language of this process."""
        if language() == "vi":
            return self.vi
        return self.en
