"""Put a student's own code into the course's notebook: a notebook that runs from the top, its checks the course's.

What is promised. Every cell that is not the student's is the course's, byte for byte. Of the student come
code and, if asked for, prose: no metadata, tags, ids, outputs. A cell that leaves an exercise's last
definition stands in that exercise's place; where it leaves several, in the place of the first of them, and
the other places hold a comment. The student's other cells stand before the exercise they stood before
(an answer below exercises that come later does not count for that), those after the last one at the end.
Cells that came to the same place keep the student's order. A cell moves further up only if one that stands
there would otherwise miss a name, or an older definition would undo a newer one.
"""

import copy
import re
import symtable
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from labkit.asked import Exercise
from labkit.books.notebook import answer_of, exercise_of
from labkit.grading import answers

ELSEWHERE = "# {name}: its answer stands in another cell, above."


@dataclass(frozen=True)
class Names:
    """The names a cell binds at its top level, and those it uses, also within its functions."""

    binds: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    python: bool = True


def grafted(
    pristine: NotebookNode, cells: list[str], exercises: Iterable[Exercise], prose: Mapping[str, str] = {}
) -> NotebookNode:
    """The course's notebook `pristine` with a student's own code `cells` (`answers.own`) in it.

    exercises: of the notebook's lab. prose: written answers by id, Markdown. Nothing is changed in
    place; the same input gives the same bytes.
    """
    wanted = {one.name for one in exercises}
    place = {exercise_of(cell): number for number, cell in enumerate(pristine.cells) if exercise_of(cell) in wanted}
    names = [names_of(cell) for cell in cells]
    final = last_definitions(cells, names, place)
    home = homes(names, final, place, given_names(pristine), len(pristine.cells))
    at = defaultdict(list)
    for number in range(len(cells)):
        at[home[number]].append(number)
    book = copy.deepcopy(pristine)
    book.cells = []
    for number, cell in enumerate(pristine.cells):
        cell = copy.deepcopy(cell)
        name = exercise_of(cell)
        if cell.cell_type == "code" and name in final:
            here = final[name] if home[final[name]] == number and is_first(name, final, place) else None
            cell.source = ELSEWHERE.format(name=name) if here is None else cells[here].strip("\n")
            book.cells += [new_cell(one, cells[one]) for one in at[number] if here is None or one < here]
            book.cells.append(cell)
            book.cells += [new_cell(one, cells[one]) for one in at[number] if here is not None and one > here]
            continue
        if cell.cell_type == "markdown" and answer_of(cell) in prose:
            cell.source = prose[answer_of(cell)]
        book.cells += [new_cell(one, cells[one]) for one in at[number]]
        book.cells.append(cell)
    book.cells += [new_cell(one, cells[one]) for one in at[len(pristine.cells)]]
    return book


def new_cell(number: int, source: str) -> NotebookNode:
    """One of the student's cells that stands in no exercise's place."""
    parts = {"cell_type": "code", "execution_count": None, "id": f"student-{number + 1}", "metadata": {}, "outputs": []}
    return nbformat.from_dict(parts | {"source": source.strip("\n")})


def is_first(name: str, final: dict[str, int], place: dict[str, int]) -> bool:
    """Whether of the exercises that one cell answers this is the one in whose place it stands."""
    return place[name] == min(place[other] for other, number in final.items() if number == final[name])


def last_definitions(cells: list[str], names: list[Names], place: dict[str, int]) -> dict[str, int]:
    """By exercise, the number of the cell that defines it last; a cell that is no Python only where none else does."""
    final = {}
    for name in place:
        start = re.compile(rf"^(?:(?:def|class)[ \t]+{name}\b|{name}[ \t]*=)", re.MULTILINE)
        found = [number for number, one in enumerate(names) if name in one.binds]
        found = found or [n for n, one in enumerate(names) if not one.python and start.search(cells[n])]
        if found:
            final[name] = found[-1]
    return final


def homes(
    names: list[Names], final: dict[str, int], place: dict[str, int], given: dict[str, int], end: int
) -> list[int]:
    """Before which of the notebook's cells each of the student's stands, or in whose place; `end` is after all.

    given: names that the notebook's own cells bind, and the number of the first that does.
    """
    home = [end] * len(names)
    for name, number in final.items():
        home[number] = min(home[number], place[name])
    reached = -1  # an answer that comes late, above which all else has run, does not take its neighbours up
    answering = sorted(set(final.values()))
    for number in range(len(names)):
        if answering[:1] == [number]:
            reached = max(reached, home[answering.pop(0)])
        else:
            home[number] = next((home[other] for other in answering if home[other] > reached), end)
    binders = defaultdict(list)
    for number, one in enumerate(names):
        for name in one.binds:
            binders[name].append(number)
    first = {name: min((home[number], number) for number in numbers) for name, numbers in binders.items()}
    waiting = list(range(len(names)))
    while waiting:
        number = waiting.pop()
        here = home[number]
        older = {n for name in names[number].binds if final.get(name) == number for n in binders[name]}
        for other in older | set(missed(number, here, names[number], binders, first, given)):
            if home[other] > here:
                home[other] = here
                waiting.append(other)
                for name in names[other].binds:
                    first[name] = min(first[name], (here, other))
    return home


def missed(
    number: int,
    here: int,
    names: Names,
    binders: dict[str, list[int]],
    first: dict[str, tuple[int, int]],
    given: dict[str, int],
) -> Iterator[int]:
    """The cells that bind what cell `number`, which stands `here`, would miss there; one for each name."""
    for name in names.uses - names.binds:
        if name in first and first[name] > (here, number) and given.get(name, here) >= here:
            others = binders[name]
            yield others[max(bisect(others, number) - 1, 0)]


def given_names(pristine: NotebookNode) -> dict[str, int]:
    """The names that the notebook's own code binds, stubs aside, and the number of the first cell that does."""
    found: dict[str, int] = {}
    for number, cell in enumerate(pristine.cells):
        if cell.cell_type == "code" and not exercise_of(cell):
            for name in names_of(cell.source).binds:
                found.setdefault(name, number)
    return found


def names_of(source: str) -> Names:
    """What a cell binds and uses; nothing where it is no Python."""
    if answers.parsed(source) is None:
        return Names(python=False)
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(python=False)
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    uses, waiting = set(), [top]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for one in table.get_symbols():
            if one.is_referenced() and (table is top or one.is_global()):
                uses.add(one.get_name())
            if table is not top and one.is_declared_global() and one.is_assigned():
                binds.add(one.get_name())
    return Names(frozenset(binds), frozenset(uses))
