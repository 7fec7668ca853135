"""The learner's logbook: what was checked in notebooks, kept in a plain file beside them.

One line of JSON for each event, only ever appended. A line that a crash cut short is passed over. It
is for the learner's eyes: `labkit check` and `labkit grade` run the answers anew and never look here.
"""

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from labkit import asked
from labkit.asked import Exercise

FILE = "progress.jsonl"  # in the folder the notebook runs in


@dataclass
class Entry:
    """What the logbook knows of one exercise: the last verdict ("right", "wrong" or ""), what it was, and help taken."""

    verdict: str = ""
    mistake: str = ""
    checks: int = 0
    hints: int = 0
    revealed: bool = False


def note(exercise: Exercise, event: str, mistake: str = "") -> None:
    """Append an event ("right", "wrong", "hint", "reveal") when called in a notebook; elsewhere do nothing.

    Where the file cannot be written a sentence says so, once.
    """
    if not in_notebook():
        return
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "exercise": exercise.name, "event": event}
    if mistake:
        line["mistake"] = mistake
    try:
        append(Path(FILE), json.dumps(line, ensure_ascii=False))
    except OSError as error:
        if not told:
            told.append(error)
            print(f"Your progress is not kept: {Path(FILE).resolve()}: {error.strerror or error}.")


told: list[OSError] = []  # that the file cannot be written, since Python started


def append(path: Path, line: str) -> None:
    """Add a whole line to the file, on a line of its own even after one that was cut short."""
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = f"\n{line}"
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def in_notebook() -> bool:
    """Whether IPython runs this code, and neither nbval nor a command of labkit started it."""
    from labkit.checks import strict

    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None and not strict()


def entries(folder: str | Path = ".") -> dict[str, Entry]:
    """What the logbook in `folder` knows, by exercise. Lines that cannot be read are passed over."""
    path = Path(folder) / FILE
    if not path.exists():
        return {}
    found: dict[str, Entry] = {}
    for line in path.read_bytes().splitlines():
        try:
            event = json.loads(line)
            name, what, mistake = str(event["exercise"]), event["event"], str(event.get("mistake", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        entry = found.setdefault(name, Entry())
        if what in ("right", "wrong"):
            entry.verdict, entry.mistake, entry.checks = what, mistake, entry.checks + 1
        entry.hints += what == "hint"
        entry.revealed |= what == "reveal"
    return found


@dataclass(frozen=True)
class Progress:
    """The course's exercises with what the logbook knows of them."""

    exercises: tuple[Exercise, ...]
    entries: dict[str, Entry]

    def of(self, lab: str) -> list[Exercise]:
        return [one for one in self.exercises if one.lab == lab]

    def is_right(self, one: Exercise) -> bool:
        return self.entries.get(one.name, Entry()).verdict == "right"

    def state(self, one: Exercise) -> str:
        """In words: "right", "tried 3 times, last: rotated_kernel", "not yet"; with the help taken."""
        entry = self.entries.get(one.name, Entry())
        words = "not yet"
        if entry.verdict == "right":
            words = "right"
        elif entry.verdict:
            words = f"tried {entry.checks} times" if entry.checks > 1 else "tried once"
            words += f", last: {entry.mistake.replace('_', ' ')}" if entry.mistake else ""
        words += f", {entry.hints} hint{'s' * (entry.hints > 1)}" if entry.hints else ""
        return words + (", solution read" if entry.revealed else "")

    def rows(self) -> list[tuple[str, str, str, str]]:
        """A line for each lab: its name, core exercises that are right, points, what is next."""
        rows = []
        for lab in dict.fromkeys(one.lab for one in self.exercises):
            every = self.of(lab)
            core = [one for one in every if one.core]
            right = [one for one in every if self.is_right(one)]
            left = [one for one in core if one not in right] or [one for one in every if one not in right]
            extra = len([one for one in right if not one.core])
            count = f"{len([one for one in right if one.core])} of {len(core)}" + (f" and {extra} stretch" if extra else "")
            points = f"{sum(one.points for one in right if one.core)} of {sum(one.points for one in core)}"
            following = f"{left[0].name}: {self.state(left[0])}" if left else "done"
            rows.append((lab, count, points, following))
        return rows

    def __str__(self) -> str:
        lines = [f"{lab}  right {count:>8}   points {points:>8}   next: {then}" for lab, count, points, then in self.rows()]
        return "\n".join([*lines, self.note()])

    __repr__ = __str__

    def note(self) -> str:
        return f"Kept in {FILE} beside your notebooks. Grading never reads it: your answers are run anew."

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align: left'>{one}</th>" for one in ("lab", "right", "points", "next"))
        body = ""
        for lab, *cells in self.rows():
            each = "".join(f"<li>{escape(one.name)}: {escape(self.state(one))}</li>" for one in self.of(lab))
            details = f"<details><summary>{escape(cells[-1])}</summary><ul>{each}</ul></details>"
            plain = "".join(f"<td style='text-align: left'>{escape(cell)}</td>" for cell in (lab, *cells[:-1]))
            body += f"<tr>{plain}<td style='text-align: left'>{details}</td></tr>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self.note())}</p>"


def progress(folder: str | Path = ".") -> None:
    """Show how far you are: for each lab the exercises that are right, their points, and what is next.

    folder: where the logbook lies, usually the folder of the notebooks.
    """
    from labkit.checks import show

    show(Progress(tuple(asked.exercises()), entries(folder)))
