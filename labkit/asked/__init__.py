"""The exercises, one file a lab: what is asked. A new lab is one file here and one name in LABS."""

from labkit.asked import lab00, lab01, lab02, lab03, lab04, lab05, lab06, lab07, lab08, lab09
from labkit.asked.exercise import Case, Exercise, Misuse, nearest

LABS = (lab00, lab01, lab02, lab03, lab04, lab05, lab06, lab07, lab08, lab09)


def exercises() -> list[Exercise]:
    """All exercises in course order."""
    return [exercise for lab in LABS for exercise in lab.EXERCISES]


def exercise(name: str) -> Exercise:
    """The exercise called `name`. Raises ValueError, naming the closest ones, if there is none."""
    known = {one.name: one for one in exercises()}
    if name not in known:
        raise ValueError(f"no exercise is called {name!r}; {nearest(name, list(known))}")
    return known[name]


__all__ = ["LABS", "Case", "Exercise", "Misuse", "exercise", "exercises", "nearest"]
