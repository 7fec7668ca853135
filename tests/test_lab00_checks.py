"""Lab 0's checks: the student notebooks' bugs are rejected and named, and odd but right texts are read."""

import numpy as np
import pytest
import torch
from answers.lab00 import RIGHT, close_by_isclose, error_in_one_line, layout_by_transpose, rows_by_identity

import labkit
from labkit.asked.lab00 import places_of_largest, tuples_in

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def all_below(actual, expected, rtol=1e-7, atol=1e-9):
    assert np.all((actual - expected) < atol + rtol * np.abs(expected))


def max_below(actual, expected, rtol=1e-7, atol=1e-9):
    if not np.max(actual - expected < atol + rtol * np.abs(expected)):
        raise AssertionError("too far apart")


def one_sample_against_all(actual, expected, rtol=1e-7, atol=1e-9):
    """No look at the shapes, and the rest is right."""
    if not np.isclose(actual, expected, rtol, atol).all():
        apart = np.abs(actual - expected)
        raise AssertionError(f"at {np.unravel_index(np.argmax(apart), apart.shape)}")


def reshape_everything(x, layout):
    if layout == "NHW":
        n, h, w = x.shape
        c = 1
    elif layout == "NHWC":
        n, h, w, c = x.shape
    elif layout == "HWCN":
        h, w, c, n = x.shape
    else:
        raise ValueError("layout")
    return x.reshape(n, c, h, w)


NUM_CLASSES = 10


def with_a_global_count(labels, num_classes):
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise ValueError("label")
    out = np.zeros((len(labels), NUM_CLASSES))
    for i in range(len(labels)):
        out[i, labels[i]] = 1
    return out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("assert_close", all_below, "one_sided"),
        ("assert_close", max_below, "one_is_enough"),
        ("assert_close", one_sample_against_all, "shapes_not_compared"),
        ("to_nchw", reshape_everything, "reshape_for_transpose"),
        ("one_hot", with_a_global_count, "always_ten"),
    ],
)
def test_bugs_of_the_notebooks_are_named(name, answer, mistake):
    report = labkit.examine(name, answer)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


@pytest.mark.parametrize("lenient", [all_below, max_below])
def test_what_these_two_let_pass_in_the_notebook(lenient):
    lenient(np.zeros((50, 10)), np.ones((50, 10)))
    lenient(np.full((50, 10), -1000.0), np.zeros((50, 10)))


# Answers a tired student would hand in ----------------------------------------------------------------


def close_from(passes, told=lambda a, e: f"at {np.unravel_index(np.argmax(np.abs(a - e)), a.shape)}"):
    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        if actual.shape != expected.shape:
            raise AssertionError(f"{actual.shape} {expected.shape}")
        if not np.all(passes(actual, expected, rtol, atol)):
            raise AssertionError(told(actual, expected))

    return answer


def without_infinities(a, e, rtol, atol):
    return np.abs(a - e) <= atol + rtol * np.abs(e)


def first_attempt(actual, expected, rtol=1e-7, atol=1e-9):
    if not np.allclose(actual, expected, rtol, atol):
        raise AssertionError("not close")


def first_attempt_by_hand(actual, expected, rtol=1e-7, atol=1e-9):
    assert np.all(np.abs(actual - expected) <= atol + rtol * np.abs(expected)), "arrays differ"


def asks_for_too_far_apart(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} {expected.shape}")
    apart = np.abs(actual - expected)
    if (apart > atol + rtol * np.abs(expected)).any():
        raise AssertionError(f"{np.unravel_index(np.argmax(apart), apart.shape)}")


def compares_values_with_numpy_defaults(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} {expected.shape}")
    if not np.allclose(actual, expected):
        raise AssertionError(f"{np.unravel_index(np.argmax(np.abs(actual - expected)), actual.shape)}")


def asks_for_too_far_apart_where_finite(a, e, rtol, atol):
    return ~np.where(np.isfinite(e), np.abs(a - e) > atol + rtol * np.abs(e), a != e)


def deaf(actual, expected, rtol=1e-7, atol=1e-9):
    close_by_isclose(actual, expected)


