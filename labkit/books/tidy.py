"""Bring a student's notebook into its one canonical form."""

import copy
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labkit import asked
from labkit.books import places
from labkit.books.notebook import (
    answer_of,
    checked_by,
    exercise_of,
    labkit_metadata,
    read,
    stub_marker,
    tags_of,
    text,
    write,
)
from labkit.errors import CommandError

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
ROLES = ("exercise", "check", "answer")
MACHINE_MADE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{6,8}|")


def tidy(notebook: NotebookNode, lab: str) -> NotebookNode:
    """The notebook of `lab` ("lab02") in canonical form; the one given stays as it was.

    Outputs and empty code cells go. Exercise, check and answer cells get their ids, tags and
    metadata; other cells keep their tags and a readable id. Raises CommandError where a cell is not
    what it should be, above all where an exercise cell holds something else than its stub.
    """
    cells, taken = [], set()
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and not cell.source.strip():
            continue
        role, name = role_of(cell, f"cell {number}", lab)
        cell_id = f"{role}-{name}" if role else readable_id(cell, taken)
        if cell_id in taken:
            raise CommandError(f"cell {number}: {role} {name} is there twice. Remove one of the cells.")
        taken.add(cell_id)
        cells.append(tidy_cell(cell, role, name, cell_id))
    metadata = {"kernelspec": KERNELSPEC, "labkit": {"lab": lab}, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(copy.deepcopy(whole))


def role_of(cell: NotebookNode, where: str, lab: str) -> tuple[str, str]:
    """What a cell is for and whom it names: ("exercise", "zero_pad"), or ("", "") for a given cell."""
    marker = stub_marker(cell.source) if cell.cell_type == "code" else None
    if marker is not None:
        refuse_wrong_stub(*marker, where, lab)
        return "exercise", marker[0]
    if checked := checked_by(cell):
        refuse_unknown(checked, where, lab)
        return "check", checked
    claimed = {role for role in ROLES if labkit_metadata(cell).get(role) or role in tags_of(cell)}
    if "exercise" in claimed:
        name = exercise_of(cell) or "an exercise"
        raise CommandError(
            f"{where}: this is the cell of {name}, and it no longer holds its stub. Put back one function "
            f'that ends in raise NotImplementedError("Lab {lab.lstrip("lab0") or 0}: {exercise_of(cell) or "its name"}"), '
            "so that no answer is published."
        )
    if "check" in claimed:
        raise CommandError(f"{where}: a check cell holds check(name) and nothing else.")
    if "answer" not in claimed:
        return "", ""
    name = answer_of(cell)
    if cell.cell_type != "markdown" or not name or not re.fullmatch(rf"{lab}-[a-z0-9-]+", name):
        raise CommandError(
            f"{where}: an answer in prose is a Markdown cell with an id of its own in its metadata, "
            f'like {{"labkit": {{"answer": "{lab}-prediction"}}}}.'
        )
    return "answer", name


def refuse_wrong_stub(name: str, told: str, untouched: bool, where: str, lab: str) -> None:
    """Raise CommandError unless the stub is that of an exercise of this lab, with no code in it."""
    refuse_unknown(name, where, lab)
    expected = f"Lab {int(lab[3:])}: {name}"
    if told != expected:
        raise CommandError(f'{where}: the stub of {name} says "{told}", expected "{expected}".')
    if not untouched:
        raise CommandError(
            f"{where}: the stub of {name} holds more than its docstring and the raise. "
            "Take the code out, so that no answer is published."
        )


def refuse_unknown(name: str, where: str, lab: str) -> None:
    """Raise CommandError unless the catalogue knows `name` as an exercise of `lab`."""
    try:
        exercise = asked.exercise(name)
    except ValueError as error:
        raise CommandError(
            f"{where}: {error}. Exercises of {lab} are listed in labkit/asked/{lab}.py."
        ) from None
    if exercise.lab != lab:
        raise CommandError(f"{where}: {name} is an exercise of {exercise.lab}, and this is {lab}.")


def tidy_cell(cell: NotebookNode, role: str, name: str, cell_id: str) -> dict:
    """A cell with nothing but what its role needs."""
    kept = [tag for tag in tags_of(cell) if tag not in ROLES]
    metadata = {"deletable": False}
    if role:
        metadata["labkit"] = {role: name}
    if role == "check":
        metadata["editable"] = False
    if tags := ([role] if role else []) + kept:
        metadata["tags"] = tags
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        metadata["jupyter"] = {"source_hidden": True}
    clean = {"cell_type": cell.cell_type, "id": cell_id, "metadata": metadata, "source": cell.source.rstrip()}
    if cell.cell_type == "code":
        clean |= {"execution_count": None, "outputs": []}
    if cell.get("attachments"):
        clean["attachments"] = cell.attachments
    return clean


def readable_id(cell: NotebookNode, taken: set[str]) -> str:
    """The cell's own id, or one made from its first words where a program made it up or it is taken."""
    given = cell.get("id", "")
    borrowed = given.startswith(tuple(f"{role}-" for role in ROLES))
    if given not in taken and not borrowed and not MACHINE_MADE.fullmatch(given):
        return given
    kind = "text" if cell.cell_type == "markdown" else cell.cell_type
    words = re.findall(r"[a-z0-9]+", cell.source.lower())[:6]
    base = "-".join([kind, *words])[:56].rstrip("-")
    return next(one for n in range(1, 10_000) if (one := base if n == 1 else f"{base}-{n}") not in taken)


def tidied(path: Path) -> NotebookNode:
    """The notebook at `path` in canonical form. Raises CommandError that names the file."""
    try:
        return tidy(read(path), places.lab_of(path))
    except CommandError as error:
        told = str(error)
        raise CommandError(told if path.name in told else f"{path.name}, {told}") from None


def tidy_files(paths: list[Path]) -> list[Path]:
    """Rewrite notebooks in place, none of them if one is refused. Returns those that changed."""
    found = {path: tidied(path) for path in paths}
    changed = [path for path, done in found.items() if path.read_text(encoding="utf-8") != text(done)]
    for path in changed:
        write(path, found[path])
    return changed
