"""From what an answer did to a verdict. Runs where torch is, never where the answer runs."""

import contextlib

import torch

from labkit.asked.exercise import Exercise
from labkit.checks.diagnosing import Cases, Outcomes, differences, recognise
from labkit.checks.explaining import explain
from labkit.checks.report import Report
from labkit.checks.running import run
from labkit.references.reference import Reference


# Faults that a case's own bug shows as; with any other, naming that bug would only mislead.
TELLING = ("values", "not finite", "shape", "no error", "property")


def judge(
    exercise: Exercise,
    reference: Reference,
    cases: Cases,
    outcomes: Outcomes,
    small: Cases,
    small_outcomes: Outcomes,
) -> Report:
    """The report on an answer from its outcomes on the cases and on the small cases.

    Only the cases decide; the small ones explain.
    """
    with one_thread():
        return verdict(exercise, reference, cases, outcomes, small, small_outcomes)


@contextlib.contextmanager
def one_thread():
    """torch on one thread: a second one makes convolutions of a few numbers many times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def verdict(exercise, reference, cases, outcomes, small, small_outcomes) -> Report:
    """As `judge`, on as many threads as torch has."""
    if any(outcome.fault == "stub" for outcome in outcomes.values()):
        return Report(exercise, reference.like, len(cases), not_yet=True)
    wrong = differences(cases, outcomes, run(exercise, reference.answer, cases), reference)
    warned = tuple(dict.fromkeys(text for o in outcomes.values() for text in o.warned))
    if not wrong:
        return Report(exercise, reference.like, len(cases), warned=warned)
    mistakes = recognise(exercise, reference, cases, outcomes, wrong)
    small_wrong = differences(small, small_outcomes, run(exercise, reference.answer, small), reference)
    if small_wrong:
        example = explain(exercise, reference, small, small_outcomes, small_wrong, mistakes)
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
