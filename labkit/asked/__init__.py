"""The exercises, one file a lab: what is asked. A new lab is one file here and one name in LABS.

A lab's file is loaded when it is needed: the process that judges one lab's answers starts in half the time.
"""

import importlib
from types import ModuleType

from labkit.asked.exercise import Case, Exercise, Group, Misuse, nearest

LABS = ("lab00", "lab01", "lab02", "lab03", "lab04", "lab05", "lab06", "lab07", "lab08", "lab09")


def lab(name: str) -> ModuleType:
    """The file of a lab in LABS."""
    return importlib.import_module(f"labkit.asked.{name}")


def exercises() -> list[Exercise]:
    """All exercises in course order."""
    return [exercise for name in LABS for exercise in lab(name).EXERCISES]


def exercise(name: str, of: str = "") -> Exercise:
    """The exercise called `name`, looked for in the lab `of` alone if that is given.

    Raises ValueError, naming the closest ones, if there is none.
    """
    known = {one.name: one for one in (lab(of).EXERCISES if of else exercises())}
    if name not in known:
        raise ValueError(f"no exercise is called {name!r}; {nearest(name, list(known))}")
    return known[name]


__all__ = ["LABS", "Case", "Exercise", "Group", "Misuse", "exercise", "exercises", "lab", "nearest"]
