"""Lab 0, tools you can trust: what is true, by torch, and the known ways to be wrong."""

import numpy as np
import torch
import torch.nn.functional as F

from labkit.asked.lab00 import places_of_largest
from labkit.checks.comparing import number
from labkit.references.reference import Mistake, Reference, with_torch

# relative_error ---------------------------------------------------------------------------------


def quotients(actual, expected):
    return (actual - expected).abs() / (actual.abs() + expected.abs()).clamp(min=1e-8)


@with_torch
def relative_error(actual, expected):
    return quotients(actual, expected).max()


def error_terms(output, index, actual, expected):
    """The quotient that is largest, or the first that is NaN."""
    with np.errstate(invalid="ignore"):
        all_of_them = np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected))
    worst = np.argmax(all_of_them)
    a, e = (number(float(array.flat[worst])) for array in (actual, expected))
    return f"|{a} - {minus(e)}| / max(1e-8, |{a}| + |{e}|)"


def minus(shown: str) -> str:
    return f"({shown})" if shown.startswith("-") else shown


def wrong_error(*formulas):
    """Spellings of a wrong relative_error, each from its formula in torch."""
    return tuple(map(with_torch, formulas))


def over(size):
    """A relative error over another size: size(actual, expected)."""
    return lambda a, e: ((a - e).abs() / size(a, e)).max()


def by_comparing(actual, expected):
    """The largest quotient by Python's `>`, which is False for NaN."""
    largest = 0.0
    for quotient in quotients(torch.from_numpy(actual), torch.from_numpy(expected)).flatten().tolist():
        if quotient > largest:
            largest = quotient
    return largest


def asking_actual_for_nan(actual, expected):
    return np.nan if np.isnan(actual).any() else by_comparing(actual, expected)


def without_nan(actual, expected):
    return torch.nan_to_num(quotients(actual, expected), 0.0).max()


def largest_of_rows(actual, expected):
    """Python's max of each row, then of the rows: two axes and no others."""
    return max(max(row) for row in quotients(torch.from_numpy(actual), torch.from_numpy(expected)).numpy())


def none_where_equal(actual, expected):
    """∞ == ∞ is True."""
    return torch.where(actual == expected, 0.0, quotients(actual, expected)).max()


def equal_arrays_first(actual, expected):
    return 0.0 if np.array_equal(actual, expected) else relative_error(actual, expected)


def finite_entries(actual, expected):
    """Infinite entries are left out, NaN is not."""
    return torch.where(actual.isinf() | expected.isinf(), 0.0, quotients(actual, expected)).max()


def asking_for(*infinite):
    """NaN, and some of the infinities, are looked for in the inputs."""

    def answer(actual, expected):
        lost = np.isnan(actual) | np.isnan(expected)
        for which, value in infinite:
            lost = lost | ((actual if which == "actual" else expected) == value)
        return np.nan if lost.any() else by_comparing(actual, expected)

    return answer


RELATIVE_ERROR = Reference(
    answer=relative_error,
    like="the same formula in torch",
    terms=error_terms,
    mistakes=(
        Mistake(
            "one_sided",
            "You left out the absolute value of the difference. An entry that is too small then counts as good.",
            wrong_error(
                lambda a, e: ((a - e) / (a.abs() + e.abs()).clamp(min=1e-8)).max(),
                lambda a, e: ((e - a) / (a.abs() + e.abs()).clamp(min=1e-8)).max(),
            ),
        ),
        Mistake(
            "signed_sizes",
            "You added the entries with their signs, so their sizes cancel. Take |a| + |e|.",
            wrong_error(
                over(lambda a, e: (a + e).clamp(min=1e-8)),
                over(lambda a, e: (a + e).abs().clamp(min=1e-8)),
                lambda a, e: ((a - e).abs() / (a + e).clamp(min=1e-8)).max().abs(),
            ),
        ),
        Mistake(
            "another_size",
            "You divided by another size. The difference is compared with |a| + |e|, the sum of both.",
            wrong_error(
                over(lambda a, e: e.abs().clamp(min=1e-8)),
                over(lambda a, e: a.abs().clamp(min=1e-8)),
                over(lambda a, e: torch.maximum(a.abs(), e.abs()).clamp(min=1e-8)),
                over(lambda a, e: ((a.abs() + e.abs()) / 2).clamp(min=1e-8)),
                over(lambda a, e: e.abs()),
            ),
        ),
        Mistake(
            "floor_left_out",
            "You left out the 1e-8. Where both entries are 0, 0/0 is NaN, though they agree.",
            wrong_error(over(lambda a, e: a.abs() + e.abs())),
        ),
        Mistake(
            "zeros_left_out",
            "You left entries out where one number is 0. 0 beside another number is an error of its full size.",
            wrong_error(
                lambda a, e: torch.where(e == 0, 0.0, quotients(a, e)).max(),
                lambda a, e: torch.where(a == 0, 0.0, quotients(a, e)).max(),
                lambda a, e: torch.where((a == 0) | (e == 0), 0.0, quotients(a, e)).max(),
            ),
        ),
        Mistake(
            "floor_added",
            "You added 1e-8 to the size. It is the least the size may be: the larger of 1e-8 and |a| + |e|.",
            wrong_error(over(lambda a, e: a.abs() + e.abs() + 1e-8)),
        ),
        Mistake(
            "another_floor",
            "You took another number than 1e-8 for the least size.",
            tuple(
                with_torch(over(lambda a, e, least=least: (a.abs() + e.abs()).clamp(min=least)))
                for least in (1e-6, 1e-7, 1e-9, 1e-10, 1e-12, 1.0)
            ),
        ),
        Mistake(
            "difference_alone",
            "You returned the largest difference itself. Divide each one by the size of its entries.",
            wrong_error(lambda a, e: (a - e).abs().max()),
        ),
        Mistake(
            "averaged",
            "You took the mean or the sum. Among a thousand good entries a mean hides a wrong one: take the largest.",
            wrong_error(lambda a, e: quotients(a, e).mean(), lambda a, e: quotients(a, e).sum()),
        ),
        Mistake(
            "whole_arrays",
            "You compared the arrays as wholes. Divide entry by entry first, and then take the largest quotient.",
            wrong_error(
                lambda a, e: (a - e).abs().max() / (a.abs().max() + e.abs().max()).clamp(min=1e-8),
                lambda a, e: (a - e).abs().max() / (a.abs() + e.abs()).max().clamp(min=1e-8),
                lambda a, e: (a - e).abs().sum() / (a.abs() + e.abs()).sum().clamp(min=1e-8),
                lambda a, e: (a - e).norm() / (a.norm() + e.norm()).clamp(min=1e-8),
            ),
        ),
        Mistake(
            "less_precise",
            "You computed in float32, which ends at about 3e38 and keeps seven digits. Keep the dtype of the arrays.",
            (lambda actual, expected: relative_error(actual.astype(np.float32), expected.astype(np.float32)),),
        ),
        Mistake(
            "nan_lost",
            "A NaN got lost on the way. np.nanmax and Python's own `max` and `>` pass it over; np.max keeps it.",
            (
                by_comparing,
                asking_actual_for_nan,
                with_torch(without_nan),
                with_torch(lambda a, e: max(quotients(a, e).flatten())),
                with_torch(lambda a, e: np.fmax.reduce(quotients(a, e).flatten().numpy())),
            ),
        ),
        Mistake(
            "infinity_agrees",
            "You let an infinity count as no error. Its quotient is ∞/∞, which is NaN: beside ∞ too, on either side, "
            "with either sign. Let the formula run: it gives NaN by itself.",
            (
                with_torch(none_where_equal),
                equal_arrays_first,
                with_torch(finite_entries),
                asking_for(),
                asking_for(("actual", np.inf)),
                asking_for(("actual", np.inf), ("actual", -np.inf)),
                asking_for(("expected", np.inf)),
                asking_for(("expected", np.inf), ("expected", -np.inf)),
                asking_for(("actual", np.inf), ("expected", np.inf)),
                with_torch(lambda a, e: torch.where(a.isinf() & (a == e), 0.0, quotients(a, e)).max()),
                with_torch(lambda a, e: torch.where(e.isinf(), 0.0, quotients(a, e)).max()),
                with_torch(lambda a, e: torch.where(a.isinf(), 0.0, quotients(a, e)).max()),
                with_torch(lambda a, e: torch.where(a == -torch.inf, 0.0, quotients(a, e)).max()),
            ),
        ),
        Mistake(
            "not_reduced",
            "You returned one number for each entry, or for each row. One number is asked: the largest of all.",
            wrong_error(quotients, lambda a, e: quotients(a, e).amax(0), lambda a, e: quotients(a, e).amax(-1)),
        ),
        Mistake(
            "two_axes_only",
            "Your function works for arrays with two axes only. np.max goes over all entries, whatever the shape.",
            (largest_of_rows, with_torch(lambda a, e: np.max(quotients(a, e).numpy(), axis=(0, 1)))),
        ),
    ),
)

