"""The restore drill: placeholder until written below."""
from __future__ import annotations
from collections.abc import Iterable
from checks.collectors.sweep import Job, Sweep
def plan_drill(sweep: Sweep) -> Iterable[Job]:
    return []
