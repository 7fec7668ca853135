"""Lab 1's checks: bugs of student notebooks are named, strangers' bugs rejected, and chance fails no right answer."""

import copy
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from answers.lab01 import (
    RIGHT,
    batches_by_split,
    batches_by_yielding,
    fit_by_methods,
    shuffle_by_choice,
    split_by_choice,
    standardize_by_dtype,
    subsample_by_mask,
)

import labkit
from labkit.asked import exercise
from labkit.asked.lab01 import ENOUGH, calls_of
from labkit.checks.judging import Standard, judge
from labkit.checks.running import Outcome
from labkit.references import lab01 as references
from labkit.references import reference

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def shuffled_apart(x, y, rng):
    images = list(range(len(x)))
    labels = list(range(len(y)))
    rng.shuffle(images)
    rng.shuffle(labels)
    return x[images], y[labels]


def six_hundred_of_eight_hundred(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    batches = []
    start = 0
    while start + batch_size < len(x):
        chosen = order[start : start + batch_size]
        batches.append((x[chosen], y[chosen]))
        start += batch_size
    return batches


def test_scaled_otherwise(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    return (x - x.mean()) / x.std()


test_scaled_otherwise.__test__ = False


def labels_from_zero(x, y, classes, per_class):
    x, y = subsample_by_mask(x, y, classes, per_class)
    for number, label in enumerate(classes):
        y = np.where(y == label, number, y).astype(y.dtype)
    return x, y


def grouped(x, y, classes, per_class):
    places = []
    for label in classes:
        found = [i for i in range(len(y)) if y[i] == label]
        if len(found) < per_class:
            raise ValueError("too few")
        places += found[:per_class]
    return x[places], y[places]


def numpy_shuffle_in_place(x, y, rng):
    state = rng.integers(1000)
    np.random.seed(state)
    np.random.shuffle(x)
    np.random.seed(state)
    np.random.shuffle(y)
    return x, y


def last_fifth(x, y, held_out, rng):
    n = round(held_out * len(x))
    return x[:-n], y[:-n], x[-n:], y[-n:]


def the_first_of_each(x, y, held_out, rng):
    train, val = [], []
    for label in np.unique(y):
        places = np.flatnonzero(y == label)
        k = round(held_out * len(places))
        val.extend(places[:k])
        train.extend(places[k:])
    return x[train], y[train], x[val], y[val]


def as_sklearn_returns_them(x, y, held_out, rng):
    x_train, y_train, x_val, y_val = split_by_choice(x, y, held_out, rng)
    return x_train, x_val, y_train, y_val


def whole_batches(x, y, batch_size, rng):
    starts = np.arange(0, len(x), batch_size)
    rng.shuffle(starts[: len(x) // batch_size])
    return [(x[s : s + batch_size], y[s : s + batch_size]) for s in starts]


def returned_in_the_loop(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        return x[chosen], y[chosen]


def squares_of_bytes(x):
    mean = x.mean()
    return mean, np.sqrt((x**2).mean() - mean**2)


def in_place(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    x -= mean
    x /= std
    return x


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("subsample", grouped, "grouped_by_class"),
        ("subsample", labels_from_zero, "labels_numbered_anew"),
        ("shuffle_together", shuffled_apart, "shuffled_apart"),
        ("shuffle_together", numpy_shuffle_in_place, "input_shuffled_in_place"),
        ("fit_standardizer", squares_of_bytes, "bytes_overflow"),
        ("standardize", test_scaled_otherwise, "statistics_of_its_own"),
        ("standardize", in_place, "input_overwritten"),
        ("split_per_class", last_fifth, "ends_held_out"),
        ("split_per_class", the_first_of_each, "always_the_same"),
        ("split_per_class", as_sklearn_returns_them, "results_in_another_order"),
        ("minibatches", six_hundred_of_eight_hundred, "last_batch_lost"),
        ("minibatches", whole_batches, "whole_batches_shuffled"),
        ("minibatches", returned_in_the_loop, "first_batch_only"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bugs_as_students_write_them_are_named(name, answer, mistake, seed):
    report = labkit.examine(name, answer, seed=seed)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


# Wrong answers that got past the first version of the checks, or that were told something beside the point ---------------


def checked(y, classes, per_class):
    for label in classes:
        if np.count_nonzero(y == label) < per_class:
            raise ValueError("too few")


def places_in_a_set(x, y, classes, per_class):
    checked(y, classes, per_class)
    places = set()
    for label in classes:
        places.update(np.flatnonzero(y == label)[:per_class].tolist())
    return x[list(places)], y[list(places)]


def digits_gone_through(x, y, classes, per_class):
    places = []
    for label in range(10):
        if label in classes:
            found = np.flatnonzero(y == label)
            if len(found) < per_class:
                raise ValueError("too few")
            places.extend(found[:per_class])
    places = np.sort(np.array(places, int))
    return x[places], y[places]


def unguarded_class_by_class(x, y, classes, per_class):
    places = []
    for label in classes:
        places += list(np.flatnonzero(y == label)[:per_class])
    return x[places], y[places]


def sorted_for_the_images(x, y, classes, per_class):
    checked(y, classes, per_class)
    places = np.concatenate([np.flatnonzero(y == label)[:per_class] for label in classes])
    return x[np.sort(places)], y[places]


def if_scaled_already(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    if x.max() <= 1:
        return x
    return (x - mean) / std


def a_millionth_refused(x, mean, std):
    if std < 1e-6:
        raise ValueError("std is 0")
    return (x - mean) / std


def scaled(formula):
    def answer(x, mean, std):
        if std == 0:
            raise ValueError("std is 0")
        return formula(x, mean, std)

    return answer


def subtracted_in_place(x, mean, std):
    x -= mean
    return x / std


def inside_classes(count, classes=np.unique):
    """A split that draws count(held_out, n) of each class of n."""

    def answer(x, y, held_out, rng):
        train, val = [], []
        for label in classes(y):
            places = rng.permutation(np.flatnonzero(y == label))
            n = count(held_out, len(places))
            val += places[:n].tolist()
            train += places[n:].tolist()
        return x[train], y[train], x[val], y[val]

    return answer


def cut_at_minus_n(x, y, held_out, rng):
    train, val = [], []
    for label in np.unique(y):
        p = rng.permutation(np.flatnonzero(y == label))
        n = round(held_out * len(p))
        train += p[:-n].tolist()
        val += p[-n:].tolist()
    return x[train], y[train], x[val], y[val]


def a_coin_each(x, y, held_out, rng):
    held = rng.random(len(y)) < held_out
    return x[~held], y[~held], x[held], y[held]


def refilled(x, y, batch_size, rng):
    buffer = np.empty((batch_size, *x.shape[1:]), x.dtype)
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        buffer[: len(chosen)] = x[chosen]
        yield buffer[: len(chosen)], y[chosen]


def as_far_as_the_last_but_one(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x) - 1, batch_size):
        yield x[order[start : start + batch_size]], y[order[start : start + batch_size]]


def an_empty_array_at_the_end(x, y, batch_size, rng):
    return [*batches_by_yielding(x, y, batch_size, rng), (np.array([]), np.array([]))]


def counted_at_once(x, y, classes, per_class):
    counts = np.bincount(y)
    if any(counts[label] < per_class for label in classes):
        raise ValueError("too few")
    return subsample_by_mask(x, y, classes, per_class)


def blank_refused(x, mean, std):
    if std == 0 or x.std() == 0:
        raise ValueError("nothing to divide by")
    return standardize_by_dtype(x, mean, std)


def shuffle_with_none(x, y, rng):
    order = rng.shuffle(np.arange(len(x)))
    return x[order], y[order]


FIRST_READER = [
    ("subsample", counted_at_once, "counts_end_too_early"),
    ("shuffle_together", shuffle_with_none, "shuffle_gives_none"),
    ("standardize", blank_refused, "guard_on_x"),
    ("split_per_class", inside_classes(lambda f, n: n - round((1 - f) * n)), "kept_part_rounded"),
    ("subsample", places_in_a_set, "places_in_a_set"),
    ("subsample", digits_gone_through, "classes_counted"),
    ("subsample", unguarded_class_by_class, "grouped_by_class"),
    ("subsample", sorted_for_the_images, "sorted_for_one_only"),
    ("fit_standardizer", lambda x: (x.sum() / len(x), x.std()), "divided_by_images"),
    ("fit_standardizer", lambda x: (x.mean(), np.abs(x - x.mean()).mean()), "mean_absolute_distance"),
    ("standardize", if_scaled_already, "taken_for_scaled"),
    ("standardize", a_millionth_refused, "guard_too_strict"),
    ("standardize", scaled(lambda x, mean, std: x / std - mean), "divided_first"),
    ("standardize", scaled(lambda x, mean, std: (x - int(mean)) / std), "mean_rounded"),
    ("standardize", scaled(subtracted_in_place), "input_overwritten"),
    ("split_per_class", inside_classes(lambda f, n: round(f * n), lambda y: range(10)), "a_class_is_lost"),
    ("split_per_class", inside_classes(lambda f, n: int(f * n + 0.5)), "a_half_rounded_up"),
    ("split_per_class", inside_classes(lambda f, n: math.ceil(f * n)), "rounded_up"),
    ("split_per_class", inside_classes(lambda f, n: max(1, round(f * n))), "at_least_one"),
    ("split_per_class", cut_at_minus_n, "minus_zero"),
    ("split_per_class", a_coin_each, "a_coin_for_each_image"),
    ("minibatches", refilled, "one_buffer"),
    ("minibatches", as_far_as_the_last_but_one, "last_batch_lost"),
    ("minibatches", an_empty_array_at_the_end, "empty_batch"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), FIRST_READER)
@pytest.mark.parametrize("seed", [0, 7])
def test_what_a_first_reader_tried_is_rejected_and_named(name, answer, mistake, seed):
    report = labkit.examine(name, answer, seed=seed)
    assert not report.passed
    assert report.mistake == mistake, str(report)
    assert "a full one" not in str(report) and "different shapes" not in str(report)
    assert "1 of the 1 images" not in str(report) and "however many came of each" not in str(report)


def first_of_these_classes(x, y, classes, per_class):
    """One guard, on the number of all images together: one reason is told, not two."""
    chosen, n = np.flatnonzero(np.isin(y, list(classes))), len(classes) * per_class
    if len(chosen) < n:
        raise ValueError("too few")
    return x[chosen[:n]], y[chosen[:n]]


def first_of_the_file(x, y, classes, per_class):
    n = len(classes) * per_class
    return x[:n], y[:n]


def rolled(x, y, rng):
    k = int(rng.integers(len(x)))
    return np.roll(x, k, axis=0), np.roll(y, k)


def rolled_batches(x, y, batch_size, rng):
    x, y = rolled(x, y, rng)
    return [(x[s : s + batch_size], y[s : s + batch_size]) for s in range(0, len(x), batch_size)]


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("subsample", first_of_these_classes, "first_in_all"),
        ("subsample", first_of_the_file, "first_of_the_file"),
        ("shuffle_together", rolled, "moved_on"),
        ("minibatches", rolled_batches, "moved_on"),
    ],
)
@pytest.mark.parametrize("seed", [0, 7])
def test_one_reason_is_told(name, answer, mistake, seed):
    report = labkit.examine(name, answer, seed=seed)
    assert [known for known, _ in report.mistakes] == [mistake], str(report)
    assert "draw a new one" not in str(report)


@pytest.mark.parametrize(
    "fit",
    [
        lambda x: (np.mean(x), np.std(x)),
        lambda x: (np.mean(x, dtype=np.float64), np.std(x, dtype=np.float64)),
        lambda x: (x.mean().item(), x.std().item()),
        lambda x: (x.astype(np.float64).mean(), x.astype(np.float64).std()),
    ],
    ids=["in its own precision", "summed in float64", "as Python floats", "float64 first"],
)
def test_a_standard_deviation_of_either_precision_passes(fit):
    for seed in range(8):
        report = labkit.examine("fit_standardizer", fit, seed=seed)
        assert report.passed, str(report)


@pytest.mark.parametrize("one", [np.rint, np.round, round])
def test_other_ways_to_round_as_python_does_pass(one):
    report = labkit.examine("split_per_class", inside_classes(lambda f, n: int(one(f * n))))
    assert report.passed, str(report)


def test_the_experiments_show_what_the_text_says():
    """Asserted here: an assertion in the cell below a prediction would give the answer away."""
    path = Path(__file__).parents[1] / "solutions" / "lab01_trusted_data.ipynb"
    cells = {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}

    def printed(name, label, column):
        text = "".join("".join(o["text"]) for o in cells[name]["outputs"] if o["output_type"] == "stream")
        line = next(line for line in text.splitlines() if line.startswith(label))
        return float(line.split(column, 1)[1].split()[0].rstrip(","))

    unseen = "on the test images"
    assert printed("apart", "together", unseen) > 0.9 and printed("apart", "apart", unseen) < 0.4
    assert printed("apart", "apart", " to ") < 0.9 * printed("apart", "apart", "loss ")
    first = {name: printed("scalings", name, "loss in epoch 1 ") for name in ("divided by 255", "minus 0.5", "standard")}
    assert first["standard"] < min(first["divided by 255"], first["minus 0.5"])
    assert printed("scalings", "raw", "in epoch 10") > 2 * printed("scalings", "divided by 255", "in epoch 10")
    found = {name: printed("test-scaling", name, "accuracy")
             for name in ("as in training", "divided by 255", "minus 0.5", "raw", "in bytes")}
    assert found["as in training"] == max(found.values())
    assert found["in bytes"] < 0.3 < found["minus 0.5"] < 0.85 < min(found["divided by 255"], found["raw"])


# Answers on nobody's list ---------------------------------------------------------------------------


def by(order):
    """A shuffle from order(n, rng, y)."""

    def answer(x, y, rng):
        chosen = np.asarray(order(len(x), rng, y))
        return x[chosen], y[chosen]

    return answer


def batched(order):
    """Batches from order(n, rng, y)."""

    def answer(x, y, batch_size, rng):
        chosen = np.asarray(order(len(x), rng, y))
        for start in range(0, len(x), batch_size):
            yield x[chosen[start : start + batch_size]], y[chosen[start : start + batch_size]]

    return answer


def half(n, rng, y):
    return [*rng.permutation(n // 2), *range(n // 2, n)]


def but_the_first(n, rng, y):
    return [0, *(1 + rng.permutation(n - 1))]


def but_the_last(n, rng, y):
    return [*rng.permutation(n - 1), n - 1]


def one_swap(n, rng, y):
    order = np.arange(n)
    i, j = rng.choice(n, 2, replace=False)
    order[[i, j]] = order[[j, i]]
    return order


def many_swaps_of_neighbours(n, rng, y):
    order = np.arange(n)
    for i in rng.integers(0, n - 1, 3 * n):
        order[[i, i + 1]] = order[[i + 1, i]]
    return order


def forwards_or_backwards(n, rng, y):
    return np.arange(n)[:: rng.choice([-1, 1])]


def turned_round(n, rng, y):
    return np.roll(np.arange(n)[:: rng.choice([-1, 1])], rng.integers(n))


def pairs_together(n, rng, y):
    pairs = rng.permutation(n // 2)
    return [*np.stack([2 * pairs, 2 * pairs + 1], 1).ravel(), *range(n - n % 2, n)]


def stride(n, rng, y):
    step = rng.choice([k for k in range(1, n) if math.gcd(k, n) == 1])
    return np.arange(n) * step % n


def even_places_only(n, rng, y):
    order = np.arange(n)
    order[::2], order[1::2] = rng.permutation(order[::2]), rng.permutation(order[1::2])
    return order


def never_the_same_place(n, rng, y):
    """Sattolo's slip: rng.integers(0, i) for rng.integers(0, i + 1)."""
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = rng.integers(0, i)
        order[[i, j]] = order[[j, i]]
    return order


def by_two_keys(n, rng, y):
    return np.argsort(rng.integers(0, 2, n), kind="stable")


def riffled(n, rng, y):
    left = np.sort(rng.permutation(n)[: n // 2])
    order = np.empty(n, int)
    order[left], order[np.setdiff1d(np.arange(n), left)] = np.arange(n // 2), np.arange(n // 2, n)
    return order


def classes_in_random_order(n, rng, y):
    return np.concatenate([np.flatnonzero(y == label) for label in rng.permutation(np.unique(y))])


def classes_after_each_other(n, rng, y):
    order = rng.permutation(n)
    return order[np.argsort(y[order], kind="stable")]


def five_seeds(n, rng, y):
    return np.random.default_rng(int(rng.integers(5))).permutation(n)


def a_copy_of_rng(n, rng, y):
    return copy.deepcopy(rng).permutation(n)


def python_random(n, rng, y):
    order = list(range(n))
    random.shuffle(order)
    return order


def seeded_inside(n, rng, y):
    np.random.seed(1)
    return np.random.permutation(n)


ORDERS = (
    half, but_the_first, but_the_last, one_swap, many_swaps_of_neighbours, forwards_or_backwards, turned_round,
    pairs_together, stride, even_places_only, never_the_same_place, by_two_keys, riffled, classes_in_random_order,
    classes_after_each_other, five_seeds, a_copy_of_rng, python_random, seeded_inside,
)  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_orders_that_are_not_random_are_rejected(order):
    assert not labkit.examine("shuffle_together", by(order)).passed
    assert not labkit.examine("minibatches", batched(order)).passed


def remembering(answer, key):
    """Gives again what it gave for the first arguments with the same key."""
    given = {}

    def again(*args, **keywords):
        return given.setdefault(key(*args, **keywords), answer(*args, **keywords))

    return again


def by_shape(x, *args, **keywords):
    return x.shape, x.dtype.str


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_may_be_remembered(name):
    right = RIGHT[name][0]
    answer = (lambda *args, **keywords: list(right(*args, **keywords))) if name == "minibatches" else right
    assert not labkit.examine(name, remembering(answer, by_shape)).passed


def only_for(right, fits, otherwise=lambda results: tuple(one + 1 for one in results)):
    """Right where fits(x, …), else spoilt."""

    def answer(x, *args, **keywords):
        results = right(x, *args, **keywords)
        if fits(x):
            return results
        return otherwise(results) if isinstance(results, (tuple, list)) else results + 1

    return answer


FITS = {
    "float64": lambda x: x.dtype == np.float64,
    "no float64": lambda x: x.dtype != np.float64,
    "no float32": lambda x: x.dtype != np.float32,
    "bytes": lambda x: x.dtype == np.uint8,
    "no bytes": lambda x: x.dtype != np.uint8,
    "three axes": lambda x: x.ndim == 3,
    "four axes": lambda x: x.ndim == 4,
    "row order": lambda x: x.flags.c_contiguous,
    "positive numbers": lambda x: (x >= 0).all(),
}


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "minibatches"])
@pytest.mark.parametrize("fits", FITS)
def test_right_for_some_arrays_only_is_wrong(name, fits):
    assert not labkit.examine(name, only_for(RIGHT[name][0], FITS[fits])).passed


@pytest.mark.parametrize("fits", FITS)
def test_batches_right_for_some_arrays_only_are_wrong(fits):
    def answer(x, y, batch_size, rng):
        batches = batches_by_split(x, y, batch_size, rng)
        return batches if FITS[fits](x) else batches[:-1]

    assert not labkit.examine("minibatches", answer).passed


def right_split(change):
    """A right split, then change(x_train, y_train, x_val, y_val)."""
    return lambda x, y, held_out, rng: change(*split_by_choice(x, y, held_out, rng))


def a_run_of_each(x, y, held_out, rng):
    held = np.zeros(len(y), bool)
    for label in np.unique(y):
        places = np.roll(np.flatnonzero(y == label), rng.integers(len(y)))
        held[places[: round(held_out * len(places))]] = True
    return x[~held], y[~held], x[held], y[held]


def never_the_first(x, y, held_out, rng):
    held = np.zeros(len(y), bool)
    for label in np.unique(y):
        places = np.flatnonzero(y == label)
        k = round(held_out * len(places))
        held[rng.permutation(places[1:] if k < len(places) else places)[:k]] = True
    return x[~held], y[~held], x[held], y[held]


def random_in_one_class(x, y, held_out, rng):
    held = np.zeros(len(y), bool)
    for number, label in enumerate(np.unique(y)):
        places = np.flatnonzero(y == label)
        held[(places if number else rng.permutation(places))[: round(held_out * len(places))]] = True
    return x[~held], y[~held], x[held], y[held]


def by_coin(x, y, held_out, rng):
    held = rng.random(len(y)) < held_out
    return x[~held], y[~held], x[held], y[held]


def with_a_seed_of_its_own(x, y, held_out, rng):
    return split_by_choice(x, y, held_out, np.random.default_rng(7))


def global_split(x, y, held_out, rng):
    return split_by_choice(x, y, held_out, np.random)


def one_lost(x, y, held_out, rng):
    x_train, y_train, x_val, y_val = split_by_choice(x, y, held_out, rng)
    return x_train[1:], y_train[1:], x_val, y_val


@pytest.mark.parametrize(
    "answer",
    [
        a_run_of_each,
        never_the_first,
        random_in_one_class,
        by_coin,
        with_a_seed_of_its_own,
        global_split,
        one_lost,
        right_split(lambda a, b, c, d: (a, b, np.concatenate([c, a[:1]]), np.concatenate([d, b[:1]]))),
        right_split(lambda a, b, c, d: (a, b, c)),
        right_split(lambda a, b, c, d: ((a, b), (c, d))),
        right_split(lambda a, b, c, d: (a[::-1], b, c, d)),
        right_split(lambda a, b, c, d: (a, b, c, d[:, None])),
        right_split(lambda a, b, c, d: (a.tolist(), b, c, d)),
        right_split(lambda a, b, c, d: (a, b.astype(float), c, d)),
        right_split(lambda a, b, c, d: (a / 255, b, c / 255, d)),
        right_split(lambda a, b, c, d: (c, d, a, b)),
        right_split(lambda a, b, c, d: None),
    ],
)
def test_splits_on_nobodys_list_are_rejected(answer):
    assert not labkit.examine("split_per_class", answer).passed


def changed_batches(change):
    return lambda x, y, batch_size, rng: change(batches_by_split(x, y, batch_size, rng))


def without_end(batches):
    while True:
        yield from batches


def empty_without_end(batches):
    while True:
        yield batches[0][0][:0], batches[0][1][:0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda batches: None, "None"),
        (lambda batches: 3, "int"),
        (lambda batches: "text", "str"),
        (lambda batches: [], "hold no images"),
        (lambda batches: [a for a, b in batches], "pair"),
        (lambda batches: [(a, b, 1) for a, b in batches], "tuple of 3"),
        (lambda batches: [{"x": a, "y": b} for a, b in batches], "dict"),
        (lambda batches: [(a.tolist(), b) for a, b in batches], "list"),
        (lambda batches: [(a, b.tolist()) for a, b in batches], "list"),
        (lambda batches: [(torch.tensor(a), b) for a, b in batches], "Tensor"),
        (lambda batches: [(b, a) for a, b in batches], "shape"),
        (lambda batches: [(a[1:], b) for a, b in batches], "labels"),
        (lambda batches: [(a, b[:, None]) for a, b in batches], "shape"),
        (lambda batches: [(np.sort(a.ravel()).reshape(a.shape), b) for a, b in batches], "none of those"),
        (lambda batches: [(a, b[::-1]) for a, b in batches], "label"),
        (lambda batches: batches + batches, "came 2 times"),
        (lambda batches: batches * 2 if len(batches) < 4 else batches + batches[:1], "times"),
        (lambda batches: [*batches, (batches[0][0][:0], batches[0][1][:0])], "empty"),
        (lambda batches: batches[::-1] if len(batches[-1][0]) < len(batches[0][0]) else batches, "hold"),
        (lambda batches: [(a, b.astype(np.int64)) for a, b in batches], "int64"),
        (without_end, "no end was seen"),
        (empty_without_end, "no end was seen"),
    ],
)
def test_batches_that_are_none_are_rejected_with_a_word(change, word):
    report = labkit.examine("minibatches", changed_batches(change))
    assert not report.passed
    assert word in str(report), str(report)


def sorted_inside(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = np.sort(order[start : start + batch_size])
        yield x[chosen], y[chosen]


def once_for_all():
    orders = {}

    def answer(x, y, batch_size, rng):
        order = orders.setdefault(len(x), rng.permutation(len(x)))
        for start in range(0, len(x), batch_size):
            yield x[order[start : start + batch_size]], y[order[start : start + batch_size]]

    return answer


def no_shuffle_in_one_batch(x, y, batch_size, rng):
    return [(x, y)] if batch_size >= len(x) else batches_by_split(x, y, batch_size, rng)


def refusing_a_large_batch(x, y, batch_size, rng):
    return batches_by_split(x, y, batch_size, rng) if batch_size <= len(x) else []


@pytest.mark.parametrize("answer", [sorted_inside, once_for_all(), no_shuffle_in_one_batch, refusing_a_large_batch])
def test_batches_on_nobodys_list_are_rejected(answer):
    assert not labkit.examine("minibatches", answer).passed


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("subsample", lambda x, y, classes, n: subsample_by_mask(x, y.astype(np.int64), classes, n)),
        ("subsample", lambda x, y, classes, n: subsample_by_mask(x, y, sorted(classes), n)[::-1]),
        ("subsample", lambda x, y, classes, n: tuple(a.tolist() for a in subsample_by_mask(x, y, classes, n))),
        ("subsample", lambda x, y, classes, n: subsample_by_mask(x[::-1], y[::-1], classes, n)),
        ("subsample", lambda x, y, classes, n: subsample_by_mask(x, y, list(classes)[:2], n)),
        ("subsample", lambda x, y, classes, n: (x[np.isin(y, classes)][:n], y[np.isin(y, classes)][:n])),
        ("subsample", lambda x, y, classes, n: subsample_by_mask(x, y, [c for c in classes if c in y], n)),
        ("shuffle_together", lambda x, y, rng: [x, y][:: rng.choice([1, -1])]),
        ("shuffle_together", lambda x, y, rng: shuffle_by_choice(x, y, np.random)),
        ("shuffle_together", lambda x, y, rng: (shuffle_by_choice(x, y, rng)[0].tolist(), y)),
        ("shuffle_together", lambda x, y, rng: np.array(shuffle_by_choice(x, y, rng), dtype=object)),
        ("shuffle_together", lambda x, y, rng: list(zip(*shuffle_by_choice(x, y, rng)))),
        ("shuffle_together", lambda x, y, rng: shuffle_by_choice(x[:, ::-1], y, rng)),
        ("shuffle_together", lambda x, y, rng: shuffle_by_choice(x[:-1], y[:-1], rng)),
        ("fit_standardizer", lambda x: (np.median(x), x.std())),
        ("fit_standardizer", lambda x: (x.mean(), np.abs(x - x.mean()).mean())),
        ("fit_standardizer", lambda x: (x.mean(), x.max() - x.min())),
        ("fit_standardizer", lambda x: (x.mean(), np.sqrt(np.mean(x.astype(float) ** 2)))),
        ("fit_standardizer", lambda x: (float(np.float16(x.mean())), float(np.float16(x.std())))),
        ("fit_standardizer", lambda x: np.array([x.mean(), x.std()], np.float16)),
        ("fit_standardizer", lambda x: (x[x > 0].mean(), x[x > 0].std())),
        ("fit_standardizer", lambda x: fit_by_methods(x.astype(np.uint8))),
        ("fit_standardizer", lambda x: fit_by_methods(np.abs(x))),
        ("fit_standardizer", lambda x: fit_by_methods(x[:-1]) if len(x) > 1 else fit_by_methods(x)),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x, mean, abs(std) + 1e-12)),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x, float(np.float32(mean)), std)),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x, round(mean), std)),
        ("standardize", lambda x, mean, std: np.nan_to_num((x - mean) / (std or 1))),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x, mean, std).tolist()),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x.astype(np.uint8), mean, std)),
        ("standardize", lambda x, mean, std: standardize_by_dtype(x, mean, std).reshape(len(x), -1)),
    ],
)
def test_answers_on_nobodys_list_are_rejected(name, answer):
    assert not labkit.examine(name, answer).passed


