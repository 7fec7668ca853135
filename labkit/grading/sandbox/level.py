"""Which sandbox there is: found out by attacking it, not by reading versions.

    bwrap   bubblewrap: other files, other processes and the network are out of reach
    none    processes with limits and time-outs, but with the grader's rights; asked for by name only
"""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import labkit
from labkit import asked
from labkit.errors import CommandError
from labkit.grading.limits import MIB, Limits
from labkit.grading.sandbox import bwrap

LEVELS = ("auto", "bwrap", "none")
NONE = (
    "No sandbox: answers run in processes of their own, with time limits, but with your rights. "
    "They can read and change your files. Grade only a class you trust, or on a machine made for it."
)
CLEAN = "output_size"  # any exercise: the attacks stand in the cells before it

# Each cell raises where its attack fails, which is the good end. {…} are the grader's own things.
ATTACKS = {
    "read a file of yours": "open({secret!r}).read()",
    "see your home folder": "import os\nos.lstat({home!r})",
    "read what is true": "open({references!r}).read()",
    "write among your files": "open({written!r}, 'w').write('x')",
    "connect to this machine": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
    "end a process of yours": "import os\nos.kill({victim}, 9)",
    "see other processes": "import os\nassert [one for one in os.listdir('/proc') if one.isdigit()]",
    "end the judge": "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(0.2)\nassert os.getppid() != {judge}",
    "start a process": "import os\nif os.fork() == 0: os._exit(0)",
    "start a program": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''], check=True)",
    "make a user namespace": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "trace the judge": "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "fill the disk": "with open('/tmp/big', 'wb') as file:\n    for _ in range({blocks}): file.write(bytes(2**20))",
    "take all memory": "held = bytearray({memory})",
    "keep root's rights": "import os\nassert os.getuid() == 0",
}


@dataclass(frozen=True)
class Found:
    """What probing a level found. trouble: why it could not be tried at all, or empty."""

    level: str
    won: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def holds(self) -> bool:
        return not self.won and not self.trouble


def choose(wanted: str) -> str:
    """The level to run under. Raises CommandError where the one wanted does not hold: never a silent step down."""
    if wanted == "none":
        return "none"
    found = probe()
    if found.holds:
        return found.level
    raise CommandError(f"{why(found)} {ADVICE}")


ADVICE = (
    "`labkit doctor` tells more. To grade without a sandbox a class you trust, or on a machine made for it, "
    "add --sandbox none."
)


def why(found: Found) -> str:
    """A sentence on a level that does not hold."""
    if found.trouble:
        return f"There is no sandbox here: {found.trouble}"
    return f"The sandbox {found.level} does not hold here. In it, student code could: {'; '.join(found.won)}."


@functools.cache
def probe() -> Found:
    """Try bubblewrap: run every attack in it, as student code would."""
    from labkit.grading import judge, process, warm

    if trouble := missing():
        return Found("bwrap", trouble=trouble)
    limits = Limits()
    question = judge.question(asked.exercise(CLEAN), b"")
    with tempfile.TemporaryDirectory(prefix="labkit-probe-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret, written = Path(folder, "secret"), Path(folder, "written")
        secret.write_text("secret")
        words = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True) as victim:  # Ctrl-C is not for it
            things = {
                "secret": str(secret),
                "home": str(something_at_home(secret)),
                "references": str(Path(labkit.__file__).parent / "references" / "__init__.py"),
                "written": str(written),
                "port": server.getsockname()[1],
                "victim": victim.pid,
                "judge": 1,
                "blocks": 2 * bwrap.World({}).work // MIB,
                "memory": limits.memory + 64 * MIB,
            }
            cells = [attack.format(**things) for attack in ATTACKS.values()]
            try:
                found = process.collect(cells, [question.task], limits, level="bwrap")
            except warm.JudgeError as error:
                return Found("bwrap", trouble=f"{error}.")
            time.sleep(0.05)
            won = [name for number, name in enumerate(ATTACKS) if number not in {cell for cell, *_ in found.errors}]
            won += ["end a process of yours"] if victim.poll() is not None else []
            victim.kill()
        won += ["write among your files"] if written.exists() else []
    lost = [f"stop the judge ({one.how})" for one in found.lost]
    return Found("bwrap", tuple(dict.fromkeys(won + lost)))


def something_at_home(otherwise: Path) -> Path:
    """A file or folder at home that does not lead to the interpreter, which is seen inside."""
    _, bound, _ = bwrap.interpreter()
    seen = {str(parent) for path in bound for parent in (Path(path), *Path(path).parents)}
    with contextlib.suppress(OSError):
        return next((one for one in Path.home().iterdir() if str(one) not in seen), otherwise)
    return otherwise


def missing() -> str:
    """What bubblewrap lacks here, in a sentence, or an empty string."""
    if sys.platform != "linux":
        return "bubblewrap runs on Linux alone."
    version = bwrap.version()
    if version is None:
        return "bubblewrap is not installed (on Debian and Ubuntu: apt install bubblewrap)."
    if version < bwrap.OLDEST and os.geteuid() != 0:
        return f"bubblewrap is {'.'.join(map(str, version))}; 0.8 or newer is needed."
    return ""
