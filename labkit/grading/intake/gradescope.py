"""The list of people in a Gradescope export. Ruby wrote it, and it holds what students' programs printed."""

import re
from dataclasses import dataclass
from datetime import datetime

import yaml

from labkit.errors import CommandError
from labkit.grading.intake.layouts import METADATA
from labkit.grading.intake.nodes import Node, Unreadable, read
from labkit.grading.limits import MOST_METADATA, MOST_NESTED

# This loader makes texts, lists and mappings, whatever the tags say: numbers of students keep their zeros.
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)")
WHAT_TO_DO = "Export the submissions again, or take that file away: then each folder counts as a student."
NOTHING = ("", "~", "null", "None")


@dataclass(frozen=True)
class Submission:
    """One submission: its folder, who made it as (name, sid, email), and when (ISO with offset, or empty)."""

    folder: str
    people: tuple[tuple[str, str, str], ...]
    at: str

    @property
    def time(self) -> float:
        """Seconds since 1970, 0 where no time is told."""
        return datetime.fromisoformat(self.at).timestamp() if self.at else 0


def submissions(metadata: Node) -> list[Submission]:
    """The submissions in submission_metadata.yml. Raises CommandError where it cannot be read."""
    try:
        text = read(metadata, MOST_METADATA).decode("utf-8-sig")
        require_flat(text)
        tree = yaml.load(text, LOADER)
    except Unreadable as reason:
        raise CommandError(f"{METADATA} {reason}. {WHAT_TO_DO}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise CommandError(f"{METADATA} cannot be read ({why!a:.100}). {WHAT_TO_DO}") from None
    if not isinstance(tree, dict):
        raise CommandError(f"{METADATA} holds no list of submissions. {WHAT_TO_DO}")
    return [submission(folder, entry) for folder, entry in tree.items() if isinstance(entry, dict)]


def require_flat(text: str) -> None:
    """Raise ValueError for what is nested so deeply that building it would end the process."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTED:
            raise ValueError("it is nested too deeply")


def submission(folder: object, entry: dict) -> Submission:
    found = entry.get(":submitters", entry.get("submitters"))
    people = [
        tuple(field(one, key) for key in ("name", "sid", "email")) for one in found if isinstance(one, dict)
    ] if isinstance(found, list) else []  # fmt: skip
    return Submission(str(folder), tuple(one for one in people if any(one)), time_of(entry))


def field(person: dict, key: str) -> str:
    value = person.get(f":{key}", person.get(key))
    if not isinstance(value, str) or value in NOTHING:
        return ""
    return value.encode("utf-8", "backslashreplace").decode()


def time_of(entry: dict) -> str:
    """When it was handed in, an ISO time with offset; empty if that is not told. Rails may write a kind of its own."""
    value = entry.get(":created_at", entry.get("created_at"))
    if isinstance(value, dict):
        value = value.get("utc")
    match = TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return ""
    offset = "+00:00" if match[3] in ("Z", "UTC") else match[3]
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}").isoformat()
    except ValueError:
        return ""
