"""Compare what an answer did with what is expected, in the order of the checks."""

from dataclasses import dataclass

import numpy as np

from labkit.checks.running import Outcome


@dataclass(frozen=True)
class Difference:
    """Why one case fails: a code, a sentence, and for wrong values the entry where it shows."""

    code: str
    sentence: str
    output: str = ""
    index: tuple[int, ...] = ()
    got: float | None = None
    expected: float | None = None


def difference(outcome: Outcome, truth: Outcome, case, tolerance, holds=None) -> Difference | None:
    """The first thing that is wrong in `outcome`, or None.

    Order: returned, type, shape, dtype, finite, values (or, for random results, what `holds`
    says), inputs unchanged, same answer twice.
    """
    if outcome.fault:
        return Difference(outcome.fault, outcome.detail)
    if holds is not None and not case.raises:
        broken = what_does_not_hold(holds, case, outcome.outputs)
        found = Difference("property", broken) if broken else None
    else:
        found = next(
            (
                wrong
                for name, expected in truth.outputs.items()
                if (wrong := array_difference(name, outcome.outputs.get(name), expected, tolerance))
            ),
            None,
        )
    return found or misconduct(outcome, case, tolerance)


UNREADABLE = (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError)  # what odd arrays lead to


def what_does_not_hold(holds, case, outputs: dict[str, np.ndarray]) -> str | None:
    """The sentence of `holds`; one of its own where the results have shapes that cannot be looked at at all.

    That `holds` itself is right is proven by right answers that pass and mistakes that are named.
    """
    try:
        return holds(case, outputs)
    except UNREADABLE:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in list(outputs.items())[:4])
        return f"its results cannot be looked at: their shapes are {shapes}"


def array_difference(name: str, got: np.ndarray | None, expected: np.ndarray, tolerance):
    """Shape, dtype, finite, values: the first that is wrong in one result, or None."""
    if got is None:
        return Difference("count", f"{name} is missing")
    if got.shape != expected.shape:
        return Difference("shape", f"{name} has shape {got.shape}; expected {expected.shape}", name)
    if got.dtype != expected.dtype and (expected.ndim or is_coarser(got, expected)):
        return Difference("dtype", f"{name} is {got.dtype}; expected {expected.dtype}", name)
    broken = np.isfinite(expected) & ~np.isfinite(got)
    wrong = broken if broken.any() else ~agree(got, expected, tolerance)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    values = got[index].item(), expected[index].item()
    sentence = "{} is {}; expected {}".format(place, *told_apart(*values))
    return Difference("not finite" if broken.any() else "values", sentence, name, index, *values)


def is_coarser(got: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a floating result is less precise than expected; a scalar may be more so, as a Python float is."""
    return got.dtype.kind == expected.dtype.kind == "f" and got.dtype.itemsize < expected.dtype.itemsize


def misconduct(outcome: Outcome, case, tolerance) -> Difference | None:
    """Inputs changed, or another answer the second time."""
    for name, after in outcome.after.items():
        if not same_array(after, case.args[name]):
            return Difference("inputs changed", f"it changed its input {name}; work on a copy")
    if outcome.again is not None and not same_results(outcome.outputs, outcome.again, case, tolerance):
        return Difference("not repeatable", "called again with the same arguments, it answered otherwise")
    return None


def agree(got: np.ndarray, expected: np.ndarray, tolerance, given=()) -> np.ndarray:
    """Where the values agree within the tolerance, elementwise; equal infinities and NaNs agree.

    given: arrays both were computed from, whose precision bounds theirs.
    """
    if got.dtype.kind in "biu" and expected.dtype.kind in "biu":
        return got == expected
    room = tolerance.of(got, expected, *given)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(got - expected) <= room + room * np.abs(expected)
    return close & np.isfinite(expected) | (got == expected) | (np.isnan(got) & np.isnan(expected))


def same_array(one: np.ndarray, other: np.ndarray) -> bool:
    """Same shape, dtype and values, bit for bit but for the payload of NaNs."""
    return same_bits(one, other) or (
        one.shape == other.shape
        and one.dtype == other.dtype
        and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    )


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Same shape, dtype and bits: the usual case, and seen many times faster than that values agree."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def same_results(one: dict, other: dict, case, tolerance) -> bool:
    """The same names, shapes and values within the tolerance; precision may differ."""
    given = [value for value in case.args.values() if isinstance(value, np.ndarray)]
    return one.keys() == other.keys() and all(
        same_bits(one[name], other[name])
        or one[name].shape == other[name].shape and bool(agree(one[name], other[name], tolerance, given).all())
        for name in one
    )


def number(value: float | int | bool | complex) -> str:
    """A number as a person writes it: 8 for 8.0, four digits for the rest."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers that differ, with as many digits as it takes to see it."""
    texts = number(one), number(other)
    digits = 5
    while texts[0] == texts[1] and one != other and isinstance(one, float) and digits <= 17:
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        digits += 1
    return texts
