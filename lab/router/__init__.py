"""What makes a booted node a router: FRR with a day-0 configuration, its two accounts, the rollback guard, SNMP."""

from lab.router.install import install

__all__ = ["install"]