# assert_close -----------------------------------------------------------------------------------


def assert_close(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(shapes(actual, expected))
    try:
        torch.testing.assert_close(torch.tensor(actual), torch.tensor(expected), rtol=rtol, atol=atol)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{place(actual, expected, rtol, atol)}") from None


def shapes(actual, expected) -> str:
    return f"shapes {actual.shape} and {expected.shape}"


def place(actual, expected, rtol=1e-7, atol=1e-9) -> str:
    """The index of the largest difference, of those that are not allowed."""
    return f"index {(places_of_largest(actual, expected, rtol, atol) or [None])[0]}"


def place_of_all(actual, expected) -> str:
    """The index of the largest difference of all, allowed or not."""
    with np.errstate(invalid="ignore"):
        return f"index {tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(actual - expected)), actual.shape))}"


def close(actual, expected, rtol=1e-7, atol=1e-9):
    """Where the entries are close, by torch; shapes may broadcast."""
    return torch.isclose(torch.tensor(actual), torch.tensor(expected), rtol=rtol, atol=atol).numpy()


def wrong_check(passes=lambda a, e, rtol, atol: close(a, e, rtol, atol), shapes_first=True, told=place_of_all):
    """A wrong assert_close: passes(actual, expected, rtol, atol) is its verdict, told(actual, expected) its text."""

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if shapes_first and actual.shape != expected.shape:
            raise AssertionError(shapes(actual, expected))
        with np.errstate(invalid="ignore"):
            good = np.all(passes(actual, expected, rtol, atol))
        if not good:
            raise AssertionError(told(actual, expected))

    return answer


def formula(a, e, rtol, atol):
    """The formula alone: ∞ beside a finite number is within rtol·∞, and ∞ − ∞ is NaN."""
    return np.abs(a - e) <= atol + rtol * np.abs(e)


def check_terms(output, index, actual, expected, rtol=1e-7, atol=1e-9):
    """Why an AssertionError is due: the shapes, or the first entry that is not close."""
    if output != "AssertionErrors":
        return None
    if actual.shape != expected.shape:
        return f"({actual.shape} is not {expected.shape})"
    wrong = np.flatnonzero(~close(actual, expected, rtol, atol))
    if not wrong.size:
        return None
    pair = [float(array.flat[wrong[0]]) for array in (actual, expected)]
    a, e = (f"{one:.9g}" for one in pair)
    if not np.isfinite(pair).all():
        return f"({a} does not agree with {e})"
    return f"(|{a} - {minus(e)}| > {atol:g} + {rtol:g}·|{e}|)"


def with_tolerance(tolerance):
    """A verdict from another tolerance: tolerance(a, e, rtol, atol), with infinities and NaN treated rightly."""

    def passes(a, e, rtol, atol):
        apart = np.abs(a - e)
        return ((apart <= tolerance(a, e, rtol, atol)) & np.isfinite(a) & np.isfinite(e)) | (a == e)

    return passes


def with_tolerance_alone(tolerance):
    return lambda a, e, rtol, atol: np.abs(a - e) <= tolerance(a, e, rtol, atol)


def allowed(a, e, rtol, atol):
    return atol + rtol * np.abs(e)


def with_tolerance_where(tolerance, difference=lambda a, e: np.abs(a - e)):
    """The same by np.where: beside an infinite expected value, a == e decides."""

    def passes(a, e, rtol, atol):
        return np.where(np.isfinite(e), difference(a, e) <= tolerance(a, e, rtol, atol), a == e)

    return passes


def without_abs(passes):
    """A check without an absolute value, which may name the index by np.abs or not."""
    yield wrong_check(passes)
    yield wrong_check(passes, told=at(lambda a, e, wrong: np.argmax(a - e)))
    yield wrong_check(passes, told=at(lambda a, e, wrong: np.argmax(e - a)))
    yield wrong_check(passes, shapes_first=False, told=lambda a, e: "")


def naming(pick, passes=lambda a, e, rtol, atol: close(a, e, rtol, atol)):
    """A check that names another entry: pick(difference, wrong) gives its flat index, with the call's tolerances."""

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if actual.shape != expected.shape:
            raise AssertionError(shapes(actual, expected))
        with np.errstate(all="ignore"):
            wrong = ~np.asarray(passes(actual, expected, rtol, atol))
            flat = pick(actual - expected, wrong)
        if wrong.any():
            raise AssertionError(f"index {tuple(int(i) for i in np.unravel_index(flat, actual.shape))}")

    return answer


def first_wrong(apart, wrong):
    return np.argmax(wrong)


def judging_one(pick):
    """A check that asks a single entry: pick(actual, expected) gives its flat index."""

    def passes(a, e, rtol, atol):
        with np.errstate(all="ignore"):
            return close(a, e, rtol, atol).flat[pick(a, e)]

    return passes


def exact_if(infinite):
    """A check that asks for equal arrays as soon as infinite(a, e)."""
    return lambda a, e, rtol, atol: np.array_equal(a, e) if infinite(a, e) else close(a, e, rtol, atol)


def atol_before_rtol(actual, expected, atol=1e-9, rtol=1e-7):
    assert_close(actual, expected, rtol, atol)


def other_tolerances(rtol, atol):
    """The tolerance of a check that has its own numbers for its defaults, or always."""

    def as_default(actual, expected, rtol=rtol, atol=atol):
        return wrong_check()(actual, expected, rtol, atol)

    def always(actual, expected, rtol=rtol, atol=atol, own=(rtol, atol)):
        return wrong_check()(actual, expected, *own)

    return as_default, always


def ignoring(**own):
    """Checks that use these numbers for rtol or atol, whatever the call says; some treat NaN or ∞ wrongly, too."""
    verdicts = (
        close,
        formula,
        lambda a, e, rtol, atol: formula(a, e, rtol, atol) | (a == e),
        lambda a, e, rtol, atol: np.abs(a - e) < allowed(a, e, rtol, atol),
        not_beyond(np.greater),
    )
    for verdict in verdicts:
        yield wrong_check(
            lambda a, e, rtol, atol, verdict=verdict: verdict(a, e, **({"rtol": rtol, "atol": atol} | own))
        )


def not_beyond(beyond, finite=lambda e: True):
    """A verdict that asks for entries too far apart, and so lets NaN pass; where not finite(e), a != e decides."""
    return lambda a, e, rtol, atol: ~np.where(
        finite(e), beyond(np.abs(a - e), allowed(a, e, rtol, atol)), a != e
    )


def zero_as_default(actual, expected, rtol=1e-7, atol=1e-9):
    wrong_check()(actual, expected, rtol or 1e-7, atol or 1e-9)


def at(pick):
    """The text of a check that names another entry: pick(actual, expected, wrong) gives its flat index."""

    def told(actual, expected):
        with np.errstate(all="ignore"):
            flat = pick(actual, expected, ~close(actual, expected))
        return f"index {tuple(int(i) for i in np.unravel_index(flat, actual.shape))}"

    return told


def flat_place(actual, expected) -> str:
    return f"index {np.argmax(np.abs(actual - expected))}"


def bracketed_place(actual, expected) -> str:
    return place(actual, expected).replace("(", "[").replace(")", "]")


def list_of_wrong_places(actual, expected) -> str:
    places = np.argwhere(~close(actual, expected)).tolist()
    return ", ".join(str(tuple(one)) for one in places)


def by_numpy(actual, expected, rtol=1e-7, atol=1e-9):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def verdict_returned(result):
    """A check that returns result(good) instead of raising."""

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        return result(actual.shape == expected.shape and bool(close(actual, expected, rtol, atol).all()))

    return answer


def verdict_without_shapes(actual, expected, rtol=1e-7, atol=1e-9):
    return bool(np.isclose(actual, expected, rtol, atol).all())


def raising(kind, for_values=True):
    """A check that raises another error: for unlike shapes, and for values too."""

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if actual.shape != expected.shape:
            raise kind(shapes(actual, expected))
        if not close(actual, expected, rtol, atol).all():
            raise (kind if for_values else AssertionError)(place_of_all(actual, expected))

    return answer


def comparing_sizes(size):
    """A check that compares something less than the shapes, such as their lengths."""

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if size(actual) != size(expected):
            raise AssertionError(shapes(actual, expected))
        return wrong_check(shapes_first=False, told=broadcast_place)(actual, expected, rtol, atol)

    return answer


def broadcast_place(actual, expected) -> str:
    return place_of_all(*np.broadcast_arrays(actual, expected))


def without_text(passes):
    """A wrong check that raises without a text, and perhaps does not look at the shapes."""
    for shapes_first in (True, False):
        yield wrong_check(passes, shapes_first, told=lambda a, e: "")
    yield mute_about_shapes(lambda a, e: "", wrong_check(passes, told=lambda a, e: ""))


def first_attempts():
    """Checks without a text, right or wrong about infinities and NaN."""
    yield from without_text(lambda a, e, rtol, atol: close(a, e, rtol, atol))
    yield from without_text(formula)
    yield from without_text(lambda a, e, rtol, atol: ~(np.abs(a - e) > allowed(a, e, rtol, atol)))
    yield from without_text(lambda a, e, rtol, atol: np.abs(a - e) < allowed(a, e, rtol, atol))
    yield from without_text(lambda a, e, rtol, atol: np.max(np.abs(a - e)) <= atol + rtol * np.max(np.abs(e)))


def for_two_axes(actual, expected, rtol=1e-7, atol=1e-9):
    rows, columns = actual.shape
    assert_close(actual, expected, rtol, atol)


def entry_by_entry(actual, expected, rtol=1e-7, atol=1e-9):
    """A loop over the first axis: nothing without axes can be gone through."""
    if actual.shape != expected.shape:
        raise AssertionError(shapes(actual, expected))
    good = [close(a, e, rtol, atol).all() for a, e in zip(actual, expected)]
    if not all(good):
        raise AssertionError(place_of_all(actual, expected))


def mute_about_shapes(text, otherwise=assert_close):
    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if actual.shape != expected.shape:
            raise AssertionError(text(actual, expected))
        return otherwise(actual, expected, rtol, atol)

    return answer


ASSERT_CLOSE = Reference(
    answer=assert_close,
    like="torch.testing.assert_close",
    terms=check_terms,
    mistakes=(
        Mistake(
            "one_sided",
            "You left out the absolute value of the difference. What is far too small, −1000 for example, then passes.",
            (
                wrong_check(lambda a, e, rtol, atol: (a - e <= atol + rtol * np.abs(e)) | (a == e)),
                wrong_check(lambda a, e, rtol, atol: (e - a <= atol + rtol * np.abs(e)) | (a == e)),
                wrong_check(lambda a, e, rtol, atol: a - e <= atol + rtol * np.abs(e)),
                wrong_check(lambda a, e, rtol, atol: a - e < atol + rtol * np.abs(e)),
                wrong_check(lambda a, e, rtol, atol: e - a <= atol + rtol * np.abs(e)),
                *without_abs(with_tolerance_where(allowed, lambda a, e: a - e)),
                *without_abs(with_tolerance_where(allowed, lambda a, e: e - a)),
                *without_abs(lambda a, e, rtol, atol: a - e <= allowed(a, e, rtol, atol)),
                *without_abs(lambda a, e, rtol, atol: (a - e <= allowed(a, e, rtol, atol)) | (a == e)),
                *without_abs(lambda a, e, rtol, atol: a - e < allowed(a, e, rtol, atol)),
                *without_text(lambda a, e, rtol, atol: a - e < allowed(a, e, rtol, atol)),
                *without_text(lambda a, e, rtol, atol: a - e <= allowed(a, e, rtol, atol)),
                *without_text(lambda a, e, rtol, atol: e - a < allowed(a, e, rtol, atol)),
            ),
        ),
        Mistake(
            "one_is_enough",
            "Your check passes as soon as one entry is close. np.any, and np.max of True and False, ask for one; "
            "np.all asks for all.",
            (
                wrong_check(lambda a, e, rtol, atol: np.max(a - e < atol + rtol * np.abs(e), initial=False)),
                wrong_check(lambda a, e, rtol, atol: np.any(formula(a, e, rtol, atol))),
                wrong_check(lambda a, e, rtol, atol: np.any(close(a, e, rtol, atol))),
                wrong_check(lambda a, e, rtol, atol: np.min(np.abs(a - e)) <= atol + rtol * np.min(np.abs(e))),
                *without_text(lambda a, e, rtol, atol: np.max(a - e < allowed(a, e, rtol, atol))),
                *without_text(lambda a, e, rtol, atol: np.any(a - e < allowed(a, e, rtol, atol))),
                *without_text(lambda a, e, rtol, atol: np.any(formula(a, e, rtol, atol))),
            ),
        ),
        Mistake(
            "shapes_not_compared",
            "You did not compare the shapes. NumPy repeats the smaller array until it fits, so one row can pass for "
            "fifty. Look at actual.shape != expected.shape before you subtract.",
            (
                wrong_check(shapes_first=False, told=broadcast_place),
                wrong_check(formula, shapes_first=False, told=broadcast_place),
                comparing_sizes(np.size),
                comparing_sizes(np.ndim),
                comparing_sizes(lambda array: array.shape[:1]),
                comparing_sizes(lambda array: array.shape[-1:]),
            ),
        ),
        Mistake(
            "shapes_not_named",
            "The text of your AssertionError does not hold both shapes. Put actual.shape and expected.shape into it.",
            (
                mute_about_shapes(lambda a, e: "the shapes differ"),
                mute_about_shapes(lambda a, e: f"shape {a.shape}"),
                mute_about_shapes(lambda a, e: f"expected shape {e.shape}"),
                mute_about_shapes(lambda a, e: f"{list(a.shape)} and {list(e.shape)}"),
            ),
        ),
        Mistake(
            "nothing_raised",
            "You return or print the verdict. Nobody is forced to look at it: raise AssertionError.",
            (verdict_returned(lambda good: good), verdict_returned(lambda good: None), verdict_without_shapes),
        ),
        Mistake(
            "another_error",
            "You raised another error. A check that failed says so with AssertionError, for values and for shapes.",
            (
                raising(ValueError),
                raising(ValueError, for_values=False),
                raising(RuntimeError),
                raising(Exception),
            ),
        ),
        Mistake(
            "nan_passes",
            "NaN passes your check. A comparison with NaN is always False, so difference > tolerance misses it: "
            "ask difference <= tolerance, and negate.",
            (
                wrong_check(not_beyond(np.greater)),
                wrong_check(not_beyond(np.greater, np.isfinite)),
                wrong_check(not_beyond(np.greater_equal)),
                wrong_check(not_beyond(np.greater_equal, np.isfinite)),
                wrong_check(lambda a, e, rtol, atol: ~(np.max(np.abs(a - e) - allowed(a, e, rtol, atol)) > 0)),
                wrong_check(lambda a, e, rtol, atol: close(a, e, rtol, atol) | np.isnan(a - e)),
                wrong_check(lambda a, e, rtol, atol: close(a, e, rtol, atol) | np.isnan(a)),
                wrong_check(lambda a, e, rtol, atol: close(a, e, rtol, atol) | np.isnan(e)),
                wrong_check(lambda a, e, rtol, atol: close(a, e, rtol, atol) | np.isnan(a) | np.isnan(e)),
                wrong_check(lambda a, e, rtol, atol: with_tolerance(allowed)(*map(np.nan_to_num, (a, e)), rtol, atol)),
            ),
        ),
        Mistake(
            "nan_equals_nan",
            "You let NaN agree with NaN. Two results that both broke down agree in nothing: NaN never passes.",
            (
                wrong_check(lambda a, e, rtol, atol: close(a, e, rtol, atol) | (np.isnan(a) & np.isnan(e))),
                wrong_check(lambda a, e, rtol, atol: formula(a, e, rtol, atol) | (np.isnan(a) & np.isnan(e))),
            ),
        ),
        Mistake(
            "infinities",
            "Infinities need a rule of their own. rtol·∞ is ∞, so beside an infinite expected value everything passes; "
            "and ∞ − ∞ is NaN, so equal infinities fail. Infinity agrees with itself and with nothing else.",
            (
                wrong_check(formula),
                wrong_check(lambda a, e, rtol, atol: formula(a, e, rtol, atol) | (a == e)),
                wrong_check(lambda a, e, rtol, atol: formula(a, e, rtol, atol) & np.isfinite(e)),
                wrong_check(lambda a, e, rtol, atol: formula(a, e, rtol, atol) & ~np.isinf(a)),
                wrong_check(
                    lambda a, e, rtol, atol: np.where(np.isinf(a) & np.isinf(e), True, formula(a, e, rtol, atol))
                ),
                wrong_check(
                    lambda a, e, rtol, atol: np.where(
                        np.isinf(a) | np.isinf(e), np.isinf(a) & np.isinf(e), formula(a, e, rtol, atol)
                    )
                ),
                wrong_check(lambda a, e, rtol, atol: np.array_equal(a, e) or formula(a, e, rtol, atol)),
            ),
        ),
        Mistake(
            "exact_beside_infinity",
            "As soon as an entry is infinite, you ask for equal arrays. Only the infinite entries must be equal: "
            "beside them, the others have their tolerance as ever.",
            (
                wrong_check(exact_if(lambda a, e: np.isinf(a).any() or np.isinf(e).any())),
                wrong_check(exact_if(lambda a, e: np.isinf(e).any())),
                wrong_check(exact_if(lambda a, e: np.isinf(a).any())),
                wrong_check(exact_if(lambda a, e: np.isinf(a).any() and np.isinf(e).any())),
            ),
        ),
        Mistake(
            "largest_difference_only",
            "You asked one entry only, the one that is furthest off. It may be large and within its tolerance, while "
            "a smaller difference beside it is not: ask every entry.",
            (
                wrong_check(judging_one(lambda a, e: np.argmax(np.abs(a - e)))),
                wrong_check(judging_one(lambda a, e: np.argmax(np.abs(a - e) / np.abs(e)))),
                wrong_check(judging_one(lambda a, e: np.argmax(np.abs(a - e) / (np.abs(a) + np.abs(e))))),
                wrong_check(
                    lambda a, e, rtol, atol: np.max(np.abs(a - e))
                    <= atol + rtol * np.abs(e).flat[np.argmax(np.abs(a - e))]
                ),
            ),
        ),
        Mistake(
            "size_of_actual",
            "You multiplied rtol by the size of actual, or of the larger one. It goes with expected: rtol·|expected|.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol + rtol * np.abs(a))),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: atol + rtol * np.abs(a))),
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol + rtol * np.maximum(np.abs(a), np.abs(e)))),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: atol + rtol * np.maximum(abs(a), abs(e)))),
                wrong_check(with_tolerance_where(lambda a, e, rtol, atol: atol + rtol * np.abs(a))),
                wrong_check(with_tolerance_where(lambda a, e, rtol, atol: atol + rtol * np.maximum(abs(a), abs(e)))),
                wrong_check(lambda a, e, rtol, atol: close(e, a, rtol, atol)),
            ),
        ),
        Mistake(
            "signed_size",
            "You left out the absolute value of expected. Beside a negative number your tolerance is negative.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol + rtol * e)),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: atol + rtol * e)),
            ),
        ),
        Mistake(
            "tolerances_exchanged",
            "You exchanged rtol and atol. rtol is multiplied by |expected|, atol stands alone; and rtol comes first.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: rtol + atol * np.abs(e))),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: rtol + atol * np.abs(e))),
                *other_tolerances(1e-9, 1e-7),
                atol_before_rtol,
            ),
        ),
        Mistake(
            "one_tolerance_only",
            "You used one of the two tolerances. What is allowed is atol + rtol·|expected|.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol)),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: atol)),
                wrong_check(with_tolerance(lambda a, e, rtol, atol: rtol * np.abs(e))),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: rtol * np.abs(e))),
                wrong_check(with_tolerance(lambda a, e, rtol, atol: rtol)),
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol + rtol)),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: atol + rtol)),
            ),
        ),
        Mistake(
            "larger_tolerance",
            "You took the larger of the two tolerances. They are added: atol + rtol·|expected|.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: np.maximum(atol, rtol * np.abs(e)))),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: np.maximum(atol, rtol * np.abs(e)))),
            ),
        ),
        Mistake(
            "tolerances_ignored",
            "You ignored rtol or atol, or both: your check has numbers of its own there. 1e-7 and 1e-9 are defaults; "
            "a call may give others.",
            (*ignoring(rtol=1e-7, atol=1e-9), *ignoring(rtol=1e-7), *ignoring(atol=1e-9)),
        ),
        Mistake(
            "own_tolerances",
            "You used tolerances of your own, or of another function. rtol and atol come from the call; "
            "if it gives none, they are 1e-7 and 1e-9.",
            (
                *other_tolerances(1e-5, 1e-8),
                *other_tolerances(1e-7, 0.0),
                *other_tolerances(1e-7, 1e-7),
                *other_tolerances(1e-9, 1e-9),
                *other_tolerances(1e-5, 1e-9),
                *other_tolerances(1e-7, 1e-8),
                wrong_check(with_tolerance(lambda a, e, rtol, atol: 1e-9)),
                wrong_check(with_tolerance_alone(lambda a, e, rtol, atol: 1e-9)),
                zero_as_default,
            ),
        ),
        Mistake(
            "exact",
            "You asked for equal numbers. Floats that come from another order of the same sums differ a little.",
            (wrong_check(lambda a, e, rtol, atol: a == e),),
        ),
        Mistake(
            "strictly_less",
            "A difference that is just as large as the tolerance passes: <=, not <.",
            (
                wrong_check(
                    lambda a, e, rtol, atol: ((np.abs(a - e) < allowed(a, e, rtol, atol)) & np.isfinite(e)) | (a == e)
                ),
                wrong_check(lambda a, e, rtol, atol: np.abs(a - e) < allowed(a, e, rtol, atol)),
            ),
        ),
        Mistake(
            "averaged",
            "You compared a mean or a sum. One wrong entry hides among many good ones: compare entry by entry.",
            (
                wrong_check(lambda a, e, rtol, atol: np.mean(np.abs(a - e)) <= atol + rtol * np.mean(np.abs(e))),
                wrong_check(lambda a, e, rtol, atol: np.mean((a - e) ** 2) <= atol + rtol * np.mean(np.abs(e))),
                wrong_check(lambda a, e, rtol, atol: abs(np.sum(a) - np.sum(e)) <= atol + rtol * abs(np.sum(e))),
                wrong_check(lambda a, e, rtol, atol: abs(np.mean(a) - np.mean(e)) <= atol + rtol * abs(np.mean(e))),
                wrong_check(lambda a, e, rtol, atol: close(np.sum(a), np.sum(e), rtol, atol)),
                wrong_check(lambda a, e, rtol, atol: close(np.mean(a), np.mean(e), rtol, atol)),
            ),
        ),
        Mistake(
            "one_tolerance_for_all",
            "You made one tolerance for the whole array. A large entry then hides the error of a small one: "
            "each entry has its own, atol + rtol·|expected|.",
            (
                wrong_check(with_tolerance(lambda a, e, rtol, atol: atol + rtol * np.max(np.abs(e), initial=0))),
                wrong_check(lambda a, e, rtol, atol: np.max(np.abs(a - e)) <= atol + rtol * np.max(np.abs(e))),
                wrong_check(lambda a, e, rtol, atol: np.linalg.norm(a - e) <= atol + rtol * np.linalg.norm(e)),
            ),
        ),
        Mistake(
            "index_missing",
            "The text of your AssertionError does not hold the index as a tuple, such as (1, 2). np.argmax counts "
            "through all rows; np.unravel_index turns that number into a tuple.",
            (
                *first_attempts(),
                wrong_check(told=flat_place),
                wrong_check(told=bracketed_place),
                wrong_check(told=lambda a, e: f"largest difference {np.max(np.abs(a - e))}"),
            ),
        ),
        Mistake(
            "another_index",
            "You named another entry. Of those that do not agree, name the one where |actual − expected| is largest: "
            "not the first, not the largest in proportion, and not the largest with its sign.",
            (
                naming(first_wrong),
                naming(first_wrong, formula),
                naming(first_wrong, with_tolerance_where(allowed)),
                naming(lambda apart, wrong: np.flatnonzero(wrong)[-1] if wrong.any() else 0),
                naming(lambda apart, wrong: np.argmax(np.where(wrong, apart, -np.inf))),
                naming(lambda apart, wrong: np.argmax(apart)),
                naming(lambda apart, wrong: np.argmin(apart)),
                wrong_check(told=at(lambda a, e, wrong: np.argmax(wrong))),
                wrong_check(told=at(lambda a, e, wrong: np.flatnonzero(wrong)[-1])),
                wrong_check(told=at(lambda a, e, wrong: np.argmax(a - e))),
                wrong_check(told=at(lambda a, e, wrong: np.argmax(e - a))),
                wrong_check(told=at(lambda a, e, wrong: np.argmax(np.abs(a - e) / np.abs(e)))),
                wrong_check(told=at(lambda a, e, wrong: np.argmax(np.abs(a)))),
                wrong_check(told=at(lambda a, e, wrong: np.argmin(np.abs(a - e)))),
                wrong_check(told=list_of_wrong_places),
            ),
        ),
        Mistake(
            "number_of_axes",
            "Your check works for some numbers of axes only. Work on whole arrays: np.abs, <= and np.all take any "
            "shape, () too.",
            (for_two_axes, entry_by_entry),
        ),
        Mistake(
            "handed_to_numpy",
            "You handed the work to np.testing.assert_allclose. It takes NaN as equal to NaN, lets one number stand "
            "for a whole array, and does not name the index as a tuple.",
            (by_numpy,),
        ),
    ),
)

