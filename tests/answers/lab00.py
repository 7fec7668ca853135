"""Answers to lab 0: right ones, each written differently, and one plausible wrong one for each exercise."""

import functools
import math

import numpy as np
import torch

# Right answers, each written differently ----------------------------------------------------------


def error_by_loops(actual, expected):
    worst = 0.0
    for a, e in zip(actual.ravel().tolist(), expected.ravel().tolist()):
        quotient = abs(a - e) / max(1e-8, abs(a) + abs(e))
        if math.isnan(quotient):
            return math.nan
        worst = max(worst, quotient)
    return worst


def error_in_one_line(actual, expected):
    return np.max(np.abs(actual - expected) / np.maximum(np.abs(actual) + np.abs(expected), 1e-8))


def error_without_warnings(actual, expected, *, floor=1e-8):
    with np.errstate(invalid="ignore"):
        quotients = np.abs(expected - actual) / np.clip(np.abs(expected) + np.abs(actual), floor, None)
    return np.array(quotients.max())


def error_by_sorting(actual, expected):
    """NaN is sorted to the end."""
    both = np.stack([actual, expected]).reshape(2, -1)
    quotients = np.abs(both[0] - both[1]) / np.fmax(np.float64(1e-8), np.abs(both).sum(axis=0))
    quotients[np.isnan(both).any(axis=0)] = np.nan
    return float(np.sort(quotients)[-1])


def error_by_torch(actual, expected):
    a, e = torch.tensor(actual), torch.tensor(expected)
    return ((a - e).abs() / (a.abs() + e.abs()).clamp(min=1e-8)).max().numpy()


def close_by_isclose(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} != {expected.shape}")
    if not np.isclose(actual, expected, rtol=rtol, atol=atol).all():
        with np.errstate(invalid="ignore"):
            apart = np.abs(actual - expected)
        raise AssertionError(f"worst at {np.unravel_index(np.argmax(apart), apart.shape)}")


def close_by_loops(actual, expected, rtol=1e-7, atol=1e-9):
    """Plain numbers, one after the other."""
    assert actual.shape == expected.shape, "shapes: %s, %s" % (actual.shape, expected.shape)
    wrong, worst, where = False, -1.0, None
    for index in np.ndindex(*actual.shape):
        a, e = float(actual[index]), float(expected[index])
        apart = abs(a - e)
        if apart > worst:
            worst, where = apart, index
        if a != e and (math.isinf(a) or math.isinf(e) or not apart <= atol + rtol * abs(e)):
            wrong = True
    assert not wrong, f"largest difference {worst} is at {where}"


def close_by_torch(actual, expected, rtol=1e-7, atol=1e-9):
    """torch names the largest absolute and the largest relative difference."""
    if actual.shape != expected.shape:
        raise AssertionError(f"shapes {tuple(actual.shape)} and {tuple(expected.shape)}")
    a, e = torch.tensor(actual), torch.tensor(expected)
    if actual.ndim == 0:
        try:
            torch.testing.assert_close(a, e, rtol=rtol, atol=atol)
        except AssertionError as error:
            raise AssertionError(f"at (): {error}") from error
    elif actual.ndim == 1:
        if not torch.isclose(a, e, rtol=rtol, atol=atol).all():
            raise AssertionError(f"at ({int(torch.argmax((a - e).abs()))},)")
    else:
        torch.testing.assert_close(a, e, rtol=rtol, atol=atol)


def close_by_numpy(actual, expected, rtol=1e-7, atol=1e-9):
    """NumPy's own check, with what it lacks."""
    both = f"{actual.shape} and {expected.shape}"
    if np.shape(actual) != np.shape(expected):
        raise AssertionError(both)
    apart = np.abs(np.subtract(actual, expected))
    flat = 0 if np.isnan(apart).all() else int(np.nanargmax(apart))
    place = tuple(int(i) for i in np.unravel_index(flat, apart.shape))
    try:
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=False)
    except AssertionError as error:
        raise AssertionError(f"{both}, index {place}\n{error}") from None


class Disagreement(AssertionError):
    """A learner's own error, with a text of its own."""

    def __init__(self, *places):
        self.places = places

    def __str__(self):
        return " ".join(f"({','.join(str(i) for i in place)}{',' * (len(place) == 1)})" for place in self.places)


class CloseByExcess:
    """Anything callable will do, and any AssertionError."""

    def __call__(self, actual, expected, rtol=1e-7, atol=1e-9, names=("actual", "expected")):
        if actual.shape != expected.shape:
            raise Disagreement(actual.shape, expected.shape)
        with np.errstate(all="ignore"):
            apart = np.abs(actual - expected)
            excess = apart - rtol * np.abs(expected)
        unlike = actual != expected
        bad = unlike & ~((excess <= atol) & np.isfinite(actual) & np.isfinite(expected))
        if bad.any():
            largest = int(apart.argmax())
            raise Disagreement(tuple(int(i) for i in np.unravel_index(largest, apart.shape)))


def close_by_forbidden(actual, expected, rtol=1e-7, atol=1e-9):
    """Of the entries that do not agree, the one that is furthest off."""
    if actual.shape != expected.shape:
        raise AssertionError(f"shapes {actual.shape}, {expected.shape}")
    worst, where = -1.0, None
    for index in np.ndindex(*actual.shape):
        a, e = actual[index], expected[index]
        if not np.isclose(a, e, rtol, atol) and not abs(a - e) <= worst:
            worst, where = abs(a - e), index
    if where is not None:
        raise AssertionError(f"furthest off at {where}")


