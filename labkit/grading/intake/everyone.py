"""Everyone in a folder, a zip or a platform's download."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from labkit.errors import CommandError
from labkit.grading.intake import archives, gradescope, layouts
from labkit.grading.intake.looking import look_into
from labkit.grading.intake.nodes import BOOK, FILE, FOLDER, Node, Unreadable, on_disk
from labkit.grading.intake.people import Student, short
from labkit.grading.limits import MOST_CLASS, MOST_TOLD

ENDING = re.compile(rf"{BOOK.pattern}|\.(zip|{archives.OTHER})$", re.IGNORECASE)
LAB_NAME = re.compile(r"lab[ _-]?\d+", re.IGNORECASE)
EXPECTED = (
    "expected a folder or zip with one folder, notebook or zip for each student, or what Canvas, Moodle or Gradescope "
    "lets you download"
)


def students(submissions: Path) -> tuple[list[Student], list[str]]:
    """Everyone in `submissions` in order of their names, and sentences on what else lies there.

    It is a folder, a zip or one notebook. What a learning platform packed is known by its names (`layouts`);
    else a folder in it is a student, with all notebooks in it, and so is a notebook or a zip that lies there directly.
    Hidden files are left alone. Raises CommandError where there is nobody, or where it cannot be read.
    """
    ignored: list[str] = []
    try:
        tops = tops_of(submissions)
        found = {one.raw: one for one in told_apart(tops, ignored)}
    except Unreadable as reason:
        raise CommandError(f"{submissions} {reason}. Get it anew, or name another: {EXPECTED}.") from None
    if not found:
        raise CommandError(f"There is nothing to grade in {submissions}: {EXPECTED}.")
    return sorted(found.values(), key=lambda one: (one.name, one.raw)), ignored


def tops_of(submissions: Path) -> list[Node]:
    """The nodes that stand for students. Raises Unreadable, CommandError."""
    if not submissions.exists():
        raise CommandError(f"{submissions} does not exist: {EXPECTED}.")
    whole = on_disk(submissions)
    if whole.is_book:
        return [whole]
    if whole.kind == FOLDER:
        nodes = whole.inside(MOST_CLASS)
    elif archives.is_zip(whole):
        nodes = archives.unpacked_for_long(whole, MOST_CLASS)
    else:
        raise CommandError(f"{submissions} is no folder, zip or notebook: {EXPECTED}.")
    # A download may lie in a folder of its own, and who zips a folder gets that folder in the zip.
    while (only := only_folder(nodes)) is not None:
        inside = listed(only)
        around = archives.is_zip(whole) and only.name == submissions.stem and is_class(inside)
        if not around and not layouts.is_download(inside):
            break
        nodes = inside
    return nodes


def only_folder(nodes: list[Node]) -> Node | None:
    """The one folder among nodes of which no other is a student's."""
    found = [node for node in nodes if node.kind != FILE or node.is_book or archives.is_zip(node)]
    return found[0] if len(found) == 1 and found[0].kind == FOLDER else None


def is_class(nodes: list[Node]) -> bool:
    """Whether these nodes look like several students' rather than one's: folders, none named after a lab."""
    folders = [node for node in nodes if node.kind == FOLDER]
    return bool(folders) and not any(node.is_book for node in nodes) and not any(
        LAB_NAME.match(node.name) for node in folders
    )


def listed(folder: Node) -> list[Node]:
    try:
        return folder.inside(MOST_CLASS)
    except Unreadable:
        return []


def told_apart(tops: list[Node], ignored: list[str]) -> Iterable[Student]:
    """The students among the nodes of a class; what is nobody's is told in `ignored`. Raises CommandError."""
    if layouts.is_gradescope(tops):
        return from_gradescope(tops, ignored)
    parts, sentence = layouts.by_names(tops)
    if sentence:
        ignored.append(sentence)
    if parts is None:
        parts = [plain(node) for node in tops if is_somebodys(node)]
    taken = {id(part.node) for part in parts}
    tell_ignored([node.name for node in tops if id(node) not in taken], ignored)
    return from_parts(parts)


def is_somebodys(node: Node) -> bool:
    return node.kind != FILE or node.is_book or archives.is_zip(node) or archives.is_other_archive(node)


def tell_ignored(names: list[str], ignored: list[str]) -> None:
    if names:
        more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
        shown = ", ".join(map(short, names[:MOST_TOLD])) + more
        ignored.append(f"Not looked at, because only folders, notebooks and zips count: {shown}.")


def plain(node: Node) -> layouts.Part:
    """A node whose name is the student's."""
    return layouts.Part(node, node.name if node.kind == FOLDER else ENDING.sub("", node.name), "", {})


def from_parts(parts: Iterable[layouts.Part]) -> Iterable[Student]:
    found: dict[str, Student] = {}
    for part in parts:
        student = found.setdefault(part.raw, Student(part.raw, part.shown, part.ids))
        for sentence in part.told:
            student.tell(sentence)
        look_into(replace(part.node, name=part.name or part.node.name), student, part.attempt)
    return found.values()


def from_gradescope(tops: list[Node], ignored: list[str]) -> Iterable[Student]:
    """The students of a Gradescope export: each member of a group for themselves. Raises CommandError."""
    metadata = next(node for node in tops if node.name == layouts.METADATA)
    folders = {node.name: node for node in tops if node.kind == FOLDER and layouts.SUBMISSION.fullmatch(node.name)}
    known = [one for one in gradescope.submissions(metadata) if one.folder in folders or one.people]
    listed_there = {one.folder for one in known if one.people}
    known += [gradescope.Submission(name, ((name, "", ""),), "") for name in folders if name not in listed_there]
    found: dict[str, Student] = {}
    attempts: Counter[str] = Counter()
    for one in sorted(known, key=lambda one: (one.time, one.folder)):
        handed_in = Student("")
        if one.folder in folders:
            look_into(folders[one.folder], handed_in, at=one.at)
        else:
            handed_in.tell(f"{short(one.folder)} is on Gradescope's list, and its folder is not in the export")
        if one.folder not in listed_there:
            handed_in.tell("Gradescope's list does not say whose submission this is")
        for name, sid, email in one.people:
            raw = email or sid or (f"{name} ({one.folder})" if name != one.folder else name)
            ids = {"gradescope": email or sid} if email or sid else {}
            student = found.setdefault(raw, Student(raw, name or raw, ids))
            if student.uploads and handed_in.uploads:
                student.tell("is on Gradescope's list with more than one submission: the later one of a lab counts")
            student.uploads += [replace(upload, attempt=attempts[raw]) for upload in handed_in.uploads]
            attempts[raw] += 1
            for sentence in handed_in.told:
                student.tell(sentence)
    strangers = [node.name for node in tops if node is not metadata and node.name not in folders]
    tell_ignored(strangers, ignored)
    return found.values()
