"""Model answers of lab 4: one step a line, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def softmax(logits):
    """Probabilities along the last axis of the logits (K,) or (N, K)."""
    largest = logits.max(axis=-1, keepdims=True)
    powers = np.exp(logits - largest)
    total = powers.sum(axis=-1, keepdims=True)
    return powers / total


def softmax_jacobian(logits):
    """Slopes of softmax at one row of logits (K,); gives (K, K)."""
    powers = np.exp(logits - logits.max())
    s = powers / powers.sum()

    K = len(logits)
    jacobian = np.zeros((K, K), dtype=logits.dtype)
    for i in range(K):
        for j in range(K):
            if i == j:
                jacobian[i, j] = s[i] * (1 - s[i])
            else:
                jacobian[i, j] = -s[i] * s[j]
    return jacobian


def softmax_backward(dout, logits):
    """The gradient of the logits from that of their softmax; all of one shape, (K,) or (N, K)."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    s = powers / powers.sum(axis=-1, keepdims=True)

    weighted_sum = (dout * s).sum(axis=-1, keepdims=True)
    return s * (dout - weighted_sum)


def log_softmax(logits):
    """Log-probabilities along the last axis of the logits (K,) or (N, K)."""
    largest = logits.max(axis=-1, keepdims=True)
    total = np.exp(logits - largest).sum(axis=-1, keepdims=True)
    return logits - largest - np.log(total)


def log_softmax_backward(dout, logits):
    """The gradient of the logits from that of their log-softmax; all of one shape, (K,) or (N, K)."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    s = powers / powers.sum(axis=-1, keepdims=True)

    row_sums = dout.sum(axis=-1, keepdims=True)
    return dout - s * row_sums


def cross_entropy(logits, labels):
    """The mean loss of a batch and its gradient: logits (N, K), labels (N,); gives a number and (N, K)."""
    N = len(labels)
    rows = np.arange(N)
    largest = logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))
    log_p = logits - largest - log_total

    loss = -log_p[rows, labels].mean()

    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    return loss, dlogits / N


def binary_cross_entropy_with_logits(logits, targets):
    """The mean loss of two classes and its gradient: logits and targets (N,); gives a number and (N,)."""
    small = np.exp(-np.abs(logits))
    softplus = np.maximum(logits, 0) + np.log1p(small)
    loss = (softplus - targets * logits).mean()

    sigma = np.where(logits >= 0, 1, small) / (1 + small)
    return loss, (sigma - targets) / len(logits)


def softmax_regression_step(w, b, x, labels, lr):
    """One step downhill: w (K, D), b (K,), x (N, D), labels (N,); gives new w, new b, and the loss before."""
    N = len(x)
    rows = np.arange(N)
    logits = x @ w.T + b

    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[rows, labels].mean()

    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    dlogits /= N

    dw = dlogits.T @ x
    db = dlogits.sum(axis=0)
    return w - lr * dw, b - lr * db, loss


def log_softmax_jacobian(logits):
    """Slopes of log_softmax at one row of logits (K,); gives (K, K)."""
    powers = np.exp(logits - logits.max())
    s = powers / powers.sum()

    K = len(logits)
    jacobian = np.zeros((K, K), dtype=logits.dtype)
    for i in range(K):
        jacobian[i] = -s
        jacobian[i, i] += 1
    return jacobian


ANSWERS = {
    "lab04-prediction-shift": """\
Plus 10: **the same**. Every exponential is multiplied by e¹⁰, above and below the fraction line, and that cancels.

Doubled: **further apart**. Only differences of logits count, and they are now twice as large.

Divided by 4: **closer together**. The differences are a quarter of what they were. So dividing is not a harmless way
to keep the exponentials small.
""",
    "lab04-prediction-sure": """\
The slopes are s_i (1 − s_i) and −s_i s_j. At (0, 0, 0) all probabilities are 1/3, and the slopes are 2/9 and −1/9. At
(8, 0, 0) each slope has a factor that is nearly 0: 1 − s_0 in the first row, s_1 and s_2 in the others. So the first
Jacobian has the larger entries.

A network that is sure and wrong gets hardly any gradient through softmax, although it needs it most.
""",
    "lab04-prediction-gradient": """\
All three. The loss contains s_1 alone, but s_1 contains all three logits: they are in the sum below the fraction line.

The logit of class 1 should go up, so its gradient is negative. The other two should go down, so theirs are positive.
Class 2 has the largest probability, so it should get the larger push of these two.
""",
    "lab04-prediction-keras": """\
1. The right network has a loss of 0, the wrong one of 1000: the difference of the two logits.
2. The right one has 0. The wrong one gives the true class the probability 0, so its loss depends on how keras avoids
   the logarithm of 0. It will be some number between 10 and 20, not 1000.
3. The probabilities are taken for logits. The right network then has the logits 1, 0, 0, 0, 0, and its loss is
   log(e + 4) − 1, about 0.9. The wrong one has 0 at the true class and a 1 elsewhere: log(e + 4), about 1.9.
""",
    "lab04-prediction-digits": """\
Ten equal logits become ten probabilities of 1/10. The loss of every image is −log(1/10) = log 10, about 2.3.

After the training I expect 80 to 90 of 100 test images to be right. Each class can have one weight for each pixel, and
digits of one class lie in roughly the same places. But people write differently, and a weighted sum of pixels cannot
follow that.
""",
    "lab04-prediction-weights": """\
A zero has no ink in the middle, and many other digits have. So the weights of the 0 should be black in the middle,
with something like a white ring around. The 1 should be white along a stroke in the middle and black on both sides of
it.

I expect 4 and 9 to be taken for each other, also 3, 5 and 8, and 2 and 7: they have most of their strokes in common.
""",
    "lab04-prediction-checks": """\
I expect the comparison with torch on a batch to catch the most, because it asks for the values themselves. The first
three and the accuracy ask for something that nearly every half-right loss has.

`softmax_twice`, `summed` and `plain_exponential` pass the numerical gradient: in each, the gradient is the true
gradient of the function's own loss. The check does not ask which loss it is.

Only *large* can catch `plain_exponential`. As long as nothing overflows, its formulas are right.
""",
    "lab04-prediction-floor": """\
Softmax twice, five classes: the second softmax gets 1, 0, 0, 0, 0. The true class gets e / (e + 4), and the loss is
log(e + 4) − 1, about 0.905.

Divided by the largest absolute value, ten classes: softmax gets a 1 and nine times −1. The true class gets
e / (e + 9/e), and the loss is log(e + 9/e) − 1, about 0.797.

The accuracy can be 1 all the same. It asks only which logit is the largest.
""",
    "lab04-writeup": """\
**Objective.** To find out how far a wrong loss can fall on a problem that can be solved without a mistake.

**Hypothesis.** The right cross-entropy goes to 0. With softmax taken twice, or with logits divided by their largest
absolute value, the logits that reach the last softmax are bounded, so the loss stays above a number that can be
computed: log(e + K − 1) − 1 and log(e + (K − 1)/e) − 1.

**Experimental description.** K images, one of each class, with K = 5 and K = 10. The logits themselves were trained,
from normal random numbers, by 1500 steps of gradient descent with a learning rate of 2. Three losses were compared.
Each was given its own true gradient, by automatic differentiation.

**Observation.** All losses fell. The right one ended close to 0. The other two ended slightly above the computed
numbers. The accuracy was 1 in all six runs.

**Inference.** A loss that stands still need not mean that nothing is learned, or that the learning rate is wrong: the
loss itself may have a floor. The accuracy does not show it. The experiment does not say how such a loss does on a hard
problem, where the weakened gradient may cost accuracy, too.
""",
}