# one_hot ----------------------------------------------------------------------------------------


@with_torch
def one_hot(labels, num_classes):
    labels = labels.long()
    if not bool(((labels >= 0) & (labels < num_classes)).all()):
        raise ValueError(f"a label is not in 0 … {num_classes - 1}")
    return F.one_hot(labels, num_classes).double()


def guarded(fill, good):
    """fill(labels, num_classes) behind a guard: good(labels, num_classes) or a ValueError."""

    def answer(labels, num_classes):
        if not np.all(good(labels, num_classes)):
            raise ValueError("a label is out of range")
        return fill(labels, num_classes)

    return answer


def rows_of_the_identity(labels, num_classes):
    """NumPy's own indexing: −1 is the last row, and what is too large is an IndexError."""
    return np.eye(num_classes)[labels]


def by_comparison(labels, num_classes):
    """A label that is no class gives a row of zeros."""
    return (labels[:, None] == np.arange(num_classes)).astype(np.float64)


def in_range(labels, num_classes):
    return (labels >= 0) & (labels < num_classes)


def wrong_rows(*changes):
    """Spellings of a one_hot behind the right guard, each from what it does then."""
    return tuple(guarded(change, in_range) for change in changes)


def columns_filled(labels, num_classes):
    out = np.zeros((len(labels), num_classes))
    out[:, labels] = 1
    return out


