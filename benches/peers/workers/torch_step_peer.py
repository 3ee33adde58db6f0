"""torch: steps on sparse rows, by hand with sparse tensors, by automatic differentiation, and with an embedding bag, whose
gradient has the inputs of the batch only."""

import torch

import torch_peer
import torch_sparse_peer
from steps import RATE
from torch_peer import tensors, version  # noqa: F401


def prepare(name, threads):
    torch_peer.prepare(name, threads)
    kinds = {
        "torch step csr": lambda problem: CsrStep(problem, torch.sparse_csr),
        "torch step dense": DenseStep,
        "torch step autograd csr": AutogradStep,
        "torch step embedding bag": EmbeddingBag,
    }
    return kinds[name]


class CsrStep(torch_sparse_peer.Sparse):
    @torch.inference_mode()
    def call(self):
        super().call()
        thetas = (self.w1t, self.b1, self.w2, self.b2)
        torch._foreach_add_(thetas, (self.dw1t, self.db1, self.dw2, self.db2), alpha=-RATE)


class DenseStep(torch_peer.ByHand):
    @torch.inference_mode()
    def call(self):
        super().call()
        thetas = (self.w1, self.b1, self.w2, self.b2)
        torch._foreach_add_(thetas, (self.dw1, self.db1, self.dw2, self.db2), alpha=-RATE)


class Learned:
    """W1 transposed, and torch's own optimizer; what takes the place of X W1' + b1 is `hidden`."""

    def __init__(self, problem):
        x, self.labels, w1, b1, w2, b2 = tensors(problem)
        self.params = [part.clone().requires_grad_() for part in (w1.t().contiguous(), b1, w2, b2)]
        self.optimizer = torch.optim.SGD(self.params, lr=RATE)
        self.sparse = x.to_sparse_csr()
        self.indices, self.offsets = self.sparse.col_indices().long(), self.sparse.crow_indices()[:-1].long()
        self.values = self.sparse.values()
        self.loss = None

    def call(self):
        w1t, b1, w2, b2 = self.params
        self.optimizer.zero_grad(set_to_none=True)
        scores = torch.nn.functional.linear((self.hidden(w1t) + b1).relu(), w2, b2)
        self.loss = torch.nn.functional.cross_entropy(scores, self.labels)
        self.loss.backward()
        self.optimizer.step()

    def answer(self):
        dw1t, *rest = (param.grad for param in self.params)
        dw1t = dw1t.to_dense() if dw1t.layout != torch.strided else dw1t
        return self.loss.item(), [dw1t.t().numpy(), *(grad.numpy() for grad in rest)]


class AutogradStep(Learned):
    def hidden(self, w1t):
        return torch.sparse.mm(self.sparse, w1t)


class EmbeddingBag(Learned):
    def hidden(self, w1t):
        return torch.nn.functional.embedding_bag(
            self.indices, w1t, self.offsets, mode="sum", sparse=True, per_sample_weights=self.values
        )
