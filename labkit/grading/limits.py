"""How long and how much: every limit of the grader, in one place."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes allowed to one submission.

    load      seconds to run the student's own cells, before each exercise
    calls     seconds for all calls of one exercise
    start     seconds for the process to start, before any student code: on a machine at its limit this is long
    grace     seconds for the process to end once it has answered
    memory    bytes of address space (Linux only)
    file      bytes of a file that is written (POSIX only)
    cpu       processor seconds of a process, in case nobody is left to end it (POSIX only)
    stops     statements at the top level that may hang or end the process before the notebook is given up
    """

    load: float = 30
    calls: float = 10
    start: float = 120
    grace: float = 2
    memory: int = 2048 * MIB
    file: int = 16 * MIB
    cpu: int = 300
    stops: int = 3


MOST_NOTEBOOK = 20 * 10**6  # bytes of a notebook file
MOST_CODE = 10**6  # characters of a student's own code in one notebook
MOST_ENTRIES = 10_000  # files and folders of one student
MOST_DEPTH = 6  # folders in folders
MOST_RESULT = 64 * MIB  # bytes of the arrays in one message
MOST_JSON = 4 * MIB  # bytes of the rest of it
MOST_TEXT = 500  # characters of one exception, warning or line
MOST_LINES = 10  # lines of a traceback, different warnings
MOST_PRINTED = 4000  # characters of what an exercise printed