def rows_filled(labels, num_classes):
    out = np.zeros((len(labels), num_classes))
    out[labels] = 1
    return out


def cast(dtype, fill=rows_of_the_identity):
    """The labels made another dtype before anybody looks at them."""
    return lambda labels, num_classes: guarded(fill, in_range)(labels.astype(dtype), num_classes)


def plus_one(labels, num_classes):
    """max + 1 in the dtype of the labels: 0 for 255 in uint8."""
    return (labels.min() >= 0) & (labels.max() + labels.dtype.type(1) <= num_classes)


def minus_classes(labels, num_classes):
    """A negative number does not exist in uint8: 3 − 10 is 249."""
    return (labels >= 0) & (labels - np.array(num_classes, np.int64).astype(labels.dtype) < 0)


def as_wide_as_the_largest(labels, num_classes):
    """max + 1 in the dtype of the labels, as they write it."""
    return rows_of_the_identity(labels, int(labels.max() + labels.dtype.type(1)))


def compared_up_to_the_largest(labels, num_classes):
    return by_comparison(labels, int(labels.max() + labels.dtype.type(1)))


def sorted_in_place(labels, num_classes):
    labels.sort()
    return rows_of_the_identity(labels, num_classes)


def refusing(error, good=in_range):
    """A right one_hot with another error for what is no label."""

    def answer(labels, num_classes):
        if not np.all(good(labels, num_classes)):
            raise error("a label is out of range")
        return rows_of_the_identity(labels, num_classes)

    return answer


