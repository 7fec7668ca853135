"""The references, one file a lab: what is true, by torch, and the known mistakes."""

import importlib

from labkit.asked.exercise import Exercise
from labkit.references.reference import Mistake, Reference, Tolerance, with_torch


def reference(exercise: Exercise) -> Reference:
    """The true half of `exercise`, from the file named like its lab. Raises ValueError if it is not there."""
    known = importlib.import_module(f"labkit.references.{exercise.lab}").REFERENCES
    if exercise.name not in known:
        raise ValueError(f"REFERENCES in labkit/references/{exercise.lab}.py has no {exercise.name!r}; add it there")
    return known[exercise.name]


__all__ = ["Mistake", "Reference", "Tolerance", "reference", "with_torch"]
