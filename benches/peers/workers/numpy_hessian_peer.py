"""The Hessian times a direction with numpy: every product and every loop into buffers that are used again."""

import numpy as np
import numpy_peer
from numpy_peer import version  # noqa: F401


def prepare(_name, _threads):
    return ByHand


class ByHand(numpy_peer.ByHand):
    def __init__(self, problem):
        super().__init__(problem)
        self.v1, self.c1, self.v2, self.c2 = (block[0] for block in problem.directions)
        new = np.empty_like
        self.a_dot, self.f_dot, self.f2, self.d2, self.dw2_2 = (
            new(like) for like in (self.a, self.f, self.f, self.d, self.dw2)
        )

    def forward(self):
        super().forward()
        p, a_dot, f_dot = self.p, self.a_dot, self.f_dot
        np.matmul(p.x, self.v1.T, out=a_dot)
        a_dot += self.c1
        a_dot *= self.positive
        np.matmul(a_dot, p.w2.T, out=f_dot)
        np.matmul(self.a, self.v2.T, out=self.f2)
        f_dot += self.f2
        f_dot += self.c2

    def softmax(self):
        super().softmax()
        # G is P / n but for 1 / n at the label: G' = P (F' - P·F') / n.
        p, f_dot, probs = self.p, self.f_dot, self.f2
        np.copyto(probs, self.f)
        probs[self.examples, p.labels] += p.dtype.type(1 / p.n)
        np.einsum("ic,ic->i", probs, f_dot, out=self.row[:, 0])
        self.row *= p.n
        f_dot -= self.row
        f_dot *= probs

    def backward(self):
        p, g, g_dot, d = self.p, self.f, self.f_dot, self.d
        np.matmul(g_dot.T, self.a, out=self.dw2)
        np.matmul(g.T, self.a_dot, out=self.dw2_2)
        self.dw2 += self.dw2_2
        np.matmul(self.ones, g_dot, out=self.db2)
        np.matmul(g_dot, p.w2, out=d)
        np.matmul(g, self.v2, out=self.d2)
        d += self.d2
        d *= self.positive
        np.matmul(self.ones, d, out=self.db1)
        self.weight_gradient()
