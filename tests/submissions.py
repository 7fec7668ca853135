"""Notebooks as students hand them in: right, innocent and odd, hostile. Made of `handed`, one file a sort."""

from handed.editing import EDITING, TOLD_WELL
from handed.evading import EVADING
from handed.exhausting import EXHAUSTING
from handed.forging import FORGING
from handed.innocent import INNOCENT
from handed.making import (
    EXERCISES,
    HOUSE,
    IMPORT_OF_SETUP,
    NAMES,
    PATH,
    PLAIN,
    POINTS,
    RIGHT,
    SETUP,
    STUBS,
    WRONG,
    Attack,
    book,
    first_do,
    put,
)
from handed.reaching_out import REACHING_OUT

SORTS = {
    "forging a pass": FORGING,
    "editing the notebook": EDITING,
    "evading the task": EVADING,
    "exhausting": EXHAUSTING,
    "reaching out": REACHING_OUT,
    "told well": TOLD_WELL,
}
ATTACKS = {name: one for sort in SORTS.values() for name, one in sort.items()}
# Those that may be tried without a sandbox.
HOSTILE = {name: one for name, one in ATTACKS.items() if not one.shut_in}

__all__ = [
    "ATTACKS", "EXERCISES", "HOSTILE", "HOUSE", "IMPORT_OF_SETUP", "INNOCENT", "NAMES", "PATH", "PLAIN", "POINTS",
    "RIGHT", "SETUP", "SORTS", "STUBS", "WRONG", "Attack", "book", "first_do", "put",
]  # fmt: skip