def rows_by_identity(labels, num_classes):
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError("out of range")
    return np.eye(num_classes)[labels]


def rows_by_comparison(labels, num_classes):
    out = np.equal.outer(labels, np.arange(num_classes)).astype(float)
    if not (out.sum(axis=1) == 1).all():
        raise ValueError("out of range")
    return out


def rows_by_lists(labels, num_classes):
    rows = []
    for label in labels.tolist():
        if not 0 <= label < num_classes:
            raise ValueError(label)
        rows.append([0.0] * label + [1.0] + [0.0] * (num_classes - label - 1))
    return np.array(rows)


def rows_by_fancy_index(labels, num_classes):
    wide = labels.astype(np.int64)
    if set(wide.tolist()) - set(range(num_classes)):
        raise ValueError("out of range")
    out = np.zeros((num_classes, labels.size))
    out[wide, np.arange(labels.size)] = 1
    return out.T


def rows_by_put(labels, num_classes, dtype=np.float64):
    if (labels >= num_classes).any() or (labels < 0).any():
        raise ValueError("out of range")
    out = np.zeros(labels.shape + (num_classes,), dtype, order="F")
    np.put_along_axis(out, labels.astype(int)[:, None], 1, axis=1)
    return out


def rows_by_torch(labels, num_classes):
    wide = torch.tensor(labels.astype(np.int64))
    if wide.min() < 0 or wide.max() >= num_classes:
        raise ValueError("out of range")
    return torch.nn.functional.one_hot(wide, num_classes).double().numpy()


def layout_by_transpose(x, layout):
    if layout == "NHW":
        n, h, w = x.shape
        return x.reshape(n, 1, h, w)
    orders = {"NHWC": (0, 3, 1, 2), "HWCN": (3, 2, 0, 1)}
    if layout not in orders:
        raise ValueError(layout)
    return np.transpose(x, orders[layout])


def layout_by_moving(x, layout):
    match layout:
        case "NHW":
            return np.expand_dims(x, 1)
        case "NHWC":
            return np.moveaxis(x, -1, 1)
        case "HWCN":
            return np.moveaxis(x, [3, 2], [0, 1])
    raise ValueError(f"what is {layout}?")


def layout_by_letters(x, layout):
    if layout not in ("NHW", "NHWC", "HWCN"):
        raise ValueError
    if "C" not in layout:
        x, layout = x[..., None], layout + "C"
    return np.ascontiguousarray(np.einsum(f"{layout}->NCHW", x))


def layout_by_loops(x, layout):
    if layout not in {"NHW", "NHWC", "HWCN"}:
        raise ValueError("unknown layout")
    size = dict(zip(layout, x.shape))
    out = np.empty((size["N"], size.get("C", 1), size["H"], size["W"]), x.dtype, order="F")
    for n, c, h, w in np.ndindex(*out.shape):
        letters = {"N": n, "C": c, "H": h, "W": w}
        out[n, c, h, w] = x[tuple(letters[letter] for letter in layout)]
    return out


def layout_by_swapping(x, layout):
    if layout == "NHW":
        return np.stack([x], axis=1)
    if layout == "NHWC":
        return x.swapaxes(2, 3).swapaxes(1, 2)
    if layout == "HWCN":
        return x.T.swapaxes(2, 3)
    raise ValueError("unknown layout")


RIGHT = {
    "relative_error": (error_by_loops, error_in_one_line, error_without_warnings, error_by_sorting, error_by_torch),
    "assert_close": (
        close_by_isclose,
        close_by_loops,
        close_by_torch,
        close_by_numpy,
        close_by_forbidden,
        CloseByExcess(),
    ),
    "one_hot": (
        rows_by_identity,
        rows_by_comparison,
        rows_by_lists,
        rows_by_fancy_index,
        functools.partial(rows_by_put, dtype=float),
        rows_by_torch,
    ),
    "to_nchw": (layout_by_transpose, layout_by_moving, layout_by_letters, layout_by_loops, layout_by_swapping),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "relative_error": """
def relative_error(actual, expected):
    return np.nanmax(np.abs(actual - expected) / np.maximum(1e-8, np.abs(actual) + np.abs(expected)))
""",
    "assert_close": """
def assert_close(actual, expected, rtol=1e-7, atol=1e-9):
    if actual.shape != expected.shape:
        raise AssertionError(f"{actual.shape} and {expected.shape}")
    apart = actual - expected
    if not np.all(apart < atol + rtol * np.abs(expected)):
        index = np.unravel_index(np.argmax(np.abs(apart)), apart.shape)
        raise AssertionError(f"differ at {index}")
""",
    "one_hot": """
def one_hot(labels, num_classes):
    num_classes = int(labels.max()) + 1
    return np.eye(num_classes)[labels]
""",
    "to_nchw": """
def to_nchw(x, layout):
    if layout == "NHW":
        return x[:, None]
    if layout == "NHWC":
        n, h, w, c = x.shape
        return x.reshape(n, c, h, w)
    if layout == "HWCN":
        h, w, c, n = x.shape
        return x.reshape(n, c, h, w)
    raise ValueError(layout)
""",
}
