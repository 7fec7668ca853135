"""Name the known mistake behind a wrong answer."""

from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise
from labkit.checks.comparing import UNREADABLE, Difference, difference, misconduct, same_results
from labkit.checks.running import Outcome, attempt
from labkit.references.reference import Mistake, Reference, Tolerance

MANNERS = ("precision",)  # mistakes that are nothing but a precision: where that is forgiven, they explain nothing

Cases = dict[str, Case]
Outcomes = dict[str, Outcome]


def differences(cases: Cases, outcomes: Outcomes, truth: Outcomes, reference: Reference):
    """What is wrong, by case; cases that are right are left out."""
    found = {
        name: difference(outcomes[name], truth[name], case, reference.tolerance, reference.holds)
        for name, case in cases.items()
    }
    return {name: wrong for name, wrong in found.items() if wrong}


class Manners(dict):
    """How an answer behaves beside its values, by case, found out when asked for: fault, precisions, misconduct."""

    def __init__(self, outcomes: Outcomes, cases: Cases, tolerance: Tolerance):
        self.of = lambda name: manners(outcomes[name], cases[name], tolerance)

    def __missing__(self, name: str) -> tuple:
        self[name] = self.of(name)
        return self[name]


def manners(outcome: Outcome, case: Case, tolerance: Tolerance) -> tuple:
    """The fault, the precision of each result where it counts, and the code of its misconduct."""
    fine = any(isinstance(given, np.ndarray) and given.dtype == np.float64 for given in case.args.values())
    kinds = {name: array.dtype if array.ndim or fine else None for name, array in outcome.outputs.items()}
    odd = misconduct(outcome, case, tolerance)
    return outcome.fault, kinds, odd.code if odd else ""


class Conduct(dict):
    """What one spelling of a mistake does, by case, found out when asked for."""

    def __init__(self, exercise: Exercise, answer: Callable, cases: Cases, tolerance: Tolerance):
        self.answer = answer
        self.attempt = lambda name: attempt(exercise, answer, cases[name])
        self.manners = Manners(self, cases, tolerance)

    def __missing__(self, name: str) -> Outcome:
        self[name] = self.attempt(name)
        return self[name]


def conducts(exercise: Exercise, reference: Reference, cases: Cases) -> list[tuple[Mistake, Conduct]]:
    """Every spelling of every known mistake, with what it does on the cases."""
    return [
        (mistake, Conduct(exercise, answer, cases, reference.tolerance))
        for mistake in reference.mistakes
        for answer in mistake.answers
    ]


def recognise(
    exercise: Exercise,
    reference: Reference,
    cases: Cases,
    outcomes: Outcomes,
    wrong: dict[str, Difference],
    known: list[tuple[Mistake, Conduct]] | None = None,
) -> list[Mistake]:
    """The known mistakes that explain what is wrong, the most telling first.

    A mistake explains an answer that does exactly what the mistake does, on all cases. Where none
    does, the cases with results and those that should raise are looked at apart, for an answer may
    have a bug in each; a different precision is forgiven last. Then a mistake that goes wrong in results
    too explains no missing error. While wrong results are unexplained,
    a missing error is not named: it would be read as their cause. known: what `conducts` gave for
    these cases, where many answers are looked at.
    """
    values = {name for name, case in cases.items() if not case.raises}
    raising = cases.keys() - values
    known = conducts(exercise, reference, cases) if known is None else known
    own = Manners(outcomes, cases, reference.tolerance)
    true = Conduct(exercise, reference.answer, cases, reference.tolerance)
    found: list[Mistake] = []
    explained: set[str] = set()
    for names, strict in ((set(cases), True), (values, True), (values, False), (raising, True)):
        if not (names & wrong.keys()) - explained:
            continue
        if names == raising and (values & wrong.keys()) - explained:
            break
        for mistake, done in known:
            if not strict and mistake.name in MANNERS:
                continue
            if mistake.shows is not None:
                hit = shows_in(mistake, cases, outcomes)
            else:
                hit = same_conduct(cases, names, outcomes, done, wrong, reference, own if strict else None)
                if hit and names == raising != set(cases) and reference.holds is None:
                    hit = all(is_right(done[name], true[name], cases[name], reference) for name in values)
            if hit:
                found.append(mistake)
                explained |= names
                break
    return found


def is_right(outcome: Outcome, truth: Outcome, case: Case, reference: Reference) -> bool:
    """Whether an outcome passes its case."""
    return difference(outcome, truth, case, reference.tolerance) is None


def shows_in(mistake: Mistake, cases: Cases, outcomes: Outcomes) -> bool:
    """Whether a mistake in random results is seen in at least one case."""
    return any(
        seen(mistake, case, outcomes[name].outputs)
        for name, case in cases.items()
        if not case.raises and outcomes[name].outputs is not None
    )


def seen(mistake: Mistake, case: Case, outputs: dict[str, np.ndarray]) -> bool:
    """Whether `mistake` shows in these results; results of odd shapes, in which it cannot be looked for, do not show it.

    That `shows` itself is right is proven by the matrix of mistakes.
    """
    try:
        return bool(mistake.shows(case, outputs))
    except UNREADABLE:
        return False


def same_conduct(cases, names, outcomes, done, wrong, reference, own) -> bool:
    """Whether an answer does what a mistake does on the cases `names`.

    Some failing case must show it beyond doubt: the same wrong results, or the same fault, where
    raising counts only if the exception's class is the same too. own: the answer's manners, None where
    a different precision is forgiven.
    """
    tolerance = reference.tolerance
    forgiven = () if own is not None else ("type", "dtype", "inputs changed", "not repeatable")
    shown = False
    for name in sorted(names, key=lambda name: (name not in wrong, name)):  # where they differ, they mostly do here
        got, other = outcomes[name], done[name]
        if (got.outputs is None) != (other.outputs is None):
            return False
        if got.outputs is None:
            if got.fault != other.fault:
                return False
            shown = shown or got.error == other.error
            continue
        if not same_results(got.outputs, other.outputs, cases[name], tolerance):
            return False
        if own is not None and own[name] != done.manners[name]:
            return False
        shown = shown or (name in wrong and wrong[name].code not in forgiven)
    return shown
