"""Choosing images: by class, in random order, in two parts, in batches.

Everywhere `x` has shape (N, ...) and any dtype, and `y` has shape (N,) and any integer dtype. What comes back
are new arrays with the dtypes of `x` and `y`; the inputs stay as they are. Randomness comes from `rng` alone:
the same seed gives the same result.
"""
from collections.abc import Iterable, Iterator

import numpy as np

from labkit.data import require


def subsample(x: np.ndarray, y: np.ndarray, classes: Iterable[int], per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `per_class` images of each class in `classes`, in the order of the file, with their own labels.

    Args:
        x, y: (N, ...) and (N,) integers.
        classes: labels to keep, each once; their order does not matter.
        per_class: images of each class, 1 or more.

    Returns:
        `(x, y)` with `len(classes) * per_class` items.

    Raises:
        ValueError: `x` and `y` do not fit together; `classes` is empty, holds a label twice, something that is
            not an int, or a label that `y` does not hold; a class has fewer than `per_class` images.
    """
    require.labelled(x, y)
    wanted = _wanted_classes(classes, y)
    per_class = require.count("per_class", per_class)
    positions = {label: np.flatnonzero(y == label) for label in wanted}
    short = [f"class {label} has {len(found)}" for label, found in positions.items() if len(found) < per_class]
    if short:
        raise ValueError(
            f"per_class is {per_class}, but there are not so many images: {', '.join(short)}. "
            "Ask for fewer, or give more images."
        )
    chosen = np.sort(np.concatenate([found[:per_class] for found in positions.values()]))
    return x[chosen], y[chosen]


def _wanted_classes(classes: Iterable[int], y: np.ndarray) -> list[int]:
    if not isinstance(classes, Iterable) or getattr(classes, "ndim", 1) == 0:
        raise ValueError(f"classes must be a sequence of labels such as [0, 1], but {require.came(classes)} came.")
    wanted = [require.whole_number("each label in classes", label) for label in classes]
    if not wanted:
        raise ValueError("classes is empty. Name at least one label, such as [0, 1].")
    repeated = sorted({label for label in wanted if wanted.count(label) > 1})
    if repeated:
        raise ValueError(f"classes must hold each label once, but {repeated} came more than once in {wanted}.")
    present = np.unique(y).tolist()
    absent = sorted(set(wanted) - set(present))
    if absent:
        raise ValueError(f"classes holds {absent}, but y has no such label. The labels in y are {present}.")
    return wanted


def shuffle_together(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`x` and `y` in one random order, the same for both: every image keeps its label.

    Args:
        x, y: (N, ...) and (N,) integers.
        rng: where the order comes from.

    Raises:
        ValueError: `x` and `y` do not fit together, or `rng` is not a Generator.
    """
    require.labelled(x, y)
    require.generator(rng)
    order = rng.permutation(len(x))
    return x[order], y[order]


def split_per_class(
    x: np.ndarray, y: np.ndarray, held_out: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hold out a random part of each class, for validation.

    Of a class with n images, `round(held_out * n)` go to the validation part. This is Python's `round`: a half
    goes to the even number, so half of 5 images is 2 and half of 7 is 4. A class that is too small can thus
    lie in one part alone.

    Args:
        x, y: (N, ...) and (N,) integers.
        held_out: the fraction to hold out, between 0 and 1, both excluded.
        rng: where the choice comes from.

    Returns:
        `x_train, y_train, x_val, y_val`. Each image is in exactly one part. Both parts keep the order of the
        input; only the choice is random.

    Raises:
        ValueError: `x` and `y` do not fit together, `held_out` is not a number between 0 and 1, or `rng` is
            not a Generator.
    """
    require.labelled(x, y)
    fraction = require.finite_number("held_out", held_out)
    if not 0 < fraction < 1:
        raise ValueError(
            f"held_out must be a fraction between 0 and 1, both excluded, but {fraction} came. "
            "0.2 holds out a fifth of each class."
        )
    require.generator(rng)
    validation = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        validation[rng.permutation(members)[: round(fraction * len(members))]] = True
    return x[~validation], y[~validation], x[validation], y[validation]


def minibatches(
    x: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch of batches `(x, y)` in random order. Every image comes once.

    Each call draws a new order from `rng`, so call it anew for each epoch: what it returns can be gone through
    once. Where `batch_size` does not divide N the last batch is smaller; no batch is empty.

    Args:
        x, y: (N, ...) and (N,) integers.
        batch_size: images in a batch, 1 or more. More than N gives one batch of N.
        rng: where the order comes from.

    Raises:
        ValueError: at the call, not at the first batch. `x` and `y` do not fit together, `batch_size` is not
            an int of at least 1, or `rng` is not a Generator.
    """
    require.labelled(x, y)
    batch_size = require.count("batch_size", batch_size)
    require.generator(rng)
    # The order is drawn here and not in a generator function, whose body would run only at the first batch.
    order = rng.permutation(len(x))
    starts = range(0, len(x), batch_size)
    return ((x[chosen], y[chosen]) for chosen in (order[start : start + batch_size] for start in starts))
