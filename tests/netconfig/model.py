"""A model of FRR's configuration mode, written from what FRR 8.4.4 was seen to do, not from the differ."""

from __future__ import annotations

import copy
import re

from netconfig.diff.tree import ConfigNode, parse
from netconfig.platforms.platform import Platform
from tests.support import require

SECTION = re.compile(r"(interface \S+|router bgp \d+|router ospf6?|address-family .*|route-map \S+ (permit|deny) \d+)$")
ONE_VALUE = [
    r"hostname ",
    r"log syslog",
    r"description ",
    r"neighbor \S+ description ",
    r"ip ospf (area|cost|network|hello-interval) ",
    r"ipv6 ospf6 (area|cost|network|hello-interval) ",
    r"(ospf|ospf6|bgp) router-id ",
    r"neighbor \S+ (remote-as|timers) ",
    r"ipv6 prefix-list \S+ seq \d+ ",
    r"match \S+ address ",
]
#: What is removed without saying its value.
WITHOUT_VALUE = re.compile(
    r"description|log syslog|neighbor \S+ (description|password)|ip ospf (message-digest-key \d+|authentication-key)"
)
BINDING = re.compile(r"neighbor (\S+) (route-map|prefix-list) \S+ (in|out)$")


class Refused(AssertionError):
    """The device would not take this command."""


class Model:
    """Holds one configuration and takes commands as they are typed."""

    def __init__(self, root: ConfigNode, platform: Platform) -> None:
        self.root = copy.deepcopy(root)
        self.platform = platform
        self.stack = [self.root]
        self.emptied = ""

    def type(self, commands: list[str]) -> None:
        for command in commands:
            self._one(command)
        if len(self.stack) != 1 or self.emptied:
            raise Refused("not left every section")
        self.root = parse(text(self.root), self.platform)

    def _one(self, command: str) -> None:
        here = self.stack[-1]
        if self.emptied and f"prefix-list {self.emptied} " not in command:
            raise Refused(f"{self.emptied} is still bound and was left empty")
        self.emptied = ""
        if command in ("exit", "exit-address-family"):
            if (command == "exit-address-family") != here.line.startswith("address-family"):
                raise Refused(f"{command} in {here.line}")
            self.stack.pop()
        elif command.startswith("no ") and command not in here.children and not self._is_default(command):
            self._remove(here, command[3:])
        elif SECTION.match(command):
            self._enter(here, command)
        elif f"no {command}" in here.children:
            del here.children[f"no {command}"]
        else:
            self._add(here, command)

    def _is_default(self, command: str) -> bool:
        return command == "no bgp default ipv4-unicast"

    def _enter(self, here: ConfigNode, command: str) -> None:
        if command.startswith("router bgp") and any(
            line.startswith("router bgp") and line != command for line in here.children
        ):
            raise Refused("BGP is already running")
        flip = {"permit": "deny", "deny": "permit"}
        other = re.sub(r" (permit|deny) (\d+)$", lambda m: f" {flip[m[1]]} {m[2]}", command)
        if command.startswith("route-map") and other in here.children:
            # Seen on 8.4.4: the entry takes the other action and keeps what is inside it.
            here.children[command] = ConfigNode(command, here.children.pop(other).children)
        self.stack.append(here.add(command))

    def _add(self, here: ConfigNode, command: str) -> None:
        neighbour = re.match(r"neighbor (\S+) ", command)
        if neighbour and not re.match(r"neighbor \S+ (remote-as|peer-group)", command):
            top = next(node for node in self.stack if node.line.startswith("router bgp"))
            if not any(re.match(rf"neighbor {neighbour[1]} (remote-as|peer-group)", line) for line in top.children):
                raise Refused(f"{command}: specify remote-as or peer-group commands first")
        binding = BINDING.match(command)
        if binding and not any(
            re.match(rf"(ipv6 prefix-list|route-map) {command.split()[3]} ", line) for line in self.root.children
        ):
            raise Refused(f"{command}: does not exist")
        secret = re.match(r"ip ospf message-digest-key \d+ ", command)
        if secret and any(line.startswith(secret[0]) for line in here.children):
            return  # seen on 8.4.4: the old key stays, without a word
        for pattern in ONE_VALUE:
            if found := re.match(pattern, command):
                prefix = found[0]
                held = [line for line in here.children if line.startswith(prefix) and line != command]
                if held and "area" in prefix:
                    raise Refused("must remove the previous area first")
                if "prefix-list" in prefix and self._twice(here, command, prefix):
                    return
                for line in held:
                    del here.children[line]
        if binding:
            for line in list(here.children):
                other = BINDING.match(line)
                if other and other.groups() == binding.groups():
                    del here.children[line]
        here.add(command)

    def _twice(self, here: ConfigNode, command: str, prefix: str) -> bool:
        """FRR ignores an entry whose value already stands under another number of the same list."""
        head = require(re.match(r"ipv6 prefix-list \S+ ", command))[0]
        value = command.removeprefix(prefix)
        return any(
            line.startswith(head) and not line.startswith(prefix) and re.sub(rf"{head}seq \d+ ", "", line) == value
            for line in here.children
        )

    def _remove(self, here: ConfigNode, line: str) -> None:
        if re.match(r"interface|address-family", line):
            raise Refused(f"no {line}")
        if WITHOUT_VALUE.fullmatch(line):
            found = [old for old in here.children if old.startswith(line)]
        else:
            found = [line] if line in here.children else []
        if not found:
            raise Refused(f"no {line}: not there")
        name = re.match(r"(ipv6 prefix-list|route-map) (\S+)", line)
        for old in found:
            del here.children[old]
        if name and not any(re.match(rf"{name[1]} {name[2]} ", other) for other in here.children):
            self._must_be_unbound(name[2])
        owner = re.fullmatch(r"neighbor (\S+) (?:peer-group.*|remote-as .*)", line)
        if owner:
            for node in (here, *here.children.values()):
                for old in [old for old in node.children if old.startswith(f"neighbor {owner[1]} ")]:
                    del node.children[old]

    def _must_be_unbound(self, name: str) -> None:
        for section in self.root.children.values():
            for family in section.children.values():
                if any(BINDING.match(line) and line.split()[3] == name for line in family.children):
                    self.emptied = name


def text(node: ConfigNode, depth: int = 0) -> str:
    return "".join(f"{' ' * depth}{line}\n{text(child, depth + 1)}" for line, child in node.children.items())