ONE_HOT = Reference(
    answer=one_hot,
    like="torch.nn.functional.one_hot",
    mistakes=(
        Mistake(
            "no_guard",
            "Labels out of range slip through. The index −1 is the last class, without a word, and a label that is too "
            "large is no ValueError. Look at the labels first.",
            (rows_of_the_identity, by_comparison),
        ),
        Mistake(
            "negative_accepted",
            "A negative label slips through: the index −1 is the last class. Raise a ValueError for it.",
            (
                guarded(rows_of_the_identity, lambda labels, k: labels < k),
                guarded(by_comparison, lambda labels, k: labels < k),
            ),
        ),
        Mistake(
            "too_large_accepted",
            "A label of num_classes or more is no class. Raise a ValueError for it yourself: NumPy's IndexError is "
            "another error.",
            (
                guarded(rows_of_the_identity, lambda labels, k: labels >= 0),
                guarded(by_comparison, lambda labels, k: labels >= 0),
            ),
        ),
        Mistake(
            "guard_one_too_late",
            "Your guard lets the label num_classes through. Classes count from 0, so the last one is num_classes − 1.",
            (
                guarded(rows_of_the_identity, lambda labels, k: (labels >= 0) & (labels <= k)),
                guarded(by_comparison, lambda labels, k: (labels >= 0) & (labels <= k)),
            ),
        ),
        Mistake(
            "guard_too_strict",
            "Your guard refuses a label that is a class. 0 and num_classes − 1 are both allowed.",
            (
                guarded(rows_of_the_identity, lambda labels, k: (labels >= 0) & (labels < k - 1)),
                guarded(rows_of_the_identity, lambda labels, k: (labels > 0) & (labels < k)),
                guarded(rows_of_the_identity, lambda labels, k: (labels > 0) & (labels <= k)),
            ),
        ),
        Mistake(
            "classes_from_the_labels",
            "You counted the classes from the labels. A batch need not hold every class: the width is num_classes.",
            (
                guarded(lambda labels, k: rows_of_the_identity(labels, int(labels.max()) + 1), in_range),
                lambda labels, num_classes: rows_of_the_identity(labels, int(labels.max()) + 1),
                guarded(
                    lambda labels, k: rows_of_the_identity(
                        np.unique(labels, return_inverse=True)[1], len(np.unique(labels))
                    ),
                    in_range,
                ),
                guarded(lambda labels, k: rows_of_the_identity(labels, len(np.unique(labels))), in_range),
                guarded(as_wide_as_the_largest, in_range),
                as_wide_as_the_largest,
                guarded(as_wide_as_the_largest, lambda labels, k: labels >= 0),
                guarded(compared_up_to_the_largest, in_range),
                compared_up_to_the_largest,
            ),
        ),
        Mistake(
            "another_error",
            "For a label that is out of range you raised another error. A ValueError is asked.",
            (*map(refusing, (AssertionError, IndexError, TypeError, KeyError, Exception)),),
        ),
        Mistake(
            "sorted",
            "You sorted the labels. Row n belongs to labels[n]; and labels.sort() changes the caller's own array.",
            (
                *wrong_rows(sorted_in_place, lambda labels, k: rows_of_the_identity(np.sort(labels), k)),
                sorted_in_place,
                lambda labels, num_classes: rows_of_the_identity(np.sort(labels), num_classes),
            ),
        ),
        Mistake(
            "renumbered",
            "You numbered the labels anew. Label 4 belongs in column 4, also where no label is 3.",
            wrong_rows(lambda labels, k: rows_of_the_identity(np.unique(labels, return_inverse=True)[1], k)),
        ),
        Mistake(
            "always_ten",
            "You wrote ten classes, whatever num_classes says. Use the parameter.",
            (
                guarded(lambda labels, k: rows_of_the_identity(labels, 10), in_range),
                guarded(lambda labels, k: rows_of_the_identity(labels, 10), lambda labels, k: in_range(labels, 10)),
                lambda labels, num_classes: rows_of_the_identity(labels, 10),
            ),
        ),
        Mistake(
            "precision",
            "The dtype is not float64. np.zeros makes float64 unless you say otherwise; comparisons make bool.",
            wrong_rows(
                *(
                    lambda labels, k, dtype=dtype: rows_of_the_identity(labels, k).astype(dtype)
                    for dtype in (np.int64, np.float32, bool, np.uint8)
                )
            )
            + (guarded(lambda labels, k: rows_of_the_identity(labels, k).astype(labels.dtype), in_range),),
        ),
        Mistake(
            "transposed",
            "Rows and columns are exchanged. The result is (N, num_classes): a row for each label.",
            wrong_rows(lambda labels, k: rows_of_the_identity(labels, k).T),
        ),
        Mistake(
            "whole_columns",
            "You set whole rows or columns to 1. Each row gets a single 1: out[n, labels[n]] for each n.",
            wrong_rows(columns_filled, rows_filled),
        ),
        Mistake(
            "counted_from_one",
            "You counted the classes from 1. Label 0 belongs in column 0.",
            wrong_rows(lambda labels, k: rows_of_the_identity(labels.astype(np.int64) - 1, k)),
        ),
        Mistake(
            "small_integers",
            "Your integers are too small. In uint8, 255 + 1 is 0, 3 − 10 is 249 and 256 does not exist. "
            "Compare the labels as they are with num_classes.",
            (
                cast(np.uint8),
                cast(np.int8),
                guarded(rows_of_the_identity, plus_one),
                guarded(rows_of_the_identity, minus_classes),
            ),
        ),
    ),
)

