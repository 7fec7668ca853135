"""The world of the nbval step: what a student has. The interpreter, all its packages, and labkit.

No solutions, no tests, no home folder, no other submission.
"""

import sys
from pathlib import Path

import labkit
from labkit.grading.sandbox import bwrap

HERE = "/course"
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu")  # without them torch does not know what the processor can


def world(environment: dict[str, str]) -> tuple[str, list[str], bwrap.World]:
    """The interpreter's program, the folders it looks for modules in, and what is seen around it."""
    executable, bound, hidden = bwrap.interpreter()
    bound[f"{HERE}/labkit"] = str(Path(labkit.__file__).resolve().parent)
    bound |= {path: path for path in PROCESSOR if Path(path).exists()}
    paths = [HERE]
    for number, folder in enumerate(packages()):
        paths.append(f"{HERE}/packages{number}")
        bound[paths[-1]] = folder
    return executable, paths, bwrap.World(bound, hidden, environment=environment)


def packages() -> list[str]:
    """The folders of installed packages that this interpreter uses."""
    found = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [path for path in dict.fromkeys(found) if Path(path).is_dir()]
