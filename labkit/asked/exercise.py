"""What an exercise is: the half that is asked. NumPy only, so that answers can run where torch is not."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KINDS = ("array", "property", "raises", "callable", "trace", "checker")


@dataclass(frozen=True)
class Case:
    """One set of inputs, with the bug it is there to catch.

    `args` holds arrays, numbers, strings, None, tuples and lists by parameter name, in the order of
    the signature. Those named in `keywords` are passed by keyword, the others by position. An
    argument called `rng` is given as a seed: each call gets its own `numpy.random.Generator`.
    `raises` names the error that is the right answer here ("ValueError").
    """

    catches: str
    args: dict[str, object]
    keywords: tuple[str, ...] = ()
    raises: str = ""


def whole(*values: object) -> np.ndarray:
    """Small whole numbers as float64, for cases that are worked out by hand."""
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True)
class Group:
    """Cases that earn points of their own, by name: what an answer gets right where it is wrong elsewhere."""

    points: int
    cases: tuple[str, ...]


class Misuse(Exception):
    """A result that cannot be read as what the exercise returns. `code` sorts it, the text says it."""

    def __init__(self, code: str, sentence: str):
        super().__init__(sentence)
        self.code = code


def call(answer: Callable, case: Case) -> object:
    """Call `answer` with the arguments of `case` and give back what it returns."""
    args = {
        name: np.random.default_rng(value) if name == "rng" else value
        for name, value in case.args.items()
    }
    positional = [value for name, value in args.items() if name not in case.keywords]
    return answer(*positional, **{name: args[name] for name in case.keywords})


def one_call(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """The usual drive: one call, its results by name. Raises Misuse if their number is wrong."""
    result = call(answer, case)
    if len(returns) == 1:
        return {name: result for name in returns}
    names = ", ".join(returns)
    if not isinstance(result, (tuple, list)):
        code, kind = ("none", "None") if result is None else ("count", type(result).__name__)
        raise Misuse(code, f"it returned {kind}; expected a tuple ({names})")
    if len(result) != len(returns):
        raise Misuse("count", f"it returned {len(result)} results; expected {len(returns)}: {names}")
    return dict(zip(returns, result))


@dataclass(frozen=True)
class Exercise:
    """One exercise, as it is asked.

    kind      one of KINDS; says how an answer is driven and judged (COURSE words)
    asks      one sentence: what the function does
    hints     three, from a question to nearly the answer
    inputs    rng -> named cases; their numbers differ from seed to seed, their shapes need not
    small     -> named cases with few small numbers, smallest first: one of them explains a mistake
    returns   results by name, in order: "array", "scalar" (a float) or "integer"
    drive     (answer, case, returns) -> results by name: how an answer is called
    groups    partial credit: groups of cases with points that add up to `points`. A group earns its points
              where all its cases pass, and every case that is in no group. Without groups: all or nothing
    """

    name: str
    lab: str
    points: int
    kind: str
    asks: str
    hints: tuple[str, str, str]
    inputs: Callable[[np.random.Generator], dict[str, Case]]
    returns: dict[str, str]
    small: Callable[[], dict[str, Case]] = dict
    drive: Callable[[Callable, Case, dict[str, str]], dict[str, object]] = one_call
    core: bool = True
    groups: tuple[Group, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind is {self.kind!r}, expected one of {', '.join(KINDS)}")
        if len(self.hints) != 3:
            raise ValueError(f"{self.name}: {len(self.hints)} hints, expected 3")
        if self.points < 1:
            raise ValueError(f"{self.name}: points is {self.points}, expected at least 1")
        if self.groups and sum(group.points for group in self.groups) != self.points:
            raise ValueError(f"{self.name}: the points of its groups do not add up to {self.points}")

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Names of the known ways to be wrong (loads torch)."""
        from labkit.references import reference

        return tuple(mistake.name for mistake in reference(self).mistakes)


def nearest(name: str, known: list[str]) -> str:
    """A half sentence that offers the names closest to `name`, or all of them when there are few."""
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"known are: {', '.join(known)}"