@pytest.mark.parametrize("name", [name for name in RIGHT if exercise(name).kind == "property"])
def test_an_input_must_not_change(name):
    def writes(x, y, *args, **keywords):
        x[0] = x[0] // 2
        return RIGHT[name][0](x, y, *args, **keywords)

    report = labkit.examine(name, writes)
    assert not report.passed
    assert "changed its input x" in str(report) or "none of those" in str(report)


@pytest.mark.parametrize("name", RIGHT)
def test_a_stub_is_not_yet_and_a_forgotten_return_is_told(name):
    def stub(*args, **keywords):
        raise NotImplementedError(f"Lab 1: {name}")

    assert labkit.examine(name, stub).not_yet
    assert "None" in str(labkit.examine(name, lambda *args, **keywords: None))


# Chance fails no right answer -------------------------------------------------------------------------

CALLS = 64


def judged_cases(name):
    """The cases in which chance has a say."""
    cases = [*exercise(name).inputs(np.random.default_rng(0)).values(), *exercise(name).small().values()]
    judged = [case for case in cases if len(case.args["x"]) >= ENOUGH]
    assert {calls_of(case) for case in judged} == {CALLS}
    return judged


ORDERED = sorted({len(case.args["x"]) for name in ("shuffle_together", "minibatches") for case in judged_cases(name)})


