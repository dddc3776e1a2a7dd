"""The standby at the DR site is cut off from its primary: PostgreSQL's connection is refused on the way."""

from core.i18n import _
from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import PROVISION, as_root, nothing_to_break, wait_until
from lab.instance import Instance

HOST, PORT, TABLE = "dr-db1", 5432, "lab_fault_standby"
# Reset, not dropped: both ends learn of it at once, as when a firewall rule is changed on the way.
RULES = (
    f"add table inet {TABLE}",
    f"add chain inet {TABLE} out {{ type filter hook output priority -10; }}",
    f"add chain inet {TABLE} in {{ type filter hook input priority -10; }}",
    # Resets themselves pass, or the far end would keep a half-dead connection until its own timeout.
    f"add rule inet {TABLE} out meta oifname != lo tcp dport {PORT} tcp flags & rst == 0 reject with tcp reset",
    f"add rule inet {TABLE} in meta iifname != lo tcp sport {PORT} reject with tcp reset",
)
STREAMING = "select count(*) from pg_stat_wal_receiver where status = 'streaming'"
CUT_S, BACK_S = 60.0, 60.0


def _make(instance: Instance) -> None:
    if _streams(instance) != 1:
        raise nothing_to_break(_("{host} does not follow its primary").format(host=HOST), PROVISION)
    as_root(instance, HOST, ["nft", "; ".join(RULES)])
    wait_until(lambda: _streams(instance) == 0, f"{HOST} cut off", CUT_S)


def _mend(instance: Instance) -> None:
    if f"table inet {TABLE}" in as_root(instance, HOST, ["nft", "list", "tables"]):
        as_root(instance, HOST, ["nft", f"delete table inet {TABLE}"])
        wait_until(lambda: _streams(instance) == 1, f"{HOST} streaming again", BACK_S)


def _streams(instance: Instance) -> int:
    """Return how many WAL receivers stream on the standby: 1 when it is well."""
    argv = ["sudo", "-u", "postgres", "psql", "-XAtc", STREAMING]
    return int(as_root(instance, HOST, argv).strip())


FAULT = LabFault(
    "standby-disconnected",
    Text(
        en="the standby database at the DR site is cut off from its primary",
        vi="CSDL dự phòng tại trung tâm dự phòng mất kết nối với CSDL chính",
    ),
    _make,
    _mend,
)
