"""Turning a node's root file system into a router's, before it boots."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.account_keys import public_line
from core.models import read_model
from core.workspace import REPOSITORY, Workspace
from inventory.model.estate import Estate
from lab import access
from lab.debian import Closed
from lab.host import account_entry, authorise, copy_owned, enable

HERE = Path(__file__).parent
GUARD = REPOSITORY / "netconfig" / "platforms" / "frr" / "guard"
SNMP_USER = "rackproof-mon"


class Account(Closed):
    """An account without a password."""

    name: str
    uid: int
    shell: str
    groups: tuple[str, ...]


class Accounts(Closed):
    """``accounts.yml``: what a router has beside the accounts of the image."""

    accounts: tuple[Account, ...]


class InstalledFile(Closed):
    """A file of the guard and where it goes."""

    source: str
    target: str
    mode: str


class InstalledFolder(Closed):
    """A folder that the guard needs."""

    path: str
    mode: str


class InstallPlan(Closed):
    """``install.yml`` of a platform's guard: files, folders and the services to enable."""

    files: tuple[InstalledFile, ...] = ()
    folders: tuple[InstalledFolder, ...] = ()
    enable: tuple[str, ...] = ()


def install(root: Path, device: str, estate: Estate, ws: Workspace, secrets: Mapping[str, str]) -> None:
    """Install the router's configuration, accounts, rollback guard and agent into ``root`` and enable its services."""
    for account in read_model(HERE / "accounts.yml", Accounts).accounts:
        _add_account(root, account)
    authorise(root, access.NETOPS, public_line(ws.netops_key))
    authorise(root, access.NETGUARD, "restrict " + public_line(ws.netguard_key))
    _configure_frr(root, device, estate)
    _configure_snmp(root, device, estate, secrets)
    enable(root, "frr.service", "snmpd.service", *_install_guard(root))


def day0(device: str, estate: Estate) -> str:
    """Render the configuration a router has before the network room ever touched it."""
    return _render("day0.conf.j2", name=device, interfaces=estate.interfaces(device), router_id=estate.ipv4(device))


def _configure_frr(root: Path, device: str, estate: Estate) -> None:
    entry = account_entry(root, "frr")
    texts = {
        "frr.conf": day0(device, estate),
        "daemons": (HERE / "daemons").read_text(encoding="utf-8"),
        "vtysh.conf": "service integrated-vtysh-config\n",
    }
    for name, text in texts.items():
        file = root / "etc/frr" / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o640)
        os.chown(file, int(entry[2]), int(entry[3]))
    # Whoever may use the command line may save what it does; FRR itself writes as this group too.
    (root / "etc/frr").chmod(0o2770)


def _configure_snmp(root: Path, device: str, estate: Estate, secrets: Mapping[str, str]) -> None:
    text = _render("snmpd.conf.j2", name=device, site=estate.site_of[device], user=SNMP_USER)
    (root / "etc/snmp/snmpd.conf").write_text(text, encoding="utf-8")
    user = root / "var/lib/snmp/snmpd.conf"
    user.parent.mkdir(parents=True, exist_ok=True)
    # The agent replaces this line by the localized keys at its first start (RFC 3414).
    auth, priv = secrets["snmp_auth_password"], secrets["snmp_priv_password"]
    with os.fdopen(os.open(user, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(f'createUser {SNMP_USER} SHA-256 "{auth}" AES "{priv}"\n')
    entry = account_entry(root, "Debian-snmp")
    os.chown(user, int(entry[2]), int(entry[3]))


def _install_guard(root: Path) -> list[str]:
    plan = GUARD / "install.yml"
    if not plan.exists():
        return []
    data = read_model(plan, InstallPlan)
    for item in data.files:
        copy_owned(GUARD / item.source, root / item.target.lstrip("/"), int(item.mode, 8))
    for needed in data.folders:
        folder = root / needed.path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(int(needed.mode, 8))
    return list(data.enable)


def _add_account(root: Path, account: Account) -> None:
    name, number = account.name, account.uid
    _append(root / "etc/passwd", f"{name}:x:{number}:{number}::/home/{name}:{account.shell}")
    _append(root / "etc/group", f"{name}:x:{number}:")
    _append(root / "etc/shadow", f"{name}:*:19700:0:99999:7:::")
    groups = root / "etc/group"
    lines = groups.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        if line.split(":")[0] in account.groups:
            comma = "" if line.endswith(":") else ","
            lines[index] = line + comma + name
    groups.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def _render(template: str, /, **values: Any) -> str:
    # Configurations for routers and agents, never HTML: escaping would spoil them.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)
