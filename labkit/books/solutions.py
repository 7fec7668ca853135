"""Read the answers to a lab from its solutions file, without running it."""

import ast
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import CommandError


@dataclass(frozen=True)
class Solutions:
    """The source of each top-level function or class by name, and the prose answers by id."""

    functions: dict[str, str]
    answers: dict[str, str]


def read_solutions(path: Path) -> Solutions:
    """The solutions in `path`. Raises CommandError if the file is missing or cannot be read.

    A function's source begins with its decorators and the comments directly above. `ANSWERS` is a
    dictionary of literal strings.
    """
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except FileNotFoundError:
        raise CommandError(f"There are no solutions at {path}.") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not valid Python: {error}.") from None
    lines = source.splitlines()
    functions = {
        node.name: segment(lines, node)
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    return Solutions(functions, prose_answers(tree, path))


def segment(lines: list[str], node: ast.FunctionDef | ast.ClassDef) -> str:
    """The lines of a definition, with its decorators and the comments directly above."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : node.end_lineno])


def prose_answers(tree: ast.Module, path: Path) -> dict[str, str]:
    """The dictionary ANSWERS, blank lines at its texts' ends removed."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["ANSWERS"]:
            try:
                answers = ast.literal_eval(node.value)
            except ValueError:
                answers = None
            if not isinstance(answers, dict) or not all(
                isinstance(part, str) for item in answers.items() for part in item
            ):
                raise CommandError(f"{path}: ANSWERS is not a dictionary of literal strings.")
            return {name: answer.strip() for name, answer in answers.items()}
    return {}
