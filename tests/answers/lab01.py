"""Answers to lab 1: right ones, each written differently, and one plausible wrong one for each exercise."""

import itertools
import math
import statistics

import numpy as np
import torch

# Right answers, each written differently ----------------------------------------------------------


def subsample_by_counting(x, y, classes, per_class):
    left = {int(label): per_class for label in classes}
    chosen = []
    for i, label in enumerate(y.tolist()):
        if left.get(label, 0) > 0:
            left[label] -= 1
            chosen.append(i)
    if any(left.values()):
        raise ValueError("too few")
    return x[chosen], y[chosen]


def subsample_by_mask(x, y, classes, per_class):
    mask = np.zeros(y.shape, bool)
    for label in classes:
        members = y == label
        mask |= members & (np.cumsum(members) <= per_class)
        if np.count_nonzero(members) < per_class:
            raise ValueError("too few")
    return [np.asfortranarray(x[mask]), y[mask]]


def subsample_by_sorting(x, y, classes, per_class):
    order = np.argsort(y, kind="stable")
    starts = np.searchsorted(y[order], classes)
    ends = np.searchsorted(y[order], classes, side="right")
    if (ends - starts < per_class).any():
        raise ValueError("too few")
    chosen = sorted(itertools.chain.from_iterable(order[s : s + per_class] for s in starts.tolist()))
    return np.take(x, chosen, axis=0), np.take(y, chosen)


def subsample_by_joining(x, y, classes, per_class, *, axis=0):
    found = [i for label in classes for i in [i for i in range(len(y)) if y[i] == label][:per_class]]
    if len(found) != per_class * len(classes):
        raise ValueError("too few")
    return np.stack([x[i] for i in sorted(found)], axis=axis), np.array([y[i] for i in sorted(found)])


def shuffle_by_sorting_noise(x, y, rng):
    order = np.argsort(rng.random(len(x)))
    return np.take(x, order, axis=0), np.take(y, order)


def shuffle_by_swapping(x, y, rng):
    x, y = x.copy(order="F"), y.copy()
    for i in range(len(x) - 1, 0, -1):
        j = rng.integers(0, i + 1)
        x[[i, j]], y[[i, j]] = x[[j, i]], y[[j, i]]
    return [x, y]


def shuffle_a_list(x, y, rng):
    pairs = list(zip(x, y))
    order = list(range(len(pairs)))
    rng.shuffle(order)
    images, labels = zip(*(pairs[i] for i in order))
    return np.array(images), np.array(labels)


def shuffle_by_choice(x, y, rng):
    order = rng.choice(len(y), len(y), replace=False)
    return x[order], y[order]


def shuffle_by_spawning(x, y, rng):
    """Both from one seed, which comes from rng."""
    seed = int(rng.integers(2**31))
    return np.random.default_rng(seed).permutation(x), np.random.default_rng(seed).permutation(y)


def fit_by_methods(x):
    return x.mean(), x.std()


def fit_by_python(x):
    pixels = [float(pixel) for pixel in x.ravel()]
    return statistics.fmean(pixels), statistics.pstdev(pixels)


def fit_by_squares(x):
    pixels = x.astype(np.float64)
    mean = pixels.sum() / pixels.size
    return float(mean), math.sqrt(max(0.0, (pixels * pixels).sum() / pixels.size - mean * mean))


def fit_by_torch(x):
    pixels = torch.tensor(x, dtype=torch.float64)
    std, mean = torch.std_mean(pixels, correction=0)
    return np.array(mean.item()), np.float64(std.item())


def standardize_by_dtype(x, mean, std):
    if not std:
        raise ValueError("std is 0")
    dtype = x.dtype if np.issubdtype(x.dtype, np.floating) else np.float64
    return ((x.astype(dtype) - dtype(mean)) / dtype(std)) if dtype is np.float64 else ((x - mean) / std).astype(dtype)


def standardize_by_out(x, mean, std):
    if std == 0.0:
        raise ValueError("std is 0")
    out = np.empty(x.shape, np.result_type(x, np.float64) if x.dtype.kind in "iu" else x.dtype, order="F")
    np.subtract(x, mean, out=out)
    out /= std
    return out


def standardize_by_pixels(x, mean, std):
    out = np.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float)
    try:
        for place in np.ndindex(*x.shape):
            out[place] = (float(x[place]) - mean) / std
    except ZeroDivisionError:
        raise ValueError("std is 0") from None
    return out


