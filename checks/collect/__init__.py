"""The collectors: read-only, each gives raw bytes with exit code, times and tool."""

from __future__ import annotations

from checks.collect.sweep import Plan

# Read with every run: what the verdicts are judged by must itself be in the evidence.
ALWAYS = frozenset({"estate", "register", "attestations"})


def list_plans() -> tuple[tuple[Plan, ...], tuple[Plan, ...]]:
    """Return the planners of both phases: asked at once, and asked after those are all back."""
    from checks.collect.drill import plan_drill
    from checks.collect.files import plan_files
    from checks.collect.hosts import plan_arrival, plan_hosts
    from checks.collect.recordings import plan_recordings
    from checks.collect.routers import plan_routers
    from checks.collect.snmp import plan_snmp

    return (plan_snmp, plan_hosts, plan_routers, plan_recordings, plan_files), (plan_arrival, plan_drill)
