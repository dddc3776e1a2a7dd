"""One AgentX session: connects to one device's snmpd, registers its subtrees and answers from a table of values."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from lab.facility import agentx
from lab.facility.agentx import Oid, Packet, Range, Value

RECONNECT_S = 0.1
SESSION_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Table:
    """A device's values at one moment, sorted by object identifier."""

    oids: list[Oid]
    values: dict[Oid, Value]

    @classmethod
    def of(cls, values: dict[Oid, Value]) -> Table:
        """Sort ``values`` once, so that every GetNext is a binary search."""
        return cls(sorted(values), values)

    def get(self, oid: Oid) -> Value:
        """Return the value, or the exception noSuchInstance (RFC 3416 section 4.2.1)."""
        return self.values.get(oid, Value(agentx.NO_SUCH_INSTANCE))

    def following(self, asked: Range) -> tuple[Oid, Value]:
        """Return the next value inside the range, or endOfMibView under the range's own start."""
        find = bisect_left if asked.include else bisect_right
        place = find(self.oids, asked.start)
        if place < len(self.oids) and (not asked.end or self.oids[place] < asked.end):
            return self.oids[place], self.values[self.oids[place]]
        return asked.start, Value(agentx.END_OF_MIB_VIEW)


Source = Callable[[], Awaitable[Table]]


def answer(asked: Packet, table: Table) -> bytes | None:
    """Return the reply to one request of the master, or None when none is due."""
    if asked.kind in (agentx.RESPONSE, agentx.CLOSE, agentx.CLEANUP_SET):
        return None
    if asked.kind == agentx.TEST_SET:
        return agentx.response_packet(asked, [], agentx.NOT_WRITABLE, 1)
    if asked.kind not in (agentx.GET, agentx.GET_NEXT, agentx.GET_BULK):
        return agentx.response_packet(asked, [])
    ranges, non_repeaters, repetitions = agentx.search_ranges(asked)
    if asked.kind == agentx.GET:
        return agentx.response_packet(asked, [(r.start, table.get(r.start)) for r in ranges])
    if asked.kind == agentx.GET_NEXT:
        return agentx.response_packet(asked, [table.following(r) for r in ranges])
    return agentx.response_packet(asked, _bulk(table, ranges, non_repeaters, repetitions))


def _bulk(table: Table, ranges: list[Range], non_repeaters: int, repetitions: int) -> list[tuple[Oid, Value]]:
    bindings = [table.following(r) for r in ranges[:non_repeaters]]
    repeating = ranges[non_repeaters:]
    for _ in range(repetitions):
        row = [table.following(r) for r in repeating]
        bindings += row
        if all(value.kind == agentx.END_OF_MIB_VIEW for _, value in row):
            break
        repeating = [Range(name, False, r.end) for (name, _), r in zip(row, repeating, strict=True)]
    return bindings


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """Read one whole packet from the master."""
    head = await reader.readexactly(agentx.HEADER_BYTES)
    kind, flags, order, session, transaction, packet, length = agentx.decode_header(head)
    return Packet(kind, flags, session, transaction, packet, await reader.readexactly(length), order)


async def serve(socket: Path, subtrees: tuple[Oid, ...], source: Source, on_ready: Callable[[], None]) -> None:
    """Answer one snmpd for ever; connect again whenever it restarts."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                await _session(reader, writer, subtrees, source, on_ready)
            finally:
                writer.close()
        await asyncio.sleep(RECONNECT_S)


async def _session(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    subtrees: tuple[Oid, ...],
    source: Source,
    on_ready: Callable[[], None],
) -> None:
    writer.write(agentx.open_packet("rackproof facility simulator", SESSION_TIMEOUT_S, 1))
    session = (await read_packet(reader)).session
    for number, subtree in enumerate(subtrees, start=2):
        writer.write(agentx.register_packet(session, subtree, number))
        await read_packet(reader)
    on_ready()
    while True:
        asked = await read_packet(reader)
        reply = answer(asked, await source())
        if reply is not None:
            writer.write(reply)
