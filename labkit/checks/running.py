"""Run an answer on cases and write down what it did. NumPy only: this runs where the answer runs."""

import contextlib
import copy
import io
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse

LABKIT = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Outcome:
    """What an answer did with one case.

    outputs   its results as plain arrays by name, None where there are none
    fault     "" or: stub, none, count, type, raised, wrong error, no error
    detail    the fault in words
    error     name of the exception's class, if it raised
    where     the answer's own lines in the traceback, innermost last
    after     the array arguments as they were after the call
    again     the results of a second call with the same arguments, None where there are none
    warned    texts of the warnings it gave
    returned  in a few words what it returned, empty if it did not return
    kinds     names of the classes that what it raised belongs to
    """

    outputs: dict[str, np.ndarray] | None = None
    fault: str = ""
    detail: str = ""
    error: str = ""
    where: tuple[str, ...] = ()
    after: dict[str, np.ndarray] = field(default_factory=dict)
    again: dict[str, np.ndarray] | None = None
    warned: tuple[str, ...] = ()
    returned: str = ""
    kinds: tuple[str, ...] = ()


def run(exercise: Exercise, answer: Callable, cases: dict[str, Case]) -> dict[str, Outcome]:
    """Run `answer` on every case, then once more in reverse order, each time on fresh copies.

    Nothing an answer raises gets out, KeyboardInterrupt excepted. What it prints is shown once.
    A stub is called once: the other cases hold the same outcome.
    """
    first: dict[str, Outcome] = {}
    for name, case in cases.items():
        first[name] = attempt(exercise, answer, case)
        if first[name].fault == "stub":
            return dict.fromkeys(cases, first[name])
    for name in reversed(cases):
        if first[name].outputs is not None and not cases[name].raises:
            with contextlib.redirect_stdout(io.StringIO()):
                again = attempt(exercise, answer, cases[name]).outputs
            first[name] = Outcome(**{**vars(first[name]), "again": again})
    return first


def attempt(exercise: Exercise, answer: Callable, case: Case) -> Outcome:
    """One drive of `answer` on a private copy of `case`."""
    case = Case(case.catches, copy.deepcopy(case.args), case.keywords, case.raises)
    outputs, fault, detail, error, where, returned, kinds = None, "", "", "", (), "", ()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            results = exercise.drive(answer, case, exercise.returns)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the conversion's own are not the answer's
                outputs, fault, detail = as_arrays(results, exercise.returns)
            returned = brief(results)
        except Misuse as misuse:
            fault, detail = misuse.code, str(misuse)
        except NotImplementedError as stub:
            fault, detail = "stub", str(stub)
        except (Exception, SystemExit) as raised:  # an answer may raise anything
            error, where = type(raised).__name__, own_lines(raised)
            fault, detail = "raised", f"it raised {error}{said(raised)}"
            kinds = tuple(kind.__name__ for kind in type(raised).__mro__)
    after = {name: plain(value) for name, value in case.args.items() if isinstance(value, np.ndarray)}
    warned = tuple(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in caught))
    return settled(Outcome(outputs, fault, detail, error, where, after, None, warned, returned, kinds), case.raises)


def settled(outcome: Outcome, raises: str) -> Outcome:
    """What an outcome means where raising `raises` is the answer; the outcome as it is where that is empty.

    Apart from the call: an answer that runs where it is not trusted is not told where it should raise.
    """
    if raises and outcome.returned:
        detail = f"it returned {outcome.returned}; it should raise a {raises}"
        return replace(outcome, outputs=None, again=None, fault="no error", detail=detail)
    if raises and outcome.fault == "raised" and raises in outcome.kinds:
        return replace(outcome, outputs={"raised": np.array(True)}, fault="", detail="")
    if raises and outcome.fault == "raised":
        return replace(outcome, fault="wrong error", detail=f"{outcome.detail}; a {raises} was expected")
    return outcome


def as_arrays(results: dict[str, object], returns: dict[str, str]):
    """The results as plain arrays, with the first fault in their types: (outputs, fault, detail)."""
    outputs, fault, detail = {}, "", ""
    for name, value in results.items():
        wrong = wrong_type(value, returns.get(name, "array"))
        if wrong and not fault:
            fault, detail = ("none" if value is None else "type"), f"{name} is {wrong}"
            detail += ". Is the return missing?" if value is None else ""
        try:
            array = plain(value)
        except Exception:  # the value may be anything, with an __array__ of its own
            return None, fault or "type", detail or f"{name} cannot be read as an array"
        if array.dtype.kind not in "biufc":
            return None, fault or "type", detail or f"{name} holds {array.dtype}, not numbers"
        outputs[name] = array
    return outputs, fault, detail


def brief(results: dict[str, object]) -> str:
    """What an answer returned, in a few words."""
    value, *more = results.values() or [None]
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if not more and (value is None or isinstance(value, (bool, int, float, np.generic))):
        return str(value)
    return f"{len(results)} results" if more else f"a {type(value).__name__}"


def plain(value: object) -> np.ndarray:
    """A private copy of `value` as an ndarray proper, in row order."""
    return np.array(value, order="C", copy=True, subok=False)


def wrong_type(value: object, expected: str) -> str:
    """What `value` is and what was expected, where these differ; else an empty string."""
    if expected == "array":
        fits, wanted = isinstance(value, np.ndarray), "a NumPy array"
    else:
        array = np.asarray(value) if isinstance(value, (int, float, np.generic, np.ndarray)) else None
        kinds, wanted = ("iu", "an integer") if expected == "integer" else ("f", "a float")
        fits = array is not None and array.ndim == 0 and array.dtype.kind in kinds
    if fits:
        return ""
    kind = "None" if value is None else f"a {type(value).__module__}.{type(value).__name__}"
    kind = kind.replace("builtins.", "")
    shown = f" ({value})" if isinstance(value, (bool, int, float, np.generic)) else ""
    return f"{kind}{shown}; expected {wanted}"


def said(raised: BaseException) -> str:
    """": " and the text of an exception; nothing where it has none, or none that can be read."""
    try:
        text = str(raised)
    except Exception:  # an exception of a learner's own class may have a broken __str__
        text = ""
    return f": {text}" if text else ""


def own_lines(raised: BaseException) -> tuple[str, ...]:
    """The lines of the traceback that are neither labkit's nor an installed library's."""
    frames = traceback.extract_tb(raised.__traceback__)
    own = [
        frame
        for frame in frames
        if not frame.filename.startswith(LABKIT) and "site-packages" not in frame.filename
    ]
    return tuple(f"line {frame.lineno} in {frame.name}: {frame.line}".rstrip(": ") for frame in own)