def at_most_so_many(kinds, so_many, chances):
    """An upper bound on the chance that CALLS draws show at most so many different kinds.

    chances: of each kind. Some set of so many kinds has then caught all draws; the likeliest set bounds each.
    """
    likeliest = sum(sorted(chances)[-so_many:])
    return math.comb(kinds, so_many) * min(1.0, likeliest) ** CALLS


def tail(high, chance):
    """The chance that something of this chance happens more than `high` times in CALLS."""
    return sum(math.comb(CALLS, k) * chance**k * (1 - chance) ** (CALLS - k) for k in range(high + 1, CALLS + 1))


@pytest.mark.parametrize("n", ORDERED)
def test_a_fair_shuffle_is_refused_less_than_once_in_a_thousand_million_times(n):
    """The chances of all the tests in `order_fault`, added up."""
    distances = [d for d in range(1 - n, n) if d]
    by_distance = [(n - abs(d)) / (n * (n - 1)) for d in distances]
    fewest = max(5, n // 2) - 1
    orders = math.factorial(n)
    repeats = CALLS // 4  # draws that must repeat an earlier one for too few different orders
    chances = (
        math.comb(CALLS, repeats) * (CALLS / orders) ** repeats,
        n * at_most_so_many(n, n // 2, [1 / n] * n),
        (sum((-1) ** k / math.factorial(k) for k in range(n + 1))) ** CALLS,
        n * n * tail(references.usual(CALLS, 1 / n)[1], 1 / n),
        math.comb(n, 2) * at_most_so_many(len(distances), fewest, by_distance),
        2 * math.exp(-(7.5**2) / 2),  # the number of inversions is a sum of even draws: Hoeffding, by its variance
    )
    assert 8 <= n <= 24
    assert sum(chances) < 1e-9 / 20


@pytest.mark.parametrize("case", judged_cases("split_per_class"))
def test_a_fair_split_is_refused_less_than_once_in_a_thousand_million_times(case):
    """The chances of all the tests in `choice_fault`, added up."""
    total = 0.0
    for n, k in zip(references.class_sizes(case)[1].tolist(), references.wanted(case).tolist()):
        if not 0 < k < n:
            continue
        sets, (low, high) = math.comb(n, k), references.usual(CALLS, k / n)
        fewest = int(min(2 * n, sets / 3))
        total += at_most_so_many(sets, fewest, [1 / sets] * sets)
        total += n * (tail(high, k / n) + tail(CALLS - low, 1 - k / n))
    assert total < 1e-9 / 20


@pytest.mark.parametrize("name", ["shuffle_together", "split_per_class", "minibatches"])
def test_right_answers_pass_for_every_seed(name):
    for seed in range(8):
        for answer in RIGHT[name][:1]:
            report = labkit.examine(name, answer, seed=seed)
            assert report.passed, str(report)


def test_ordinary_generators_and_lists_pass_alike():
    for wrap in (list, tuple, iter, lambda batches: map(list, batches), lambda batches: (b for b in batches)):

        def answer(x, y, batch_size, rng, wrap=wrap):
            return wrap(list(batches_by_yielding(x, y, batch_size, rng)))

        assert labkit.examine("minibatches", answer).passed


# What a learner reads -----------------------------------------------------------------------------------


def test_messages_say_what_happened_and_what_to_do():
    def dropped(x, y, batch_size, rng):
        return batches_by_split(x, y, batch_size, rng)[: len(x) // batch_size]

    text = str(labkit.examine("minibatches", dropped))
    assert "the batches hold 3, 3 images; expected 3, 3, 1" in text
    assert "You dropped the images that do not fill a batch." in text

    text = str(labkit.examine("shuffle_together", lambda x, y, rng: (rng.shuffle(x), rng.shuffle(y))))
    assert "it returned (None, None)" in text and "rng.shuffle works in place and returns None" in text

    text = str(labkit.examine("shuffle_together", lambda x, y, rng: print(end="")))
    assert "it returned None; expected a tuple (x, y)" in text and "rng.shuffle" not in text

    text = str(labkit.examine("fit_standardizer", lambda x: (x.mean(), x.std(ddof=1))))
    assert "√(((1 − 2)² + (3 − 2)²) / 2) = 1" in text


# What a process that lies might send --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["subsample", "shuffle_together", "split_per_class", "minibatches"])
@pytest.mark.filterwarnings("ignore")
def test_any_arrays_at_all_are_judged_without_an_error(name):
    """The judge gets arrays of any shape and dtype under any name, and some are missing."""
    one, rng = exercise(name), np.random.default_rng(0)

    def forged(case):
        if case.raises:
            return Outcome(outputs={"raised": np.array(True)})
        x, y = case.args["x"], case.args["y"]
        pool = (
            x, y, x[:0], y[:0], x[None], x.astype(complex), y + 0.5, np.repeat(x, 9, axis=0), np.repeat(y, 9),
            np.zeros(()), np.zeros(0), np.zeros((3, 3, 3, 3, 3)), np.array(True), np.full(x.shape, np.nan),
            np.full(y.shape, np.inf), -np.ones((2, 2), int), np.array([[-5, -5], [9, 9]]),
        )  # fmt: skip
        outputs = {}
        for part in ("x", "y", "sizes", "x_train", "y_train", "x_val", "y_val", "x changed"):
            favourite = pool[rng.integers(len(pool))]
            for label in (part, *(f"{part} {number}" for number in range(CALLS + 1))):
                if rng.random() < 0.999:
                    outputs[label] = pool[rng.integers(len(pool))] if rng.random() < 0.001 else favourite
        return Outcome(outputs=outputs)

    for _ in range(16):
        cases, small = one.inputs(rng), one.small()
        sent = [{name: forged(case) for name, case in part.items()} for part in (cases, small)]
        assert not judge(Standard(one, reference(one), cases), sent[0], Standard(one, reference(one), small), sent[1]).passed
