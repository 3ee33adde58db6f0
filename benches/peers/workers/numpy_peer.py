"""The formulas by hand with numpy: every product and every loop into buffers that are used again."""

import numpy as np


def blas():
    """The library behind numpy's products and the kernels that it chose for this processor."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        config = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{config['name']} {config['version']}"
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return ", ".join(f"{p['internal_api']} {p['version']} {p.get('architecture', '')}".strip() for p in found)


def version():
    return f"numpy {np.__version__} ({blas()})"


def prepare(_name, _threads):
    return ByHand


class ByHand:
    def __init__(self, problem):
        p = problem
        self.p = p
        new = lambda *shape: np.empty(shape, p.dtype)
        self.a, self.positive, self.f, self.d = new(p.n, p.h), np.empty((p.n, p.h), bool), new(p.n, p.c), new(p.n, p.h)
        self.row, self.sums = new(p.n, 1), new(p.n, 1)
        self.dw1, self.db1, self.dw2, self.db2 = new(p.h, p.m), new(p.h), new(p.c, p.h), new(p.c)
        self.examples = np.arange(p.n)
        self.ones = np.ones(p.n, p.dtype)
        self.loss = None

    def call(self):
        self.forward()
        self.softmax()
        self.backward()

    def times_w1(self):
        np.matmul(self.p.x, self.p.w1.T, out=self.a)

    def forward(self):
        self.times_w1()
        p, a = self.p, self.a
        a += p.b1
        np.greater(a, 0, out=self.positive)
        np.maximum(a, 0, out=a)
        np.matmul(a, p.w2.T, out=self.f)
        self.f += p.b2

    def softmax(self):
        p, f = self.p, self.f
        f -= np.max(f, axis=1, keepdims=True, out=self.row)
        right = f[self.examples, p.labels]
        np.exp(f, out=f)
        np.sum(f, axis=1, keepdims=True, out=self.sums)
        self.loss = (np.log(self.sums[:, 0]) - right).mean()
        self.sums *= p.n
        f /= self.sums
        f[self.examples, p.labels] -= p.dtype.type(1 / p.n)

    def backward(self):
        p, g, d = self.p, self.f, self.d
        np.matmul(g.T, self.a, out=self.dw2)
        # A product with ones is the faster sum of rows.
        np.matmul(self.ones, g, out=self.db2)
        np.matmul(g, p.w2, out=d)
        d *= self.positive
        np.matmul(self.ones, d, out=self.db1)
        self.weight_gradient()

    def weight_gradient(self):
        np.matmul(self.d.T, self.p.x, out=self.dw1)

    def answer(self):
        return self.loss, (self.dw1, self.db1, self.dw2, self.db2)
