"""Lab 1, data you can trust: what is true, by torch, and the known ways to be wrong."""

import copy
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import BatchSampler

from labkit.asked.exercise import Case
from labkit.asked.lab01 import BATCHES_TOO_MANY, ENOUGH, calls_of
from labkit.checks.comparing import number
from labkit.references.reference import Mistake, Reference, with_torch

Outputs = dict[str, np.ndarray]

RARE = 1e-15  # the chance of a count, below which it is no accident

INPUT_CHANGED = "You wrote into an array you were given. The caller still needs it: work on a copy."

# subsample --------------------------------------------------------------------------------------


def first_places(y, classes, per_class):
    """The places of the first `per_class` of each class, class by class. Raises ValueError where there are too few."""
    places = []
    for label in classes:
        found = torch.nonzero(y == int(label))[:, 0]
        if len(found) < per_class:
            raise ValueError(f"class {label} has {len(found)} images, not {per_class}")
        places.append(found[:per_class])
    return torch.cat(places)


@with_torch
def subsample(x, y, classes, per_class):
    places = first_places(y, classes, per_class).sort().values
    return x[places], y[places]


def picked(choose):
    """A wrong subsample by the places it picks: choose(y, classes, per_class)."""

    def answer(x, y, classes, per_class):
        places = choose(y, [int(label) for label in classes], per_class)
        return x[places], y[places]

    return answer


def of_each(y, classes, cut, strict=True, per_class=0):
    """The places of each class, cut by `cut`, together in the order of the file."""
    found = [np.flatnonzero(y == label) for label in classes]
    if strict and any(len(one) < per_class for one in found):
        raise ValueError("too few")
    return np.sort(np.concatenate([cut(one) for one in found]))


def each(cut, strict=True):
    return picked(lambda y, classes, n: of_each(y, classes, lambda found: cut(found, n), strict, n))


def grouped(order):
    """A subsample that comes class by class, the classes in the order `order` gives them."""

    def choose(y, classes, n):
        of_each(y, classes, lambda found: found, True, n)
        return np.concatenate([np.flatnonzero(y == label)[:n] for label in order(classes)])

    return picked(choose)


def grouped_unguarded(x, y, classes, per_class):
    places = np.concatenate([np.flatnonzero(y == label)[:per_class] for label in classes])
    return x[places], y[places]


def from_a_set(order):
    """The places put into a set first, in an order of the classes; the set gives them back in its own."""

    def choose(y, classes, n):
        of_each(y, classes, lambda found: found, True, n)
        return list({place for label in order(classes) for place in np.flatnonzero(y == label)[:n].tolist()})

    return picked(choose)


def sorted_one_only(images):
    """The places sorted for the images alone, or for the labels alone."""

    def answer(x, y, classes, per_class):
        of_each(y, classes, lambda found: found, True, per_class)
        places = np.concatenate([np.flatnonzero(y == label)[:per_class] for label in classes])
        return (x[np.sort(places)], y[places]) if images else (x[places], y[np.sort(places)])

    return answer


def counted_first(least):
    """A guard that looks into np.bincount, which ends at the largest label or at `least`."""

    def answer(x, y, classes, per_class):
        counts = np.bincount(y, minlength=least)
        if any(counts[label] < per_class for label in classes):
            raise ValueError("too few")
        return subsample(x, y, classes, per_class)

    return answer


def total_only(y, classes, n):
    """A guard that looks at the number of all images together."""
    found = np.flatnonzero(np.isin(y, classes))
    if len(found) < n * len(classes):
        raise ValueError("too few")
    return of_each(y, classes, lambda one: one[:n])


def each_is_enough(y, classes, n):
    """A guard that looks at each class, as it should."""
    of_each(y, classes, lambda found: found, True, n)


def no_guard(y, classes, n):
    pass


def first_in_all(guard):
    """The first images of any of the classes, as many as are needed in all."""

    def choose(y, classes, n):
        guard(y, classes, n)
        return np.flatnonzero(np.isin(y, classes))[: n * len(classes)]

    return picked(choose)


def first_of_the_file(guard, count):
    """The first count(classes, n) images of the file."""

    def choose(y, classes, n):
        guard(y, classes, n)
        return np.arange(len(y))[: count(classes, n)]

    return picked(choose)


def anew(order):
    """A subsample whose labels are numbered 0, 1, … in the order `order` gives the classes."""

    def answer(x, y, classes, per_class):
        x, y = subsample(x, y, classes, per_class)
        known = order([int(label) for label in classes])
        return x, np.array([known.index(label) for label in y.tolist()], y.dtype)

    return answer


def labels_of_the_first(x, y, classes, per_class):
    images, _ = subsample(x, y, classes, per_class)
    return images, y[: len(images)]


def all_labels(x, y, classes, per_class):
    return subsample(x, y, classes, per_class)[0], y


def counted(strict):
    """0, 1, 2 … for the labels in `classes`."""
    return picked(lambda y, classes, n: of_each(y, range(len(classes)), lambda found: found[:n], strict, n))


def digits(strict):
    """The labels 0 to 9, where they are in `classes`."""

    def choose(y, classes, n):
        found = [np.flatnonzero(y == label) for label in range(10) if label in classes]
        if strict and any(len(one) < n for one in found):
            raise ValueError("too few")
        return np.sort(np.concatenate([np.zeros(0, int), *(one[:n] for one in found)]))

    return picked(choose)


def every_class(strict):
    return picked(lambda y, classes, n: of_each(y, np.unique(y).tolist(), lambda found: found[:n], strict, n))


def not_the_first(case: Case, outputs: Outputs) -> bool:
    """Right numbers of each class, in the file's order or not, but other images than the first."""
    x, y, n = case.args["x"], case.args["y"], case.args["per_class"]
    images, labels = outputs.get("x"), outputs.get("y")
    if shape_fault(x, images, labels):
        return False
    places = indices(x, images)
    right = (places >= 0).all() and len(np.unique(places)) == len(places) and np.array_equal(y[places], labels)
    each = all((labels == label).sum() == n for label in case.args["classes"])
    first = of_each(y, case.args["classes"], lambda found: found[:n], False)
    return bool(right and each and len(first) == len(places) and not np.isin(places, first).all())


def numbered_anew(case: Case, outputs: Outputs) -> bool:
    """The right images, with labels below the number of classes that are not all their own."""
    images, labels = outputs.get("x"), outputs.get("y")
    if case.raises or shape_fault(case.args["x"], images, labels):
        return False
    expected = subsample(**case.args)
    below = np.isin(labels, np.arange(len(case.args["classes"]))).all()
    return bool(below and np.array_equal(images, expected[0]) and not np.array_equal(labels, expected[1]))


def changed_types(right, position, dtypes):
    """Spellings of a lost dtype in one of several results."""

    def cast(dtype):
        def answer(*args, **keywords):
            results = list(right(*args, **keywords))
            results[position] = results[position].astype(dtype)
            return tuple(results)

        return answer

    return tuple(map(cast, dtypes))


def squeezed(right):
    """Axes of length 1 lost."""
    return lambda *args, **keywords: tuple(one.squeeze() for one in right(*args, **keywords))


def flattened(right):
    """Images as rows of pixels."""

    def answer(*args, **keywords):
        x, y = right(*args, **keywords)
        return x.reshape(len(x), -1), y

    return answer


DTYPE = "The dtype changed. Images and labels come back in the dtype they came in: take them out with x[places]."

