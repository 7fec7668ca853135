"""A notebook file as plain data: format 4 or 3, any encoding that JSON knows, and nothing believed."""

import json
import re
from dataclasses import dataclass, field

from labkit.grading.intake.nodes import Unreadable
from labkit.grading.intake.people import Upload
from labkit.grading.limits import MOST_NESTED, MOST_PARTS

LAB = re.compile(r"lab[ _-]?0*(\d{1,2})(?!\d)", re.IGNORECASE)
LONG = 400  # digits of a number that no notebook needs; Python refuses to read ten times as many


@dataclass(frozen=True)
class Book:
    """A notebook.

    lab      what its metadata say, not trusted
    sources  its code cells from the top, newlines as \\n
    damaged  cells that could not be read
    tree     the notebook in format 4, as JSON has it, without outputs. "cells" is a list of dicts with a text "source"
             and a dict "metadata"; nothing else in it is checked or trusted
    """

    lab: str
    sources: list[str]
    damaged: int
    tree: dict = field(default_factory=dict, repr=False)


def read_book(upload: Upload) -> Book:
    """The notebook that was handed in. Raises Unreadable."""
    raw = upload.read()
    if not raw.strip():
        raise Unreadable("is empty")
    if raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
        raise Unreadable(f"is no notebook: it is made of more than {MOST_PARTS} parts")
    try:
        # json finds out about a BOM and UTF-16 by itself, and takes the last of keys that are there twice, as Jupyter
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError:
        raise Unreadable("is no notebook: it is not in UTF-8") from None
    try:
        whole = json.loads(text, parse_int=number, parse_constant=lambda _: None)
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable("is no notebook: it is not JSON") from None
    return book(whole)


def number(digits: str) -> int:
    return int(digits) if len(digits) < LONG else 0


def book(whole: object) -> Book:
    """A notebook that was read as JSON, of format 4 or 3. Raises Unreadable."""
    cells = whole.get("cells") if isinstance(whole, dict) else None
    if isinstance(whole, dict) and not isinstance(cells, list) and isinstance(whole.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in whole["worksheets"] if isinstance(sheet, dict)]
        cells = [upgraded(cell) for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Unreadable("is no notebook: it has no list of cells")
    cleaned = [clean(cell) for cell in cells]
    readable = [cell for cell in cleaned if cell is not None]
    metadata = whole["metadata"] if isinstance(whole.get("metadata"), dict) else {}
    rest = {key: value for key, value in whole.items() if key not in ("cells", "worksheets", "metadata")}
    tree = {**rest, "metadata": metadata, "cells": readable}
    if nested_too_deeply(tree):
        raise Unreadable("is no notebook: it is nested too deeply")
    ours = metadata.get("labkit")
    lab = ours.get("lab") if isinstance(ours, dict) else None
    sources = [cell["source"] for cell in readable if cell.get("cell_type") == "code"]
    damaged = sum(after is None and may_be_code(before) for before, after in zip(cells, cleaned))
    return Book(lab if isinstance(lab, str) else "", sources, damaged, tree)


def upgraded(cell: object) -> object:
    """A cell of format 3 as format 4 has it."""
    if not isinstance(cell, dict):
        return cell
    if cell.get("cell_type") == "code" and "source" not in cell:
        return {**cell, "source": cell.get("input")}
    if cell.get("cell_type") == "heading" and (title := text_of(cell.get("source"))) is not None:
        level = cell.get("level")
        marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        return {**cell, "cell_type": "markdown", "source": f"{marks} {title}"}
    return cell


def clean(cell: object) -> dict | None:
    """A cell with a text for its source and without outputs; None where it has no source."""
    source = text_of(cell.get("source", cell.get("input"))) if isinstance(cell, dict) else None
    if source is None:
        return None
    metadata = cell["metadata"] if isinstance(cell.get("metadata"), dict) else {}
    kept = {key: value for key, value in cell.items() if key not in ("outputs", "input", "attachments")}
    return {**kept, "metadata": metadata, "source": source}


def may_be_code(cell: object) -> bool:
    return not isinstance(cell, dict) or cell.get("cell_type") == "code"


def text_of(source: object) -> str | None:
    """A source as one text that can be written in UTF-8; None where it is neither a text nor lines."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # half a character, as JSON may name it, is no text: in code it is then written as an escape
    return source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "backslashreplace").decode()


def nested_too_deeply(tree: object) -> bool:
    """Whether a value holds more values inside each other than a program that copies it should meet."""
    level = [tree]
    for _ in range(MOST_NESTED):
        level = [
            value
            for outer in level
            for value in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(value, (dict, list))
        ]
        if not level:
            return False
    return True


def lab_by_name(name: str) -> str:
    """The lab that a file's name tells, "lab02"; empty if none."""
    match = LAB.search(name)
    return f"lab{int(match[1]):02}" if match else ""
