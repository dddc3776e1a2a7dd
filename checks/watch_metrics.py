"""The newest verdicts and their age as Prometheus metrics; a verdict past its validity is shown as stale."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from checks.history import History
from checks.model import Status

LABELS = ("requirement", "site")


class VerdictCollector:
    """Asked at every scrape, so that ageing shows without a new judgement."""

    def __init__(self, history: History, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._history, self._clock = history, clock

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        now = self._clock()
        status = GaugeMetricFamily("rackproof_verdict", "1 for the present status of a requirement at a site",
                                   labels=[*LABELS, "status"])
        age = GaugeMetricFamily("rackproof_verdict_age_seconds", "Age of the newest verdict", labels=LABELS)
        left = GaugeMetricFamily("rackproof_verdict_valid_seconds",
                                 "Seconds the newest verdict is still valid, negative when stale", labels=LABELS)
        for latest in self._history.latest():
            where = [latest.requirement, latest.site]
            for one in Status:
                status.add_metric([*where, one.value], float(latest.at(now) is one))
            age.add_metric(where, (now - latest.judged_at).total_seconds())
            left.add_metric(where, (latest.valid_until - now).total_seconds())
        gaps = GaugeMetricFamily("rackproof_watch_gaps", "Gaps in the history that are written down")
        gaps.add_metric([], float(len(self._history.gaps())))
        yield from (status, age, left, gaps)


def serve(history: History, listen: str) -> tuple[Any, threading.Thread]:
    """Serve the metrics on ``HOST:PORT`` (``[v6]:PORT``); returns the server and its thread."""
    host, _, port = listen.rpartition(":")
    registry = CollectorRegistry()
    registry.register(VerdictCollector(history))
    server, thread = start_http_server(int(port), addr=host.strip("[]") or "127.0.0.1", registry=registry)
    return server, thread
