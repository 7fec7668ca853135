"""Help in a notebook: hints one step at a time, and after a try the solution."""

import ast
from collections.abc import Callable
from pathlib import Path

from labkit import asked, checks, logbook

given: dict[str, int] = {}  # hints given since Python started, by exercise


def hint(exercise: str | Callable) -> None:
    """Print the next hint for an exercise: a question first, nearly the answer last.

    exercise: its name, or your function. Raises ValueError for an unknown name.
    """
    one = asked.exercise(exercise if isinstance(exercise, str) else exercise.__name__)
    given[one.name] = min(given.get(one.name, 0) + 1, len(one.hints))
    number = given[one.name]
    logbook.note(one, "hint")
    print(f"Hint {number} of {len(one.hints)}: {one.hints[number - 1]}")
    if number == len(one.hints):
        print(f'That was the last one. After a try, reveal("{one.name}") shows a solution.')


def reveal(exercise: str | Callable, folder: str | Path = ".") -> None:
    """Print a solution, once you have checked an answer of your own.

    folder: where to look for `solutions/`, upwards from here. Raises FileNotFoundError where there
    are none: an instructor's bundle has no solutions.
    """
    one = asked.exercise(exercise if isinstance(exercise, str) else exercise.__name__)
    if one.name not in checks.tried and not logbook.entries().get(one.name, logbook.Entry()).checks:
        print(f"Try first: run check({one.name}) on a version of your own. Then reveal shows one.")
        return
    here = Path(folder).resolve()
    for place in (here, *here.parents):
        for path in sorted((place / "solutions").glob(f"{one.lab}_*.py")):
            source = path.read_text(encoding="utf-8")
            for node in ast.parse(source).body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == one.name:
                    logbook.note(one, "reveal")
                    print(ast.get_source_segment(source, node))
                    return
    raise FileNotFoundError(
        f"no solution of {one.name} here: this copy of the course has no solutions/ folder. Ask your instructor."
    )
