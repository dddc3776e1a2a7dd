"""The collectors that a requirement may name, and what each asks."""

from __future__ import annotations

from core.i18n import N_

#: Name → what it asks. The collectors themselves are in ``checks.collect``; a test holds one against the other.
COLLECTORS: dict[str, str] = {
    "snmp": N_("every device, polled once over SNMP"),
    "hosts": N_("every host, the commands of the host tests, on a tape"),
    "addresses": N_("every host, the addresses its kernel really has"),
    "time": N_("every host, what chrony says of its clock"),
    "services": N_("every host, the services of the product on it, asked twice: units, sockets, answers"),
    "probes": N_("every host, reaching the others over IPv6 with IPv4 switched off for the probing process"),
    "logs": N_("every host, a line written now; the collector, whether it arrived"),
    "database": N_("the databases, asked in SQL"),
    "backups": N_("the backup repository: list, verification, continuity of the WAL"),
    "drill": N_("a restore to a scratch instance, measured, and removed again"),
    "routers": N_("every router, its own command line"),
    "estate": N_("the files of the estate"),
    "register": N_("the files of the requirements"),
    "attestations": N_("signed attestations, waivers and the list of signers"),
    "rules": N_("the alert rules"),
}
