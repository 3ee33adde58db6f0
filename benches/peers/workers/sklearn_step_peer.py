"""scikit-learn's MLPClassifier.partial_fit: one step of plain gradient descent, on compressed sparse rows or on all of X."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.neural_network import MLPClassifier

from sklearn_peer import version  # noqa: F401
from steps import RATE


def prepare(name, _threads):
    return lambda problem: PartialFit(problem, name.endswith("csr"))


class PartialFit:
    def __init__(self, problem, sparse):
        p = problem
        self.x = csr_matrix(p.x) if sparse else p.x
        self.labels = p.labels
        self.net = MLPClassifier(
            (p.h,), activation="relu", solver="sgd", alpha=0.0, batch_size=p.n, learning_rate_init=RATE, momentum=0.0,
            nesterovs_momentum=False, shuffle=False,
        )
        # The first call makes weights of its own, which those of the problem take the place of.
        self.net.partial_fit(self.x, self.labels, classes=np.arange(p.c))
        layers = zip(self.net.coefs_ + self.net.intercepts_, (p.w1.T, p.w2.T, p.b1, p.b2))
        for theirs, ours in layers:
            assert theirs.dtype == p.dtype
            theirs[...] = ours
        self.net._optimizer.update_params = self.keep(self.net._optimizer.update_params)
        self.grads = None

    def keep(self, update):
        """The gradient of each step is kept as it is, without a copy."""

        def update_params(params, grads):
            self.grads = grads
            update(params, grads)

        return update_params

    def call(self):
        self.net.partial_fit(self.x, self.labels)

    def answer(self):
        dw1, dw2, db1, db2 = self.grads
        return self.net.loss_, (dw1.T, db1, dw2.T, db2)
