"""Checks: run an answer, compare it with the reference, name the mistake, report.

running -> comparing -> diagnosing -> explaining -> judging -> report. Only `running` runs student
code, and it knows NumPy alone; the others know torch and never call an answer.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable

import numpy as np

from labkit import asked, logbook
from labkit.asked.exercise import Exercise, nearest
from labkit.checks.report import Report
from labkit.checks.running import run

SEED = 0
tried: set[str] = set()  # exercises that were checked, stubs aside, since Python started


class CheckFailed(AssertionError):
    """An answer is not right; `report` and the text say why."""

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report

    def _render_traceback_(self) -> list[str]:
        """For IPython: the report stands above already, and a traceback would bury it."""
        return [f"CheckFailed: {self.report.exercise.name} is not right yet. The report is above."]


def examine(name: str | Exercise, function: Callable, seed: int | None = None) -> Report:
    """The report on `function` as the answer to the exercise `name`.

    seed: draws the numbers in the cases; the same seed gives the same report (default 0).
    Shows nothing and raises nothing for a wrong answer. Raises ValueError for an unknown name and
    TypeError where `function` cannot be called.
    """
    exercise = asked.exercise(name) if isinstance(name, str) else name
    if not callable(function):
        raise TypeError(f"{exercise.name}: {type(function).__name__} came, expected a function")
    from labkit.checks.judging import judge, standard  # these need torch
    from labkit.references import reference

    true = reference(exercise)
    cases, small = exercise.inputs(np.random.default_rng(SEED if seed is None else seed)), exercise.small()
    outcomes = run(exercise, function, cases)
    with contextlib.redirect_stdout(io.StringIO()):
        small_outcomes = run(exercise, function, small)
    return judge(standard(exercise, true, cases), outcomes, standard(exercise, true, small), small_outcomes)


def check(function: Callable, name: str | None = None) -> None:
    """Check your function against torch, show the report, and raise CheckFailed if it is wrong.

    A function that is still the stub is told "not yet" and does not raise, so that Run All goes on;
    it does raise under `labkit check` and nbval, where everything that is not right counts.
    name: the exercise, where the function's own name does not say it.
    """
    if isinstance(function, str):
        raise TypeError(f"check takes the function itself: check({function}), without quotes")
    if not callable(function):
        kind = type(function).__name__
        raise TypeError(f"a {kind} came; check takes the function itself, not called: check(name), not check(name(…))")
    report = examine(name or exercise_name(function, sys._getframe(1).f_globals), function)
    if not report.not_yet:
        tried.add(report.exercise.name)
        logbook.note(report.exercise, "right" if report.passed else "wrong", report.mistake or "")
    show(report)
    if not report.passed and (strict() or not report.not_yet):
        raise CheckFailed(report)


def exercise_name(function: Callable, namespace: dict[str, object]) -> str:
    """The exercise a function answers: by its own name, else by a name it is bound to."""
    known = {exercise.name for exercise in asked.exercises()}
    own = getattr(function, "__name__", "")
    bound = [own] if own in known else [name for name in known if namespace.get(name) is function]
    if len(bound) != 1:
        raise ValueError(
            f"check cannot tell which exercise {own or type(function).__name__!r} answers; "
            f"name it: check(function, \"{min(known)}\"). {nearest(own, sorted(known)).capitalize()}"
        )
    return bound[0]


def strict() -> bool:
    """Whether a stub counts as wrong: under `labkit check`, and in a kernel that nbval started."""
    return os.environ.get("LABKIT_STRICT") == "1" or ".ipynb::" in os.environ.get("PYTEST_CURRENT_TEST", "")


def show(report: object) -> None:
    """Display in a notebook, print elsewhere."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        sys.modules["IPython"].display.display(report)
    else:
        print(report)