# to_nchw ----------------------------------------------------------------------------------------

PLACES = {"NHW": (0, 1, 2), "NHWC": (0, 3, 1, 2), "HWCN": (3, 2, 0, 1)}


@with_torch
def to_nchw(x, layout):
    if layout not in PLACES:
        raise ValueError(f"layout {layout!r}; expected one of {', '.join(PLACES)}")
    moved = x.permute(PLACES[layout])
    return moved[:, None] if layout == "NHW" else moved


def pixel_terms(output, index, x, layout):
    """Which entry of x belongs at this place."""
    n, c, h, w = index
    letters = {"N": n, "C": c, "H": h, "W": w}
    return f"x[{', '.join(str(letters[letter]) for letter in layout)}]"


def arranged(**ways):
    """A wrong to_nchw: for the layouts named, its way to do it; for the others the right one."""

    @with_torch
    def answer(x, layout):
        if layout in ways:
            return ways[layout](x)
        return torch.from_numpy(to_nchw(x.numpy(), layout))

    return answer


def for_each_and_both(nhwc, hwcn):
    """A wrong way for both layouts of four axes, and for one of them alone."""
    return arranged(NHWC=nhwc, HWCN=hwcn), arranged(NHWC=nhwc), arranged(HWCN=hwcn)


def order(*places):
    return lambda x: x.permute(places)