def deaf_to_rtol(actual, expected, rtol=1e-7, atol=1e-9):
    close_by_isclose(actual, expected, atol=atol)


def deaf_to_atol(actual, expected, rtol=1e-7, atol=1e-9):
    close_by_isclose(actual, expected, rtol=rtol)


def other_order(actual, expected, atol=1e-9, rtol=1e-7):
    close_by_isclose(actual, expected, rtol, atol)


def in_place(actual, expected, rtol=1e-7, atol=1e-9):
    close_by_isclose(actual, expected, rtol, atol)
    actual -= expected


def eye_without_a_guard(labels, num_classes):
    return np.eye(num_classes)[labels]


def plus_one_in_uint8(labels, num_classes):
    if labels.min() < 0 or labels.max() + 1 > num_classes:
        raise ValueError("label")
    return np.eye(num_classes)[labels]


def else_without_a_guard(x, layout):
    if layout == "NHW":
        return x[:, None]
    if layout == "NHWC":
        return x.transpose(0, 3, 1, 2)
    return x.transpose(3, 2, 0, 1)


def orders_in_a_dict(x, layout):
    order = {"NHW": (0, 1, 2), "NHWC": (0, 3, 1, 2), "HWCN": (3, 2, 0, 1)}[layout]
    x = x.transpose(order)
    return x[:, None] if layout == "NHW" else x


def whole_transposes(x, layout):
    """x.T turns all axes round: rows and columns too."""
    if layout == "HWCN":
        return x.T
    return layout_by_transpose(x, layout)


def mean_of_quotients(actual, expected):
    return np.mean(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected)))


def python_max(actual, expected):
    size = np.maximum(1e-8, np.abs(actual) + np.abs(expected))
    return max((np.abs(actual - expected) / size).ravel())


def zero_where_equal(actual, expected):
    quotients = np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected))
    return np.max(np.where(actual == expected, 0, quotients))


def zero_if_all_equal(actual, expected):
    return 0.0 if np.array_equal(actual, expected) else error_in_one_line(actual, expected)


def error_asking(lost):
    """NaN where somebody looked for it; else infinite entries count for nothing."""

    def answer(actual, expected):
        if np.isnan(actual).any() or np.isnan(expected).any() or lost(actual, expected):
            return np.nan
        return np.nanmax(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected)), initial=0)

    return answer


def judges_the_furthest(a, e, rtol, atol):
    place = np.argmax(np.abs(a - e))
    return np.isclose(a.flat[place], e.flat[place], rtol, atol)


def exact_beside_infinity(a, e, rtol, atol):
    if np.isinf(a).any() or np.isinf(e).any():
        return a == e
    return np.isclose(a, e, rtol, atol)


def where_finite(within):
    return lambda a, e, rtol, atol: np.where(np.isfinite(e), within(a, e, rtol, atol), a == e)


def names_the_first(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} {expected.shape}")
    wrong = ~np.isclose(actual, expected, rtol, atol)
    if wrong.any():
        raise AssertionError(f"first at {tuple(np.argwhere(wrong)[0].tolist())}")


def as_many_as_the_largest(labels, num_classes):
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError("label")
    out = np.zeros((len(labels), labels.max() + 1))
    for n, label in enumerate(labels):
        out[n, label] = 1
    return out


def sorts_the_labels(labels, num_classes):
    labels.sort()
    return rows_by_identity(labels, num_classes)


def asserts_the_range(labels, num_classes):
    assert labels.min() >= 0 and labels.max() < num_classes, "label"
    return np.eye(num_classes)[labels]


def axes_before_letters(x, layout):
    if x.ndim == 3:
        return x[:, None]
    return layout_by_transpose(x, layout)


def letters_in_a_text(x, layout):
    if layout == "NHW":
        return x[:, None]
    if layout in "NHWC":
        return x.transpose(0, 3, 1, 2)
    if layout in "HWCN":
        return x.transpose(3, 2, 0, 1)
    raise ValueError(layout)


