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
    notebook  seconds for the nbval step of one notebook
    cell      seconds for one cell of it
    torch     bytes of address space of a process of the nbval step, which loads torch (Linux only)
    """

    load: float = 30
    calls: float = 10
    start: float = 120
    grace: float = 2
    memory: int = 2048 * MIB
    file: int = 16 * MIB
    cpu: int = 300
    stops: int = 3
    notebook: float = 300
    cell: float = 60
    torch: int = 4096 * MIB


MOST_NOTEBOOK = 20 * 10**6  # bytes of a notebook file
MOST_CODE = 10**6  # characters of a student's own code in one notebook
MOST_ENTRIES = 10_000  # files and folders of one student
MOST_DEPTH = 6  # folders in folders
MOST_RESULT = 64 * MIB  # bytes of the arrays in one message
MOST_JSON = 4 * MIB  # bytes of the rest of it
MOST_TEXT = 500  # characters of one exception, warning or line
MOST_LINES = 10  # lines of a traceback, different warnings
MOST_PRINTED = 4000  # characters of what an exercise printed
MOST_PARTS = 10**6  # opening brackets in a notebook file: each becomes an object in memory
MOST_NESTED = 64  # lists and objects inside each other in a notebook
MOST_PROSE = 20_000  # characters of one written answer
MOST_CLASS = 100_000  # files and folders of a class, before the students are told apart
MOST_UNPACKED = 200 * 10**6  # bytes of all files in one student's archives
MOST_RATIO = 100  # times a file in an archive grows on unpacking,
MOST_UNJUDGED = 10**6  # if it unpacks to more bytes than this
MOST_ARCHIVES = 2  # archives inside each other that a student hands in
MOST_PACKED = 100 * 10**6  # bytes of an archive that lies in another
MOST_DIRECTORY = 4 * MIB  # bytes of an archive's table of contents,
MOST_CLASS_DIRECTORY = 64 * MIB  # and of that of a class
MOST_METADATA = 64 * MIB  # bytes of what a learning platform writes beside the submissions
MOST_BOOKS = 100  # notebooks of one student
MOST_TOLD = 10  # sentences on what one student handed in
MOST_TAMPERING = 8  # sentences on what was changed in one notebook,
MOST_NAMED = 6  # and cells named in each
MOST_SHOWN = 64 * 1024  # characters a cell prints that are kept in the nbval step
MOST_CELL = 32 * 1024  # bytes of what is told of one cell of it
MOST_CELLS = 1000  # cells of code of a notebook that is tested
