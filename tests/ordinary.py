"""A command that runs as an ordinary user, for tests that are run by root."""

import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
USER = 1000


def missing() -> str:
    """Why a command cannot be run as an ordinary user here, in a sentence, or an empty string."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root can become another user"
    absent = [name for name in ("bwrap", "setpriv") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


def words(command: list[str], writable: Iterable[Path]) -> list[str]:
    """The words that run `command` as an ordinary user, who can write in the folders `writable`.

    Folders that root has closed to others are replaced by open ones, that hold what Python and the course need.
    """
    writable = [path.resolve() for path in writable]
    for path in writable:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, USER, USER)
    needed = [Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), HOUSE, *writable]
    closed = sorted({found for path in needed if (found := first_closed(path))})
    made = ["bwrap", "--dev-bind", "/", "/"]
    for folder in closed:
        made += ["--perms", "0755", "--tmpfs", str(folder)]
    for path in needed:
        inside = [folder for folder in closed if path.is_relative_to(folder)]
        for parent in reversed([one for one in path.parents if inside and one.is_relative_to(inside[0])][:-1]):
            made += ["--perms", "0755", "--dir", str(parent)]
        made += ["--bind", str(path), str(path)] if inside else []
    user = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
    return [*made, "--cap-add", "ALL", "--", *user, "--", *command]


def first_closed(path: Path) -> Path | None:
    """The outermost folder above `path` that others may not pass through."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & stat.S_IXOTH), None)