def letters_made_large(x, layout):
    return layout_by_transpose(x, layout.upper())


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("relative_error", zero_where_equal, "infinity_agrees"),
        ("relative_error", zero_if_all_equal, "infinity_agrees"),
        ("relative_error", error_asking(lambda a, e: False), "infinity_agrees"),
        ("relative_error", error_asking(lambda a, e: np.isinf(a).any()), "infinity_agrees"),
        ("relative_error", error_asking(lambda a, e: (a == np.inf).any() or (e == np.inf).any()), "infinity_agrees"),
        ("assert_close", close_from(judges_the_furthest), "largest_difference_only"),
        ("assert_close", close_from(exact_beside_infinity), "exact_beside_infinity"),
        ("assert_close", names_the_first, "another_index"),
        (
            "assert_close",
            close_from(where_finite(lambda a, e, rtol, atol: np.abs(a - e) <= atol + rtol * np.abs(a))),
            "size_of_actual",
        ),
        (
            "assert_close",
            close_from(where_finite(lambda a, e, rtol, atol: a - e <= atol + rtol * np.abs(e))),
            "one_sided",
        ),
        (
            "assert_close",
            close_from(where_finite(lambda a, e, rtol, atol: np.abs(a - e) <= rtol + atol * np.abs(e))),
            "tolerances_exchanged",
        ),
        ("assert_close", other_order, "tolerances_exchanged"),
        ("one_hot", as_many_as_the_largest, "classes_from_the_labels"),
        ("one_hot", sorts_the_labels, "sorted"),
        ("one_hot", asserts_the_range, "another_error"),
        ("to_nchw", axes_before_letters, "layout_not_refused"),
        ("to_nchw", letters_in_a_text, "layout_not_refused"),
        ("to_nchw", letters_made_large, "layout_not_refused"),
        ("relative_error", mean_of_quotients, "averaged"),
        ("relative_error", python_max, "nan_lost"),
        ("relative_error", lambda a, e: np.max(np.abs(a - e) / (np.abs(a) + np.abs(e) + 1e-8)), "floor_added"),
        ("relative_error", lambda a, e: np.max(np.abs(a - e) / np.maximum(1e-8, np.abs(e))), "another_size"),
        ("relative_error", lambda a, e: np.abs(a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e)), "not_reduced"),
        ("assert_close", first_attempt, "index_missing"),
        ("assert_close", first_attempt_by_hand, "index_missing"),
        ("assert_close", close_from(without_infinities), "infinities"),
        ("assert_close", close_from(without_infinities, lambda a, e: f"{np.argmax(np.abs(a - e))}"), "index_missing"),
        ("assert_close", close_from(np.isclose, lambda a, e: f"{np.argwhere(a != e)[0]}"), "index_missing"),
        ("assert_close", asks_for_too_far_apart, "nan_passes"),
        ("assert_close", close_from(asks_for_too_far_apart_where_finite), "nan_passes"),
        ("assert_close", deaf, "tolerances_ignored"),
        ("assert_close", deaf_to_rtol, "tolerances_ignored"),
        ("assert_close", deaf_to_atol, "tolerances_ignored"),
        ("assert_close", close_from(lambda a, e, rtol, atol: np.abs(a - e) <= 1e-9 + 1e-7 * np.abs(e)), "tolerances_ignored"),
        ("assert_close", close_from(lambda a, e, rtol, atol: np.abs(a - e) <= 1e-9), "own_tolerances"),
        ("assert_close", compares_values_with_numpy_defaults, "own_tolerances"),
        ("assert_close", lambda *args, **more: bool(np.all(np.isclose(*args[:2]))), "nothing_raised"),
        ("one_hot", eye_without_a_guard, "no_guard"),
        ("one_hot", plus_one_in_uint8, "small_integers"),
        ("one_hot", lambda labels, num_classes: rows_by_identity(labels, num_classes).astype(int), "precision"),
        ("to_nchw", else_without_a_guard, "layout_not_refused"),
        ("to_nchw", orders_in_a_dict, "another_error"),
        ("to_nchw", whole_transposes, "height_for_width"),
        ("to_nchw", lambda x, layout: layout_by_transpose(x, layout).astype(float), "precision"),
    ],
)  # fmt: skip
def test_plausible_answers_are_rejected_and_named(name, answer, mistake):
    report = labkit.examine(name, answer)
    assert not report.passed
    assert report.mistake == mistake, str(report)


