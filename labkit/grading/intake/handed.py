"""What is read beside the code: written answers, and what was changed that was not to be changed.

Tampering earns no points and takes none, because nothing of a student's checks, tags and metadata is used.
It is told, in words of our own: nothing in these sentences comes from the student.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from nbformat import NotebookNode

from labkit.books.notebook import answer_of
from labkit.grading.intake.books import Book
from labkit.grading.limits import MOST_NAMED, MOST_PROSE, MOST_TAMPERING

ROLES = ("exercise", "check", "answer")
OURS = ("deletable", "editable")  # keys of metadata that JupyterLab leaves as they are
POINTS = re.compile(r"· *\d+ points?\b")
BINDING = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)


def prose(book: Book, pristine: NotebookNode) -> dict[str, str]:
    """The written answers of a notebook by answer id, Markdown as it came, in the order of the `pristine` notebook.

    Those left as they were, or empty, are not there. Parts of an answer that was split, and new text cells right
    below an answer, belong to it. Of a very long one the beginning is kept, and it says so.
    """
    given = {answer_of(cell): cell.source.strip() for cell in pristine.cells if answer_of(cell)}
    ids = {cell.id for cell in pristine.cells if cell.get("id")}
    texts = {plain(cell.source) for cell in pristine.cells}
    found: dict[str, list[str]] = {name: [] for name in given}
    current = ""
    for cell in book.tree.get("cells", []):
        text = cell["source"].strip()
        if name := next((name for name in answers_named(cell) if name in given), ""):
            current = name
            if text != given[name]:
                found[name].append(text)
        elif cell.get("cell_type") != "markdown" or id_of(cell) in ids or plain(text) in texts:
            current = ""
        elif current:
            found[current].append(text)
    whole = {name: "\n\n".join(filter(None, parts)) for name, parts in found.items()}
    return {name: shortened(text) for name, text in whole.items() if text}


def answers_named(cell: dict) -> Iterator[str]:
    """The answer a cell's metadata name, and the one its id names."""
    ours = cell["metadata"].get("labkit")
    if isinstance(ours, dict) and isinstance(ours.get("answer"), str):
        yield ours["answer"]
    yield (id_of(cell) or "").removeprefix("answer-")


def shortened(text: str) -> str:
    if len(text) <= MOST_PROSE:
        return text
    return f"{text[:MOST_PROSE]}\n\n(The answer has {len(text)} characters. Only the first {MOST_PROSE} are kept.)"


def tampering(book: Book, pristine: NotebookNode) -> tuple[str, ...]:
    """Sentences for the instructor on what was changed beside the answers; none for a notebook that was just solved."""
    cells = book.tree.get("cells", [])
    marked = [(key, cell) for cell in cells if (key := role_of(cell))[0]]
    ours = {key: cell for cell in pristine.cells if (key := role_of(cell))[0]}
    theirs: dict[tuple[str, str], list[dict]] = {key: [] for key in ours}
    for key, cell in marked:
        theirs.get(key, []).append(cell)
    sentences = [*lab_sentences(book, pristine)]
    if ours and not any(theirs.values()):
        sentences.append("none of its cells is marked as an exercise, a check or an answer any more")
    else:
        sentences += check_sentences(ours, theirs, cells)
        sentences += mark_sentences(ours, theirs, marked)
    sentences += definition_sentences(ours, cells, pristine)
    sentences += point_sentences(cells, pristine)
    if len(sentences) > MOST_TAMPERING:
        more = len(sentences) - MOST_TAMPERING + 1
        sentences[MOST_TAMPERING - 1 :] = [f"and {more} more things like these"]
    return tuple(sentences)


def lab_sentences(book: Book, pristine: NotebookNode) -> Iterator[str]:
    lab = pristine.metadata.get("labkit", {}).get("lab", "")
    if lab and book.lab != lab:
        yield f"the notebook is {'no longer marked' if not book.lab else 'marked as another lab, not'} as {lab}"


def check_sentences(ours: dict, theirs: dict, cells: list[dict]) -> Iterator[str]:
    """On check cells that are not as they were."""
    checks = [key for key in ours if key[0] == "check"]
    unmarked = [cell["source"].strip() for cell in cells if not role_of(cell)[0] and cell.get("cell_type") == "code"]
    missing = [key for key in checks if not theirs[key] and f"check({key[1]})" not in unmarked]
    bare = [key for key in checks if not theirs[key] and f"check({key[1]})" in unmarked]
    text = [key for key in checks if any(cell.get("cell_type") != "code" for cell in theirs[key])]
    edited = [
        key for key in checks if any(plain(cell["source"]) != plain(ours[key].source) for cell in theirs[key])
    ]  # fmt: skip
    yield from told("check cells that were edited", edited)
    yield from told("check cells that are missing", missing)
    yield from told("check cells that were made text", text)
    yield from told("check cells that are no longer marked", bare)


