"""Changes of an estate in words, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inventory.diff import Change
from inventory.impact import Impact

_NOUNS = {
    "estate": ("estate", "hạ tầng"),
    "tier": ("tier", "cấp"),
    "hardware": ("model", "mẫu máy"),
    "filter": ("filter", "bộ lọc"),
    "guard": ("guard profile", "hồ sơ bảo vệ"),
    "site": ("site", "điểm"),
    "vlan": ("VLAN", "VLAN"),
    "rack": ("rack", "tủ rack"),
    "device": ("device", "thiết bị"),
    "address": ("address", "địa chỉ"),
    "power": ("power component", "thành phần nguồn"),
    "cooling": ("cooling unit", "bộ làm mát"),
    "circuit": ("circuit", "kênh thuê"),
    "sensor": ("sensor", "cảm biến"),
    "link": ("link", "liên kết"),
    "service": ("service", "dịch vụ"),
}
_ACTIONS = {"added": ("new", "mới"), "removed": ("removed", "bỏ"), "changed": ("", "")}
_NONE = ("(none)", "(không có)")
_TEXTS = {
    "nothing": ("No change.", "Không có thay đổi."),
    "affected": ("Who is affected", "Ai bị ảnh hưởng"),
    "services": ("Services", "Dịch vụ"),
    "worse": ("Newly cut by one failure", "Sự cố đơn mới có thể gây mất kết nối"),
    "better": ("No longer cut by one failure", "Không còn bị mất kết nối bởi sự cố đơn"),
    "total": ("{added} added, {removed} removed, {changed} changed", "{added} thêm, {removed} bỏ, {changed} đổi"),
    "more": ("… and {count} more; --json lists them all", "… và {count} mục nữa; --json liệt kê tất cả"),
}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_SHOWN = 200


def text_of(change: Change, vietnamese: bool) -> str:
    """Return one change as one line."""
    noun, action = _NOUNS[change.kind][vietnamese], _ACTIONS[change.action][vietnamese]
    head = f"{_SIGNS[change.action]} {noun} {change.name}"
    if change.action != "changed":
        facts = change.after or change.before
        return f"{head}: {action}{f' ({facts})' if facts else ''}"
    none = _NONE[vietnamese]
    field = f" {change.field}" if change.field else ""
    return f"{head}:{field} {change.before or none} → {change.after or none}"


def lines(changes: list[Change], felt: Impact, vietnamese: bool) -> Iterator[str]:
    """Yield the whole answer for a reader: changes, who is affected, which single failures come and go."""

    def said(key: str, **facts: int) -> str:
        return _TEXTS[key][vietnamese].format(**facts)

    if not changes:
        yield said("nothing")
        return
    yield from (text_of(change, vietnamese) for change in changes[:_SHOWN])
    if len(changes) > _SHOWN:
        yield said("more", count=len(changes) - _SHOWN)
    yield said("total", **totals(changes))
    if felt.sites:
        yield f"\n{said('affected')}:"
        yield from _some(
            [
                f"  {item.site}: {item.name}{f' ({item.owner})' if item.owner else ''}"
                f" – {', '.join(_NOUNS[kind][vietnamese] for kind in item.because)}"
                for item in felt.sites
            ],
            said,
        )
    if felt.services:
        yield f"{said('services')}: {', '.join(felt.services)}"
    for key, points in (("worse", felt.new_single_points), ("better", felt.gone_single_points)):
        if points:
            yield f"\n{said(key)}:"
            yield from _some([f"  {site}: {', '.join(causes)}" for site, causes in points.items()], said)


def _some(every: list[str], said: Callable[..., str]) -> Iterable[str]:
    rest = [said("more", count=len(every) - _SHOWN)] if len(every) > _SHOWN else []
    return [*every[:_SHOWN], *rest]


def totals(changes: list[Change]) -> dict[str, int]:
    """Count changes by action."""
    return {action: sum(1 for change in changes if change.action == action) for action in _SIGNS}
