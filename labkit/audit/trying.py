"""One file, all exercises: from the path to what was found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from labkit import asked
from labkit.audit import source
from labkit.audit.asking import asks
from labkit.audit.functions import Function, functions
from labkit.audit.runs import Finding, Runs
from labkit.audit.statements import Statement, statements
from labkit.errors import CommandError

MOST_STATEMENTS, MOST_FUNCTIONS = 10_000, 300
AT_A_TIME = 5  # exercises in one process: starting it costs, and so does a function that hangs in each


@dataclass(frozen=True)
class Audit:
    """What was found in a file.

    kept       the statements that were run; functions say which of them is theirs
    functions  those that were looked at, in the order of the file
    findings   by function
    unable     by function: why it could not be run, in words that follow its name
    left       how many statements that do something were not run
    no_python  how many code cells are no Python
    asked_for  the functions named with --as
    """

    kept: list[Statement]
    functions: list[Function]
    findings: dict[str, list[Finding]]
    unable: dict[str, str]
    left: int
    no_python: int
    asked_for: frozenset[str]

    @property
    def unlike(self) -> list[str]:
        """The functions of which there is nothing to say."""
        return [one.name for one in self.functions if one.name not in self.findings.keys() | self.unable.keys()]

    @property
    def status(self) -> int:
        """The exit status: 1 something is wrong, 2 what --as asked for could not be done, else 0."""
        states = {one.state for found in self.findings.values() for one in found}
        if states & {"known", "unknown"}:
            return 1
        return 2 if self.asked_for & self.unable.keys() else 0


def audit(path: Path, pairs: list[str], seed: int = 0, progress: Callable[[int, int], None] = lambda *_: None) -> Audit:
    """Look for right answers and known mistakes among the functions in the file at `path`.

    pairs: "EXERCISE=NAME". progress: called with how many exercises are done, of how many. Raises
    CommandError.
    """
    pieces, no_python = source.read(path)
    require_few(path, sum(len(piece.tree.body) for piece in pieces), MOST_STATEMENTS, "statements")
    kept, left = statements(pieces)
    there = functions(kept)
    require_few(path, len(there), MOST_FUNCTIONS, "functions")
    wanted = [pair(text, there, path) for text in dict.fromkeys(pairs)]
    asked_for = frozenset(function.name for _, function in wanted)
    exercises = asked.exercises()
    known = {one.name for one in exercises}
    wanted += [(name, one) for name, one in there.items() if name in known and name not in asked_for]
    claimed = {function.name for _, function in wanted}
    others = [one for one in there.values() if one.listed and one.name not in claimed]
    runs = Runs(kept, left)
    mine = {one.name: [function for name, function in wanted if name == one.name] for one in exercises}
    progress(0, len(exercises))
    runs.name([ask for one in exercises for ask in asks(one, mine[one.name], seed, named=True)])
    for start in range(0, len(exercises), AT_A_TIME):
        some = exercises[start : start + AT_A_TIME]
        runs.try_out([ask for one in some for ask in asks(one, others, seed, named=False)])
        progress(start + len(some), len(exercises))
    looked_at = sorted((one for one in there.values() if one.listed or one.name in claimed), key=lambda one: one.at)
    runs.finish(looked_at)
    return Audit(kept, looked_at, runs.found, runs.unable, len(left), no_python, asked_for)


def require_few(path: Path, number: int, most: int, what: str) -> None:
    if number > most:
        raise CommandError(f"{path} holds {number} {what} outside functions; {most} are looked at. Split it.")


def pair(text: str, there: dict[str, Function], path: Path) -> tuple[str, Function]:
    """The exercise and the function that `--as EXERCISE=NAME` means. Raises CommandError."""
    exercise, equals, name = (part.strip() for part in text.partition("="))
    if not (exercise and equals and name):
        raise CommandError(f"--as {text}: expected EXERCISE=NAME, as in --as conv2d_forward=my_conv.")
    known = [one.name for one in asked.exercises()]
    if exercise not in known:
        raise CommandError(f"--as {text}: no exercise is called {exercise!r}; {near(exercise, known)}")
    if not there:
        raise CommandError(f"--as {text}: {path.name} defines no function at its top level.")
    if name not in there:
        raise CommandError(f"--as {text}: {path.name} defines no {name!r} at its top level; {near(name, there)}")
    return exercise, there[name]


def near(name: str, known: Iterable[str]) -> str:
    told = asked.nearest(name, list(known))
    return told if told.endswith("?") else f"{told}."