def standardize_by_torch(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    pixels = torch.tensor(x)
    pixels = pixels if pixels.is_floating_point() else pixels.double()
    return ((pixels - mean) / std).numpy()


def split_by_lists(x, y, held_out, rng):
    train, val = [], []
    for label in sorted(set(y.tolist())):
        places = [i for i in range(len(y)) if y[i] == label]
        rng.shuffle(places)
        k = round(held_out * len(places))
        val += places[:k]
        train += places[k:]
    return [x[train], y[train], x[val], y[val]]


def split_by_choice(x, y, held_out, rng):
    val = np.concatenate([
        rng.choice(np.where(y == label)[0], round(held_out * int((y == label).sum())), replace=False)
        for label in np.unique(y)
    ])
    train = np.setdiff1d(np.arange(len(y)), val)
    return np.delete(x, val, axis=0), y[train], np.asfortranarray(x[val]), y[val]


def split_by_ranks(x, y, held_out, rng):
    """A random number for each image; those with the smallest in their class are held out."""
    noise = rng.random(len(y))
    labels, counts = np.unique(y, return_counts=True)
    wanted = {label: int(np.rint(held_out * n)) for label, n in zip(labels.tolist(), counts.tolist())}
    rank = np.array([(noise[y == y[i]] < noise[i]).sum() for i in range(len(y))])
    held = rank < np.array([wanted[label] for label in y.tolist()])
    return x[~held], y[~held], x[held], y[held]


def split_shuffled_parts(x, y, held_out, rng):
    order = rng.permutation(len(x))
    seen, train, val = {}, [], []
    for i in order:
        seen[int(y[i])] = seen.get(int(y[i]), 0) + 1
        part = val if seen[int(y[i])] <= round(held_out * int(np.count_nonzero(y == y[i]))) else train
        part.append(i)
    return tuple(array[np.array(part, dtype=int)] for part in (train, val) for array in (x, y))


def batches_by_yielding(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    while len(order):
        yield x[order[:batch_size]], y[order[:batch_size]]
        order = order[batch_size:]


def batches_by_split(x, y, batch_size, rng):
    order = np.arange(len(x))
    rng.shuffle(order)
    return [[x[part], y[part]] for part in np.split(order, range(batch_size, len(order), batch_size))]


def batches_by_zip(x, y, batch_size, rng):
    order = np.argsort(rng.random(len(x)))
    edges = range(batch_size, len(x), batch_size)
    return zip(np.split(x[order], edges), np.split(y[order], edges))


class BatchesByIterator:
    """An object with a length, new at each call."""

    def __init__(self, x, y, batch_size, rng, drop_last=False):
        self.x, self.y, self.size, self.rng = x, y, batch_size, rng

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for i in range(len(self)):
            chosen = order[i * self.size : (i + 1) * self.size]
            yield self.x[chosen], self.y[chosen]


def batches_as_views(x, y, batch_size, rng):
    """Views of two arrays that hold all images in their new order."""
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    for start in range(0, len(x), batch_size):
        yield x[start : start + batch_size], y[start : start + batch_size]


RIGHT = {
    "subsample": (subsample_by_counting, subsample_by_mask, subsample_by_sorting, subsample_by_joining),
    "shuffle_together": (
        shuffle_by_sorting_noise,
        shuffle_by_swapping,
        shuffle_a_list,
        shuffle_by_choice,
        shuffle_by_spawning,
    ),
    "fit_standardizer": (fit_by_methods, fit_by_python, fit_by_squares, fit_by_torch),
    "standardize": (standardize_by_dtype, standardize_by_out, standardize_by_pixels, standardize_by_torch),
    "split_per_class": (split_by_lists, split_by_choice, split_by_ranks, split_shuffled_parts),
    "minibatches": (
        batches_by_yielding,
        batches_by_split,
        batches_by_zip,
        BatchesByIterator,
        batches_as_views,
    ),
}

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "subsample": """
def subsample(x, y, classes, per_class):
    images, labels = [], []
    for label in classes:
        found = x[y == label]
        if len(found) < per_class:
            raise ValueError("too few")
        images.append(found[:per_class])
        labels.append(np.full(per_class, label, y.dtype))
    return np.concatenate(images), np.concatenate(labels)
""",
    "shuffle_together": """
def shuffle_together(x, y, rng):
    return x[rng.permutation(len(x))], y[rng.permutation(len(y))]
""",
    "fit_standardizer": """
def fit_standardizer(x):
    return x.mean(), x.std(ddof=1)
""",
    "standardize": """
def standardize(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    return (x - x.mean()) / x.std()
""",
    "split_per_class": """
def split_per_class(x, y, held_out, rng):
    order = rng.permutation(len(x))
    k = round(held_out * len(x))
    val, train = order[:k], order[k:]
    return x[train], y[train], x[val], y[val]
""",
    "minibatches": """
def minibatches(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    batches = []
    for i in range(len(x) // batch_size):
        chosen = order[i * batch_size : (i + 1) * batch_size]
        batches.append((x[chosen], y[chosen]))
    return batches
""",
}
