"""Solutions to lab 9. Each stands alone, so that one wrong answer fails in one exercise."""

import numpy as np


class SGD:
    """Gradient descent with momentum, in place: v ← momentum · v + g, then p ← p − lr · v."""

    def __init__(self, model, lr, momentum=0.0):
        self.model = model
        self.lr = lr
        self.momentum = momentum
        self.velocity = {}
        for name, param in model.params.items():
            self.velocity[name] = np.zeros_like(param)

    def step(self):
        """Change each parameter of the model once, by its gradient."""
        for name, param in self.model.params.items():
            v = self.velocity[name]
            v *= self.momentum
            v += self.model.grads[name]
            param -= self.lr * v


def fit(model, loss, optimizer, x, y, epochs, batch_size, rng):
    """Train the model; gives a list with the mean loss over the samples of each epoch."""
    N = len(x)
    history = []
    model.train()
    for _ in range(epochs):
        order = rng.permutation(N)
        total = 0.0
        for start in range(0, N, batch_size):
            chosen = order[start : start + batch_size]
            model.zero_grad()
            logits = model.forward(x[chosen])
            value, dlogits = loss(logits, y[chosen])
            model.backward(dlogits)
            optimizer.step()
            total += value * len(chosen)
        history.append(total / N)
    return history


def kaiming_normal(shape, rng):
    """Random weights of this shape, normal, float64, with variance 2 / fan_in."""
    fan_in = 1
    for size in shape[1:]:
        fan_in *= size
    return np.sqrt(2 / fan_in) * rng.standard_normal(shape)


ANSWERS = {
    "lab09-prediction-rates": """\
The factor of b is below 1 for all four, so only a can spoil it. Its factor is 0.8 at 0.01, 0 at 0.05, −0.8 at 0.09 and
−1.1 at 0.105. For the first three the loss falls.

After some steps only b is left, and it shrinks fastest with the largest of these, so 0.09 gets lowest. At 0.105 a grows
by a tenth in each step and changes its sign: the loss grows without end.
""",
    "lab09-prediction-momentum": """\
With a momentum the steps along the valley add up, so 0.5 should be better than none, and 0.8 better still.

Too much is possible. At 0.99 the velocity hardly gets smaller. The place swings from one side to the other and will not
have come to rest after 60 steps.
""",
    "lab09-prediction-batch": """\
Ten epochs make 10, 100 and 1,000 steps.

I expect the batches of 10 to reach the lowest loss. Their gradients are rough, but they make a hundred times as many
steps with the same work. Ten steps with a learning rate of 0.1 cannot go far.
""",
    "lab09-prediction-first-loss": """\
With normal numbers a logit is a sum of 1,568 products with a spread of about the root of 1,568, that is 40, times the
size of the inputs. The differences between logits are that large, so the loss will be tens or hundreds instead of 1.6.

Uniform numbers between −1 and 1 have a standard deviation of 0.58. That is smaller, and still far too large. The third
kind divides by the root of the number of inputs: the logits stay below 1 or so, and the loss is about log 5 = 1.6.
""",
    "lab09-prediction-depth": """\
Standard deviation 1: each layer multiplies by the root of 200/2, which is 10. After twenty layers that is about 10²⁰.

Standard deviation 0.01: a hundredth of that, so 0.1 for each layer and 10⁻²⁰ at the end. With Kaiming weights the
factor is 1, and the spread stays at 1 to 2.
""",
    "lab09-prediction-three-starts": """\
Only with mine. With a standard deviation of 1 the logits are enormous, the first loss is far above 2.3, and the first
steps are so large that everything breaks.

With 0.01 all logits are nearly 0, so the first loss is 2.3, as it should be. But the gradients vanish on their way back
through five layers of small weights, so I expect hardly any learning.
""",
    "lab09-prediction-scrambled": """\
Right is best, of course. A scrambled gradient still has the right size, so I might expect it to be better than none.
But its directions are as good as random: it changes the first layer in each step, and the last layer has to learn on
features that move under it. A frozen layer at least stays where it is. So: right, frozen, scrambled.

No learning rate can put the entries back into their places.
""",
    "lab09-prediction-overfit": """\
The training loss will go on falling, to nearly 0, and the training accuracy to 1: there are 157,000 weights for 500
images.

The validation loss will fall at first, as long as the network learns what all clothes have in common, and then stop or
rise. The validation accuracy should stop somewhere around 0.8.
""",
    "lab09-prediction-help": """\
Both make it harder to learn by heart, so the training losses should be higher than without.

The validation losses at the end should be lower. For the accuracy I expect a small gain, if any: what is missing is
images.
""",
    "lab09-prediction-adam": """\
SGD with a thousandth of the loss makes steps a thousand times as small, so it will hardly learn in five epochs. SGD with
the usual loss learns.

Adam divides by the root of the mean square of the gradient. A factor of a thousand cancels there, so both runs should
learn equally well.
""",
    "lab09-prediction-clothes": """\
The first loss should be near log 10 = 2.3, perhaps a little more.

I expect 80 to 85 of 100 test images to be right, and the seeds to lie one or two of 100 apart.
""",
    "lab09-writeup": """\
**Objective.** To find out whether a learning rate can make up for a gradient whose entries stand in the wrong places.

**Hypothesis.** It cannot. A scrambled gradient moves the first layer in directions that have nothing to do with the
loss, so the network should do worse than with a first layer that does not move at all.

**Experimental description.** 1,000 digits for training and 1,000 for validation, standardised. A network 784 – 32 – 10 with
ReLU. SGD with momentum 0.9, batches of 20, five epochs, the same seed for all. The gradient of the first layer's weights
was left as it is, set to 0, or brought into another order, always the same. Learning rates 0.003, 0.01, 0.03 and 0.1.

**Observation.** With the right gradient the validation accuracy was highest, at 0.01. With the frozen layer it grew with the
learning rate. With the scrambled gradient it was highest at 0.01, too, fell on both sides, and stayed below the best of
the frozen layer.

**Inference.** A best learning rate can be found for a wrong gradient as well, so finding one proves nothing. Comparing
with a frozen layer shows that the gradient does harm. The experiment used one network, one seed and one scrambling;
another bug may do less harm, or more.
""",
}
