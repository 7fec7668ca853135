"""The questions of a lab that are answered in writing, from the course's own notebook."""

from pathlib import Path

from labkit.books.notebook import answer_of, read
from labkit.books.solutions import read_solutions
from labkit.grading.points import Prose


def asked_in(notebook: Path, solutions: Path | None = None) -> dict[str, Prose]:
    """By id, in the notebook's order: what is asked, and the model answer where `solutions` has one.

    What is asked is the Markdown directly above the answer's cell, and what the cell itself gives.
    Raises CommandError where a file cannot be read.
    """
    models = read_solutions(solutions).answers if solutions is not None and solutions.is_file() else {}
    found: dict[str, Prose] = {}
    above = ""
    for cell in read(notebook).cells:
        name = answer_of(cell)
        if name:
            given = [text for text in (above, cell.source) if text.strip()]
            found[name] = Prose("\n\n".join(given), models.get(name, ""))
        above = cell.source if cell.cell_type == "markdown" and not name else ""
    return found
