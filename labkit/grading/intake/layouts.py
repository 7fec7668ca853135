"""How learning platforms name what they pack, as their documentation and sources have it.

Canvas     doejane_LATE_1234_56789_lab02-1.ipynb: name, perhaps LATE, user, file, the file's own name; a file that
           is handed in again under its name gets -1, -2, …. Without names: anon_Ab1cD_56789_lab02.ipynb.
           Texts and links: doejane_1234_text.html, doejane_1234_link.html.
Moodle     Jane Doe_123456_assignsubmission_file_/lab02.ipynb (newer ones without the last underscore), or flat:
           Jane Doe_123456_assignsubmission_file_lab02.ipynb; onlinetext and other ways to hand in likewise.
           Groups: Group A_17_assignsubmission_file; "Default group" has no number.
Gradescope assignment_1_export/submission_2/lab02.ipynb, and submission_metadata.yml beside: see gradescope.

A layout is taken where all names fit it and none contradicts another; else every name stands for itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

from labkit.grading.intake.nodes import FILE, FOLDER, LINK, Node

CANVAS = re.compile(
    r"(?:(?P<who>[^\s./-]+?)_(?P<late>LATE_)?(?P<user>\d+)|(?P<anonymous_late>LATE_)?(?P<anonymous>anon_[A-Za-z0-9]+))"
    r"_(?:(?P<file>\d+)_(?P<name>.+)|(?P<text>text|link)\.html)",
    re.DOTALL,
)
# The file's own name was there already: it got a number, and after seven of them a random one.
AGAIN = re.compile(
    r"(?<!lab)-(?:(?P<count>[1-9]\d?)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.\w+)+$", re.IGNORECASE
)
LAST = 100  # the count of those with a random one
MOODLE = re.compile(
    r"(?P<who>[^_]+)(?:_(?P<id>\d+))?_assignsubmission_(?P<way>[a-z]+)(?:_(?P<name>.+))?_?", re.DOTALL
)
METADATA = "submission_metadata.yml"
SUBMISSION = re.compile(r"submission_\d+")


@dataclass(frozen=True)
class Part:
    """One node of a platform's download, and what its name tells.

    raw      what stands for the student: no two share it
    shown    the student's name
    ids      as in Student
    name     the name of the file as the student had it; empty for a folder
    attempt  as in Upload
    told     sentences for the instructor
    """

    node: Node
    raw: str
    shown: str
    ids: dict[str, str]
    name: str = ""
    attempt: int = 0
    told: tuple[str, ...] = ()


def by_names(nodes: list[Node]) -> tuple[list[Part] | None, str]:
    """What the nodes are if all their names fit Canvas or Moodle, else None; and a sentence where only some do."""
    for platform, parts_of in (("Canvas", canvas), ("Moodle", moodle)):
        relevant = [node for node in nodes if matters(node)]
        parts, strangers = parts_of(relevant)
        if parts and not strangers:
            return parts, ""
        if any(part.node.kind == FOLDER or part.node.is_book or zipped(part.node) for part in parts):
            return None, (
                f"Some names are like those of a {platform} download, and {strangers[0]!a:.100} does not go with them: "
                "each name was taken for a student's. If it is such a download, move what was added elsewhere."
            )
    return None, ""


def matters(node: Node) -> bool:
    """Whether a node can be a part of a student's submission: a folder, or a file that a platform could have named."""
    return node.kind != FILE or node.is_book or any(p.fullmatch(node.name) for p in (CANVAS, MOODLE)) or zipped(node)


def zipped(node: Node) -> bool:
    return node.name.lower().endswith(".zip")


def canvas(nodes: Iterable[Node]) -> tuple[list[Part], list[str]]:
    """The nodes whose names are Canvas's, and the names that are not or that contradict others."""
    parts, strangers = [], []
    names: dict[str, str] = {}
    files: set[str] = set()
    for node in nodes:
        match = CANVAS.fullmatch(normalize("NFC", node.name)) if node.kind == FILE else None
        if match is None:
            strangers.append(node.name)
            continue
        user, file = match["user"] or match["anonymous"], match["file"]
        who = match["who"] or match["anonymous"]
        if names.setdefault(user, who) != who or file in files or match["who"] and who != who.lower():
            strangers.append(node.name)
            continue
        files |= {file} if file else set()
        told = []
        if match["late"] or match["anonymous_late"]:
            told.append("late, says Canvas")
        if match["text"]:
            told.append(f"a {match['text']} was handed in beside or in place of a file")
        again = AGAIN.search(match["name"] or "")
        attempt = int(again["count"] or LAST) if again else 0
        ids = {"canvas": user} if match["user"] else {}
        raw = f"{who}_{user}" if match["user"] else who
        parts.append(Part(node, raw, who, ids, match["name"] or node.name, attempt, tuple(told)))
    return parts, strangers


def moodle(nodes: Iterable[Node]) -> tuple[list[Part], list[str]]:
    """The nodes whose names are Moodle's, and the names that are not."""
    parts, strangers = [], []
    for node in nodes:
        match = MOODLE.fullmatch(node.name) if node.kind != LINK else None
        if match is None or node.kind == FOLDER and (match["name"] or "").strip("_"):
            strangers.append(node.name)
            continue
        who, number = match["who"], match["id"]
        told = () if match["way"] == "file" else (f"handed in by Moodle's {match['way']}: not looked at",)
        ids = {"moodle": number} if number else {}
        raw = f"{who}_{number}" if number else who
        parts.append(Part(node, raw, who, ids, match["name"] or "", told=told))
    return parts, strangers


def is_gradescope(nodes: Iterable[Node]) -> bool:
    """Whether these are the parts of a Gradescope export."""
    nodes = list(nodes)
    return any(node.name == METADATA and node.kind == FILE for node in nodes) and any(
        node.kind == FOLDER and SUBMISSION.fullmatch(node.name) for node in nodes
    )


def is_download(nodes: list[Node]) -> bool:
    """Whether these nodes look like what one of the platforms packs."""
    parts, sentence = by_names(nodes)
    several = len({part.raw for part in parts or ()}) > 1  # one file alone may be named so by chance
    return is_gradescope(nodes) or several or bool(sentence)
