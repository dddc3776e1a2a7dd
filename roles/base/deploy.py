"""Role base for pyinfra."""

from __future__ import annotations

from pyinfra.operations import apt, server

from roles.room_operations import checked_file
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Install packages, make accounts, write names and the notice at login."""
    apt.packages(
        name="Install every package of this host in one transaction",
        packages=[*values["base_packages"], *values["base_extra_packages"]],
        no_recommends=True,
    )
    for account in values["base_accounts"]:
        server.user(  # noqa: S604 - the login shell of the account
            name=f"Make the account {account['name']}",
            user=account["name"],
            comment=account["comment"],
            groups=account["groups"],
            append=True,
            shell="/bin/bash",
            ensure_home=False,
        )
    checked_file(
        name="Say who may become root",
        text=values.render("base", "sudoers.j2"),
        path="/etc/sudoers.d/50-rackproof",
        mode="440",
        validate="/usr/sbin/visudo -cqf %s",
    )
    checked_file(
        name="Name every host of the estate", text=values.render("base", "hosts.j2"), path="/etc/hosts", backup=True
    )
    checked_file(name="Tell whoever logs in where they are", text=values.render("base", "motd.j2"), path="/etc/motd")
