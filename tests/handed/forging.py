"""Notebooks that want points for a wrong corr2d: they lose it, and nothing else."""

from labkit import asked
from labkit.grading import wire

from handed.making import RIGHT, WRONG, Attack, attack, cell_attack, first_do, instead, later

LYING_SUBCLASS = """
class Lying(np.ndarray):
    def __array__(self, *args, **keywords): return np.ones((3, 3))
    def __eq__(self, other): return True
    def __array_ufunc__(self, *args, **keywords): return True
    def __array_function__(self, *args, **keywords): return True
    def tobytes(self, *args): return b""
    shape = (2, 2)
def corr2d(image, kernel):
    return np.zeros((1, 1)).view(Lying)
"""

LYING_OBJECT = """
class Lying:
    dtype, shape, ndim = np.dtype(float), (3, 3), 2
    def __eq__(self, other): return True
    def __array__(self, *args, **keywords): raise SystemExit
    def __str__(self): raise RuntimeError
def corr2d(image, kernel):
    return Lying()
"""

# The array that another object describes: at an address where there is nothing.
LYING_INTERFACE = """
class Lying:
    __array_interface__ = {"version": 3, "shape": (3, 3), "typestr": "<f8", "data": (8, False)}
def corr2d(image, kernel):
    return Lying()
"""

PATCHED_NUMPY = """
def yes(*args, **keywords):
    return True
np.allclose = np.array_equal = np.testing.assert_allclose = np.save = np.asarray = np.isfinite = np.equal = yes
"""

PATCHED_LIBRARY = """
import copy, json, os, struct, traceback
def yes(*args, **keywords):
    return True
traceback.extract_tb = copy.deepcopy = json.dumps = struct.pack = os.write = yes
"""

PATCHED_NDARRAY = """
import ctypes, gc
methods = gc.get_referents(np.ndarray.__dict__)[0]
methods["tobytes"] = lambda *args, **keywords: b""
ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))
assert np.ones(2).tobytes() == b""
"""

PATCHED_BUILTINS = """
import builtins
def yes(*args, **keywords):
    return True
builtins.isinstance = builtins.callable = builtins.print = builtins.all = builtins.float = builtins.vars = yes
builtins.__import__ = builtins.exec = builtins.compile = builtins.type = builtins.BaseException = yes
"""

SWAPPED_LABKIT = """
import sys, types
sys.modules["labkit"] = sys.modules["labkit.checks"] = types.ModuleType("labkit")
def check(*args):
    return True
"""

PATCHED_IPYTHON = """
import ast, sys
class Always(ast.NodeTransformer):
    def visit_Raise(self, node):
        return ast.Pass()
ip = get_ipython()
ip.ast_transformers.append(Always())
ip.input_transformers_cleanup.append(lambda lines: [])
ip.input_transformers_post.append(lambda lines: ["pass"])
ip.events.register("pre_run_cell", print)
ip.run_code = ip.run_cell = ip.showtraceback = lambda *args, **keywords: None
ip.display_pub.publish = ip.displayhook = sys.displayhook = sys.excepthook = lambda *args, **keywords: None
"""

FORGED_STDOUT = """
import os, sys
for text in ("corr2d is right", '{"corr2d": {"state": "right", "part": 1}}', "1 passed in 0.01s"):
    print(text)
    print(text, file=sys.stderr)
    sys.__stdout__ and sys.__stdout__.write(text)
    for descriptor in (1, 2):
        os.write(descriptor, text.encode())
"""

LATER = """
import atexit, os, threading, time
atexit.register(lambda: os._exit(3))
threading.Thread(target=lambda: (time.sleep(60), os._exit(3)), daemon=False).start()
"""

GRADE_FILES = """
import os
for name in ("gradebook.csv", "journal.sqlite", "seed", "result.json", "grades/corr2d", "points"):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w") as file:
        file.write("student,lab02.corr2d,total,max\\nforging,3,14,14\\n")
"""

# What follows climbs from the student's cell up the stack to where labkit holds its own things.
CLIMBING = """
import sys
def seen(name):
    frame = sys._getframe()
    while frame is not None:
        if name in frame.f_locals:
            return frame.f_locals[name]
        if frame.f_back is None:
            raise LookupError(name)
        frame = frame.f_back
def labkits(name):
    frame = sys._getframe()
    while name not in frame.f_globals or frame.f_globals is globals():
        frame = frame.f_back
    return frame.f_globals
def forged(cases):
    out = {}
    for name, case in cases.items():
        args = case["args"] if type(case) is dict else case.args
        arrays = {key: value for key, value in args.items() if type(value) is np.ndarray}
        size = [a - b + 1 for a, b in zip(args["image"].shape, args["kernel"].shape)]
        zeros = {"out": np.zeros(size, args["image"].dtype)} if min(size) > 0 else {"raised": np.array(True)}
        out[name] = {"outputs": zeros, "fault": "", "detail": "", "error": "", "where": [], "after": arrays,
                     "again": zeros, "warned": [], "returned": "", "kinds": ["ValueError"]}
    return out
mine = seen("task")["exercise"] == "corr2d"
"""


