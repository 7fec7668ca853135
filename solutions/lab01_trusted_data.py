"""Model answers of lab 1: a few plain lines each, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def subsample(x, y, classes, per_class):
    """The first per_class images of each class, in the order of the file, with their labels."""
    places = []
    for label in classes:
        found = np.flatnonzero(y == label)
        if len(found) < per_class:
            raise ValueError(f"class {label} has {len(found)} images, and {per_class} are wanted")
        places.extend(found[:per_class])
    places = np.sort(places)
    return x[places], y[places]


def shuffle_together(x, y, rng):
    """Images and labels in one random order, drawn once for both."""
    N = len(x)
    order = rng.permutation(N)
    return x[order], y[order]


def fit_standardizer(x):
    """Mean and standard deviation over all pixels of all images."""
    mean = np.mean(x)
    std = np.sqrt(np.mean((x - mean) ** 2))
    return mean, std


def standardize(x, mean, std):
    """(x - mean) / std, with the mean and std that are passed in."""
    if std == 0:
        raise ValueError("std is 0: all pixels were equal, and nothing can be divided by 0")
    return (x - mean) / std


def split_per_class(x, y, held_out, rng):
    """round(held_out * n) random images of each class of n, held out for validation."""
    held = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        places = np.flatnonzero(y == label)
        count = round(held_out * len(places))
        held[rng.permutation(places)[:count]] = True
    return x[~held], y[~held], x[held], y[held]


def minibatches(x, y, batch_size, rng):
    """All images once, in a new random order, as a list of batches (x, y)."""
    N = len(x)
    order = rng.permutation(N)
    batches = []
    for start in range(0, N, batch_size):
        places = order[start : start + batch_size]
        batches.append((x[places], y[places]))
    return batches


ANSWERS = {
    "lab01-prediction-apart": """\
Together: the loss falls close to 0, the training accuracy comes close to 1, and on the test images the network is
right nearly as often.

Apart: the labels have nothing to do with the images any more, so there is no rule to be learned. The loss still
falls, because the network has enough weights to learn some of the 800 answers by heart. So the training accuracy
rises above 1/5. On the test images that does not help: about 1/5, as with guessing.
""",
    "lab01-prediction-scalings": """\
The standardised images have the largest spread of the three, so each step is largest and they should be learned
fastest. "Divided by 255" and "minus 0.5" have the same spread and should be nearly alike. The raw pixels are 255
times as large as the learning rate is meant for: the first steps are far too large, and the loss jumps up.
""",
    "lab01-prediction-test-scaling": """\
Digits that are only brighter or weaker than in training keep their form, so 2 and 4 should cost little. In 3 the
black background has another value than the network knows, at every pixel at once: that should cost more. In 5 the
black background 0 wraps round to a value as bright as the strokes: hardly a digit is left, so that should cost most.

The ones that cost little are those I would not notice.
""",
    "lab01-prediction-count": """\
Program A uses as many whole batches as fit: 800 of 800 images for 200, 768 for 64 (12 batches), 780 for 30 (26
batches).

Program B leaves out a last batch that just fits, too. 200 divides 800, so it uses 600. 64 and 30 do not divide 800,
so there it uses the same as program A: 768 and 780.
""",
    "lab01-writeup": """\
**Objective.** To find out what training looks like if images and labels are shuffled apart, and how one notices.

**Hypothesis.** The training loss falls in any case, because a network can learn wrong labels by heart. The accuracy
on unseen images falls to that of guessing, 1/5.

**Experimental description.** 800 images of the digits 0 to 4 from MNIST, divided by 255, and 1,000 test images. A
network with one hidden layer of 20 units, ReLU, cross-entropy, SGD with the learning rate 0.1, batches of 16, thirty
epochs. Once images and labels were shuffled in one order, once in two. All else was the same, the first weights
included.

**Observation.** The training loss fell in both runs, from about 0.8 to below 0.1 and from about 1.6 to below 1.1. In
the second run most of the training labels were reproduced. On the test images the first run was right in more than
nine cases of ten, the second in about one of five. The class means showed digits in the first run and the same blot
five times in the second.

**Inference.** The hypothesis holds for this network and these images. A falling loss, even a training accuracy far
above guessing, does not show that anything was learned that holds for other images. The class means show the fault
before any training. How far the loss falls on wrong labels will depend on the size of the network and the number of
images; this was not varied.
""",
}
