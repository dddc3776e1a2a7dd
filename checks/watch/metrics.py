"""The newest verdicts and their age as Prometheus metrics; a verdict past its validity is shown as stale."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from checks.model import Status
from checks.watch.history import History
from core.errors import RackproofError

LABELS = ("requirement", "site")
HIGHEST_PORT = 65535


class VerdictCollector:
    """Asked at every scrape, so that ageing shows without a new judgement."""

    def __init__(
        self,
        history: History,
        swept: Callable[[], datetime | None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._history, self._swept, self._clock = history, swept, clock

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        now = self._clock()
        status = GaugeMetricFamily(
            "rackproof_verdict", "1 for the present status of a requirement at a site", labels=[*LABELS, "status"]
        )
        age = GaugeMetricFamily("rackproof_verdict_age_seconds", "Age of the newest verdict", labels=LABELS)
        left = GaugeMetricFamily(
            "rackproof_verdict_valid_seconds",
            "Seconds the newest verdict is still valid, negative when stale",
            labels=LABELS,
        )
        for latest in self._history.latest():
            where = [latest.requirement, latest.site]
            for one in Status:
                status.add_metric([*where, one.value], float(latest.at(now) is one))
            age.add_metric(where, (now - latest.judged_at).total_seconds())
            left.add_metric(where, (latest.valid_until - now).total_seconds())
        gaps = GaugeMetricFamily("rackproof_watch_gaps", "Gaps in the history that are written down")
        gaps.add_metric([], float(len(self._history.gaps())))
        sweep = GaugeMetricFamily(
            "rackproof_watch_sweep_timestamp_seconds", "When this watch last judged something to its end; 0 before that"
        )
        swept = self._swept()
        sweep.add_metric([], swept.timestamp() if swept else 0.0)
        yield from (status, age, left, gaps, sweep)


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` (``[v6]:PORT``); raises RackproofError (CHK007) for anything else."""
    host, _colon, port = listen.rpartition(":")
    if not port.isdigit() or int(port) > HIGHEST_PORT:
        raise RackproofError("CHK007", actual=listen)
    return host.strip("[]") or "127.0.0.1", int(port)


def serve(history: History, listen: str, swept: Callable[[], datetime | None]) -> tuple[Any, threading.Thread]:
    """Serve the metrics on ``HOST:PORT`` (``[v6]:PORT``); returns the server and its thread.

    ``swept`` says when the watch last judged something: a thread that serves on must not hide a loop that stopped.
    Raises RackproofError (CHK007) for no address.
    """
    host, port = split_address(listen)
    registry = CollectorRegistry()
    registry.register(VerdictCollector(history, swept))
    server, thread = start_http_server(port, addr=host, registry=registry)
    return server, thread