SUBSAMPLE = Reference(
    answer=subsample,
    like="torch.utils.data.Subset of the images and labels",
    mistakes=(
        Mistake(
            "grouped_by_class",
            "Your images come class by class. Keep the order of the file: collect the places first, sort them, then "
            "take the images.",
            (grouped(list), grouped(sorted), grouped(lambda classes: sorted(classes)[::-1]), grouped_unguarded),
        ),
        Mistake(
            "places_in_a_set",
            "Your images are not in the order of the file. A set has no order of its own, though small numbers often "
            "come sorted: sort the places yourself.",
            (from_a_set(list), from_a_set(sorted)),
        ),
        Mistake(
            "sorted_for_one_only",
            "You sorted the places for one of the two: now x and y are taken at different places. Sort once, then use "
            "the same places for both.",
            (sorted_one_only(True), sorted_one_only(False)),
        ),
        Mistake(
            "labels_numbered_anew",
            "You numbered the labels anew. A 7 keeps its label 7.",
            (anew(list), anew(sorted)),
            shows=numbered_anew,
        ),
        Mistake(
            "labels_of_others",
            "The labels belong to other images. Take x and y at the same places.",
            (labels_of_the_first, all_labels),
        ),
        Mistake(
            "first_in_all",
            "You took the first images of these classes, however many came of each. Count each class by itself.",
            tuple(map(first_in_all, (each_is_enough, no_guard, total_only))),
        ),
        Mistake(
            "first_of_the_file",
            "You took the first images of the file, whatever their labels. Take the first per_class of each class in "
            "classes.",
            tuple(
                first_of_the_file(guard, count)
                for guard in (each_is_enough, no_guard)
                for count in (lambda classes, n: n * len(classes), lambda classes, n: n)
            ),
        ),
        Mistake(
            "per_class_ignored",
            "You took all images of these classes. Keep the first per_class of each.",
            (each(lambda found, n: found), each(lambda found, n: found, False)),
        ),
        Mistake(
            "classes_ignored",
            "You took every class there is. Take those in classes.",
            (every_class(True), every_class(False)),
        ),
        Mistake(
            "classes_counted",
            "You went through numbers such as 0, 1, 2 … instead of the labels in classes. Loop over classes itself.",
            (counted(True), counted(False), digits(True), digits(False)),
        ),
        Mistake(
            "one_too_many",
            "You took one image too many of each class. found[:per_class] are per_class images.",
            (each(lambda found, n: found[: n + 1]), each(lambda found, n: found[: n + 1], False)),
        ),
        Mistake(
            "one_too_few",
            "You took one image too few of each class. found[:per_class] are per_class images.",
            (each(lambda found, n: found[: n - 1]), each(lambda found, n: found[1:n])),
        ),
        Mistake(
            "too_few_accepted",
            "A class with fewer than per_class images went through. Raise a ValueError, so that nobody trains on less "
            "than was asked for.",
            (each(lambda found, n: found[:n], False),),
        ),
        Mistake(
            "guard_looks_at_the_total",
            "You counted the images of all classes together. One class can be short while there are enough in all: "
            "look at each.",
            (picked(total_only),),
        ),
        Mistake(
            "counts_end_too_early",
            "np.bincount counts up to the largest label there is. Beyond it there is no count, hence the IndexError: "
            "count with np.flatnonzero(y == label).",
            (counted_first(0), counted_first(10)),
        ),
        Mistake(
            "guard_too_strict",
            "You refused a class that has just per_class images. They are enough.",
            (picked(lambda y, classes, n: of_each(y, classes, lambda found: found[:n], True, n + 1)),),
        ),
        Mistake("dtype", DTYPE, (
            *changed_types(subsample, 0, (np.float64, np.float32, np.uint8, np.int64)),
            *changed_types(subsample, 1, (np.int64, np.uint8, np.float64)),
        )),  # fmt: skip
        Mistake(
            "shape",
            "The shape of the images changed. Each comes back as it was: only the first axis gets shorter.",
            (squeezed(subsample), flattened(subsample)),
        ),
        Mistake(
            "not_the_first",
            "You took other images than the first per_class of each class. The first ones make a run repeatable.",
            (
                each(lambda found, n: found[-n:]),
                each(lambda found, n: np.random.default_rng(0).permutation(found)[:n]),
            ),
            shows=not_the_first,
        ),
    ),
)


# What random results are made of --------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What came in all calls, the repeated one last, told by the places the images have in x.

    places   for each call the places of its images in x, −1 for what is no image of x
    labels   for each call its labels
    counts   (calls, N) how often each image came
    strange  something came that is no image of x
    paired   every image of x that came has its own label
    """

    places: list[np.ndarray]
    labels: list[np.ndarray]
    counts: np.ndarray
    strange: bool
    paired: bool

    @property
    def whole(self) -> bool:
        """In each call every image of x came once, and nothing else."""
        return not self.strange and bool((self.counts == 1).all())

    @property
    def orders(self) -> np.ndarray:
        """(calls, N) where all is whole."""
        return np.stack(self.places)


remembered: dict[tuple[int, str], tuple[Outputs, Seen | None]] = {}  # a dozen mistakes look at the same outputs


def see(case: Case, outputs: Outputs, images: str = "x", labels: str = "y") -> Seen | None:
    """What is seen in two of the results. None where their shapes do not fit x and y, or they hold no numbers."""
    key = id(outputs), images
    if key not in remembered or remembered[key][0] is not outputs:
        if len(remembered) > 100:
            remembered.clear()
        remembered[key] = outputs, seen_in(case, each_call(case, outputs, images), each_call(case, outputs, labels))
    return remembered[key][1]


def seen_in(case: Case, images: list[np.ndarray | None], labels: list[np.ndarray | None]) -> Seen | None:
    x, y = case.args["x"], case.args["y"]
    if any(shape_fault(x, a, b) for a, b in zip(images, labels)):
        return None
    ends = np.cumsum([len(one) for one in images])
    if ends[-1] > 4 * len(x) * len(images):
        return None
    places, own = indices(x, np.concatenate(images)), np.concatenate(labels)
    known = places >= 0
    counts = np.zeros((len(images), len(x)), int)
    np.add.at(counts, (np.repeat(np.arange(len(images)), np.diff(ends, prepend=0))[known], places[known]), 1)
    paired = bool((y[places[known]] == own[known]).all())
    return Seen(np.split(places, ends[:-1]), np.split(own, ends[:-1]), counts, not known.all(), paired)


def shape_fault(x: np.ndarray, images: np.ndarray | None, labels: np.ndarray | None) -> str | None:
    """What keeps one call's results from being some images of x's shape and a label for each."""
    if images is None or labels is None:
        return "a result is missing"
    if images.ndim != x.ndim or images.shape[1:] != x.shape[1:]:
        return f"the images have shape {images.shape}; expected ({', '.join(['n', *map(str, x.shape[1:])])})"
    if labels.shape != images.shape[:1]:
        return f"the labels have shape {labels.shape}; expected {images.shape[:1]} for {len(images)} images"
    if images.dtype.kind not in "biuf" or labels.dtype.kind not in "biuf":
        return "the results hold something else than real numbers"
    return None


def indices(x: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The places of images in x, −1 for what is no image of x. All images of x differ."""
    known, rows = (one.reshape(len(one), x[0].size).astype(np.float64) for one in (x, images))
    same = (rows[None] == known[:, None]).all(axis=2)
    return np.where(same.any(axis=0), same.argmax(axis=0), -1)


def each_call(case: Case, outputs: Outputs, name: str) -> list[np.ndarray | None]:
    """One result of all calls, the repeated one last."""
    return [outputs.get(f"{name} {number}") for number in range(calls_of(case) + 1)]


def bad_form(case: Case, outputs: Outputs, parts: tuple[tuple[str, str], ...] = (("x", "y"),)) -> str | None:
    """What is wrong with shapes and dtypes; parts: the names of images and labels that go together."""
    for images, labels in parts:
        for a, b in zip(each_call(case, outputs, images), each_call(case, outputs, labels)):
            if told := shape_fault(case.args["x"], a, b):
                return f"{images}, {labels}: {told}"
            for name, one, argument in ((images, a, "x"), (labels, b, "y")):
                if one.dtype != case.args[argument].dtype:
                    return f"{name} is {one.dtype}; expected {case.args[argument].dtype}"
        if see(case, outputs, images, labels) is None:
            return f"{images} holds far too many images"
    return None


def other_dtype(*parts: tuple[str, str]):
    """A `shows`: all is right but a dtype."""

    def shows(case: Case, outputs: Outputs) -> bool:
        pairs = [(name, argument) for part in parts for name, argument in zip(part, ("x", "y"))]
        kinds = [(one, case.args[argument].dtype) for name, argument in pairs for one in each_call(case, outputs, name)]
        return all(one is not None for one, _ in kinds) and any(one.dtype != dtype for one, dtype in kinds)

    return shows


def input_changed(case: Case, outputs: Outputs) -> bool:
    return any(np.any(outputs.get(f"{name} changed", False)) for name in ("x", "y"))


def image(case: Case, place: int) -> str:
    """How an image is called in a sentence: by its pixel where it has only one, else by its number."""
    x = case.args["x"]
    return f"image {number(x[place].item())}" if x[place].size == 1 else f"image number {place}"


def content_fault(case: Case, *seen: Seen) -> str | None:
    """The first call in which the images of all parts together are not those of x, once each, with their labels."""
    for call in range(calls_of(case) + 1):
        counts = sum(one.counts[call] for one in seen)
        if any((one.places[call] < 0).any() for one in seen):
            return f"{sum((one.places[call] < 0).sum() for one in seen)} images are none of those that came in"
        if counts.max() > 1:
            return f"{image(case, int(counts.argmax()))} came {counts.max()} times"
        for one in seen:
            own = case.args["y"][one.places[call]]
            if (wrong := np.flatnonzero(own != one.labels[call])).size:
                place, label = one.places[call][wrong[0]], one.labels[call][wrong[0]].item()
                return f"{image(case, int(place))} has the label {own[wrong[0]]} and came with {number(label)}"
        if counts.min() < 1:
            return f"{image(case, int(counts.argmin()))} is missing"
    return None


def input_fault(outputs: Outputs) -> str | None:
    changed = [name for name in ("x", "y") if np.any(outputs.get(f"{name} changed", False))]
    return f"it changed its input {' and '.join(changed)}; work on a copy" if changed else None


@lru_cache(maxsize=None)
def usual(calls: int, chance: float) -> tuple[int, int]:
    """The least and the most times, in so many calls, that something of this chance may plausibly happen."""
    exact = [math.comb(calls, k) * chance**k * (1 - chance) ** (calls - k) for k in range(calls + 1)]
    likely = np.flatnonzero((np.cumsum(exact) > RARE) & (np.cumsum(exact[::-1])[::-1] > RARE))
    return int(likely[0]), int(likely[-1])