# Answers on nobody's list must be rejected too ----------------------------------------------------------


def remembering(right):
    """What the first call gave is given again to every call with arrays of the same shape."""
    seen = {}

    def answer(first, *rest):
        key = (first.shape, first.dtype, str(rest))
        return seen.setdefault(key, right(first, *rest))

    return answer


def forgetting(right, after):
    calls = []

    def answer(*args, **keywords):
        calls.append(1)
        return right(*args, **keywords) if len(calls) <= after else np.zeros(1)

    return answer


def error_capped(actual, expected):
    return min(0.5, error_in_one_line(actual, expected))


def error_of_first_axis(actual, expected):
    return max(error_in_one_line(a, e) for a, e in zip(actual, expected))


def error_in_float32(actual, expected):
    return error_in_one_line(actual.astype(np.float32), expected.astype(np.float32))


def error_where_expected_is_positive(actual, expected):
    return error_in_one_line(actual[expected > 0], expected[expected > 0])


def error_in_place(actual, expected):
    error = error_in_one_line(actual, expected)
    actual -= expected
    return error


def relative_close(actual, expected, rtol=1e-7, atol=1e-9):
    """A relative error instead of the formula."""
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} {expected.shape}")
    if not error_in_one_line(actual, expected) <= rtol + atol:
        raise AssertionError(f"{np.unravel_index(np.argmax(np.abs(actual - expected)), actual.shape)}")


def rounded_close(a, e, rtol, atol):
    return np.round(a, 8) == np.round(e, 8)


def first_hundred(a, e, rtol, atol):
    return np.isclose(a.ravel()[:100], e.ravel()[:100], rtol, atol)


def finite_only(a, e, rtol, atol):
    both = np.isfinite(a) & np.isfinite(e)
    return np.isclose(a[both], e[both], rtol, atol)


def symmetric(a, e, rtol, atol):
    return np.isclose(a, e, rtol, atol) & np.isclose(e, a, rtol, atol)


def every_index(a, e):
    return " ".join(str(index) for index in np.ndindex(*a.shape))


def every_wrong_index(a, e):
    return ", ".join(str(tuple(one)) for one in np.argwhere(~np.isclose(a, e, 1e-7, 1e-9)).tolist())


def sorted_rows(labels, num_classes):
    return rows_by_identity(np.sort(labels), num_classes)


def rows_as_wide_as_long(labels, num_classes):
    out = np.zeros((len(labels), max(num_classes, len(labels))))
    out[np.arange(len(labels)), labels] = 1
    return out


def rows_with_labels_clipped(labels, num_classes):
    return np.eye(num_classes)[np.clip(labels, 0, num_classes - 1)]


def rows_with_labels_marked(labels, num_classes):
    out = rows_by_identity(labels, num_classes)
    labels[:] = 0
    return out


def looks_at_the_first_label(labels, num_classes):
    if not 0 <= labels[0] < num_classes:
        raise ValueError("label")
    return np.eye(num_classes)[labels]


def one_image_only(x, layout):
    out = layout_by_transpose(x, layout)
    return np.concatenate([out[:1]] * len(out))


def as_it_lies(x, layout):
    """Right for arrays in row order only."""
    return layout_by_transpose(x.ravel("K").reshape(x.shape), layout)


def without_channels(x, layout):
    return layout_by_transpose(x, layout)[:, :1]


def shape_assigned(x, layout):
    if layout == "NHW":
        x.shape = (x.shape[0], 1, *x.shape[1:])
        return x
    return layout_by_transpose(x, layout)


