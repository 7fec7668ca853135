"""The checks checked: which case rejects which known mistake."""

from dataclasses import dataclass

import numpy as np

from labkit.asked.exercise import Case, Exercise
from labkit.checks import SEED
from labkit.checks.diagnosing import differences, recognise
from labkit.checks.judging import one_thread
from labkit.checks.running import run
from labkit.references import reference


@dataclass(frozen=True)
class Spelling:
    """One spelling of a mistake: the cases that reject it, and the mistake it is taken for."""

    rejected_by: frozenset[str]
    named: str | None


@dataclass(frozen=True)
class Matrix:
    """All mistakes of one exercise against all its cases."""

    exercise: Exercise
    cases: dict[str, Case]
    mistakes: dict[str, tuple[Spelling, ...]]

    def mark(self, mistake: str, case: str) -> str:
        """✓ where the case rejects every spelling of the mistake, ~ where only some, · where none."""
        spellings = self.mistakes[mistake]
        rejected = sum(case in spelling.rejected_by for spelling in spellings)
        return "·" if not rejected else "✓" if rejected == len(spellings) else "~"

    def problems(self) -> list[str]:
        """Sentences on mistakes that pass or are called by another name, and on cases that reject nothing."""
        told = []
        for mistake, spellings in self.mistakes.items():
            for number, spelling in enumerate(spellings, 1):
                which = f"{mistake}, spelling {number}" if len(spellings) > 1 else mistake
                if not spelling.rejected_by:
                    told.append(f"{which} passes every case.")
                elif spelling.named != mistake:
                    told.append(f"{which} is rejected, but named {spelling.named or 'nothing'}.")
        rejecting = {c for spellings in self.mistakes.values() for s in spellings for c in s.rejected_by}
        return told + [f"the case {case!r} rejects no mistake." for case in self.cases if case not in rejecting]


def matrix(exercise: Exercise, seed: int = SEED) -> Matrix:
    """Run every spelling of every known mistake of `exercise` on its cases, as drawn from `seed`."""
    true, cases = reference(exercise), exercise.inputs(np.random.default_rng(seed))

    def tried(answer) -> Spelling:
        outcomes = run(exercise, answer, cases)
        wrong = differences(cases, outcomes, truth, true)
        named = recognise(exercise, true, cases, outcomes, wrong)
        return Spelling(frozenset(wrong), named[0].name if named else None)

    with one_thread():
        truth = run(exercise, true.answer, cases)
        mistakes = {mistake.name: tuple(map(tried, mistake.answers)) for mistake in true.mistakes}
    return Matrix(exercise, cases, mistakes)
