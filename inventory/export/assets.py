"""The asset list: one row per device, with what it is worth, until when it is supported, and its licences."""

from __future__ import annotations

from calendar import isleap
from datetime import date
from typing import Any

from inventory.model.entities import Asset, Device
from inventory.model.estate import Estate

_NOTHING = Asset()
_YES_NO = {True: "yes", False: "no"}


def rows(estate: Estate, today: date) -> list[dict[str, Any]]:
    """Return one row per device, in the order of the files; what the estate does not say is an empty text.

    Depreciation is straight-line by days over ``life_years`` from ``in_service``; costs in Vietnamese dong.
    """
    return [_row(estate, device, today) for device in estate.devices.values()]


def _row(estate: Estate, device: Device, today: date) -> dict[str, Any]:
    site = estate.sites[estate.site_of[device.name]]
    asset = device.asset or _NOTHING
    end = life_end(asset)
    used = depreciated(asset, today)
    held = estate.interfaces(device.name)
    dated = [licence.until for licence in asset.licences if licence.until]
    return {
        "asset": device.name,
        "kind": device.kind.value,
        "role": device.role,
        "site": site.site,
        "site_name": site.name.translate(),
        "tier": site.tier,
        "province": site.province,
        "owner": site.owner.unit.translate() if site.owner else "",
        "rack": device.rack or "",
        "ipv6": str(held[0].ipv6.ip) if held and held[0].ipv6 else "",
        "vendor": asset.vendor,
        "model": asset.model,
        "serial": asset.serial,
        "in_service": _text(asset.in_service),
        "life_years": asset.life_years or "",
        "end_of_life": _text(end),
        "depreciated_percent": "" if used is None else round(100 * used, 1),
        "cost_vnd": "" if asset.cost_vnd is None else asset.cost_vnd,
        "residual_vnd": _work_out_residual(asset, used),
        "support_until": _text(asset.support_until),
        "supported": _say_supported(asset, today),
        "licences": "; ".join(f"{lic.product} x{lic.seats}" for lic in asset.licences),
        "licence_until": _text(min(dated, default=None)),
        "licence_valid": _say_licensed(asset, today),
    }


def _say_supported(asset: Asset, today: date) -> str:
    if asset.support_until is None:
        return ""
    return _YES_NO[today <= asset.support_until]


def _say_licensed(asset: Asset, today: date) -> str:
    if not asset.licences:
        return ""
    return _YES_NO[all(today <= licence.until for licence in asset.licences if licence.until)]


def _work_out_residual(asset: Asset, used: float | None) -> int | str:
    if used is None or asset.cost_vnd is None:
        return ""
    return round(asset.cost_vnd * (1 - used))


def life_end(asset: Asset) -> date | None:
    """Return the day an asset is written off; 29 February ends on 28 February of a common year."""
    if asset.in_service is None or asset.life_years is None:
        return None
    start = asset.in_service
    year = min(start.year + asset.life_years, date.max.year)
    leap_day = (start.month, start.day) == (2, 29)
    if leap_day and not isleap(year):
        return start.replace(year=year, day=28)
    return start.replace(year=year)


def depreciated(asset: Asset, today: date) -> float | None:
    """Return the share of an asset's life that is used up, 0 to 1; None when its dates are not known."""
    end = life_end(asset)
    if end is None or asset.in_service is None:
        return None
    return min(max((today - asset.in_service).days / max((end - asset.in_service).days, 1), 0.0), 1.0)


def _text(day: date | None) -> str:
    if day:
        return day.isoformat()
    return ""