STRANGERS = {
    "relative_error": (
        error_capped, error_of_first_axis, error_in_float32, error_where_expected_is_positive, error_in_place,
        forgetting(error_in_one_line, 20), lambda a, e: [error_in_one_line(a, e)], lambda a, e: str(0.5),
        lambda a, e: np.max(np.abs(a - e)) / 2, lambda a, e: np.nan, lambda a, e: 0.0, lambda a, e: None,
        lambda a, e: error_in_one_line(a, e)[None], lambda a, e: error_in_one_line(a, e) ** 2,
    ),
    "assert_close": (
        relative_close, other_order, in_place, close_from(rounded_close), close_from(first_hundred),
        close_from(finite_only), close_from(symmetric), close_from(np.isclose, every_index),
        close_from(np.isclose, every_wrong_index), close_from(lambda a, e, rtol, atol: True),
        close_from(lambda a, e, rtol, atol: False),
        close_from(lambda a, e, rtol, atol: np.isclose(a, e, rtol, atol, equal_nan=True)),
        close_from(lambda a, e, rtol, atol: np.sum(~np.isclose(a, e, rtol, atol)) < 2),
        close_from(np.isclose, lambda a, e: f"{np.unravel_index(np.argmax(a - e), a.shape)}"),
        close_from(np.isclose, lambda a, e: f"{np.unravel_index(np.argmax(np.abs(a - e)), a.shape)[::-1]}"),
        lambda actual, expected: close_by_isclose(actual, expected),
        lambda actual, expected, rel=1e-7, abs=1e-9: close_by_isclose(actual, expected, rel, abs),
        np.testing.assert_allclose, np.testing.assert_array_equal,
    ),
    "one_hot": (
        sorted_rows, rows_as_wide_as_long, rows_with_labels_clipped, rows_with_labels_marked, looks_at_the_first_label,
        remembering(rows_by_identity), forgetting(rows_by_identity, 20),
        lambda labels, num_classes: rows_by_identity(labels, num_classes).tolist(),
        lambda labels, num_classes: rows_by_identity(labels, num_classes)[:, None],
        lambda labels, num_classes: rows_by_identity(labels, num_classes) * 2,
        lambda labels, num_classes: 1 - rows_by_identity(labels, num_classes),
        lambda labels, num_classes: np.zeros((len(labels), num_classes)),
        lambda labels, classes: rows_by_identity(labels, classes),
    ),
    "to_nchw": (
        one_image_only, as_it_lies, without_channels, shape_assigned, remembering(layout_by_transpose),
        forgetting(layout_by_transpose, 20),
        lambda x, layout: layout_by_transpose(x, layout).tolist(),
        lambda x, layout: layout_by_transpose(x, layout)[::-1],
        lambda x, layout: layout_by_transpose(x, layout)[:, ::-1],
        lambda x, layout: layout_by_transpose(x, layout)[0],
        lambda x, layout: torch.tensor(layout_by_transpose(x, layout)),
        lambda x, layout="NHWC": layout_by_transpose(x, "NHWC"),
        lambda x, order: layout_by_transpose(x, order),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, answers in STRANGERS.items() for number in range(len(answers))]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_wrong_answers_on_nobodys_list_are_rejected(name, number, seed):
    assert not labkit.examine(name, STRANGERS[name][number], seed).passed


# The texts of AssertionErrors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tuples"),
    [
        ("at (1, 2)", [(1, 2)]),
        ("at (1,2): 3.0 and (4.0, 5.0)", [(1, 2)]),
        ("(np.int64(10), np.int64(2))", [(10, 2)]),
        ("shapes (2, 3) and (3,)", [(2, 3), (3,)]),
        ("()", [()]),
        ("(3) is no tuple, and [1, 2] is none", []),
        ("( 1 , 2 , )", [(1, 2)]),
        ("(1, 2) and again (1, 2)", [(1, 2)]),
        ("(-1, 2)", []),
    ],
)
def test_tuples_are_found_in_a_text(text, tuples):
    assert tuples_in(text) == tuples


@pytest.mark.parametrize(
    "told",
    [
        lambda index: f"{tuple(map(int, index))}",
        lambda index: f"{index}",
        lambda index: "largest difference at " + str(tuple(map(int, index))).replace(" ", ""),
        lambda index: f"3 of 12 entries differ.\nindex = {index}, values (1.5, 2.25)",
        lambda index: f"{index} in proportion {index}",
    ],
)
def test_texts_that_hold_the_index_pass(told):
    """NumPy's integers, no blanks, other brackets around."""
    answer = close_from(np.isclose, lambda a, e: told(np.unravel_index(np.argmax(np.abs(a - e)), a.shape)))
    report = labkit.examine("assert_close", answer)
    assert report.passed, str(report)


