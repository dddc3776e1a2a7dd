"""The collectors: read-only, each gives raw bytes with exit code, times and tool. One table says which there are."""

from __future__ import annotations

from checks.collectors.sweep import Plan

# name -> what it asks; the names are those that requirement files use.
COLLECTORS: dict[str, str] = {
    "snmp": "every device, polled once over SNMP",
    "hosts": "every host, the commands of the host tests, on a tape",
    "addresses": "every host, the addresses its kernel really has",
    "time": "every host, what chrony says of its clock",
    "probes": "every host, reaching the others over IPv6 with IPv4 switched off for the probing process",
    "logs": "every host, a line written now; the collector, whether it arrived",
    "database": "the databases, asked in SQL",
    "backups": "the backup repository: list, verification, continuity of the WAL",
    "drill": "a restore to a scratch instance, measured, and removed again",
    "routers": "every router, its own command line",
    "estate": "the files of the estate",
    "register": "the files of the requirements",
    "attestations": "signed attestations, waivers and the list of signers",
    "rules": "the alert rules",
}
# Read with every run: what the verdicts are judged by must itself be in the evidence.
ALWAYS = frozenset({"estate", "register", "attestations"})


def plans() -> tuple[tuple[Plan, ...], tuple[Plan, ...]]:
    """Return the planners of both phases: asked at once, and asked after those are all back."""
    from checks.collectors.drill import plan_drill
    from checks.collectors.files import plan_files
    from checks.collectors.hosts import plan_arrival, plan_hosts
    from checks.collectors.routers import plan_routers
    from checks.collectors.snmp import plan_snmp
    from checks.collectors.tapes import plan_tapes

    return (plan_snmp, plan_hosts, plan_routers, plan_tapes, plan_files), (plan_arrival, plan_drill)
