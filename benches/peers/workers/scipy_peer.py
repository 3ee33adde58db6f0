"""numpy with the inputs as a sparse matrix of scipy, compressed rows of X and of its transpose."""

import numpy as np
import scipy
from scipy.sparse import csr_array

import numpy_peer


def version():
    return f"scipy {scipy.__version__}, {numpy_peer.version()}"


def prepare(_name, _threads):
    return Sparse


class Sparse(numpy_peer.ByHand):
    """W1 and its gradient lie as the sparse products want and make them: transposed."""

    def __init__(self, problem):
        super().__init__(problem)
        self.x, self.xt = csr_array(problem.x), csr_array(problem.x.T)
        self.w1t = np.ascontiguousarray(problem.w1.T)

    def times_w1(self):
        self.a = self.x @ self.w1t

    def weight_gradient(self):
        self.dw1 = (self.xt @ self.d).T
