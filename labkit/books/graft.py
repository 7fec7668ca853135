"""Put answers into a notebook."""

import copy
from collections.abc import Mapping

from nbformat import NotebookNode

from labkit.books.notebook import answer_of, exercise_of


def put_answers(
    notebook: NotebookNode, sources: Mapping[str, str], answers: Mapping[str, str]
) -> NotebookNode:
    """A copy of `notebook` with `sources` in its exercise cells and `answers` in its prose cells.

    `sources` holds code by exercise, `answers` Markdown by answer id. Cells that are not named stay
    as they are. Raises ValueError if the notebook has no cell for a name.
    """
    grafted = copy.deepcopy(notebook)
    wanted = {("code", name): source for name, source in sources.items()}
    wanted |= {("markdown", name): source for name, source in answers.items()}
    used = set()
    for cell in grafted.cells:
        key = (cell.cell_type, exercise_of(cell) if cell.cell_type == "code" else answer_of(cell))
        if key in wanted:
            cell.source = wanted[key]
            used.add(key)
    if missing := sorted(name for _, name in wanted.keys() - used):
        raise ValueError(f"the notebook has no cell for {', '.join(missing)}")
    return grafted
