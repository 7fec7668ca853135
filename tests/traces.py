"""What one notebook may try to leave for the next, and how the next would look for it. Cells, as a student writes them.

LEAVE    leaves files, names, settings
LOOK     raises AssertionError where one of them is there
SCAN     looks through its own memory for notes; raises ValueError with those it has found
"""

LEAVE = """
import builtins, os, pathlib, sys
for folder in {folders}:
    try:
        pathlib.Path(folder, "left_behind").write_text("x")
    except OSError:
        pass
builtins.left_behind = sys.left_behind = 1
os.environ["LEFT_BEHIND"] = "1"
"""
LOOK = """
import builtins, os, sys
assert not hasattr(builtins, "left_behind") and not hasattr(sys, "left_behind") and "LEFT_BEHIND" not in os.environ
assert not [one for one in {folders} if os.path.exists(os.path.join(one, "left_behind"))]
assert "output_size" not in globals()
"""
SCAN = """
import ctypes, gc, os, re
own = "note:{own}"  # has to be found, or this looks in the wrong places
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
ours, theirs = os.pipe()

def page(place):
    there = libc.write(theirs, ctypes.c_void_p(place), ctypes.c_size_t(4096)) == 4096  # refused where it is closed
    return os.read(ours, 4096) if there else b""

found, place = set(), libc.sbrk(0) // 4096 * 4096 - 4096
while held := page(place):
    found |= set(re.findall(rb"note:([0-9a-f]{{32}})", held))
    place -= 4096
for arena in {{id(one) >> 20 << 20 for one in [*gc.get_objects(), own, own.encode()]}}:
    for place in range(arena, arena + 2**20, 4096):
        found |= set(re.findall(rb"note:([0-9a-f]{{32}})", page(place)))
raise ValueError(sorted(found))
"""


def folders(level: str) -> str:
    """Where a student's code may write, as a cell lists it: in a sandbox more than its own folder."""
    return '(".", "/tmp", "/dev/shm", os.path.expanduser("~"))' if level == "bwrap" else '(".",)'
