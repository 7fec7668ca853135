"""When does behaviour tell which exercise a function answers? Chance matches are kept out here.

A function that nobody named after an exercise is taken for one only if it can take all cases, if what it
gives is right, or exactly what a known mistake gives, and if enough of that is more than an elementary
function of the inputs: `np.zeros_like` or `a - b` agree with some mistake of some exercise. Where the
names share a word ("conv" in `my_conv` and `conv2d_forward`), less is enough.
"""

import re
from collections.abc import Iterator

import numpy as np

from labkit.asked import Case
from labkit.checks.report import Report
from labkit.checks.running import Outcome

# Numbers that must have come out: in all; or, where the names share nothing, beyond the elementary.
ENOUGH_FOR_KIN, ENOUGH_IF_RIGHT, ENOUGH_IF_WRONG = 3, 5, 20
NO_WORDS = frozenset({"forward", "backward"})
# A derivative is no wrong activation: names that differ in this share nothing.
DIRECTIONS = {"jacobian": ("jacob",), "backward": ("backward", "backprop", "bwd", "deriv", "grad", "prime", "slope")}
OF_ONE = (
    np.positive, np.negative, np.abs, np.square, np.sqrt, np.exp, np.log, np.sign, np.transpose, np.flip, np.ravel,
    np.sort, np.sum, np.mean, np.std, np.var, np.max, np.min, np.size, np.cumsum, lambda a: a > 0,
)
OF_TWO = (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.matmul, np.floor_divide)


def words(name: str) -> set[str]:
    """The words in a name: {"conv", "forward"} for conv2d_forward, {"max", "pool"} for MaxPool2d."""
    return {part.lower() for part in re.split(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])", name) if len(part) > 2}


def direction(name: str) -> str:
    """Whether a name speaks of a jacobian, of a derivative, or of neither."""
    return next((way for way, stems in DIRECTIONS.items() if any(w.startswith(stems) for w in words(name))), "")


def shared_words(one: str, other: str) -> int:
    """How many words of two names are the same, or one the beginning of the other ("pad" and "padding")."""
    if direction(one) != direction(other):
        return 0
    mine, theirs = words(one) - NO_WORDS, words(other) - NO_WORDS
    return sum(any(a.startswith(b) or b.startswith(a) for b in theirs) for a in mine)


def is_telling(report: Report, cases: dict[str, Case], outcomes: dict[str, Outcome], kin: bool) -> bool:
    """Whether a report on a function says for certain that it is meant as the exercise."""
    values = {name: outcomes[name].outputs for name, case in cases.items() if not case.raises}
    came = {name: outputs for name, outputs in values.items() if outputs is not None}
    # A mistake that is named explains all wrong results; else only what should raise may be wrong.
    if report.not_yet or not report.mistakes and values.keys() & report.failed.keys():
        return False
    if kin:
        return sum(array.size for outputs in came.values() for array in outputs.values()) >= ENOUGH_FOR_KIN
    if not report.passed and min(len(case.args) for case in cases.values()) < 2:
        return False  # np.clip, np.diag and many more are some activation with some mistake
    enough = ENOUGH_IF_RIGHT if report.passed else ENOUGH_IF_WRONG
    return sum(beyond_elementary(cases[name], outputs) for name, outputs in came.items()) >= enough


def beyond_elementary(case: Case, outputs: dict[str, np.ndarray]) -> int:
    """How many numbers in the outputs are neither constant nor an elementary function of the inputs."""
    plain = list(elementary(case))
    return sum(
        array.size
        for array in outputs.values()
        if not is_constant(array) and not any(equal(array, other) for other in plain)
    )


def is_constant(array: np.ndarray) -> bool:
    """Whether it says one number over and over, or a single -1, 0 or 1."""
    if array.size == 1:
        return abs(array.item()) in (0, 1)
    return array.size == 0 or bool((array == array.flat[0]).all())


def elementary(case: Case) -> Iterator[np.ndarray]:
    """What one NumPy function makes of one or two of the inputs, as far as it can take them."""
    inputs = [np.asarray(value) for value in case.args.values() if isinstance(value, (np.ndarray, int, float))]
    calls = [(function, (a,)) for function in OF_ONE for a in inputs]
    calls += [(function, (a, b)) for function in OF_TWO for a in inputs for b in inputs if a is not b]
    with np.errstate(all="ignore"):
        for function, args in calls:
            try:
                yield np.asarray(function(*args))
            except (ValueError, TypeError, IndexError):  # these do not go together
                continue


def equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, equal_nan=True)