def mark_sentences(ours: dict, theirs: dict, marked: list[tuple[tuple[str, str], dict]]) -> Iterator[str]:
    """On exercise, check and answer cells whose marks, tags or places are not as they were."""
    gone = [key for key in ours if key[0] == "exercise" and not theirs[key]]
    yield from told("exercise cells that are missing or no longer marked", gone)
    doubled = [key for key in ours if key[0] != "answer" and len(theirs[key]) > 1]
    yield from told("cells that are there more than once", doubled)
    names = {name for role, name in ours if role == "exercise"}
    swapped = [
        key for key in ours if key[0] == "exercise"
        for cell in theirs[key] if (bound := bindings(cell)) & names and key[1] not in bound
    ]  # fmt: skip
    yield from told("cells marked as one exercise that define another", list(dict.fromkeys(swapped)))
    if strangers := sum(key not in ours for key, _ in marked):
        yield f"cells marked as something this lab does not have: {strangers}"
    changed = [key for key in ours if any(marks(cell) != marks(ours[key]) for cell in theirs[key])]
    yield from told("cells whose tags or metadata were edited", changed)
    order = list(dict.fromkeys(key for key, _ in marked if key in ours))
    expected = [key for key in ours if key in set(order)]
    blocks = SequenceMatcher(None, expected, order, autojunk=False).get_matching_blocks()
    stayed = {key for block in blocks for key in expected[block.a : block.a + block.size]}
    yield from told("cells that were moved", [key for key in expected if key not in stayed])


def definition_sentences(ours: dict, cells: list[dict], pristine: NotebookNode) -> Iterator[str]:
    """On exercises that are defined more than once, stubs aside."""
    given = {plain(cell.source) for cell in pristine.cells}
    names = [name for role, name in ours if role == "exercise"]
    times = dict.fromkeys(names, 0)
    for cell in cells:
        if cell.get("cell_type") == "code" and plain(cell["source"]) not in given:
            for match in BINDING.finditer(cell["source"]):
                if (name := match[1] or match[2]) in times:
                    times[name] += 1
    several = [("exercise", name) for name in names if times[name] > 1]
    yield from told("exercises defined more than once, of which the last counts", several)


def point_sentences(cells: list[dict], pristine: NotebookNode) -> Iterator[str]:
    """On text cells that promise other points."""
    promised = {cell.get("id"): POINTS.findall(cell.source) for cell in pristine.cells if POINTS.search(cell.source)}
    edited = sum(POINTS.findall(cell["source"]) != promised[key] for cell in cells if (key := id_of(cell)) in promised)
    if edited:
        yield f"texts whose points were edited: {edited}"


def role_of(cell: NotebookNode | dict) -> tuple[str, str]:
    """What a cell is marked as, by its metadata, else by its id: ("check", "relu"); ("", "") for none."""
    ours = cell["metadata"].get("labkit")
    for role in ROLES:
        name = ours.get(role) if isinstance(ours, dict) else None
        if isinstance(name, str) and name:
            return role, name
    role, _, name = (id_of(cell) or "").partition("-")
    return (role, name) if role in ROLES and name else ("", "")


def id_of(cell: NotebookNode | dict) -> str | None:
    found = cell.get("id")
    return found if isinstance(found, str) else None


def marks(cell: NotebookNode | dict) -> list[object]:
    """What of a cell's metadata nobody changes by solving it."""
    metadata = cell["metadata"]
    tags = metadata.get("tags", [])
    tags = sorted(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else []
    return [role_of(cell), tags, *(metadata.get(key) for key in OURS)]


def bindings(cell: dict) -> set[str]:
    """Names that a code cell binds at the beginning of a line."""
    return {match[1] or match[2] for match in BINDING.finditer(cell["source"])}


def plain(source: str) -> str:
    """A source for comparison: white space at the ends of lines and of the whole does not count."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip()


def told(what: str, keys: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One sentence on all cells of which something is to be told; none where there are none."""
    keys = list(keys)
    names = [name if len({role for role, _ in keys}) == 1 else f"{role} {name}" for role, name in keys]
    if keys:
        rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield f"{what}: {', '.join(names[:MOST_NAMED])}{rest}"
