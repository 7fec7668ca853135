"""What has been graded so far: one SQLite file in the grading folder.

A result is written at once and whole, as soon as it is there, under a key made of all it depends on.
So a batch that is killed goes on where it was, and what has not changed is not run again. The file is
held by one grader at a time.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from labkit.errors import CommandError

FILE = "journal.sqlite"


class Journal:
    """Results by key. Raises CommandError where another grader holds the file, or where it is damaged."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        try:
            self.database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until the process ends, however it ends
            self.database.execute("PRAGMA synchronous = FULL")
            self.database.execute("BEGIN EXCLUSIVE")
            self.database.execute("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, result TEXT NOT NULL)")
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

    def get(self, key: str) -> dict | None:
        """The result under `key`, None if there is none."""
        row = self.database.execute("SELECT result FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, result: dict) -> None:
        """Keep a result; when this returns, it is on the disk."""
        text = json.dumps(result, sort_keys=True)
        self.database.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, text))

    def keep(self, keys: Iterable[str]) -> None:
        """Forget all results but those under `keys`."""
        self.database.execute("CREATE TEMP TABLE kept (key TEXT PRIMARY KEY)")
        self.database.executemany("INSERT OR IGNORE INTO kept VALUES (?)", ((key,) for key in keys))
        self.database.execute("DELETE FROM results WHERE key NOT IN (SELECT key FROM kept)")
        self.database.execute("DROP TABLE kept")


def key_of(parts: Iterable[bytes]) -> str:
    """A key of all that a result depends on; no two lists of parts share one."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
