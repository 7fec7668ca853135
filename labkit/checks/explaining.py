"""The smallest failing case, worked out term by term."""

import numpy as np

from labkit.asked.exercise import Case, Exercise
from labkit.checks.comparing import Difference, number, told_apart
from labkit.checks.diagnosing import Cases, Outcomes
from labkit.references.reference import Mistake, Reference

MOST_NUMBERS = 40


def explain(
    exercise: Exercise,
    reference: Reference,
    cases: Cases,
    outcomes: Outcomes,
    wrong: dict[str, Difference],
    mistakes: list[Mistake],
) -> tuple[str, ...]:
    """Lines on the first failing case: the call, what should come out, what did, and whence."""
    name, found = next(iter(wrong.items()))
    case, outcome = cases[name], outcomes[name]
    lines = [f"{exercise.name}({shown_arguments(case)})"]
    if found.code in ("values", "not finite"):
        index = ", ".join(map(str, found.index))
        place = f"{found.output}[{index}]" if index else found.output
        got, expected = told_apart(found.got, found.expected)
        lines.append(f"{place} should be {work(reference, case, found, expected)}")
        lines.append(f"yours is {yours(case, found, mistakes, got)}")
    else:
        lines.append(found.sentence)
        lines += [f"    {line}" for line in outcome.where]
        if outcome.error == "TypeError" and "argument" in found.sentence:
            lines.append("Keep the names, the order and the defaults of the parameters as the exercise gives them.")
    return tuple(lines)


def work(teller: Reference | Mistake, case: Case, found: Difference, value: str) -> str:
    """How the entry is computed and its value, or the value alone, which also stands where there is one term."""
    terms = teller.terms(found.output, found.index, **case.args) if teller.terms else None
    return f"{terms} = {value}" if terms and terms != value else value


def yours(case: Case, found: Difference, mistakes: list[Mistake], value: str) -> str:
    """The learner's value; where a recognised mistake knows how it came about, the terms too."""
    for mistake in mistakes:
        if mistake.terms and mistake.terms(found.output, found.index, **case.args):
            return work(mistake, case, found, value)
    return value


def shown_arguments(case: Case) -> str:
    """The arguments of a call as one would type them, large arrays by their shape."""
    return ", ".join(f"{name}={shown(value)}" for name, value in case.args.items())


def shown(value: object) -> str:
    """One argument: small arrays as nested lists (leading axes of length 1 told, not drawn)."""
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.size > MOST_NUMBERS:
        return f"{value.dtype} array of shape {value.shape}"
    squeezed = value
    while squeezed.ndim > 2 and squeezed.shape[0] == 1:
        squeezed = squeezed[0]
    notes = [str(value.dtype)] if value.dtype != np.float64 else []
    notes += [f"shape {value.shape}"] if squeezed.ndim < value.ndim else []
    return nested(squeezed) + (f" ({', '.join(notes)})" if notes else "")


def nested(value: np.ndarray) -> str:
    """An array as nested lists of short numbers."""
    if value.ndim == 0:
        return number(value.item())
    return f"[{', '.join(nested(part) for part in value)}]"
