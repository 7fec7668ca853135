"""The world in which answers are judged: the interpreter, NumPy, and the NumPy-only part of labkit."""

from pathlib import Path

import numpy as np

import labkit
from labkit.grading.sandbox import bwrap

HERE = "/judge"
# Of labkit what the child imports: no references, no layers, no data, no solutions.
PARTS = (
    "__init__.py",
    "hints.py",
    "logbook.py",
    "asked",
    "checks/__init__.py",
    "checks/report.py",
    "checks/running.py",
    "grading/__init__.py",
    "grading/child.py",
    "grading/limits.py",
    "grading/standins.py",
    "grading/wire.py",
    "grading/sandbox/__init__.py",
    "grading/sandbox/inner.py",
    "grading/sandbox/seccomp.py",
)


def world(environment: dict[str, str]) -> tuple[str, bwrap.World]:
    """The interpreter's program, and what is seen around it."""
    executable, bound, hidden = bwrap.interpreter()
    packages, course = Path(np.__file__).parent.parent, Path(labkit.__file__).parent
    for name in ("numpy", "numpy.libs"):
        if (packages / name).is_dir():
            bound[f"{HERE}/{name}"] = str(packages / name)
    for part in PARTS:
        bound[f"{HERE}/labkit/{part}"] = str(course / part)
    return executable, bwrap.World(bound, hidden, environment=environment)