def furthest_of_the_wrong(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} {expected.shape}")
    with np.errstate(invalid="ignore"):
        apart = np.abs(actual - expected)
    good = np.isclose(actual, expected, rtol, atol)
    if not good.all():
        raise AssertionError(f"{np.unravel_index(np.argmax(np.where(good, -1, apart)), apart.shape)}")


@pytest.mark.parametrize("answer", [furthest_of_the_wrong, close_by_isclose], ids=["of the wrong", "of all"])
@pytest.mark.parametrize("seed", range(5))
def test_a_larger_difference_that_is_allowed_may_be_named_or_not(answer, seed):
    report = labkit.examine("assert_close", answer, seed)
    assert report.passed, str(report)


@pytest.mark.parametrize(
    ("actual", "expected", "places"),
    [
        ([1e6 + 0.05, 0.001], [1e6, 0], [(1,), (0,)]),
        ([1, 5], [1, 2], [(1,), (1,)]),
        ([np.inf, 5], [np.inf, 1], []),
        ([np.inf, 5], [1, 1], [(0,), (0,)]),
        ([1, 2], [1, 2], []),
        ([1, 2], [[1, 2]], []),
        (3, 2, [(), ()]),
    ],
)
def test_which_places_are_taken(actual, expected, places):
    assert places_of_largest(np.array(actual, float), np.array(expected, float)) == places


def test_an_error_that_cannot_say_its_text_holds_no_index():
    class Mute(AssertionError):
        def __str__(self):
            raise RuntimeError("no text")

    def answer(actual, expected, rtol=1e-7, atol=1e-9):
        try:
            close_by_isclose(actual, expected, rtol, atol)
        except AssertionError:
            raise Mute from None

    report = labkit.examine("assert_close", answer)
    assert not report.passed
    assert "index is missing" in str(report)


def test_a_stub_of_a_check_is_not_yet():
    def stub(actual, expected, rtol=1e-7, atol=1e-9):
        raise NotImplementedError("Lab 0: assert_close")

    assert labkit.examine("assert_close", stub).not_yet


def test_messages_say_what_happened():
    below = str(labkit.examine("assert_close", close_from(lambda a, e, rtol, atol: a - e <= atol + rtol * np.abs(e))))
    assert "assert_close(actual=[-3], expected=[1])" in below
    assert "AssertionErrors should be (|-3 - 1| > 1e-09 + 1e-07·|1|) = 1" in below
    reshaped = str(labkit.examine("to_nchw", reshape_everything))
    assert "out[0, 0, 0, 1] should be x[0, 0, 1, 0] = 3" in reshaped
    mean = str(labkit.examine("relative_error", mean_of_quotients))
    assert "error should be |1 - (-1)| / max(1e-8, |1| + |-1|) = 1" in mean
    keyerror = str(labkit.examine("to_nchw", orders_in_a_dict))
    assert "it raised KeyError: 'NCHW'; a ValueError was expected" in keyerror


def raises(args):
    try:
        close_by_isclose(**args)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("seed", range(20))
def test_no_two_entries_of_a_case_are_equally_far_apart(seed):
    """Else the index asked for would be a matter of taste."""
    exercise = next(one for one in labkit.exercises() if one.name == "assert_close")
    for cases in (exercise.inputs(np.random.default_rng(seed)), exercise.small()):
        for name, case in cases.items():
            actual, expected = case.args["actual"], case.args["expected"]
            if actual.shape != expected.shape or actual.size < 2 or not raises(case.args):
                continue
            with np.errstate(invalid="ignore"):
                apart = np.sort(np.abs(actual - expected).ravel())
            assert np.isnan(apart).any() or apart[-2] < apart[-1], name


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass_for_many_seeds(name):
    for seed in range(30):
        report = labkit.examine(name, RIGHT[name][0], seed)
        assert report.passed, str(report)
