"""Run inside mounts of its own: one verb on a disk that is full, and what it left there. Prints JSON.

Arguments: the disk's folder, the bytes to be left free, the files to be there before (comma), a verb that is run while
there is room (JSON list of its words, or an empty one), the verb's words.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

KEPT = "what was there before\n"


def digest_tree(top: Path) -> dict[str, str]:
    return {
        str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.name != "filler"
    }


def main() -> None:
    disk, free = Path(sys.argv[1]), int(sys.argv[2])
    names = [name for name in sys.argv[3].split(",") if name]
    earlier, words = json.loads(sys.argv[4]), sys.argv[5:]
    front_door = [sys.executable, "-m", "rackproof", "--workspace", str(disk / "w")]
    if earlier:
        subprocess.run([*front_door, *earlier], check=True, stdout=subprocess.DEVNULL, timeout=300)
    for name in names:
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_text(KEPT)
    state = os.statvfs(disk)
    (disk / "filler").write_bytes(b"x" * max(0, state.f_bavail * state.f_frsize - free))
    before = digest_tree(disk)
    words = [word.replace("DISK", str(disk)) for word in words]
    done = subprocess.run([*front_door, *words], capture_output=True, text=True, timeout=300, check=False)
    print(json.dumps({
        "code": done.returncode, "stdout": done.stdout[-3000:], "stderr": done.stderr[-3000:],
        "before": before, "after": digest_tree(disk),
    }))  # fmt: skip


main()
