"""What is asked of somebody who makes a first estate: what each answer must be, and what stands in for none."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from core.errors import RackproofError
from core.i18n import N_, _
from inventory.model.fields import PRINTABLE

#: The code of a site becomes part of the names of its devices, which have 31 characters.
SITE_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
#: Words that YAML takes for something else than a text when they stand bare.
_OTHER_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
#: A private prefix (RFC 1918) of the size that the plan gives a VLAN.
FIRST_IPV4 = "10.10.1.0/24"
#: The first site has three devices, the last with number 11.
SMALLEST_IPV4 = 27
PLAN_LENGTH = 32
PAGE = "rackproof init --help"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers from which the first estate is made, checked one by one."""

    site: str
    name: str
    ipv6_prefix: str
    ipv4_prefix: str


@dataclass(frozen=True, slots=True)
class InitQuestion:
    """One question: its option, its words, and the check that gives the answer as it is written, or says why not."""

    option: str
    words: str
    check: Callable[[str], str]


def check_site(text: str) -> str:
    """Return the code of a site; raises ValueError, saying what is expected."""
    if not SITE_CODE.fullmatch(text):
        raise ValueError(_("up to 20 small letters, digits and hyphens, as in hq"))
    return text


def check_name(text: str) -> str:
    """Return a name for people; raises ValueError, saying what is expected."""
    name = text.strip()
    if not name or not re.fullmatch(PRINTABLE, name):
        raise ValueError(_("a name on one line"))
    return name


def check_ipv6(text: str) -> str:
    """Return an address space for the plan; raises ValueError, saying what is expected."""
    try:
        prefix = IPv6Network(text)
    except ValueError:
        prefix = None
    if prefix is None or prefix.prefixlen != PLAN_LENGTH:
        raise ValueError(_("an IPv6 prefix of length 32, as in {example}").format(example="fd3e:71b4::/32"))
    return str(prefix)


def check_ipv4(text: str) -> str:
    """Return the prefix of the first VLAN; raises ValueError, saying what is expected."""
    try:
        prefix = IPv4Network(text)
    except ValueError:
        prefix = None
    if prefix is None or prefix.prefixlen > SMALLEST_IPV4:
        raise ValueError(_("an IPv4 prefix of 32 addresses or more, as in {example}").format(example=FIRST_IPV4))
    return str(prefix)


SITE = InitQuestion("--site", N_("code of the first site"), check_site)
NAME = InitQuestion("--name", N_("its name for people"), check_name)
IPV6_PREFIX = InitQuestion("--ipv6-prefix", N_("IPv6 prefix of the whole estate"), check_ipv6)
IPV4_PREFIX = InitQuestion("--ipv4-prefix", N_("IPv4 prefix of its servers"), check_ipv4)
QUESTIONS = (SITE, NAME, IPV6_PREFIX, IPV4_PREFIX)


def check_option(question: InitQuestion, text: str) -> str:
    """Return an answer that an option gave. Raises RackproofError (USE005)."""
    try:
        return question.check(text)
    except ValueError as wrong:
        raise refuse_answer(question, text, str(wrong)) from None


def refuse_answer(question: InitQuestion, text: str, reason: str) -> RackproofError:
    """Return the error for an answer that cannot be used."""
    return RackproofError("USE005", actual=text or "''", what=question.option, reason=reason, page=PAGE)


def draw_ipv6_prefix() -> str:
    """Return a unique local prefix (RFC 4193) drawn at random, so that no two estates begin with the same one."""
    drawn = secrets.token_bytes(3).hex()
    return str(IPv6Network(f"fd{drawn[:2]}:{drawn[2:]}::/{PLAN_LENGTH}"))


def quote(text: str) -> str:
    """Return a text between quotes, as YAML and JSON both read it."""
    return json.dumps(text, ensure_ascii=False)


def write_code(text: str) -> str:
    """Return a code as YAML reads it as a text: bare when it can be, else between quotes (1, null, 2026-01-01)."""
    if text in _OTHER_WORDS or not re.fullmatch(r"[a-z][a-z0-9-]*", text):
        return quote(text)
    return text
