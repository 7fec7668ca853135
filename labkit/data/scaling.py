"""Standardising: one mean and one standard deviation, from the training images, for every image."""
import numpy as np

from labkit.data import require


def fit_standardizer(x: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over all pixels of all images.

    Fit on the training images only, then use the two numbers for the validation and test images too.

    Args:
        x: (N, ...), integers or floats.

    Returns:
        `(mean, std)`, in the units of `x`, computed in float64. `std` is the biased one (divided by the number
        of pixels), like `np.std(x)`. It is 0 where all pixels are equal; `standardize` refuses that.

    Raises:
        ValueError: `x` is not an array, is empty, holds neither integers nor floats, or holds NaN or infinity.
    """
    require.images(x)
    if not np.isfinite(x).all():
        bad = np.argwhere(~np.isfinite(x))[0].tolist()
        raise ValueError(f"x must be finite, but x{bad} is {x[tuple(bad)]}. Remove or mend what is not.")
    return float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64))


def standardize(x: np.ndarray, mean: float, std: float) -> np.ndarray:
    """`(x - mean) / std`, as a new array.

    Args:
        x: (N, ...), integers or floats.
        mean, std: one number each, from `fit_standardizer`.

    Returns:
        Shape of `x`, no unit. Integers give float64, a float dtype is kept.

    Raises:
        ValueError: `x` is not an array, is empty, or holds neither integers nor floats; `mean` or `std` is not
            one finite number; `std` is 0 or negative.
    """
    require.images(x)
    mean, std = require.finite_number("mean", mean), require.finite_number("std", std)
    if std <= 0:
        raise ValueError(
            f"std must be positive, but {std} came. A std of 0 means that all pixels are equal: "
            "fit_standardizer needs images that differ."
        )
    pixels = x.astype(np.float64) if np.issubdtype(x.dtype, np.integer) else x
    # mean and std are Python floats by now, so they cannot turn float32 into float64.
    return (pixels - mean) / std