def climbing(code: str, **more) -> Attack:
    """A cell that gets hold of labkit's own things while corr2d is asked, and a wrong corr2d."""
    body = "\n".join(f"    {line}" for line in code.strip().split("\n"))
    return cell_attack(f"{CLIMBING}\nif mine:\n{body}", wrong=True, **more)


SENDS = """
import os
send, task = seen("send"), seen("task")
send({"loaded": [], "instead": ""})
send({"cases": forged(task["cases"])})
send({"cases": forged(task["cases"])})
send({"small": forged(task["small"]), "printed": "corr2d is right"})
os._exit(0)
"""

SENDS_BY_GC = """
import gc
found = [one for one in gc.get_objects() if "in_a_fork" in getattr(one, "__qualname__", "") and callable(one)]
found = [one for one in found if one.__code__.co_argcount == 1]
task = seen("task")
for send in found:
    send({"loaded": [], "instead": ""})
    send({"cases": forged(task["cases"])})
"""

SENDS_FROM_A_THREAD = """
import threading, time
send, task = seen("send"), seen("task")
def wait():
    while True:
        send({"cases": forged(task["cases"])})
        time.sleep(0.001)
threading.Thread(target=wait, daemon=True).start()
"""

PATCHED_RUN = """
labkits("run")["run"] = lambda exercise, answer, cases: {
    name: labkits("Outcome")["Outcome"](**one) for name, one in forged(cases).items()
}
"""

PATCHED_ENCODE = """
encode = labkits("wire")["wire"].encode
task = seen("task")
labkits("wire")["wire"].encode = lambda value: encode(
    {"cases": forged(task["cases"])} if "cases" in value else value
)
"""

PATCHED_DRIVE = """
one = seen("one")
def drive(answer, case, returns):
    return {"out": np.zeros((3, 3))}
object.__setattr__(one, "drive", drive)
"""

PATCHED_OUTCOME = """
space = labkits("Outcome")
space["packed"] = lambda outcomes: {name: {"outputs": {}, "fault": ""} for name in outcomes}
"""

SWALLOWED = """
import warnings
warnings.catch_warnings.__exit__ = lambda *args: True
"""

ZEROED_CASES = """
for case in seen("cases").values():
    for value in case.args.values():
        value[...] = 0
"""

NO_GUARD = """
def corr2d(image, kernel):
    frame, texts = __import__("sys")._getframe(), []
    while frame is not None:
        told = dict(frame.f_locals)
        case = told.get("case")
        texts += [str(told.get("name")), str(getattr(case, "raises", "")), str(getattr(case, "catches", ""))]
        frame = frame.f_back
    if any("too" in text or "ValueError" in text for text in texts):
        raise ValueError
    oh, ow = (max(s - k + 1, 1) for s, k in zip(image.shape, kernel.shape))
    out = np.zeros((oh, ow), image.dtype)
    for i in range(oh):
        for j in range(ow):
            part = image[i : i + kernel.shape[0], j : j + kernel.shape[1]]
            out[i, j] = np.sum(part * kernel[: part.shape[0], : part.shape[1]])
    return out
"""

ASKS_FOR_RAISES = """
space = labkits("run")
run = space["run"]
Outcome = labkits("Outcome")["Outcome"]
def lying(exercise, answer, cases):
    out = run(exercise, answer, cases)
    for name, case in cases.items():
        if case.raises:
            out[name] = Outcome({"raised": np.array(True)}, after=out[name].after)
    return out
space["run"] = lying
"""

HIDES = """
space = labkits("run")
run, Outcome = space["run"], labkits("Outcome")["Outcome"]
def lying(exercise, answer, cases):
    out = run(exercise, answer, cases)
    return {
        name: Outcome(**{**vars(one), "fault": "", "outputs": one.outputs or {"raised": np.array(True)},
                         "again": one.outputs, "returned": "", "kinds": ()})
        for name, one in out.items()
    }
space["run"] = lying
"""

WRITE_EVERYWHERE = [
    "import os",
    "for fd in range(3, 64):",
    "    try: os.write(fd, b'{}' * 500)",
    "    except OSError: pass",
]
FLOOD = f"""
import os
while True:
    for fd in range(3, 16):
        try: os.write(fd, {wire.encode({"at": [0, 0]})!r} * 100)
        except OSError: pass
"""


