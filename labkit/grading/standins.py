"""What a student's code finds around it: NumPy and the standard library, and things that do nothing.

Runs in the student's process.
"""

import builtins
import math
import random
import sys
import types
from importlib.machinery import ModuleSpec

import numpy as np

INERT = ("matplotlib", "mpl_toolkits", "IPython", "ipywidgets", "tqdm")
HOW_MANY = {"plot": 1, "hist": 3, "hist2d": 4}  # results that are unpacked, by function


class Nothing:
    """Stands for a figure, a widget, IPython: takes every call and does nothing.

    Called with a function it gives that function back, so that decorators leave it alone.
    """

    def __init__(self, name: str = ""):
        self._name = name

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name)

    def __call__(self, *args, **keywords):
        if args and isinstance(args[0], types.FunctionType):
            return args[0]
        if self._name == "subplots":
            return Nothing(), axes(*args, **keywords)
        if self._name in HOW_MANY:
            return [Nothing() for _ in range(HOW_MANY[self._name])]
        return Nothing()

    def __getitem__(self, key):
        return Nothing()

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __bool__(self):
        return True

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        return None


def axes(nrows=1, ncols=1, *args, squeeze=True, **keywords):
    """As many axes as `plt.subplots` gives, in an array of the same shape."""
    grid = np.empty((nrows, ncols), dtype=object)
    grid.fill(Nothing())
    return grid.squeeze()[()] if squeeze else grid


class Progress(Nothing):
    """tqdm without a bar."""

    def __init__(self, iterable=(), *args, **keywords):
        super().__init__()
        self._iterable = iterable

    def __iter__(self):
        return iter(self._iterable)

    def __len__(self):
        return len(self._iterable)


def progress_range(*args, **keywords) -> range:
    return range(*args)


BARS = {"tqdm": Progress, "tqdm_notebook": Progress, "trange": progress_range, "tnrange": progress_range}


class InertModule(types.ModuleType):
    """A module in which every name is there and does nothing."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return BARS[name] if self.__name__.startswith("tqdm") and name in BARS else Nothing(name)


def is_there(root: str) -> bool:
    """Whether a module of this first name can be imported: NumPy, the standard library, what is inert."""
    return root == "numpy" or root in INERT or root in sys.stdlib_module_names


class OnlyNumPy:
    """Finds inert modules, lets NumPy and the standard library pass, refuses every other import."""

    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in INERT:
            return ModuleSpec(name, self, is_package=True)
        if is_there(root) or root.startswith("_sysconfigdata"):
            return None
        raise ImportError(f"only NumPy here, so {root} cannot be imported", name=name)

    def create_module(self, spec: ModuleSpec) -> InertModule:
        return InertModule(spec.name)

    def exec_module(self, module: InertModule) -> None:
        pass


def install(paths: list[str]) -> types.ModuleType:
    """Make this process a place for a student's code, and give back the module `__main__` it runs in.

    `paths` leave sys.path, and labkit leaves sys.modules: what runs already keeps what it needs.
    """
    sys.argv = [""]
    sys.path[:] = [path for path in sys.path if path not in paths]
    sys.meta_path.insert(0, OnlyNumPy())
    names = types.ModuleType("builtins")  # their own: `builtins.isinstance = …` is the student's own loss, too
    vars(names).update(vars(builtins), input=refuse_input, help=nothing, exit=sys.exit, quit=sys.exit)
    sys.modules["builtins"] = names
    random.seed(0)  # so that the same notebook gets the same grade twice
    np.random.seed(0)
    main = types.ModuleType("__main__")
    vars(main).update(
        __builtins__=names,
        np=np,
        numpy=np,
        math=math,
        check=nothing,
        hint=nothing,
        reveal=nothing,
        display=nothing,
        get_ipython=Nothing,
    )
    sys.modules["__main__"] = main
    keep_apart([sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "labkit"])
    return main


def keep_apart(modules: list[types.ModuleType]) -> None:
    """Give `modules` private copies of the modules they use: `np.array = …` in an answer is the answer's own loss."""
    copies: dict[types.ModuleType, types.ModuleType] = {sys: sys}
    for module in modules:
        for name, used in list(vars(module).items()):
            if isinstance(used, types.ModuleType) and used not in modules:
                if used not in copies:
                    copies[used] = types.ModuleType(used.__name__)
                    vars(copies[used]).update(vars(used))
                setattr(module, name, copies[used])


def nothing(*args, **keywords) -> None:
    pass


def refuse_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to ask while grading")