def cut_anew(layout, memory="C"):
    """The same sequence of numbers cut into pieces of other sizes: reshape."""

    def way(x):
        size = dict(zip(layout, x.shape))
        return torch.from_numpy(x.numpy().reshape([size[letter] for letter in "NCHW"], order=memory))

    return way


def unguarded(otherwise):
    """A to_nchw that does something with every other layout."""

    def answer(x, layout):
        return to_nchw(x, layout) if layout in PLACES else otherwise(x, layout)

    return answer


def by_letters(x, layout):
    """Any layout that holds the four letters."""
    return x.transpose([layout.index(letter) for letter in "NCHW"])


def refused(error):
    def otherwise(x, layout):
        raise error(layout)

    return otherwise


def unknown_is_nchw(x, layout):
    if layout == "NCHW":
        return x
    raise ValueError(layout)


def three_axes_are_nhw(x, layout):
    """The layout is not looked at where there are three axes."""
    return to_nchw(x, "NHW" if x.ndim == 3 else layout)


# In NumPy, whose transpose refuses axes that are not there with a ValueError of its own.
IN_NUMPY = {
    "NHW": lambda x: x[:, None],
    "NHWC": lambda x: x.transpose(0, 3, 1, 2),
    "HWCN": lambda x: x.transpose(3, 2, 0, 1),
}


