"""What arguments must be. Each function returns, or raises a ValueError that says what came and what to do."""
import math
import numbers
import reprlib
from typing import Any

import numpy as np


def came(value: Any) -> str:
    """A few words for a value that was not expected."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return f"{reprlib.repr(value)} (type {type(value).__name__})"


def filled_array(name: str, value: Any) -> None:
    """`value` is a NumPy array of shape (N, ...) that holds something."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{name} must be a NumPy array, but {came(value)} came. np.asarray({name}) makes one.")
    if value.ndim == 0:
        raise ValueError(f"{name} must have its N items along the first axis, but {came(value)} came.")
    if value.size == 0:
        raise ValueError(f"{name} is empty: {came(value)} came. Give at least one item.")


def images(x: Any) -> None:
    """`x` is a filled array of integers or floats."""
    filled_array("x", x)
    if not (np.issubdtype(x.dtype, np.integer) or np.issubdtype(x.dtype, np.floating)):
        raise ValueError(f"x must hold integers or floats, but {came(x)} came. Convert it with x.astype(np.float64).")


def labelled(x: Any, y: Any) -> None:
    """`x` has shape (N, ...), `y` has shape (N,) and holds integers."""
    filled_array("x", x)
    if not isinstance(y, np.ndarray):
        raise ValueError(f"y must be a NumPy array, but {came(y)} came. np.asarray(y) makes one.")
    if y.ndim != 1:
        raise ValueError(
            f"y must have shape (N,), one label for each item of x, but {came(y)} came. "
            "A column of labels becomes flat with y.reshape(-1), one-hot rows become labels with y.argmax(axis=1)."
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"y must hold integers, but {came(y)} came. Whole numbers become labels with y.astype(np.int64)."
        )
    if len(x) != len(y):
        raise ValueError(
            f"x and y must have the same length, but x holds {len(x)} items (shape {x.shape}) "
            f"and y holds {len(y)} labels. Cut both in the same way."
        )


def whole_number(name: str, value: Any) -> int:
    """`value` as an int. A bool is not a whole number here, a NumPy integer is."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(f"{name} must be an int, but {came(value)} came.")
    return int(value)


def count(name: str, value: Any) -> int:
    """`value` as an int of at least 1."""
    number = whole_number(name, value)
    if number < 1:
        raise ValueError(f"{name} must be 1 or more, but {number} came.")
    return number


def finite_number(name: str, value: Any) -> float:
    """`value` as a finite float. A NumPy scalar or a 0-d array will do; a longer array is not broadcast."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"{name} must be one number, but {came(value)} came.")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, but {number} came. Look for NaN or infinity in the data.")
    return number


def generator(rng: Any) -> None:
    """`rng` is a `numpy.random.Generator`."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a NumPy Generator, but {came(rng)} came. "
            "Make one with rng = np.random.default_rng(0); the number is the seed."
        )
