"""Images to learn from, and the few things every experiment does with them first.

`load_mnist` and `load_fashion_mnist` give small bundles that come with labkit: no network, the same
images on every machine. The rest works on any arrays `x` of shape (N, ...) with labels `y` of shape (N,).
Sources and licences of the images: `LICENSES.md` in this folder.
"""
from labkit.data.bundles import FASHION_CLASSES, load_fashion_mnist, load_mnist
from labkit.data.sampling import minibatches, shuffle_together, split_per_class, subsample
from labkit.data.scaling import fit_standardizer, standardize

__all__ = [
    "FASHION_CLASSES",
    "fit_standardizer",
    "load_fashion_mnist",
    "load_mnist",
    "minibatches",
    "shuffle_together",
    "split_per_class",
    "standardize",
    "subsample",
]
