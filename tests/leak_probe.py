"""Try every public function of labkit as the answer to every exercise; print those that pass as JSON.

Run as a program, so that what it tries can do no harm: the functions of a module are tried in a child process.
"""

import importlib
import inspect
import json
import multiprocessing
import os
import pkgutil

import matplotlib.figure  # noqa: F401 — for the children: each would load it anew where it tries a figure
import numpy as np
import torch

import labkit
from labkit.checks.running import attempt
from labkit.references import reference

# The grader ends processes, changes its own rights and writes files: none of it answers an exercise, and a probe must
# not call it. Importing __main__ runs the command.
NOT_TRIED = ("labkit.__main__", "labkit.grading")
SECONDS = 20  # for one function and one exercise that it answers, or all that it does not
CASES = {one.name: one.inputs(np.random.default_rng(0)) for one in labkit.exercises()}
WANTED = {one.name: inspect.signature(reference(one).answer).parameters.values() for one in labkit.exercises()}


def public_functions() -> dict[str, object]:
    """Every function and class of labkit that can be imported, by the name it was defined under.

    Names that begin with an underscore are left out, and so is what labkit itself imports.
    """
    found = {}
    for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
        if module.name.startswith(NOT_TRIED):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            ours = getattr(value, "__module__", None) or ""
            if not name.startswith("_") and callable(value) and ours.startswith("labkit") and not ours.startswith(NOT_TRIED):
                found.setdefault(id(value), (f"{module.name}.{name}", value))
                if inspect.isroutine(value) and ours == module.name:
                    found[id(value)] = (f"{module.name}.{name}", value)
    return {name: value for name, value in found.values()}


def answers(functions: dict[str, object], results) -> None:
    """Send (function, exercise) for each exercise that a function answers, and (function, "") when it is done."""
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    for name, function in functions.items():
        for exercise in labkit.exercises():
            # Where a case ends in a fault, `examine` cannot pass: most functions are done with at the first.
            if not takes(function, exercise) or any(
                attempt(exercise, function, case).fault for case in CASES[exercise.name].values()
            ):
                continue
            if labkit.examine(exercise.name, function).passed:
                results.send((name, exercise.name))
        results.send((name, ""))


def takes(function, exercise) -> bool:
    """Whether `function` can be called with as many arguments as an answer to `exercise`."""
    wanted = WANTED[exercise.name]
    needed = [one for one in wanted if one.default is one.empty]
    for arguments in (needed, wanted):
        try:
            inspect.signature(function).bind(*[None] * len(arguments))
            return True
        except ValueError:  # it does not tell what it takes
            return True
        except TypeError:
            continue
    return False


def tried(functions: dict[str, object]) -> tuple[dict[str, list[str]], list[str]]:
    """The exercises answered, by function, and the functions that let themselves not be tried to the end.

    One child tries them one after the other; after one that ends it or takes too long, the next child goes on.
    """
    context, found, ended = multiprocessing.get_context("fork"), {}, []
    while functions:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=answers, args=(functions, theirs))
        child.start()
        theirs.close()
        try:
            while functions and ours.poll(SECONDS):
                name, exercise = ours.recv()
                if exercise:
                    found.setdefault(name, []).append(exercise)
                else:
                    del functions[name]
        except EOFError:  # the child is gone
            pass
        finally:
            child.kill()
            child.join()
        if functions:
            ended.append(next(iter(functions)))
            del functions[ended[-1]]
    return found, ended


def main() -> None:
    torch.set_num_threads(1)
    labkit.examine("zero_pad", len)  # what the judge needs is loaded once, before the children start
    told = {"tried": [], "passed": {}, "ended": []}
    modules: dict[str, dict[str, object]] = {}
    for name, function in sorted(public_functions().items()):
        modules.setdefault(name.rpartition(".")[0], {})[name] = function
    for functions in modules.values():  # what one module does to its process is no other's loss
        names = list(functions)
        found, ended = tried(functions)
        told["ended"] += ended
        told["tried"] += [name for name in names if name not in ended]
        for name, exercises in found.items():
            for exercise in exercises:
                told["passed"].setdefault(exercise, []).append(name)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