def axes_counted_first(x, layout):
    """Three axes are NHW, four are what the layout says, and all others are the last one."""
    return IN_NUMPY["NHW" if x.ndim == 3 else "NHWC" if layout == "NHWC" else "HWCN"](x)


def otherwise(last):
    """An else in the place of a guard."""
    return lambda x, layout: IN_NUMPY[layout if layout in IN_NUMPY else last](x)


def part_of_a_layout(x, layout, within=lambda part, whole: part in whole):
    """`in` a text is True for every part of it, the empty one too."""
    for whole in ("NHW", "NHWC", "HWCN"):
        if layout == whole or (whole != "NHW" and within(layout, whole)):
            return IN_NUMPY[whole](x)
    raise ValueError(layout)


def part_of_any_layout(x, layout):
    """Part of NHW too."""
    for whole in ("NHW", "NHWC", "HWCN"):
        if layout in whole:
            return IN_NUMPY[whole](x)
    raise ValueError(layout)


def same_letters(x, layout):
    return part_of_a_layout(x, layout, lambda part, whole: set(part) == set(whole))


TO_NCHW = Reference(
    answer=to_nchw,
    like="torch.Tensor.permute",
    terms=pixel_terms,
    mistakes=(
        Mistake(
            "reshape_for_transpose",
            "You used reshape where transpose belongs. reshape cuts the same sequence of numbers into other pieces, "
            "so pixels land in other places, and nothing warns you. transpose moves the axes.",
            (
                *for_each_and_both(cut_anew("NHWC"), cut_anew("HWCN")),
                *for_each_and_both(cut_anew("NHWC", "F"), cut_anew("HWCN", "F")),
                *for_each_and_both(cut_anew("NHWC", "A"), cut_anew("HWCN", "A")),
            ),
        ),
        Mistake(
            "height_for_width",
            "Height and width are exchanged: your images are mirrored at their diagonal. Square images hide it.",
            (
                *for_each_and_both(order(0, 3, 2, 1), order(3, 2, 1, 0)),
                arranged(NHW=lambda x: x.permute(0, 2, 1)[:, None]),
                arranged(
                    NHW=lambda x: x.permute(0, 2, 1)[:, None], NHWC=order(0, 3, 2, 1), HWCN=order(3, 2, 1, 0)
                ),
            ),
        ),
        Mistake(
            "there_for_back",
            "You gave transpose the new places of the axes. It takes the old places in their new order: "
            "which old axis comes first, which second.",
            for_each_and_both(order(0, 2, 3, 1), order(2, 3, 1, 0)),
        ),
        Mistake(
            "images_for_channels",
            "Images and channels are exchanged. In HWCN the images come last: N is axis 3 and C is axis 2.",
            (arranged(HWCN=order(2, 3, 0, 1)),),
        ),
        Mistake(
            "channel_axis",
            "The channel axis of grey images belongs behind the first axis: (N, 1, H, W).",
            (
                arranged(NHW=lambda x: x[..., None]),
                arranged(NHW=lambda x: x[None]),
                arranged(NHW=lambda x: x[:, :, None]),
                arranged(NHW=lambda x: x),
            ),
        ),
        Mistake(
            "layout_not_refused",
            "You accepted a layout that is not on the list. Raise a ValueError for every other one: "
            "an image read in a wrong layout still looks like an array.",
            (
                unguarded(lambda x, layout: x),
                unguarded(lambda x, layout: None),
                unguarded(lambda x, layout: to_nchw(x, "HWCN")),
                unguarded(lambda x, layout: to_nchw(x, "HWCN") if x.ndim == 4 else x[:, None]),
                unguarded(by_letters),
                three_axes_are_nhw,
                axes_counted_first,
                part_of_a_layout,
                part_of_any_layout,
                same_letters,
                *map(otherwise, IN_NUMPY),
                lambda x, layout: to_nchw(x, layout.upper()),
                unguarded(lambda x, layout: to_nchw(x, "NHW") if x.ndim == 3 else to_nchw(x, "NHWC")),
                unguarded(unknown_is_nchw),
            ),
        ),
        Mistake(
            "another_error",
            "For a layout that is not on the list you raised another error. A ValueError is asked.",
            (
                unguarded(refused(KeyError)),
                unguarded(refused(AssertionError)),
                unguarded(refused(TypeError)),
                unguarded(refused(Exception)),
            ),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. The result always has four axes, (N, C, H, W).",
            (
                lambda x, layout: to_nchw(x, layout).squeeze(),
                lambda x, layout: to_nchw(x, layout) if layout == "NHW" else to_nchw(x, layout).squeeze(),
            ),
        ),
        Mistake(
            "precision",
            "The dtype changed. Pixels keep theirs: uint8 in, uint8 out; float32 in, float32 out.",
            tuple(
                lambda x, layout, dtype=dtype: to_nchw(x, layout).astype(dtype)
                for dtype in (np.float64, np.float32, np.uint8)
            ),
        ),
        Mistake(
            "scaled",
            "You divided the pixels. Only the axes change here, not the values.",
            (
                lambda x, layout: to_nchw(x, layout) / 255,
                lambda x, layout: to_nchw(x, layout) / 255 if x.dtype == np.uint8 else to_nchw(x, layout),
            ),
        ),
    ),
)


REFERENCES = {
    "relative_error": RELATIVE_ERROR,
    "assert_close": ASSERT_CLOSE,
    "one_hot": ONE_HOT,
    "to_nchw": TO_NCHW,
}
