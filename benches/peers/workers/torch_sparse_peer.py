"""torch by hand with the inputs as a sparse tensor, coordinates or compressed rows, of X and of its transpose."""

import torch

import torch_peer
from torch_peer import version  # noqa: F401


def prepare(name, threads):
    torch_peer.prepare(name, threads)
    layout = torch.sparse_csr if name == "torch sparse csr" else torch.sparse_coo
    return lambda problem: Sparse(problem, layout)


class Sparse(torch_peer.ByHand):
    """W1 and its gradient lie as the sparse products want and make them: transposed."""

    def __init__(self, problem, layout):
        super().__init__(problem)
        self.sparse = self.x.to_sparse(layout=layout)
        self.sparse_t = self.x.t().contiguous().to_sparse(layout=layout)
        self.w1t = self.w1.t().contiguous()
        self.dw1t = torch.empty_like(self.w1t)
        self.dw1 = self.dw1t.t()

    def times_w1(self):
        torch.addmm(self.b1, self.sparse, self.w1t, out=self.z)

    def weight_gradient(self):
        torch.mm(self.sparse_t, self.d, out=self.dw1t)
