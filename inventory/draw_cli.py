"""``estate draw``: the network and the power of a site, and the backbone, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.console import err
from core.locale import language
from core.workspace import current


def draw(
    what: Annotated[str, typer.Argument(help="A site code, or backbone.")],
    power: Annotated[bool, typer.Option("--power", help="Draw power and cooling, not the network.")] = False,
    network: Annotated[bool, typer.Option("--network", help="Draw the network (when neither is said).")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="File to write; standard output when left out.")] = None,
) -> None:
    """Draw a site's network or power chain, or the whole backbone, as SVG that any browser shows.

    Example: rackproof --estate inventory/estate estate draw hph --power --to hph-power.svg
    """
    from core.errors import Place
    from inventory.load import load_estate
    from inventory.mistakes import mistake

    estate = load_estate(current().estate_dir)
    vietnamese = language() == "vi"
    if what != "backbone" and what not in estate.sites:
        raise mistake("EST050", Place(estate.root), actual=what, known=["backbone", *estate.sites])
    if power and (network or what == "backbone"):
        raise mistake("EST059", Place(estate.root))
    if what == "backbone":
        from inventory.draw_backbone import backbone

        made = backbone(estate, vietnamese)
    elif power:
        from inventory.draw_power import power as draw_power

        made = draw_power(estate, what, vietnamese)
    else:
        from inventory.draw_network import network as draw_network

        made = draw_network(estate, what, vietnamese)
    if to is None:
        print(made, end="")
        return
    try:
        to.write_text(made, "utf-8")
    except OSError as error:
        raise mistake("EST058", Place(to), reason=error.strerror) from error
    err.print(str(to), markup=False)
