"""What the commands print: tables that also read well as plain text."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labkit import asked
from labkit.books import places
from labkit.books.run import Result
from labkit.errors import CommandError

COLOURS = {"right": "blue", "wrong": "red", "not yet": "yellow", "not run": "dim"}


@contextlib.contextmanager
def counting(name: str) -> Iterator[Callable[[int], None]]:
    """Shows, on a terminal, how many cells are done."""
    console = Console(stderr=True)
    with console.status(f"{name}: starting") as status:
        yield lambda cells: status.update(f"{name}: {cells} cells done")


def result(path: Path, result: Result) -> None:
    """Print what a run of a learner's notebook found."""
    console = Console()
    table = Table("exercise", "points", "result", "why", title=escape(path.name), title_justify="left")
    for one in result.verdicts:
        colour = COLOURS[one.state]
        table.add_row(one.exercise, str(one.points), f"[{colour}]{one.state}[/]", escape(one.why))
    console.print(table)
    for told in result.failed:
        console.print(escape(f"Also: {told}."), highlight=False)
    if result.trouble:
        console.print(escape(result.trouble), highlight=False)
    right = [one for one in result.verdicts if one.state == "right"]
    points, most = (sum(one.points for one in some) for some in (right, result.verdicts))
    console.print(f"{len(right)} of {len(result.verdicts)} exercises right, {points} of {most} points.")


def matrices(what: str | None) -> int:
    """Print the matrix mistakes × cases of a lab or an exercise. Returns 1 if one has a problem, else 0."""
    from labkit.checks.matrix import matrix  # needs torch

    console, status = Console(), 0
    for exercise in chosen(what):
        found = matrix(exercise)
        console.print(f"[bold]{exercise.name}[/]  {len(found.mistakes)} mistakes, {len(found.cases)} cases")
        for number, (name, case) in enumerate(found.cases.items(), 1):
            console.print(escape(f"{number:3} {name}: {case.catches}"), highlight=False)
        # Narrow columns: a name cut short would say nothing, and 80 characters must do.
        table = Table(box=None, padding=(0, 1, 0, 0), collapse_padding=True)
        table.add_column("mistake", no_wrap=True)
        for number in range(1, len(found.cases) + 1):
            table.add_column(str(number), no_wrap=True, min_width=2)
        for mistake in found.mistakes:
            table.add_row(mistake, *(found.mark(mistake, case) for case in found.cases))
        console.print(table)
        for problem in found.problems():
            console.print(escape(f"{exercise.name}: {problem}"), style="red", highlight=False)
            status = 1
    if status == 0:
        console.print("✓ rejects it, ~ rejects some ways to write it, · lets it pass.", highlight=False)
        console.print("Every mistake is rejected and named; every case rejects at least one.")
    return status


def chosen(what: str | None) -> list[asked.Exercise]:
    """The exercises that a lab's or an exercise's name means; all where none is given."""
    everything = asked.exercises()
    if what is None:
        return everything
    if exact := [one for one in everything if one.name == what]:
        return exact
    with contextlib.suppress(CommandError):
        if found := [one for one in everything if one.lab == places.lab_named(what)]:
            return found
    near = asked.nearest(what, [one.name for one in everything])
    raise CommandError(f"{what!r} is neither a lab nor an exercise; {near}" + ("" if near.endswith("?") else "."))
