"""MNIST and Fashion-MNIST: small bundles that come with labkit, the full sets through keras."""
import hashlib
import io
from pathlib import Path

import numpy as np

from labkit.data import keras_source

Part = tuple[np.ndarray, np.ndarray]

FOLDER = Path(__file__).resolve().parent

# The only copy in code of these checksums. LICENSES.md tells them to readers; a test compares the two.
SHA256 = {
    "mnist-mini.npz": "278d59d34835cf6b0ddee4fbe27a639e81e4e0f545808398a11fe0718ceea073",
    "fashion-mnist-mini.npz": "68bea07a7c679db636814b9c962ca073aa2f103ff609ca9caa621de017de5a9b",
}

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def load_mnist(full: bool = False) -> tuple[Part, Part]:
    """Handwritten digits, 28 by 28 pixels, in ten classes: the digits 0 to 9.

    Like `keras.datasets.mnist.load_data`. The default is a bundle that comes with labkit and needs no network:
    the first 600 training and the first 200 test images of each digit, in the order of the original files. A
    score on its test images is not a score on the official test set. Its ends are not class-balanced, so split
    with `split_per_class` or shuffle first.

    Args:
        full: all 60,000 + 10,000 images, through keras, which downloads them once and keeps them.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, new arrays at each call. Images are uint8 (N, 28, 28), 0 for the
        background and 255 for ink. Labels are uint8 (N,). N is 6,000 and 2,000, or 60,000 and 10,000.

    Raises:
        FileNotFoundError: the bundle is missing, or keras cannot download the full set.
        ValueError: a file is damaged.

    Source: Y. LeCun, C. Cortes. Licence and citation: `LICENSES.md` in this folder.
    """
    return keras_source.load(keras_source.MNIST) if full else _load_mini("mnist-mini.npz")


def load_fashion_mnist(full: bool = False) -> tuple[Part, Part]:
    """Clothing, 28 by 28 pixels, in ten classes: `FASHION_CLASSES[label]` is the name.

    Like `keras.datasets.fashion_mnist.load_data`. The default is a bundle that comes with labkit and needs no
    network: the first 600 training and the first 200 test images of each class, in the order of the original
    files. A score on its test images is not a score on the official test set. Its ends are not class-balanced,
    so split with `split_per_class` or shuffle first.

    Args:
        full: all 60,000 + 10,000 images, through keras, which downloads them once and keeps them.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, new arrays at each call. Images are uint8 (N, 28, 28), 0 for the
        background and 255 for the brightest cloth. Labels are uint8 (N,). N is 6,000 and 2,000, or 60,000 and
        10,000.

    Raises:
        FileNotFoundError: the bundle is missing, or keras cannot download the full set.
        ValueError: a file is damaged.

    Source: H. Xiao, K. Rasul, R. Vollgraf, 2017. Licence and citation: `LICENSES.md` in this folder.
    """
    return keras_source.load(keras_source.FASHION_MNIST) if full else _load_mini("fashion-mnist-mini.npz")


def _load_mini(name: str) -> tuple[Part, Part]:
    path = FOLDER / name
    mend = "Install labkit again, or restore the file from the folder labkit/data of the project."
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"The data file {path} is missing. It comes with labkit. {mend}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise ValueError(
            f"The data file {path} is damaged: it holds {len(content):,} bytes with the sha256 {found}, "
            f"expected is {SHA256[name]}. {mend}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
