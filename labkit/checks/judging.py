"""From what an answer did to a verdict. Runs where torch is, never where the answer runs."""

import contextlib
import pickle
from dataclasses import dataclass
from functools import cached_property

import torch

from labkit.asked.exercise import Exercise
from labkit.checks.diagnosing import Cases, Conduct, Outcomes, conducts, differences, recognise
from labkit.checks.explaining import explain
from labkit.checks.report import Report
from labkit.checks.running import run
from labkit.references.reference import Mistake, Reference

# Faults that a case's own bug shows as; with any other, naming that bug would only mislead.
TELLING = ("values", "not finite", "shape", "no error", "property")


@dataclass(frozen=True)
class Standard:
    """What answers are measured by on some cases: found out when asked for, and kept for the next answer."""

    exercise: Exercise
    reference: Reference
    cases: Cases

    @cached_property
    def truth(self) -> Outcomes:
        """What the right answer does."""
        return run(self.exercise, self.reference.answer, self.cases)

    @cached_property
    def known(self) -> list[tuple[Mistake, Conduct]]:
        """What every known mistake does."""
        return conducts(self.exercise, self.reference, self.cases)


# Standards used last, the latest at the end: enough for all exercises of a lab, each with its cases and its small ones.
KEPT: dict[tuple, Standard] = {}
MOST_KEPT = 32


def standard(exercise: Exercise, reference: Reference, cases: Cases) -> Standard:
    """The standard of some cases, kept by their contents: who draws them again gets what was found out already."""
    key = id(exercise), reference, pickle.dumps(cases)  # what is kept holds the exercise: no other gets its id
    KEPT[key] = KEPT.pop(key, None) or Standard(exercise, reference, cases)
    if len(KEPT) > MOST_KEPT:
        del KEPT[next(iter(KEPT))]
    return KEPT[key]


def judge(full: Standard, outcomes: Outcomes, small: Standard, small_outcomes: Outcomes) -> Report:
    """The report on an answer from its outcomes on the cases, and on the small cases.

    Only the cases decide; the small ones explain.
    """
    with one_thread():
        return verdict(full, outcomes, small, small_outcomes)


@contextlib.contextmanager
def one_thread():
    """torch on one thread: a second one makes convolutions of a few numbers many times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def verdict(full: Standard, outcomes: Outcomes, small: Standard, small_outcomes: Outcomes) -> Report:
    """As `judge`, on as many threads as torch has."""
    exercise, reference, cases = full.exercise, full.reference, full.cases
    if any(outcome.fault == "stub" for outcome in outcomes.values()):
        return Report(exercise, reference.like, len(cases), not_yet=True)
    wrong = differences(cases, outcomes, full.truth, reference)
    warned = tuple(dict.fromkeys(text for o in outcomes.values() for text in o.warned))
    if not wrong:
        return Report(exercise, reference.like, len(cases), warned=warned)
    mistakes = recognise(exercise, reference, cases, outcomes, wrong, full.known)
    small_wrong = differences(small.cases, small_outcomes, small.truth, reference) if small_outcomes else {}
    if small_wrong:
        example = explain(exercise, reference, small.cases, small_outcomes, small_wrong, mistakes)
    else:
        example = explain(exercise, reference, cases, outcomes, wrong, mistakes)
    return Report(
        exercise,
        reference.like,
        len(cases),
        failed={
            name: (cases[name].catches if found.code in TELLING else "", found.sentence)
            for name, found in wrong.items()
        },
        example=example,
        mistakes=tuple((mistake.name, mistake.sentence) for mistake in mistakes),
        warned=warned,
    )
