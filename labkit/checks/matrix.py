"""The checks checked: which case rejects which known mistake."""

from dataclasses import dataclass

import numpy as np

from labkit.asked.exercise import Case, Exercise
from labkit.checks import SEED
from labkit.checks.diagnosing import Conduct, conducts, differences, recognise
from labkit.checks.judging import one_thread
from labkit.checks.running import Outcome, attempt, run
from labkit.references import reference


@dataclass(frozen=True)
class Spelling:
    """One spelling of a mistake: the cases that reject it, whether a small one does, what it is taken for, and
    whether a call with the exercise's parameters is refused (it is then no mistake but a slip of its author)."""

    rejected_by: frozenset[str]
    explained: bool
    named: str | None
    refused: bool


@dataclass(frozen=True)
class Matrix:
    """All mistakes of one exercise against all its cases."""

    exercise: Exercise
    cases: dict[str, Case]
    mistakes: dict[str, tuple[Spelling, ...]]
    broken: tuple[str, ...] = ()  # sentences on cases that the reference itself does not pass

    def mark(self, mistake: str, case: str) -> str:
        """✓ where the case rejects every spelling of the mistake, ~ where only some, · where none."""
        spellings = self.mistakes[mistake]
        rejected = sum(case in spelling.rejected_by for spelling in spellings)
        return "·" if not rejected else "✓" if rejected == len(spellings) else "~"

    def problems(self) -> list[str]:
        """Sentences on mistakes that pass or are called by another name, and on cases that reject nothing."""
        if self.broken:
            return list(self.broken)
        told = []
        for mistake, spellings in self.mistakes.items():
            for number, spelling in enumerate(spellings, 1):
                which = f"{mistake}, spelling {number}" if len(spellings) > 1 else mistake
                if spelling.refused:
                    told.append(f"{which} does not take the exercise's parameters.")
                if not spelling.rejected_by:
                    told.append(f"{which} passes every case.")
                    continue
                if spelling.named != mistake:
                    told.append(f"{which} is rejected, but named {spelling.named or 'nothing'}.")
                if not spelling.explained:
                    told.append(f"{which} is rejected, but shows in no case of `small`.")
        rejecting = {c for spellings in self.mistakes.values() for s in spellings for c in s.rejected_by}
        return told + [f"the case {case!r} rejects no mistake." for case in self.cases if case not in rejecting]


def matrix(exercise: Exercise, seed: int = SEED) -> Matrix:
    """Run every spelling of every known mistake of `exercise` on its cases, as drawn from `seed`."""
    true, cases, small = reference(exercise), exercise.inputs(np.random.default_rng(seed)), exercise.small()

    def shows_small(answer) -> bool:
        """Whether a small case rejects it: mostly one of the first, on its first call."""
        firsts = ((name, attempt(exercise, answer, case)) for name, case in small.items())
        if any(differences({name: small[name]}, {name: one}, small_truth, true) for name, one in firsts):
            return True
        return bool(differences(small, run(exercise, answer, small), small_truth, true))

    def tried(spelling: Conduct) -> Spelling:
        outcomes = run(exercise, spelling.answer, cases)
        spelling |= outcomes  # what it does is known now
        wrong = differences(cases, outcomes, truth, true)
        named = recognise(exercise, true, cases, outcomes, wrong, known)
        refused = any(
            one.error == "TypeError" and "unexpected keyword argument" in one.detail and not one.where
            for one in outcomes.values()
        )
        return Spelling(frozenset(wrong), shows_small(spelling.answer), named[0].name if named else None, refused)

    with one_thread():
        truth, small_truth = run(exercise, true.answer, cases), run(exercise, true.answer, small)
        if broken := reference_troubles(cases | small, truth | small_truth):
            return Matrix(exercise, cases, {}, broken)
        known = conducts(exercise, true, cases)
        mistakes = {
            mistake.name: tuple(tried(done) for of, done in known if of is mistake)
            for mistake in true.mistakes
        }
    return Matrix(exercise, cases, mistakes)


def reference_troubles(cases: dict[str, Case], truth: dict[str, Outcome]) -> tuple[str, ...]:
    """Sentences on cases in which the reference's own answer fails."""
    return tuple(
        f"the reference itself fails in the case {name!r}: {truth[name].detail}." for name in cases if truth[name].fault
    )
