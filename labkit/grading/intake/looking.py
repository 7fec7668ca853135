"""One student's folders, files and archives, searched for notebooks."""

from collections import deque
from dataclasses import dataclass

from labkit.grading.intake import archives
from labkit.grading.intake.nodes import FOLDER, LINK, Node, Unreadable
from labkit.grading.intake.people import Student, short, upload
from labkit.grading.limits import MOST_ARCHIVES, MOST_BOOKS, MOST_DEPTH, MOST_ENTRIES, MOST_UNPACKED


@dataclass
class Left:
    """How much more of one student's files is looked at."""

    entries: int
    unpacked: int


def look_into(top: Node, student: Student, attempt: int = 0, at: str = "") -> None:
    """Add the notebooks in one part of what a student handed in, those that lie higher first; tell what was skipped."""
    left, links = Left(MOST_ENTRIES, MOST_UNPACKED), 0
    waiting = deque([(top, 0, 0)])
    while waiting:
        node, depth, around = waiting.popleft()
        if node.kind == LINK:
            links += 1
        elif node.is_book and len(student.uploads) < MOST_BOOKS:
            student.uploads.append(upload(node, attempt, at))
        elif node.is_book:
            student.tell(f"more than {MOST_BOOKS} notebooks: the rest was not looked at")
        elif archives.is_other_archive(node):
            student.tell(f"{short(node.name)} is an archive of a kind that is not read here: only zips are")
        elif archives.is_zip(node) and around == MOST_ARCHIVES:
            student.tell(f"{short(node.name)} lies in {MOST_ARCHIVES} archives inside each other: not looked at")
        elif depth > MOST_DEPTH:
            student.tell(f"folders deeper than {MOST_DEPTH} were not looked at")
        elif node.kind == FOLDER or archives.is_zip(node):
            nodes = inside_of(node, student, left)
            waiting.extend((one, depth + 1, around + archives.is_zip(node)) for one in nodes)
    if links:
        student.tell("a symbolic link was skipped" if links == 1 else f"{links} symbolic links were skipped")


def inside_of(place: Node, student: Student, left: Left) -> list[Node]:
    """The nodes in a student's folder or archive, taken off what is left; none where that is too little."""
    try:
        if archives.is_zip(place):
            nodes = archives.unpacked(place, left.entries, left.unpacked)
        else:
            nodes = place.inside(left.entries)
    except Unreadable as reason:
        student.tell(f"{'' if archives.is_zip(place) else 'the folder '}{short(place.name)} {reason}")
        return []
    left.entries -= len(nodes)
    left.unpacked -= sum(node.size for node in nodes)
    if left.unpacked < 0:
        student.tell(f"more than {MOST_UNPACKED // 10**6} MB in archives: the rest was not looked at")
        return []
    return nodes
