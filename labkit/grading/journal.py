"""What has been graded so far: one SQLite file in the grading folder.

A result is written at once and whole, as soon as it is there, under a key made of all it depends on.
So a batch that is killed goes on where it was, and what has not changed is not run again. The file is
held by one grader at a time.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.errors import CommandError
from labkit.grading.record import Graded, Handed, graded_from, handed_from, to_json

FILE = "journal.sqlite"
TABLES = (
    "results (key TEXT PRIMARY KEY, result TEXT NOT NULL)",
    "people (position INTEGER PRIMARY KEY, person TEXT NOT NULL)",
    "facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


@dataclass(frozen=True)
class Person:
    """A student on the roll. handed: by lab, what was handed in and the key of its result; else as in Record."""

    student: str
    raw: str
    ids: dict[str, str]
    handed: dict[str, tuple[Handed, str]]
    flags: tuple[str, ...]


class Journal:
    """Results by key, and who handed in what. Raises CommandError where another grader holds it, or it is damaged."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        try:
            self.database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until the process ends, however it ends
            self.database.execute("PRAGMA synchronous = FULL")
            self.database.execute("PRAGMA temp_store = FILE")
            self.database.execute("BEGIN EXCLUSIVE")
            for table in TABLES:
                self.database.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            self.database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise CommandError(f"Another grader works on {folder}. Wait for it, or take another folder.") from None
            raise CommandError(f"{self.path} cannot be used: {error}.") from None
        except sqlite3.DatabaseError as error:
            raise CommandError(
                f"{self.path} is damaged ({error}). Move it away: everything is then graded again, to the same grades."
            ) from None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *raised) -> None:
        self.database.close()

    def get(self, key: str) -> Graded | None:
        """The result under `key`, None if there is none."""
        row = self.database.execute("SELECT result FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else graded_from(json.loads(row[0]))

    def put(self, key: str, result: Graded) -> None:
        """Keep a result; when this returns, it is on the disk."""
        text = json.dumps(to_json(result), sort_keys=True)
        self.database.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, text))

    @contextlib.contextmanager
    def roll(self, facts: dict[str, object]) -> Iterator[Callable[[Person], None]]:
        """Write down anew who handed in what; it takes the place of the old list when all is well.

        facts: what belongs to all of them, for `labkit report`. Gives a function that adds a person.
        """
        add = "INSERT INTO temp.roll (person) VALUES (?)"
        self.database.execute("CREATE TEMP TABLE roll (position INTEGER PRIMARY KEY, person TEXT NOT NULL)")
        yield lambda person: self.database.execute(add, (json.dumps(asdict(person), sort_keys=True),))
        self.database.execute("BEGIN")
        self.database.execute("DELETE FROM people")
        self.database.execute("INSERT INTO people SELECT position, person FROM temp.roll")
        self.database.execute("DELETE FROM facts")
        for name, value in facts.items():
            self.database.execute("INSERT INTO facts VALUES (?, ?)", (name, json.dumps(value, sort_keys=True)))
        self.database.execute("COMMIT")

    def facts(self) -> dict[str, object]:
        """What `roll` was given; empty where nothing has been graded."""
        rows = self.database.execute("SELECT name, value FROM facts").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def people(self) -> Iterator[Person]:
        """Everyone on the roll, in its order."""
        for (text,) in self.database.execute("SELECT person FROM people ORDER BY position"):
            tree = json.loads(text)
            handed = {lab: (handed_from(one), key) for lab, (one, key) in tree["handed"].items()}
            yield Person(**{**tree, "handed": handed, "flags": tuple(tree["flags"])})


def key_of(parts: Iterable[bytes]) -> str:
    """A key of all that a result depends on; no two lists of parts share one."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
