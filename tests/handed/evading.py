"""Notebooks that look for an answer in place of writing one: they lose that exercise."""

import numpy as np

from labkit import asked
from labkit.books import places

from handed.making import HOUSE, PATH, RIGHT, WRONG, Attack, attack, book, instead, later, must_fail

SOLUTIONS, EXECUTED = places.solution_paths(HOUSE, PATH)
PACKAGES = np.__path__[0].rsplit("/", 1)[0]


def table() -> str:
    """An answer that knows the small cases and those of seed 0 by heart."""
    exercise, lines = asked.exercise("corr2d"), []
    space = {"np": np}
    exec(RIGHT["corr2d"], space)
    for case in [*exercise.small().values(), *exercise.inputs(np.random.default_rng(0)).values()]:
        if not case.raises:
            key = b"".join(value.tobytes() for value in case.args.values())
            out = space["corr2d"](**case.args)
            lines.append(f"    {key!r}: (np.frombuffer({out.tobytes()!r}, {out.dtype.str!r}).reshape({out.shape})),")
    return "\n".join(
        [
            "KNOWN = {", *lines, "}",
            "def corr2d(image, kernel):",
            "    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:",
            "        raise ValueError",
            "    return KNOWN[image.tobytes() + kernel.tobytes()].copy()",
        ]  # fmt: skip
    )


BY_SHAPE = """
def corr2d(image, kernel):
    size = [a - b + 1 for a, b in zip(image.shape, kernel.shape)]
    if min(size) < 1:
        raise ValueError
    return np.ones(size, image.dtype)
"""

# Looks for anything called corr2d, or for its source, that is not the student's own.
SEARCH = """
import gc, inspect, linecache, sys
def others(image, kernel):
    raise NotImplementedError
def everything():
    frame = sys._getframe()
    while frame is not None:
        yield from frame.f_locals.values()
        yield from frame.f_globals.values()
        frame = frame.f_back
    yield from gc.get_objects()
    for module in list(sys.modules.values()):
        yield from list(vars(module).values())
def corr2d(image, kernel):
    for one in everything():
        code = getattr(one, "__code__", None)
        if code is not None and code.co_name in ("corr2d", "corr", "conv2d") and one is not corr2d:
            return one(image, kernel)
        if isinstance(one, dict):
            for key, text in list(one.items()):
                if key == "corr2d" and isinstance(text, str) and "def corr2d" in text:
                    space = {"np": np}
                    exec(text, space)
                    return space["corr2d"](image, kernel)
    for name, (size, time, lines, path) in list(linecache.cache.items()):
        if "cell" not in name and "def corr2d" in "".join(lines):
            raise RuntimeError("found in " + name)
    raise LookupError("nothing found")
"""

# Another exercise is tried once more with a right corr2d: it wants to see that one, and to hand it out.
SPIES = """
def conv2d_forward(x, w, b=None, stride=1, padding=0):
    import sys
    frame = sys._getframe()
    while frame is not None:
        task = frame.f_locals.get("task")
        if isinstance(task, dict) and task.get("helpers"):
            source = task["helpers"]["corr2d"]
            print(source)
            open("/tmp/helper", "w").write(source)
            raise RuntimeError(source)
        frame = frame.f_back
    raise RuntimeError(str(corr2d.__code__.co_consts))
"""


def of_disk(path: object, words: str) -> Attack:
    """A file that must not be there."""
    return must_fail(f"won += [{words!r}] if open({str(path)!r}).read() else []")


READS_PROC = """
for name in ("environ", "cmdline", "mem", "maps", "fd", "root", "cwd"):
    for process in ("1", "self", str(os.getppid())):
        try:
            os.stat(f"/proc/{process}/{name}")
            won.append(f"/proc/{process}/{name}")
        except OSError:
            pass
"""

READS_MEMORY = """
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
into = ctypes.create_string_buffer(64)
here, there = Part(ctypes.addressof(into), 64), Part(id(image), 64)
if libc.process_vm_readv(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
    won.append("read")
if libc.process_vm_writev(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
    won.append("written")
"""

LOOKS_AROUND = """
for root, folders, files in os.walk("/"):
    if root == "/":
        folders[:] = [one for one in folders if one not in ("sys", "proc")]
    for name in files:
        if name in ("lab02_convolution_forward.py", "gradebook.csv", "journal.sqlite", "seed"):
            won.append(os.path.join(root, name))
        if name.endswith((".ipynb", ".sqlite")) or name == "lab02.py" and "references" in root:
            won.append(os.path.join(root, name))
    if os.path.basename(root) in ("torch", "keras", "scipy", "references", "layers") and "test" not in root:
        won.append(root)
"""

EVADING = {
    "imports torch": instead(f"import torch\n{RIGHT['corr2d']}", feedback="corr2d: not answered"),
    "imports torch inside": attack("import torch.nn.functional as F", feedback="ImportError: only NumPy here"),
    "imports keras": attack("import keras", feedback="ImportError: only NumPy here"),
    "imports scipy": attack("from scipy.signal import correlate2d", feedback="ImportError: only NumPy here"),
    "imports labkit": instead("from labkit.references.lab02 import corr2d", feedback="corr2d: not answered"),
    "imports labkit's layers": attack("from labkit.layers import Conv2D", feedback="ImportError: only NumPy here"),
    "imports torch past the hook": must_fail(
        f"import importlib\nsys.meta_path[:] = [one for one in sys.meta_path if 'Only' not in type(one).__name__]\n"
        f"sys.path.insert(0, {PACKAGES!r})\nimportlib.invalidate_caches()\nwon.append(importlib.import_module('torch'))"
    ),
    "imports labkit's references past the hook": must_fail(
        f"import importlib\nsys.meta_path[:] = [one for one in sys.meta_path if 'Only' not in type(one).__name__]\n"
        f"sys.path[:0] = ['/judge', {str(HOUSE)!r}]\nwon.append(importlib.import_module('labkit.references.lab02'))"
    ),
    "reads the solutions": of_disk(SOLUTIONS, "solutions"),
    "reads the executed notebook": of_disk(EXECUTED, "the executed notebook"),
    "reads the reference": of_disk(HOUSE / "labkit/references/lab02.py", "the reference"),
    "reads the tests": of_disk(HOUSE / "tests/answers/lab02.py", "right answers"),
    "looks everywhere": must_fail(LOOKS_AROUND),
    "looks in frames, gc, modules and linecache": instead(SEARCH),
    "reads proc": must_fail(READS_PROC),
    "reads the judge's memory": must_fail(READS_MEMORY),
    "knows the visible cases by heart": instead(table()),
    "answers by shape": instead(BY_SHAPE),
    "spies on the right helper": Attack(
        lambda: book(corr2d=WRONG["corr2d"], conv2d_forward=SPIES), frozenset({"corr2d", "conv2d_forward"}),
        untold=RIGHT["corr2d"].strip().split("\n")[-2].strip(),
    ),
    "spies on the right helper, in a cell": Attack(
        later(
            {**RIGHT, "corr2d": WRONG["corr2d"], "conv2d_forward": f"{WRONG['conv2d_forward']}\n# corr2d"},
            before=["import sys\nhelp = sys._getframe(2).f_locals['task']['helpers']\nraise RuntimeError(str(help), lambda: 0)"],
        ),
        frozenset({"corr2d", "conv2d_forward"}), untold=RIGHT["corr2d"].strip().split("\n")[-2].strip(),
    ),
}  # fmt: skip
