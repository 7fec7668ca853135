"""The command that starts a program inside bubblewrap: what it sees, and what it may do.

bubblewrap makes a world of its own from Linux namespaces: no network, no other processes, and no file
but those that are bound read-only and a few sized folders in memory. As an ordinary user it also makes
a user namespace, in which no further one can be made. As root it does not: there the program itself
leaves root in the world it makes for a student's code (`leave_root` in inner.py), so that limits on the
number of processes hold. Process 1 stays root: bubblewrap, when it is killed, has no right to end another
user's process, and the sandbox would live on. It keeps the rights it needs to make such worlds, and runs
nothing of a student's itself.
"""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from labkit.grading.sandbox.inner import HOME, WRITABLE

OLDEST = (0, 8)  # --disable-userns came with it
MIB = 2**20


@dataclass(frozen=True)
class World:
    """What a program inside sees.

    read_only   path inside -> path outside
    hidden      folders inside that are empty although what lies around them is bound
    work        bytes of each folder in memory that can be written: HOME, /tmp and /dev/shm
    proc        whether /proc is there
    """

    read_only: dict[str, str]
    hidden: tuple[str, ...] = ()
    work: int = 64 * MIB
    proc: bool = False
    environment: dict[str, str] = field(default_factory=dict)


def version() -> tuple[int, ...] | None:
    """bubblewrap's version, None where it is not installed."""
    path = program()
    if path is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, env={}).stdout
    numbers = said.split()[-1].split(".") if said.split() else []
    return tuple(int(one) for one in numbers if one.isdigit())


@functools.cache
def program() -> str | None:
    """Where bubblewrap is."""
    return shutil.which("bwrap")


def command(world: World, inner: list[str]) -> list[str]:
    """The words that run `inner` in `world`, as a program that may make worlds inside."""
    words = [program() or "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv"]
    if os.geteuid() == 0:
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        words += ["--unshare-user", "--disable-userns"]
    words += ["--cap-add", "CAP_SYS_ADMIN", "--as-pid-1", "--hostname", "grader"]
    for folder in folders(world):
        words += ["--perms", "0755", "--dir", folder]
    for inside, outside in world.read_only.items():
        words += ["--ro-bind", outside, inside]
    for folder in world.hidden:
        words += ["--perms", "0755", "--size", "4096", "--tmpfs", folder, "--remount-ro", folder]
    words += ["--dev", "/dev"]
    if world.proc:
        words += ["--proc", "/proc"]
    for folder in WRITABLE:
        words += ["--perms", "1777", "--size", str(world.work), "--tmpfs", folder]
    words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in {"HOME": HOME, "TMPDIR": "/tmp", "PATH": os.defpath, **world.environment}.items():
        words += ["--setenv", name, value]
    return [*words, "--chdir", HOME, "--", *inner]


def folders(world: World) -> list[str]:
    """The folders in which something is bound, outermost first: bubblewrap would make them for root's eyes only."""
    parents = {str(parent) for path in (*world.read_only, HOME) for parent in Path(path).parents} - {"/"}
    return sorted(parents - set(world.read_only))


def interpreter() -> tuple[str, dict[str, str], tuple[str, ...]]:
    """Python without what was installed into it: its program, what to bind, what to hide."""
    executable = os.path.realpath(sys.executable)
    bound = {executable: executable}
    hidden = []
    prefix = os.path.realpath(sys.base_prefix)
    if prefix == "/usr":
        stdlib = os.path.realpath(sysconfig.get_path("stdlib", vars={"base": prefix, "installed_base": prefix}))
        bound[stdlib] = stdlib
    else:
        bound[f"{prefix}/lib"] = f"{prefix}/lib"
        stdlib = f"{prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}"
        hidden = [f"{stdlib}/site-packages"] if os.path.isdir(f"{stdlib}/site-packages") else []
    return executable, bound | libraries(), tuple(hidden)


def libraries() -> dict[str, str]:
    """The folders of the system's own libraries, and the loader's index of them."""
    found = {}
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    for path in (f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64"):
        if triplet or not path.endswith("/"):
            found |= {path: path} if os.path.isdir(path) else {}
    if os.path.isfile("/etc/ld.so.cache"):
        found["/etc/ld.so.cache"] = "/etc/ld.so.cache"
    return found
