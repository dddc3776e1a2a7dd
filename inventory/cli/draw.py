"""``estate draw``: the network and the power of a site, and the backbone, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.documents import deliver_text
from core.workspace import current


def draw(
    what: Annotated[str, typer.Argument(help="A site code, or backbone.")],
    power: Annotated[bool, typer.Option("--power", help="Draw power and cooling, not the network.")] = False,
    network: Annotated[bool, typer.Option("--network", help="Draw the network (when neither is said).")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="File to write; standard output when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Draw a site's network or power chain, or the whole backbone, as SVG that any browser shows.

    Example: rackproof --estate inventory/estate estate draw hph --power --to hph-power.svg
    """
    from core.errors import Place
    from inventory.load.loader import load_estate
    from inventory.model.diagnostics import mistake

    estate = load_estate(current().estate_dir)
    if what != "backbone" and what not in estate.sites:
        raise mistake("EST050", Place(estate.root), actual=what, known=["backbone", *estate.sites])
    if power and (network or what == "backbone"):
        raise mistake("EST059", Place(estate.root))
    if what == "backbone":
        from inventory.draw.backbone import backbone

        made = backbone(estate)
    elif power:
        from inventory.draw.power import power as draw_power

        made = draw_power(estate, what)
    else:
        from inventory.draw.network import network as draw_network

        made = draw_network(estate, what)
    deliver_text(made, to, as_json=as_json)
