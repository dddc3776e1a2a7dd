"""Where the command of an installed Rackproof starts: ``rackproof_tree/__init__.py`` in the wheel.

The wheel carries the tree of the repository inside this one package, so that none of our folders takes a name such as
``core`` in everybody's ``site-packages``. In a clone it is the launcher that starts the front door.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parent


def main() -> int:
    """Put the tree before all else that Python finds, for this process and its children, and run the command line."""
    sys.path.insert(0, str(TREE))
    # Children start in the user's folder as often as not: what lies there must not be taken for ours.
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TREE), os.environ.get("PYTHONPATH")]))
    workspace = importlib.import_module("core.workspace")
    # Children work in other folders: a relative path would be another place for each.
    os.environ["RACKPROOF_STATE"] = str(workspace.state_dir().absolute())
    code: int = importlib.import_module("rackproof").main()
    return code
