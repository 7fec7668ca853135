"""Read and write notebooks, and recognise the cells that matter in them."""

import ast
import json
import os
import re
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labkit.errors import CommandError


def read(path: Path) -> NotebookNode:
    """The notebook at `path`. Raises CommandError if it cannot be read or is no notebook."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
    except FileNotFoundError:
        raise CommandError(f"{path} does not exist.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise CommandError(f"{path} is no notebook: it is not JSON in UTF-8 ({error}).") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list) or raw.get("nbformat") != 4:
        raise CommandError(f"{path} is no notebook of format 4. Open it in JupyterLab and save it again.")
    try:
        notebook = nbformat.reads(text, as_version=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing and doubled cell ids are mended, without a word
            _, notebook = nbformat.validator.normalize(notebook)
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        reason = str(error).splitlines()[0].rstrip(". ")
        raise CommandError(f"{path} is a damaged notebook: {reason}.") from None
    return notebook


def text(notebook: NotebookNode) -> str:
    """The notebook as the text that is kept in a file."""
    return nbformat.writes(notebook) + "\n"


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook whole or not at all: a killed write leaves the old file as it was."""
    nbformat.validate(notebook)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, partial = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text(notebook))
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def exercise_of(cell: NotebookNode) -> str | None:
    """The exercise a cell's metadata say it answers, or None."""
    return labkit_metadata(cell).get("exercise")


def answer_of(cell: NotebookNode) -> str | None:
    """The prose question a cell's metadata say it answers, or None."""
    return labkit_metadata(cell).get("answer")


def labkit_metadata(cell: NotebookNode) -> dict:
    """What labkit wrote into a cell's metadata; empty if nothing."""
    ours = cell.metadata.get("labkit", {})
    return ours if isinstance(ours, dict) else {}


def checked_by(cell: NotebookNode) -> str | None:
    """The function a check cell passes: "relu" for a cell that holds `check(relu)` alone, else None."""
    match = re.fullmatch(r"check\((\w+)\)", cell.source.strip()) if cell.cell_type == "code" else None
    return match[1] if match else None


def tags_of(cell: NotebookNode) -> list[str]:
    """A cell's tags, in order."""
    tags = cell.metadata.get("tags", [])
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def stub_marker(source: str) -> tuple[str, str, bool] | None:
    """What a cell that asks for code says: (defined name, text of its NotImplementedError, untouched).

    Such a cell defines one function whose body ends in `raise NotImplementedError("Lab 2: name")`,
    or one class of which every method does. It is untouched if nothing else but docstrings stands
    there. None for every other cell.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    if len(body) != 1 or not isinstance(body[0], (ast.FunctionDef, ast.ClassDef)):
        return None
    inner = without_docstring(body[0].body) if isinstance(body[0], ast.ClassDef) else body
    methods = [node for node in inner if isinstance(node, ast.FunctionDef)]
    markers = {not_implemented(method.body[-1]) for method in methods}
    if len(markers) != 1 or None in markers:
        return None
    untouched = len(methods) == len(inner) and all(len(without_docstring(m.body)) == 1 for m in methods)
    return body[0].name, markers.pop(), untouched


def not_implemented(node: ast.stmt) -> str | None:
    """The text of `raise NotImplementedError("text")`, or None for any other statement."""
    match node:
        case ast.Raise(
            exc=ast.Call(func=ast.Name(id="NotImplementedError"), args=[ast.Constant(value=str(told))])
        ):
            return told
    return None


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body but for its docstring."""
    return body[1:] if ast.get_docstring(ast.Module(body, [])) is not None else body
