"""Losses: one number for a batch, the mean over its samples, and its gradient with the 1/N in it.

`loss(logits, labels)` gives `(loss, dlogits)`, as `fit` and the labs use it. `loss.forward(logits, labels)`
and `loss.backward()` give them one at a time, like the layers.
"""

import numpy as np

from labkit.layers.activation import log_softmax


class Loss:
    """What both losses share: the call, the order of forward and backward, and the checks of logits."""

    _dlogits = None

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """(loss, dlogits)."""
        return self.forward(logits, labels), self.backward()

    def forward(self, logits: np.ndarray, labels: np.ndarray) -> float:
        """The mean loss over the samples. `backward` may follow once."""
        self._dlogits = None
        name = type(self).__name__
        if not isinstance(logits, np.ndarray) or logits.dtype not in (np.float32, np.float64):
            what = getattr(logits, "dtype", type(logits).__name__)
            raise ValueError(f"{name}: logits are {what}, expected a float32 or float64 array.")
        if logits.size == 0:
            raise ValueError(f"{name}: logits have shape {logits.shape}: there is no sample to take a mean over.")
        loss, self._dlogits = self._loss(logits, np.asarray(labels))
        return loss

    def backward(self) -> np.ndarray:
        """dL/dlogits, of the logits' shape and dtype. Raises RuntimeError unless forward was called just before."""
        if self._dlogits is None:
            raise RuntimeError(f"{self!r}: backward was called before forward, or twice. Call forward(logits, labels).")
        dlogits, self._dlogits = self._dlogits, None
        return dlogits

    def _loss(self, logits, labels):
        raise NotImplementedError(f"{type(self).__name__} has no _loss")

    def __repr__(self):
        return f"{type(self).__name__}()"


class CrossEntropyLoss(Loss):
    """−mean log softmax(logits)[n, labels[n]], like `torch.nn.CrossEntropyLoss`.

    logits (N, K), labels (N,) of any integer dtype in 0 … K−1; dlogits = (softmax − one-hot) / N.
    Raises ValueError for other shapes and for labels out of range.
    """

    def _loss(self, logits, labels):
        if logits.ndim != 2:
            raise ValueError(f"CrossEntropyLoss: logits have shape {logits.shape}, expected (N, K).")
        n, k = logits.shape
        if labels.shape != (n,):
            raise ValueError(f"CrossEntropyLoss: labels have shape {labels.shape}, expected ({n},) as the logits.")
        if labels.dtype.kind not in "iu":
            raise ValueError(f"CrossEntropyLoss: labels are {labels.dtype}, expected whole numbers 0 … {k - 1}.")
        if labels.min() < 0 or labels.max() >= k:
            raise ValueError(
                f"CrossEntropyLoss: labels run from {labels.min()} to {labels.max()}, expected 0 … {k - 1} "
                f"for {k} logits."
            )
        true = np.arange(n), labels.astype(np.intp)
        log_probability = log_softmax(logits)
        loss = float(-log_probability[true].mean())
        dlogits = np.exp(log_probability, out=log_probability)
        dlogits[true] -= 1
        dlogits /= n
        return loss, dlogits


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of σ(logits), the mean over all numbers, like `torch.nn.BCEWithLogitsLoss`.

    logits of any shape, targets of the same shape, from 0 to 1, whole numbers or the logits' dtype;
    loss = mean(max(z, 0) − z·t + log(1 + e^−|z|)), which never overflows; dlogits = (σ(z) − t) / count.
    Raises ValueError for other shapes, dtypes and targets outside 0 … 1.
    """

    def _loss(self, logits, labels):
        if labels.shape != logits.shape:
            raise ValueError(
                f"BCEWithLogitsLoss: targets have shape {labels.shape}, expected {logits.shape} as the logits."
            )
        if labels.dtype.kind not in "iub" and labels.dtype != logits.dtype:
            raise ValueError(
                f"BCEWithLogitsLoss: targets are {labels.dtype}, "
                f"expected whole numbers or {logits.dtype} as the logits."
            )
        if not (labels.min() >= 0 and labels.max() <= 1):
            raise ValueError(
                f"BCEWithLogitsLoss: targets run from {labels.min()} to {labels.max()}, expected 0 … 1."
            )
        targets = labels.astype(logits.dtype)
        small = np.exp(-np.abs(logits))
        losses = np.maximum(logits, 0) - logits * targets + np.log1p(small)
        sigmoid = np.where(logits < 0, small, logits.dtype.type(1)) / (1 + small)
        return float(losses.mean()), (sigmoid - targets) / logits.size
