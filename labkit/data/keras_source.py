"""The full data sets, through `keras.datasets`. keras is imported only when they are asked for."""
import gzip
import http.client
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Source:
    """What keras downloads for one data set, and where in its folder it keeps it."""

    title: str
    module: str  # in keras.datasets
    loader: str  # of labkit.data
    folder: str  # in the home folder of keras
    files: tuple[str, ...]
    checksum: str  # what keras does about it, for the message


MNIST = Source(
    title="MNIST",
    module="mnist",
    loader="load_mnist",
    folder="datasets",
    files=("mnist.npz",),
    checksum="keras accepts only the original mnist.npz: it deletes a file of that name with another checksum.",
)
FASHION_MNIST = Source(
    title="Fashion-MNIST",
    module="fashion_mnist",
    loader="load_fashion_mnist",
    folder="datasets/fashion-mnist",
    files=(
        "train-labels-idx1-ubyte.gz",
        "train-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
    ),
    checksum="keras deletes files whose checksum is not the one it knows; for these four it asks for none.",
)


def load(source: Source) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """`(x_train, y_train), (x_test, y_test)`, writable uint8 arrays, of a full data set.

    Raises:
        FileNotFoundError: keras has no copy and cannot download one.
        ValueError: a file that keras has or has just downloaded is damaged.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")  # keras reads it when it is imported
    from keras import datasets

    try:
        train, test = getattr(datasets, source.module).load_data()
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise _not_downloaded(source, error) from error
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(source, error) from error
    except Exception as error:
        # keras raises Exception itself, no subclass of it, when a download fails. All else goes through.
        if type(error) is not Exception or not str(error).startswith("URL fetch failure"):
            raise
        raise _not_downloaded(source, error) from error
    return _writable(train), _writable(test)


def _writable(part: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """keras gives views of read-only bytes for Fashion-MNIST."""
    x, y = (array if array.flags.writeable else array.copy() for array in part)
    return x, y


def _not_downloaded(source: Source, error: Exception) -> FileNotFoundError:
    return FileNotFoundError(
        f"The full {source.title} data is not on this machine and could not be downloaded: there is no network, "
        f"or the source does not answer. keras says: {error}. {_whereabouts(source)} {source.checksum} "
        f"To go on: call {source.loader}() without full=True, which needs no network; "
        f"or try again with a network; or put a copy of the original into that folder."
    )


def _damaged(source: Source, error: Exception) -> ValueError:
    return ValueError(
        f"The full {source.title} data could not be read, a file seems damaged: {error}. {_whereabouts(source)} "
        f"To go on: delete the damaged file there and try again with a network; "
        f"or call {source.loader}() without full=True, which needs no network."
    )


def _whereabouts(source: Source) -> str:
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    elsewhere = ""
    if not os.access(home, os.W_OK):
        elsewhere = f" (that cannot be written, so it uses {Path('.keras') / source.folder} among the temporary files)"
    return f"keras looks in the folder {home / source.folder}{elsewhere} for {', '.join(source.files)}."