def order_fault(case: Case, orders: np.ndarray) -> str | None:
    """Why the orders (calls, N) are not those of a fair shuffle, or None. Fewer than ENOUGH images are not judged.

    A fair shuffle is refused less than once in 10⁹ times for N up to 24: a test adds up the chances.
    """
    calls, n = orders.shape
    if n < ENOUGH:
        return None
    if (orders == np.arange(n)).all():
        return "the order is the old one"
    different = len({one.tobytes() for one in orders})
    if different == 1:
        return "the order is the same for every rng"
    if different < 3 / 4 * calls:
        return f"{calls} calls gave only {different} different orders; a random order hardly ever comes twice"
    place = orders.argsort(axis=1)
    came = np.stack([(place == p).sum(axis=0) for p in range(n)])  # came[p, i]: how often image i came to place p
    reached = (came > 0).sum(axis=0)
    if reached.min() <= n // 2:
        return f"in {calls} calls {image(case, int(reached.argmin()))} came to {reached.min()} of {n} places only"
    if came.trace() == 0:
        return f"in {calls} calls no image ever stayed in its place; in a random order one in {n} does"
    if came.max() > usual(calls, 1 / n)[1]:
        p, i = np.unravel_index(came.argmax(), came.shape)
        often = f"in {came.max()} of {calls} calls; about {calls / n:.0f} are usual"
        return f"{image(case, int(i))} came to place {p} {often}"
    first, second = np.triu_indices(n, 1)
    steps = np.sort(place[:, second] - place[:, first], axis=0)
    distances = 1 + (steps[1:] != steps[:-1]).sum(axis=0)
    if distances.min() < max(5, n // 2):
        a, b = (image(case, int(which[distances.argmin()])) for which in (first, second))
        return f"{a} and {b} move together: {calls} calls put only {distances.min()} different distances between them"
    turned = int((place[:, second] < place[:, first]).sum())
    middle, spread = calls * n * (n - 1) / 4, math.sqrt(calls * n * (n - 1) * (2 * n + 5) / 72)
    if abs(turned - middle) > 7.5 * spread:
        share = f"{turned / (2 * middle):.0%}"
        return f"{share} of all pairs of images changed their order; in a random order about half do"
    return None


NOT_REPEATABLE = "the same seed gave another result the second time"

# shuffle_together -------------------------------------------------------------------------------


def order_from(rng, n):
    """A random order by torch, with a seed from `rng`."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(int(rng.integers(2**31)))).numpy()


def shuffle_together(x, y, rng):
    order = order_from(rng, len(x))
    return x[order], y[order]


def shuffle_holds(case: Case, outputs: Outputs) -> str | None:
    if told := bad_form(case, outputs):
        return told
    seen = see(case, outputs)
    if told := content_fault(case, seen) or input_fault(outputs):
        return told
    if not np.array_equal(seen.orders[0], seen.orders[-1]):
        return NOT_REPEATABLE
    return order_fault(case, seen.orders[:-1])


def sees(look):
    """A `shows` from look(case, seen), for results of the right shapes."""

    def shows(case: Case, outputs: Outputs) -> bool:
        seen = see(case, outputs)
        return seen is not None and bool(look(case, seen))

    return shows


def sees_orders(look):
    """A `shows` from look(case, orders), for results in which every image came once and with its label."""
    return sees(lambda case, seen: seen.whole and seen.paired and look(case, seen.orders))


def as_they_were(case, labels):
    return all(np.array_equal(one, case.args["y"]) for one in labels)


def stayed(case, orders):
    return (orders == np.arange(orders.shape[1])).all()


def always_alike(case, orders):
    return (orders == orders[0]).all()


def not_repeated(case, orders):
    return not np.array_equal(orders[0], orders[-1])


def moved_on(case, orders):
    """In each call the images go round in a circle, forwards or backwards."""
    n = orders.shape[1]
    steps = np.diff(orders, axis=1) % n
    round_and_round = np.isin(steps, (1, n - 1)).all() and (steps == steps[:, :1]).all()
    return n >= ENOUGH and round_and_round and not stayed(case, orders)


def rolled(step):
    """An order that begins at a random place and goes on from there, round the end."""
    return lambda n, rng, y: np.roll(np.arange(n)[::step], rng.integers(1, n))


def apart(case, seen):
    """Every image and every label came, but they do not belong together."""
    labels = all(np.array_equal(np.sort(one), np.sort(case.args["y"])) for one in seen.labels)
    return seen.whole and labels and not seen.paired


def one_left_behind(case, seen):
    return apart(case, seen) and stayed(case, seen.orders) != as_they_were(case, seen.labels)


def by_order(draw, split=False):
    """A wrong shuffle_together by the order it draws: draw(n, rng, y), twice where x and y go apart."""

    def answer(x, y, rng):
        order = draw(len(x), rng, y)
        return x[order], y[draw(len(x), rng, y) if split else order]

    return answer


def drawn(n, rng, y):
    return rng.permutation(n)


def in_classes(n, rng, y):
    order = np.arange(n)
    for label in np.unique(y):
        order[y == label] = rng.permutation(np.flatnonzero(y == label))
    return order


def apart_in_place(x, y, rng):
    rng.shuffle(x)
    rng.shuffle(y)
    return x, y


def in_one_order(x, y, rng):
    """x and y themselves, in one random order."""
    order = rng.permutation(len(x))
    x[:], y[:] = x[order], y[order]
    return x, y


def same_stream_in_place(x, y, rng):
    twin = copy.deepcopy(rng)
    rng.shuffle(x)
    twin.shuffle(y)
    return x, y


LABELS_APART = "Images came with the labels of others. Take x and y at the same places."
IN_PLACE = INPUT_CHANGED + " rng.permutation leaves its argument as it is; rng.shuffle, x += … and x[:] = … do not."
FIXED = "The order is always the same, whatever rng is. Draw it anew at each call, from the rng that is passed in."
ROLLED = (
    "You rolled the images: only the place where they begin is random, and neighbours stay neighbours. Draw a random "
    "order of all images."
)
OWN_RANDOMNESS = (
    "The same seed gave another result the second time. Take your randomness from rng alone: not from np.random, not "
    "from random, not from a Generator of your own."
)

fixed_orders = (
    lambda n, rng, y: np.random.default_rng(0).permutation(n),
    lambda n, rng, y: np.random.RandomState(42).permutation(n),
    lambda n, rng, y: np.arange(n)[::-1],
    lambda n, rng, y: np.argsort(y, kind="stable"),
)
own_orders = (
    lambda n, rng, y: np.random.permutation(n),
    lambda n, rng, y: np.random.default_rng().permutation(n),
)

SHUFFLE = Reference(
    answer=shuffle_together,
    like="one torch.randperm for images and labels",
    holds=shuffle_holds,
    mistakes=(
        Mistake(
            "one_left_behind",
            "You shuffled one of the two and left the other as it was. Images and labels need the same order.",
            (
                lambda x, y, rng: (x[rng.permutation(len(x))], y),
                lambda x, y, rng: (x, y[rng.permutation(len(y))]),
            ),
            shows=sees(one_left_behind),
        ),
        Mistake(
            "shuffled_apart",
            "You shuffled images and labels apart: two orders were drawn. Draw one order and use it for both.",
            (
                by_order(drawn, True),
                lambda x, y, rng: (rng.permutation(x), rng.permutation(y)),
                apart_in_place,
                by_order(own_orders[0], True),
            ),
            shows=sees(apart),
        ),
        Mistake("input_shuffled_in_place", IN_PLACE, (in_one_order, same_stream_in_place), shows=input_changed),
        Mistake(
            "shuffle_gives_none",
            "rng.shuffle works in place and returns None. Draw an order with rng.permutation, and index with it.",
            (
                lambda x, y, rng: (rng.shuffle(x), rng.shuffle(y)),
                lambda x, y, rng: (x[None], y[None]),  # order = rng.shuffle(np.arange(len(x)))
            ),
        ),
        Mistake("dtype", DTYPE, (
            *changed_types(shuffle_together, 0, (np.float64, np.float32)),
            *changed_types(shuffle_together, 1, (np.int64, np.float64)),
        ), shows=other_dtype(("x", "y"))),  # fmt: skip
        Mistake(
            "pixels_mixed",
            "You shuffled inside the images, too: pixels have left their image. Only the first axis gets a new order.",
            (
                lambda x, y, rng: (rng.permuted(x, axis=0), rng.permuted(y)),
                lambda x, y, rng: (rng.permuted(x, axis=0), y[rng.permutation(len(y))]),
                lambda x, y, rng: (rng.permutation(x.ravel()).reshape(x.shape), y),
            ),
            shows=sees(lambda case, seen: seen.strange),
        ),
        Mistake(
            "drawn_with_replacement",
            "Some images came twice and others not at all. Draw an order, in which each number comes once: "
            "rng.permutation, not rng.integers and not rng.choice.",
            (by_order(lambda n, rng, y: rng.integers(0, n, n)), by_order(lambda n, rng, y: rng.choice(n, n))),
            shows=sees(lambda case, seen: seen.counts.max() > 1 and seen.paired and not seen.strange),
        ),
        Mistake(
            "not_shuffled",
            "Images and labels came back in their old order.",
            (lambda x, y, rng: (x.copy(), y.copy()), lambda x, y, rng: (x, y)),
            shows=sees_orders(stayed),
        ),
        Mistake("not_from_rng", OWN_RANDOMNESS, tuple(map(by_order, own_orders)), shows=sees_orders(not_repeated)),
        Mistake("fixed_order", FIXED, tuple(map(by_order, fixed_orders)), shows=sees_orders(always_alike)),
        Mistake(
            "within_classes",
            "You shuffled inside each class only: the labels came back in their old order. Any image may go anywhere.",
            (by_order(in_classes),),
            shows=sees(lambda case, seen: seen.whole and seen.paired and as_they_were(case, seen.labels)),
        ),
        Mistake(
            "moved_on",
            ROLLED,
            (by_order(rolled(1)), by_order(rolled(-1))),
            shows=sees_orders(moved_on),
        ),
    ),
)

# fit_standardizer -------------------------------------------------------------------------------


@with_torch
def fit_standardizer(x):
    """For float32 the two numbers are float32 as well: no more is asked of them."""
    pixels = x.double()
    kept = x.dtype if x.is_floating_point() else torch.float64
    return pixels.mean().to(kept), pixels.std(correction=0).to(kept)


def mean_and_std(mean, std):
    """A wrong fit_standardizer from two functions of the pixels."""
    return lambda x: (mean(x), std(x))


def in_bytes(x):
    """√(mean of x² − mean²), with squares in the dtype of x."""
    return np.sqrt(np.mean(np.square(x)) - x.mean() ** 2)


def distance_in_bytes(x):
    """Squared distances from a mean that was rounded into the dtype of x."""
    return np.sqrt(np.mean((x - x.mean().astype(x.dtype)) ** 2))


def summed_distances(x, mean):
    """The root of the squared distances, summed up and divided by the number of images."""
    return np.sqrt(((x - mean) ** 2).sum() / len(x))


def kept_axes(x):
    return x.mean(keepdims=True), x.std(keepdims=True)


def along(*axes):
    return lambda x: (x.mean(axis=axes), x.std(axis=axes))


def ink_only(x):
    ink = x[x != 0]
    return ink.mean(), ink.std()


def std_terms(output, index, x):
    pixels = x.ravel().astype(np.float64)
    if output == "mean":
        return f"({' + '.join(number(p) for p in pixels)}) / {pixels.size}"
    squares = " + ".join(f"({number(p)} − {number(pixels.mean())})²" for p in pixels)
    return f"√(({squares}) / {pixels.size})"


FIT = Reference(
    answer=fit_standardizer,
    like="torch.mean and torch.std with correction=0",
    terms=std_terms,
    mistakes=(
        Mistake(
            "divided_by_one_less",
            "Your std divides by n − 1. Here it divides by the number of pixels, as np.std does; torch.std and "
            "statistics.stdev divide by n − 1.",
            (mean_and_std(np.mean, lambda x: x.std(ddof=1)),),
        ),
        Mistake(
            "divided_by_images",
            "You divided by the number of images. Divide by the number of all their pixels, x.size.",
            (
                lambda x: (x.sum() / len(x), x.std()),
                lambda x: (x.sum() / len(x), summed_distances(x, x.sum() / len(x))),
                lambda x: (x.mean(), summed_distances(x, x.mean())),
            ),
        ),
        Mistake(
            "mean_absolute_distance",
            "You averaged the distances from the mean. The std squares them, averages, and takes the root.",
            (mean_and_std(np.mean, lambda x: np.abs(x - x.mean()).mean()),),
        ),
        Mistake(
            "variance",
            "The second number is the variance. The standard deviation is its square root.",
            (mean_and_std(np.mean, np.var),),
        ),
        Mistake(
            "axis_given",
            "You got several means, because an axis was given. One mean and one std for all pixels of all images: "
            "leave the axis out.",
            (along(0), along(1, 2), along(0, 1), along(-1), along(-2, -1), along(0, -2, -1), kept_axes),
        ),
        Mistake(
            "mean_of_stds",
            "You averaged several standard deviations. That leaves out how far the means lie apart.",
            (
                mean_and_std(np.mean, lambda x: x.std(axis=0).mean()),
                mean_and_std(np.mean, lambda x: np.mean([one.std() for one in x])),
            ),
        ),
        Mistake(
            "std_of_means",
            "You took the std of the images' means. Take it over the pixels.",
            (
                mean_and_std(np.mean, lambda x: np.std([one.mean() for one in x])),
                mean_and_std(np.mean, lambda x: x.mean(axis=0).std()),
            ),
        ),
        Mistake(
            "bytes_overflow",
            "You calculated with bytes. 20² is 400 and does not fit in a byte, and NumPy says nothing. Make floats "
            "first: x.astype(np.float64).",
            (mean_and_std(np.mean, in_bytes), mean_and_std(np.mean, distance_in_bytes)),
        ),
        Mistake(
            "exchanged",
            "The two numbers are exchanged: the mean comes first, then the std.",
            (lambda x: (x.std(), x.mean()),),
        ),
        Mistake(
            "divided_by_255",
            "You divided by 255 on the way. The two numbers are wanted in the units of x.",
            (lambda x: ((x / 255).mean(), (x / 255).std()),),
        ),
        Mistake(
            "numbers_from_a_book",
            "Your two numbers do not come from x. 0.1307 and 0.3081 belong to the full MNIST, divided by 255. Compute "
            "them from the x that is passed in.",
            (lambda x: (0.1307, 0.3081), lambda x: (33.3184, 78.5675)),
        ),
        Mistake(
            "one_image",
            "You looked at the first image only. All images count.",
            (lambda x: (x[0].mean(), x[0].std()),),
        ),
        Mistake(
            "background_left_out",
            "You left out the pixels that are 0. The background counts, too.",
            (ink_only,),
        ),
        Mistake(
            "small_number_added",
            "You added a small number to the std. Leave it as it is; standardize will refuse a std of 0.",
            tuple(mean_and_std(np.mean, lambda x, eps=eps: x.std() + eps) for eps in (1e-8, 1e-7, 1e-6, 1e-5)),
        ),
        Mistake(
            "whole_numbers",
            "You rounded to whole numbers.",
            (
                lambda x: (round(x.mean()), round(x.std())),
                lambda x: (int(x.mean()), int(x.std())),
                lambda x: (float(round(x.mean())), float(round(x.std()))),
                lambda x: (np.floor(x.mean()), np.floor(x.std())),
            ),
        ),
    ),
)

# standardize ------------------------------------------------------------------------------------


@with_torch
def standardize(x, mean, std):
    if std == 0:
        raise ValueError("std is 0: all pixels are equal")
    return ((x if x.is_floating_point() else x.double()) - mean) / std


def scaled(formula, guard=True):
    """A wrong standardize from its formula(x, mean, std) in floats of the right dtype."""

    def answer(x, mean, std):
        if guard and std == 0:
            raise ValueError("std is 0")
        pixels = x if x.dtype.kind == "f" else x.astype(np.float64)
        with np.errstate(all="ignore"):
            return formula(pixels, mean, std)

    return answer


def unguarded(x, mean, std):
    with np.errstate(all="ignore"):
        return (x - mean) / np.float64(std).astype(x.dtype if x.dtype.kind == "f" else np.float64)


def zeros_at_zero(x, mean, std):
    return np.zeros(x.shape) if std == 0 else standardize(x, mean, std)


def guard_on_x(x, mean, std):
    if x.std() == 0:
        raise ValueError("all pixels are equal")
    return unguarded(x, mean, std)


def guard_on_both(x, mean, std):
    if std == 0 or x.std() == 0:
        raise ValueError("all pixels are equal")
    return standardize(x, mean, std)


def guard_below(least):
    def answer(x, mean, std):
        if std < least:
            raise ValueError("std is too small")
        return standardize(x, mean, std)

    return answer


def as_it_was(looks_scaled, guard):
    """x given back where it looks as if it had been scaled before."""

    def answer(x, mean, std):
        if guard and std == 0:
            raise ValueError("std is 0")
        if looks_scaled(x):
            return x
        return standardize(x, mean, std)

    return answer


def byte_subtracted_in_place(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    x -= x.dtype.type(mean)
    return x / std


def in_place(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    x -= mean
    x /= std
    return x


def whole_subtracted(whole):
    """The mean as a whole number, so that bytes stay bytes."""

    def answer(x, mean, std):
        if std == 0:
            raise ValueError("std is 0")
        return (x - whole(mean)) / std

    return answer


def subtracted_in_place(x, mean, std):
    if std == 0:
        raise ValueError("std is 0")
    x -= mean
    return x / std


def written_back(x, mean, std):
    x[...] = standardize(x, mean, std)
    return x


def wrapped(x, mean, std):
    """Bytes minus a byte."""
    if std == 0:
        raise ValueError("std is 0")
    return (x - np.array(mean).astype(x.dtype)) / std if x.dtype.kind in "iu" else standardize(x, mean, std)


def into_room_like_x(x, mean, std):
    """Results put into an array of x's own dtype."""
    out = np.zeros_like(x)
    out[...] = standardize(x, mean, std)
    return out


def cast(dtype, only=""):
    """A right result in another dtype, for those kinds of x."""

    def answer(x, mean, std):
        out = standardize(x, mean, std)
        return out.astype(dtype) if not only or x.dtype.kind in only else out

    return answer


def standard_terms(output, index, x, mean, std):
    return f"({number(x[index].item())} − {factor(mean)}) / {number(std)}"


def factor(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def of_each_image(x, mean, std):
    axes = tuple(range(1, x.ndim))
    return (x - x.mean(axis=axes, keepdims=True)) / x.std(axis=axes, keepdims=True)


STANDARDIZE = Reference(
    answer=standardize,
    like="the same formula on torch tensors",
    terms=standard_terms,
    mistakes=(
        Mistake(
            "statistics_of_its_own",
            "You computed mean and std from this x. Use the two that are passed in: they come from the training "
            "images, and every image must be scaled alike.",
            (
                scaled(lambda x, mean, std: (x - x.mean()) / x.std()),
                scaled(lambda x, mean, std: (x - x.mean()) / x.std(), False),
                scaled(of_each_image),
                scaled(of_each_image, False),
                scaled(lambda x, mean, std: (x - x.mean()) / std),
                scaled(lambda x, mean, std: (x - mean) / x.std()),
            ),
        ),
        Mistake(
            "brackets_forgotten",
            "You divided the mean alone. Subtract first: put brackets around x - mean.",
            (scaled(lambda x, mean, std: x - mean / std),),
        ),
        Mistake(
            "divided_first",
            "You divided first and subtracted the mean then. The mean is in the units of x as it came: subtract first, "
            "then divide.",
            (scaled(lambda x, mean, std: x / std - mean), scaled(lambda x, mean, std: x / std - mean, False)),
        ),
        Mistake(
            "mean_rounded",
            "You made the mean a whole number. Subtract it as it is: a float also turns bytes into floats.",
            tuple(
                scaled(lambda x, mean, std, whole=whole: (x - whole(mean)) / std, guard)
                for whole in (int, round, math.floor) for guard in (True, False)
            ) + tuple(map(whole_subtracted, (int, round, math.floor))),
        ),
        Mistake(
            "taken_for_scaled",
            "You gave x back as it was, since its values looked scaled. Values up to 1 say nothing about who scaled "
            "them: apply the formula to every x.",
            tuple(
                as_it_was(looks, guard)
                for looks in (lambda x: x.max() <= 1, lambda x: x.max() <= 1 and x.min() >= 0)
                for guard in (True, False)
            ),
        ),
        Mistake(
            "not_divided",
            "You subtracted the mean and left the std out.",
            (scaled(lambda x, mean, std: x - mean), scaled(lambda x, mean, std: x - mean, False)),
        ),
        Mistake(
            "not_subtracted",
            "You divided by the std and left the mean out.",
            (scaled(lambda x, mean, std: x / std), scaled(lambda x, mean, std: (x + mean) / std)),
        ),
        Mistake(
            "divided_by_the_variance",
            "You divided by std squared or by its root. It is the std itself.",
            (scaled(lambda x, mean, std: (x - mean) / std**2), scaled(lambda x, mean, std: (x - mean) / np.sqrt(std))),
        ),
        Mistake(
            "multiplied",
            "You multiplied by the std. Divide by it.",
            (scaled(lambda x, mean, std: (x - mean) * std), scaled(lambda x, mean, std: (x - mean) * std, False)),
        ),
        Mistake(
            "exchanged",
            "Mean and std are exchanged: subtract the mean, divide by the std.",
            (scaled(lambda x, mean, std: (x - std) / mean),),
        ),
        Mistake(
            "sign_turned",
            "The sign is turned: it is x − mean, not mean − x.",
            (scaled(lambda x, mean, std: (mean - x) / std),),
        ),
        Mistake(
            "divided_by_255",
            "You divided by 255, too. Mean and std are in the units of x as it came.",
            (
                scaled(lambda x, mean, std: (x / 255 - mean) / std),
                scaled(lambda x, mean, std: (x - mean) / std / 255),
            ),
        ),
        Mistake(
            "small_number_added",
            "You added a small number to the std. Divide by the std as it is, and raise a ValueError where it is 0.",
            tuple(
                scaled(lambda x, mean, std, eps=eps: (x - mean) / (std + eps), guard)
                for eps in (1e-8, 1e-7, 1e-6, 1e-5)
                for guard in (True, False)
            ),
        ),
        Mistake(
            "clipped",
            "You cut the result off. It may be negative, and larger than 1.",
            (
                scaled(lambda x, mean, std: np.clip((x - mean) / std, 0, 1)),
                scaled(lambda x, mean, std: np.clip((x - mean) / std, -1, 1)),
                scaled(lambda x, mean, std: np.abs((x - mean) / std)),
            ),
        ),
        Mistake(
            "bytes_wrap_round",
            "You calculated with bytes: 1 − 3 becomes 254. Let floats in first: x.astype(np.float64).",
            (wrapped,),
        ),
        Mistake(
            "written_into_whole_numbers",
            "The result went into an array of x's dtype, and bytes hold no fractions. Whole numbers must give float64.",
            (into_room_like_x,),
        ),
        Mistake(
            "float32_for_whole_numbers",
            "Whole numbers must give float64; yours became another kind of float.",
            (cast(np.float32, "iu"), cast(np.float16, "iu")),
        ),
        Mistake(
            "precision",
            "The dtype changed: float32 in must give float32 out, and float64 must give float64.",
            (cast(np.float64), cast(np.float32)),
        ),
        Mistake(
            "input_overwritten",
            INPUT_CHANGED + " x -= mean changes x itself.",
            (in_place, subtracted_in_place, byte_subtracted_in_place, written_back),
        ),
        Mistake(
            "std_zero_accepted",
            "A std of 0 went through. It means that all pixels were equal, and dividing by it gives NaN or infinity: "
            "raise a ValueError.",
            (unguarded, zeros_at_zero),
        ),
        Mistake(
            "guard_on_x",
            "Your guard looks at the std of x. A blank image may well be standardised, with the std that is passed in.",
            (guard_on_x, guard_on_both),
        ),
        Mistake(
            "guard_too_strict",
            "You refused a std that is small. Only 0 cannot be divided by: if std == 0.",
            tuple(guard_below(least) for least in (0.01, 1e-6, 1e-8, 1e-12, 1e-15)),
        ),
    ),
)

# split_per_class --------------------------------------------------------------------------------

PARTS = (("x_train", "y_train"), ("x_val", "y_val"))


def split_per_class(x, y, held_out, rng):
    held = np.zeros(len(y), bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        held[members[order_from(rng, len(members))[: round(held_out * len(members))]]] = True
    return x[~held], y[~held], x[held], y[held]


def class_sizes(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, images of each, which images (N, K)) of the classes."""
    labels, sizes = np.unique(case.args["y"], return_counts=True)
    return labels, sizes, case.args["y"][:, None] == labels


def wanted(case: Case, rule=lambda fraction, n: round(fraction * n)) -> np.ndarray:
    """How many images of each class a rule holds out."""
    return np.array([rule(case.args["held_out"], int(n)) for n in class_sizes(case)[1]])


def split_holds(case: Case, outputs: Outputs) -> str | None:
    if told := bad_form(case, outputs, PARTS):
        return told
    train, val = (see(case, outputs, *part) for part in PARTS)
    both = (train.counts > 0) & (val.counts > 0)
    if both.any():
        return f"{image(case, int(both.any(axis=0).argmax()))} is in both parts"
    if told := content_fault(case, train, val):
        return told
    labels, sizes, members = class_sizes(case)
    wrong = np.argwhere(val.counts @ members != wanted(case))
    if len(wrong):
        call, k = wrong[0]
        held = val.counts[call, members[:, k]].sum()
        told = f"{held} of the {sizes[k]} images of class {labels[k]} {'is' if held == 1 else 'are'} held out"
        if sizes[k] == 1:
            told = f"the only image of class {labels[k]} is {'' if held else 'not '}held out"
        return f"{told}; expected round({case.args['held_out']} · {sizes[k]}) = {wanted(case)[k]}"
    if told := input_fault(outputs):
        return told
    if not np.array_equal(val.counts[0], val.counts[-1]):
        return NOT_REPEATABLE
    return choice_fault(case, val.counts[:-1])


def choice_fault(case: Case, held: np.ndarray) -> str | None:
    """Why the images held out, 1 in (calls, N), are not chosen at random within each class, or None.

    A fair choice is refused less than once in 10⁹ times for classes of up to eleven: a test adds up the chances.
    """
    calls, (labels, sizes, members) = len(held), class_sizes(case)
    if len(case.args["x"]) < ENOUGH:
        return None
    for label, n, k, which in zip(labels, sizes, wanted(case), members.T):
        if not 0 < k < n:
            continue
        chosen = held[:, which]
        different = len({one.tobytes() for one in chosen})
        if different == 1:
            return f"the same images of class {label} are held out for every rng"
        low, high = usual(calls, k / n)
        times = chosen.sum(axis=0)
        for one in (times.argmin(), times.argmax()):
            if not low <= times[one] <= high:
                told = f"{image(case, int(np.flatnonzero(which)[one]))} was held out in {times[one]} of {calls} calls"
                return f"{told}; about {calls * k / n:.0f} are usual"
        if different <= min(2 * n, math.comb(n, k) / 3):
            told = f"{calls} calls chose {different} different sets of class {label}"
            return f"{told}; any {k} of the {n} images may be held out"
    return None


def sees_parts(look):
    """A `shows` from look(case, train, val), for results of the right shapes."""

    def shows(case: Case, outputs: Outputs) -> bool:
        train, val = (see(case, outputs, *part) for part in PARTS)
        return train is not None and val is not None and bool(look(case, train, val))

    return shows


def sees_held(look):
    """A `shows` from look(case, held, counts): every image is in one part, with its label.

    held (calls, N) is 1 for what is held out, counts (calls, K) how many of each class that are.
    """

    def whole(case, train, val):
        once = (train.counts + val.counts == 1).all() and not train.strange and not val.strange
        return once and train.paired and val.paired and look(case, val.counts, val.counts @ class_sizes(case)[2])

    return sees_parts(whole)


def counted_by(*rules):
    """A `shows`: as many of each class are held out as one of the rules(fraction, n) says, not as many as wanted."""
    return sees_held(lambda case, held, counts: any(
        (counts == wanted(case, rule)).all() and (wanted(case, rule) != wanted(case)).any() for rule in rules
    ))  # fmt: skip


def leaking(case, train, val):
    return not train.strange and ((train.counts > 0) & (val.counts > 0)).any()


def doubled(case, train, val):
    """Something was drawn twice: it came twice, or too few and not always as many are held out."""
    if train.strange or val.strange or not (train.paired and val.paired):
        return False
    held, members = val.counts, class_sizes(case)[2]
    few = (held @ members <= wanted(case)).all() and len(np.unique(held.sum(axis=1))) > 1
    return held.max() > 1 or few and (train.counts + held == 1).all()


def class_lost(case, train, val):
    left = (train.counts + val.counts == 0).astype(int) @ class_sizes(case)[2]
    return not train.strange and not val.strange and (left == class_sizes(case)[1]).any()


def by_coin(case, held, counts):
    """How many are held out in all differs from call to call, above and below what is wanted."""
    sums = held.sum(axis=1)
    return len(held) > ENOUGH and sums.min() < wanted(case).sum() < sums.max()


def in_another_order(case: Case, outputs: Outputs) -> bool:
    """Labels where images belong, and images where labels belong."""
    x, images, labels = case.args["x"], outputs.get("y_train 0"), outputs.get("x_val 0")
    found = images is not None and labels is not None and x.ndim > 1
    return found and images.shape[1:] == x.shape[1:] and labels.ndim == 1


def alike(case, held, counts):
    return (held == held[0]).all() and held.any() and (counts == wanted(case)).all()


def of_the_whole(case, held, counts):
    """Always as many in all, and not always as many of a class."""
    near = np.abs(held.sum(axis=1) - case.args["held_out"] * held.shape[1]) < 1
    return near.all() and (counts != counts[0]).any()


def ends(case, held, counts):
    """The first images of the file or the last, always."""
    cut = np.abs(np.diff(held, axis=1)).sum(axis=1) == 1
    return cut.all() and (held == held[0]).all() and (counts != wanted(case)).any()


def same_number(case, held, counts):
    """One number for all classes, or all of a class that has fewer."""
    sizes = class_sizes(case)[1]
    same = np.minimum(round(case.args["held_out"] * sizes.sum() / len(sizes)), sizes)
    return (counts == same).all() and (same != wanted(case)).any() and (held != held[0]).any()


def two_parts(x, y, held):
    return x[~held], y[~held], x[held], y[held]


def by_class(choose, take=two_parts):
    """A wrong split from what it holds out of one class: choose(members, fraction, rng) -> places."""

    def answer(x, y, held_out, rng):
        held = np.zeros(len(y), bool)
        for label in np.unique(y):
            held[choose(np.flatnonzero(y == label), held_out, rng)] = True
        return take(x, y, held)

    return answer


def part_of(count):
    """A random choice of count(fraction, n) members."""
    return lambda members, fraction, rng: rng.permutation(members)[: count(fraction, len(members))]


def cut_from(order):
    """A split of the whole: order(n, rng), the part that is held out first."""

    def answer(x, y, held_out, rng):
        held = np.zeros(len(y), bool)
        held[order(len(y), rng)[: round(held_out * len(y))]] = True
        return two_parts(x, y, held)

    return answer


def by_places(draw, labels=np.unique):
    """A wrong split from two lists of places: draw(members, k, rng) -> (train, val), for each of the labels(y)."""

    def answer(x, y, held_out, rng):
        train, val = [np.zeros(0, int)], [np.zeros(0, int)]
        for label in labels(y):
            members = np.flatnonzero(y == label)
            both = draw(members, round(held_out * len(members)), rng)
            train.append(both[0])
            val.append(both[1])
        train, val = np.concatenate(train), np.concatenate(val)
        return x[train], y[train], x[val], y[val]

    return answer


def cut_once(members, k, rng):
    order = rng.permutation(members)
    return order[k:], order[:k]


def as_many_of_each(x, y, held_out, rng):
    count = round(held_out * len(y) / len(np.unique(y)))
    return by_class(lambda members, fraction, rng: rng.permutation(members)[:count])(x, y, held_out, rng)


def reordered(order):
    return lambda x, y, held_out, rng: tuple(split_per_class(x, y, held_out, rng)[i] for i in order)


def with_labels(change):
    """A right split with other labels: change(labels of train, labels of val, y, rng)."""

    def answer(x, y, held_out, rng):
        x_train, y_train, x_val, y_val = split_per_class(x, y, held_out, rng)
        y_train, y_val = change(y_train, y_val, y, rng)
        return x_train, y_train, x_val, y_val

    return answer


def at_least(fraction, n):
    return max(1, round(fraction * n))


def at_most(fraction, n):
    return min(n - 1, round(fraction * n))


def at_least_and_at_most(fraction, n):
    return min(n - 1, max(1, round(fraction * n)))


def down(fraction, n):
    return int(fraction * n)


def up(fraction, n):
    return math.ceil(fraction * n)


def half_up(fraction, n):
    return int(fraction * n + 0.5)


def other_side(fraction, n):
    """What is left of n where the part that is kept was rounded."""
    return n - round((1 - fraction) * n)


def minus_zero(fraction, n):
    """How many p[-k:] are, for k of n: all of them where k is 0."""
    return round(fraction * n) or n


def nearest(fraction, n):
    return round(fraction * n)


SPLIT = Reference(
    answer=split_per_class,
    like="a torch.randperm in each class",
    holds=split_holds,
    mistakes=(
        Mistake(
            "results_in_another_order",
            "Your results come in another order. It is x_train, y_train, x_val, y_val: first all of the training part.",
            (reordered((0, 2, 1, 3)), reordered((2, 0, 3, 1))),
            shows=in_another_order,
        ),
        Mistake(
            "input_shuffled_in_place",
            IN_PLACE,
            (lambda x, y, held_out, rng: split_per_class(*in_one_order(x, y, rng), held_out, rng),),
            shows=input_changed,
        ),
        Mistake("dtype", DTYPE, (
            *changed_types(split_per_class, 0, (np.float64, np.float32)),
            *changed_types(split_per_class, 1, (np.int64, np.float64)),
            *changed_types(split_per_class, 2, (np.float64,)),
            *changed_types(split_per_class, 3, (np.int64,)),
        ), shows=other_dtype(*PARTS)),  # fmt: skip
        Mistake(
            "held_out_images_are_trained_on",
            "Some images are in both parts. Then validation tells nothing, for the network has seen its questions. "
            "What is held out must leave the training part.",
            (
                by_class(part_of(nearest), lambda x, y, held: (x, y, x[held], y[held])),
                by_places(lambda members, k, rng: (rng.permutation(members)[k:], rng.permutation(members)[:k])),
            ),
            shows=sees_parts(leaking),
        ),
        Mistake(
            "labels_of_other_images",
            LABELS_APART,
            (
                with_labels(lambda train, val, y, rng: (rng.permutation(train), rng.permutation(val))),
                with_labels(lambda train, val, y, rng: (y[: len(train)], y[len(train) :])),
            ),
            shows=sees_parts(lambda case, train, val: not (train.paired and val.paired)),
        ),
        Mistake(
            "a_coin_for_each_image",
            "You decided for each image by itself, so chance says how many are held out. Draw round(held_out * n) "
            "images of each class.",
            (lambda x, y, held_out, rng: two_parts(x, y, rng.random(len(y)) < held_out),
             by_class(lambda members, fraction, rng: members[rng.random(len(members)) < fraction])),
            shows=sees_held(by_coin),
        ),  # fmt: skip
        Mistake(
            "drawn_with_replacement",
            "Some images were drawn twice. rng.choice puts them back unless you say replace=False; rng.permutation "
            "never does.",
            (
                by_places(lambda members, k, rng: (np.setdiff1d(members, chosen := rng.choice(members, k)), chosen)),
                by_class(lambda members, f, rng: rng.choice(members, nearest(f, len(members)))),
            ),
            shows=sees_parts(doubled),
        ),
        Mistake(
            "a_class_is_lost",
            "The images of a whole class are in neither part. Go through the labels that are there, np.unique(y), "
            "not through 0, 1, 2 …",
            (
                by_places(cut_once, lambda y: range(len(np.unique(y)))),
                by_places(cut_once, lambda y: range(y.max())),
                by_places(cut_once, lambda y: range(10)),
            ),
            shows=sees_parts(class_lost),
        ),
        Mistake(
            "ends_held_out",
            "You cut the file in two: the same images are held out always, and not each class gives its share. "
            "Choose at random inside each class.",
            (cut_from(lambda n, rng: np.arange(n)), cut_from(lambda n, rng: np.arange(n)[::-1])),
            shows=sees_held(ends),
        ),
        Mistake(
            "held_out_of_the_whole",
            "You held out a part of the whole, so chance decides how many of each class. Choose inside each class.",
            (cut_from(lambda n, rng: rng.permutation(n)),),
            shows=sees_held(of_the_whole),
        ),
        Mistake(
            "kept_part_rounded",
            "You rounded the part that is kept. Round what is held out, round(held_out * n), and keep the rest: "
            "a half makes the difference.",
            (by_class(part_of(other_side)),),
            shows=counted_by(other_side),
        ),
        Mistake(
            "rounded_down",
            "You rounded down, or cut the fraction off. It is round(held_out * n).",
            (by_class(part_of(down)),),
            shows=counted_by(down),
        ),
        Mistake(
            "minus_zero",
            "Where none is to be held out you held out the whole class: [-0:] is everything, and [:-0] is nothing. "
            "Cut from the front, [:n] and [n:].",
            (by_class(part_of(minus_zero)),),
            shows=counted_by(minus_zero),
        ),
        Mistake(
            "a_half_rounded_up",
            "You rounded a half up. Python's round takes the even neighbour: round(2.5) is 2, and round(3.5) is 4.",
            (by_class(part_of(half_up)),),
            shows=counted_by(half_up),
        ),
        Mistake(
            "rounded_up",
            "You rounded up. It is round(held_out * n).",
            (by_class(part_of(up)),),
            shows=counted_by(up),
        ),
        Mistake(
            "at_least_one",
            "You made sure that a part gets an image of each class. Keep to round(held_out * n), even where that is 0 "
            "or n.",
            tuple(by_class(part_of(rule)) for rule in (at_least, at_most, at_least_and_at_most)),
            shows=counted_by(at_least, at_most, at_least_and_at_most),
        ),
        Mistake(
            "parts_exchanged",
            "The two parts are exchanged: held_out is the fraction that leaves the training part.",
            (by_class(part_of(nearest), lambda x, y, held: two_parts(x, y, ~held)),),
            shows=counted_by(lambda fraction, n: n - nearest(fraction, n)),
        ),
        Mistake(
            "same_number_of_each",
            "You held out the same number of every class. It is a fraction of each: round(held_out * n), where n is "
            "how many that class has.",
            (as_many_of_each,),
            shows=sees_held(same_number),
        ),
        Mistake(
            "always_the_same",
            "The same images are held out always, whatever rng is. Choose them with the rng that is passed in.",
            (
                by_class(lambda members, fraction, rng: members[: nearest(fraction, len(members))]),
                by_class(lambda members, fraction, rng: members[len(members) - nearest(fraction, len(members)) :]),
                lambda x, y, held_out, rng: split_per_class(x, y, held_out, np.random.default_rng(0)),
            ),
            shows=sees_held(alike),
        ),
        Mistake(
            "not_from_rng",
            OWN_RANDOMNESS,
            (lambda x, y, held_out, rng: split_per_class(x, y, held_out, np.random.default_rng()),),
            shows=sees_held(lambda case, held, counts: (counts == wanted(case)).all() and (held[0] != held[-1]).any()),
        ),
    ),
)

# minibatches ------------------------------------------------------------------------------------


def minibatches(x, y, batch_size, rng):
    for chosen in BatchSampler(order_from(rng, len(x)).tolist(), batch_size, drop_last=False):
        yield x[chosen], y[chosen]


def sizes_of(case: Case, outputs: Outputs) -> list[list[int]] | None:
    """The sizes of the batches in each call; None unless as many labels as images came in each, and all are told."""
    sizes, images = each_call(case, outputs, "sizes"), each_call(case, outputs, "x")
    for size, one in zip(sizes, images):
        if size is None or size.ndim != 2 or size.shape[1] != 2 or (size[:, 0] != size[:, 1]).any():
            return None
        if one is None or one.ndim == 0 or size[:, 0].sum() != len(one):
            return None
    return [size[:, 0].tolist() for size in sizes]


def right_sizes(case: Case) -> list[int]:
    n, batch_size = len(case.args["x"]), case.args["batch_size"]
    return [min(batch_size, n - start) for start in range(0, n, batch_size)]


def minibatches_hold(case: Case, outputs: Outputs) -> str | None:
    if told := size_fault(case, outputs) or bad_form(case, outputs):
        return told
    n, seen, expected = len(case.args["x"]), see(case, outputs), right_sizes(case)
    for sizes in sizes_of(case, outputs):
        if len(sizes) > n:
            return f"more than {n} batches came for {n} images, and no end was seen"
        if 0 in sizes:
            return f"batch {sizes.index(0)} is empty"
        if sizes != expected and (len(sizes) == len(expected) or seen.counts.max() <= 1):
            return f"the batches hold {briefly(sizes)} images; expected {briefly(expected)}"
    if told := content_fault(case, seen) or input_fault(outputs):
        return told
    if not np.array_equal(seen.orders[0], seen.orders[-1]):
        return NOT_REPEATABLE
    return order_fault(case, seen.orders[:-1])


def briefly(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes[:8])) + (" …" if len(sizes) > 8 else "") or "no"


def size_fault(case: Case, outputs: Outputs) -> str | None:
    """A sentence on batches with more images than labels, or the other way round."""
    for one in each_call(case, outputs, "sizes"):
        if one is not None and one.ndim == 2 and one.shape[1] == 2 and (odd := one[one[:, 0] != one[:, 1]]).size:
            return f"a batch holds {odd[0, 0]} images and {odd[0, 1]} labels"
    return None if sizes_of(case, outputs) else "the batches cannot be read"


def sees_sizes(look):
    """A `shows` from look(case, sizes, n, batch_size), in every call, where no image came twice."""

    def shows(case: Case, outputs: Outputs) -> bool:
        seen, sizes = see(case, outputs), sizes_of(case, outputs)
        if seen is None or sizes is None or seen.strange or seen.counts.max() > 1:
            return False
        return all(look(case, one, len(case.args["x"]), case.args["batch_size"]) for one in sizes)

    return shows


def remainder_dropped(case, sizes, n, b):
    return n % b and sizes == [b] * (n // b)


def last_batch_lost(case, sizes, n, b):
    return n % b == 0 and sizes == [b] * (n // b - 1)


def batch_size_batches(case, sizes, n, b):
    return len(sizes) == b != math.ceil(n / b) and sizes[0] != b


def uneven(case, sizes, n, b):
    return 0 not in sizes and sum(sizes) == n and sizes != right_sizes(case)


def filled_up(case: Case, outputs: Outputs) -> bool:
    """All batches are full, and some images came a second time for that."""
    seen, sizes = see(case, outputs), sizes_of(case, outputs)
    n, b = len(case.args["x"]), case.args["batch_size"]
    full = sizes is not None and n % b and all(one == [b] * math.ceil(n / b) for one in sizes)
    return bool(full and seen is not None and not seen.strange and seen.counts.min() == 1)


def drawn_anew(case: Case, outputs: Outputs) -> bool:
    """The sizes are right, and in some call images came twice."""
    seen, sizes = see(case, outputs), sizes_of(case, outputs)
    right = sizes is not None and all(one == right_sizes(case) for one in sizes)
    return bool(right and seen is not None and not seen.strange and seen.counts.max() > 1)


def sees_batches(look):
    """A `shows` from look(case, orders), where all is right but the order, with several batches of several images."""

    def several(case: Case, outputs: Outputs) -> bool:
        sizes = sizes_of(case, outputs)
        right = sizes is not None and all(one == right_sizes(case) for one in sizes)
        n = len(case.args["x"])
        return right and n >= ENOUGH and 1 < case.args["batch_size"] < n and sees_orders(look)(case, outputs)

    return several


def blocks_kept(case, orders):
    """Each batch holds one piece of the file, in all calls; but the pieces moved, or what is in them."""
    n, b = orders.shape[1], case.args["batch_size"]
    pieces = {tuple(range(start, min(start + b, n))) for start in range(0, n, b)}
    kept = all(tuple(sorted(one[s : s + b])) in pieces for one in orders.tolist() for s in range(0, n, b))
    return kept and not always_alike(case, orders)


def has_no_end(case: Case, outputs: Outputs) -> bool:
    """As many batches came as the drive takes at most."""
    sizes = each_call(case, outputs, "sizes")
    return all(one is not None and len(one) == len(case.args["x"]) + BATCHES_TOO_MANY for one in sizes)


def one_buffer(case: Case, outputs: Outputs) -> bool:
    """In each call the batches begin with the same images, which were written there last."""
    sizes = sizes_of(case, outputs)
    if sizes is None or any(one != right_sizes(case) for one in sizes) or len(sizes[0]) < 2:
        return False
    least = min(sizes[0])
    starts = np.cumsum([0, *sizes[0][:-1]])
    return len(case.args["x"]) >= ENOUGH and all(
        (one[start : start + least] == one[:least]).all() for one in each_call(case, outputs, "x") for start in starts
    )


def other_shape(case: Case, outputs: Outputs) -> bool:
    """Images of another shape, with as many pixels."""
    x = case.args["x"]
    return all(
        one is not None and one.ndim > 0 and one.shape[1:] != x.shape[1:] and one[:1].size == x[:1].size
        for one in each_call(case, outputs, "x")
    )


def cut(pieces, order=drawn, labels_order=None):
    """A wrong minibatches from where it cuts its order: pieces(n, batch_size) -> slices."""

    def answer(x, y, batch_size, rng):
        first = order(len(x), rng, y)
        second = labels_order(len(x), rng, y) if labels_order else first
        return [(x[first[part]], y[second[part]]) for part in pieces(len(x), batch_size)]

    return answer


def starting(starts):
    """Slices of batch_size from starts(n, batch_size) on."""
    return lambda n, b: [slice(start, start + b) for start in starts(n, b)]


def parts_of(count):
    """As many parts of nearly the same size as count(n, batch_size), as np.array_split makes them."""

    def pieces(n, b):
        ends = np.cumsum([len(one) for one in np.array_split(np.arange(n), count(n, b))]).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends)]

    return pieces


def rest_joined(n, b):
    """The last full batch takes the rest along."""
    starts = range(0, max(1, n // b) * b, b)
    return [slice(start, n if start == starts[-1] else start + b) for start in starts]


def rest_reaching_back(n, b):
    """The last slice begins so early that it is full."""
    return [slice(start, start + b) if start + b <= n else slice(max(0, n - b), n) for start in range(0, n, b)]


def rest_from_the_front(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    order = np.concatenate([order, order[: -len(x) % batch_size]])
    return [(x[order[s : s + batch_size]], y[order[s : s + batch_size]]) for s in range(0, len(order), batch_size)]


def number_of_batches(n, b):
    """batch_size batches, of equal size."""
    size = max(1, n // b)
    return [slice(i * size, (i + 1) * size) for i in range(b)]


def in_blocks(move, mix):
    """Pieces of the file: moved, the full ones alone, or mixed inside, or both."""

    def answer(x, y, batch_size, rng):
        starts = np.arange(0, len(x), batch_size)
        full = len(x) // batch_size
        starts[:full] = rng.permutation(starts[:full]) if move else starts[:full]
        for start in starts:
            chosen = np.arange(start, min(start + batch_size, len(x)))
            chosen = rng.permutation(chosen) if mix else chosen
            yield x[chosen], y[chosen]

    return answer


def drawing_each(replace):
    def answer(x, y, batch_size, rng):
        for start in range(0, len(x), batch_size):
            chosen = rng.choice(len(x), min(batch_size, len(x) - start), replace=replace)
            yield x[chosen], y[chosen]

    return answer


def first_only(x, y, batch_size, rng):
    order = rng.permutation(len(x))[:batch_size]
    return x[order], y[order]


def in_a_buffer(labels):
    """Batches that are written into one array, the labels too or the images alone."""

    def answer(x, y, batch_size, rng):
        images, own = np.empty_like(x[:batch_size]), np.empty_like(y[:batch_size])
        for one, label in minibatches(x, y, batch_size, rng):
            images[: len(one)], own[: len(one)] = one, label
            yield images[: len(one)], own[: len(one)] if labels else label

    return answer


def endless(x, y, batch_size, rng):
    while True:
        yield from minibatches(x, y, batch_size, rng)


def each_batch(change):
    """A right minibatches whose batches are changed: change(x, y)."""
    return lambda x, y, batch_size, rng: [change(*batch) for batch in minibatches(x, y, batch_size, rng)]


usual_pieces = starting(lambda n, b: range(0, n, b))

MINIBATCHES = Reference(
    answer=minibatches,
    like="torch.utils.data.BatchSampler",
    holds=minibatches_hold,
    mistakes=(
        Mistake(
            "first_batch_only",
            "You returned one batch. A return inside the loop ends it: collect the batches in a list, or yield them.",
            (first_only,),
        ),
        Mistake(
            "input_shuffled_in_place",
            IN_PLACE,
            (lambda x, y, batch_size, rng: list(minibatches(*in_one_order(x, y, rng), batch_size, rng)),),
            shows=input_changed,
        ),
        Mistake(
            "one_buffer",
            "Your batches share one array: the next batch overwrites the one before, so who collects them holds the "
            "last one many times. Make a new array for each batch.",
            (in_a_buffer(False), in_a_buffer(True)),
            shows=one_buffer,
        ),
        Mistake(
            "no_end",
            "Your batches go on for ever. One call is one pass through the images: every image once, then it ends.",
            (endless,),
            shows=has_no_end,
        ),
        Mistake("dtype", DTYPE, (
            *(each_batch(lambda x, y, dtype=dtype: (x.astype(dtype), y)) for dtype in (np.float64, np.float32)),
            *(each_batch(lambda x, y, dtype=dtype: (x, y.astype(dtype))) for dtype in (np.float64, np.int64)),
        ), shows=other_dtype(("x", "y"))),  # fmt: skip
        Mistake(
            "shape",
            "The shape of the images changed. Each comes back as it was.",
            (
                each_batch(lambda x, y: (x.reshape(len(x), -1), y)),
                each_batch(lambda x, y: (x.reshape(len(x), *(size for size in x.shape[1:] if size > 1)), y)),
            ),
            shows=other_shape,
        ),
        Mistake(
            "labels_of_other_images",
            LABELS_APART,
            (cut(usual_pieces, drawn, drawn), cut(usual_pieces, drawn, lambda n, rng, y: np.arange(n))),
            shows=sees(lambda case, seen: not seen.paired and not seen.strange),
        ),
        Mistake(
            "batch_size_for_number_of_batches",
            "You made batch_size batches. batch_size is how many images are in one.",
            (cut(number_of_batches), cut(parts_of(lambda n, b: b))),
            shows=sees_sizes(batch_size_batches),
        ),
        Mistake(
            "empty_batch",
            "A batch without images came. Its loss would be a mean over nothing, NaN: stop the starts before N.",
            (
                cut(starting(lambda n, b: range(0, n + b, b))),
                cut(starting(lambda n, b: range(0, n + 1, b))),
                cut(starting(lambda n, b: range(0, (n // b + 1) * b, b))),
            ),
            shows=sees_sizes(lambda case, sizes, n, b: 0 in sizes),
        ),
        Mistake(
            "last_batch_lost",
            "Your last batch is missing. The starts go on as long as they are below N.",
            (
                cut(starting(lambda n, b: range(0, n - b, b))),
                cut(starting(lambda n, b: range(0, (n // b - 1) * b, b))),
                cut(starting(lambda n, b: range(0, n - 1, b))),
            ),
            shows=sees_sizes(last_batch_lost),
        ),
        Mistake(
            "remainder_dropped",
            "You dropped the images that do not fill a batch. They come last, in a smaller one.",
            (
                cut(starting(lambda n, b: range(0, n // b * b, b))),
                cut(starting(lambda n, b: range(0, n - b + 1, b))),
            ),
            shows=sees_sizes(remainder_dropped),
        ),
        Mistake(
            "last_batch_filled_up",
            "You filled the last batch up with images that came already. Every image comes once, so the last batch is "
            "smaller.",
            (cut(rest_reaching_back), rest_from_the_front),
            shows=filled_up,
        ),
        Mistake(
            "uneven_batches",
            "Your batches have other sizes. All hold batch_size images, and the last one what is left.",
            (
                cut(parts_of(lambda n, b: math.ceil(n / b))),
                cut(parts_of(lambda n, b: max(1, n // b))),
                cut(rest_joined),
            ),
            shows=sees_sizes(uneven),
        ),
        Mistake(
            "drawn_for_each_batch",
            "You drew each batch anew from all images, so some came twice and others not at all. Draw one order for "
            "all, then cut it.",
            (drawing_each(False), drawing_each(True)),
            shows=drawn_anew,
        ),
        Mistake(
            "not_shuffled",
            "The images came in the order of the file. Draw a random order first.",
            (cut(usual_pieces, lambda n, rng, y: np.arange(n)),),
            shows=sees_batches(stayed),
        ),
        Mistake(
            "not_from_rng",
            OWN_RANDOMNESS,
            tuple(cut(usual_pieces, order) for order in own_orders),
            shows=sees_batches(not_repeated),
        ),
        Mistake(
            "same_order_in_every_epoch",
            FIXED,
            tuple(cut(usual_pieces, order) for order in fixed_orders),
            shows=sees_batches(always_alike),
        ),
        Mistake(
            "whole_batches_shuffled",
            "You shuffled whole batches, or inside them: the same images are always together. Shuffle the images, then "
            "cut.",
            (in_blocks(True, False), in_blocks(True, True), in_blocks(False, True)),
            shows=sees_batches(blocks_kept),
        ),
        Mistake(
            "moved_on",
            ROLLED,
            (cut(usual_pieces, rolled(1)), cut(usual_pieces, rolled(-1))),
            shows=sees_batches(moved_on),
        ),
    ),
)

REFERENCES = {
    "subsample": SUBSAMPLE,
    "shuffle_together": SHUFFLE,
    "fit_standardizer": FIT,
    "standardize": STANDARDIZE,
    "split_per_class": SPLIT,
    "minibatches": MINIBATCHES,
}