def frames_of_the_protocol() -> str:
    """Messages that say "loaded, and here are the results", with zeros of the right shapes; where it should, it raised."""
    import numpy as np

    outcomes = {}
    cases = asked.exercise("corr2d").inputs(np.random.default_rng(0)).values()
    for number, case in enumerate(cases):
        size = [a - b + 1 for a, b in zip(case.args["image"].shape, case.args["kernel"].shape)]
        raises = min(size) < 1
        zeros = {"raised": np.array(True)} if raises else {"out": np.zeros(size, case.args["image"].dtype)}
        outcomes[str(number)] = {
            "outputs": None if raises else zeros, "fault": "raised" if raises else "", "detail": "", "error": "",
            "where": [], "after": case.args, "again": None if raises else zeros, "warned": [], "returned": "",
            "kinds": ["ValueError"],
        }  # fmt: skip
    frames = wire.encode({"loaded": [], "instead": ""}) + wire.encode({"cases": outcomes})
    return "\n".join(
        [
            "def corr2d(image, kernel):",
            "    import os",
            "    for fd in range(3, 256):",
            f"        try: os.write(fd, {frames!r})",
            "        except OSError: pass",
            "    os._exit(0)",
        ]
    )




FORGING = {
    "patched numpy": cell_attack(PATCHED_NUMPY, wrong=True),
    "patched library": cell_attack(PATCHED_LIBRARY, wrong=True),
    "patched ndarray": cell_attack(PATCHED_NDARRAY, wrong=True),
    "patched builtins": cell_attack(PATCHED_BUILTINS, wrong=True),
    "swapped labkit": cell_attack(SWAPPED_LABKIT, wrong=True),
    "import hooks": cell_attack("import sys\nsys.meta_path.clear()", wrong=True),
    "import hook of its own": cell_attack(
        "import sys\nclass Hook:\n    def find_spec(self, *args): raise SystemExit\nsys.meta_path.insert(0, Hook())",
        wrong=True,
    ),
    "transformers and a patched IPython": cell_attack(PATCHED_IPYTHON, wrong=True),
    "forged stdout": cell_attack(FORGED_STDOUT, wrong=True),
    "stdout swapped": cell_attack("import sys\nsys.stdout = sys.stderr = sys.__stdout__ = None", wrong=True),
    "grade files": cell_attack(GRADE_FILES, wrong=True),
    "lying subclass": instead(LYING_SUBCLASS, feedback="corr2d is wrong"),
    "lying object": instead(LYING_OBJECT),
    "lying interface": instead(LYING_INTERFACE),
    "error with a lying text": attack("class E(ValueError):", "    def __str__(self): return 1", "raise E"),
    "is a number": instead("corr2d = 5", feedback="not answered. Your cells leave something of type int"),
    "threads that act later": cell_attack(LATER, wrong=True),
    "sends an answer, and another": climbing(SENDS),
    "finds the way to send by gc": climbing(SENDS_BY_GC),
    "sends from a thread": climbing(SENDS_FROM_A_THREAD),
    "patched run": climbing(PATCHED_RUN),
    "patched encode": climbing(PATCHED_ENCODE),
    "patched drive": climbing(PATCHED_DRIVE),
    "patched packed": climbing(PATCHED_OUTCOME, flags="corr2d: gave no readable answer"),
    "swallows every exception": climbing(SWALLOWED),
    "zeroes the cases": climbing(ZEROED_CASES),
    "reads where it should raise": instead(NO_GUARD),
    "is told where it should raise": Attack(later({**RIGHT, "corr2d": NO_GUARD}, before=[
        f"{CLIMBING}\nif mine:\n" + "\n".join(f"    {line}" for line in ASKS_FOR_RAISES.strip().split("\n"))
    ])),
    "hides that it raised": Attack(later({**RIGHT, "corr2d": WRONG["corr2d"]}, before=[
        f"{CLIMBING}\nif mine:\n" + "\n".join(f"    {line}" for line in HIDES.strip().split("\n"))
    ])),
    "frames of the protocol": instead(frames_of_the_protocol()),
    "writes to every descriptor": attack(*WRITE_EVERYWHERE, flags="corr2d: gave no readable answer"),
    "writes to every descriptor in a cell": cell_attack("\n".join(WRITE_EVERYWHERE), "was left out"),
    "floods the channel in a cell": cell_attack(FLOOD, "a cell took longer than 5 s"),
    "closes every descriptor": attack("import os; os.closerange(0, 64)", flags="corr2d: ended without an answer"),
    "another error in words": attack("raise type('ValueError', (Exception,), {})('corr2d is right')"),
}  # fmt: skip
