"""torch: the Hessian times directions, by automatic differentiation in several orders, or the formulas by hand into buffers.

Dual tensors by hand (`torch.autograd.forward_ad`) over reverse took as long as `torch.func` where they were tried.
"""

import numpy as np
import torch
from torch.func import grad, grad_and_value, jvp, vmap

import torch_peer
import torch_sparse_peer
from torch_peer import mean_loss, tensors, version  # noqa: F401


def prepare(name, threads):
    torch_peer.prepare(name, threads)
    compiled = lambda f: torch.compile(f, dynamic=False)
    makers = {
        "torch jvp of grad": lambda p: Functional(p, jvp_of_grad),
        "torch grad of jvp": lambda p: Functional(p, grad_of_jvp),
        "torch vmap 4 at once": lambda p: Functional(p, vmap(jvp_of_grad, (None, None, None, 0)), 4),
        "torch compile H v": lambda p: Functional(p, compiled(jvp_of_grad)),
        "torch double backward": Double,
        "torch H v out=": ByHand,
        "torch H v sparse csr": lambda p: Sparse(p, torch.sparse_csr),
        "torch H v sparse coo": lambda p: Sparse(p, torch.sparse_coo),
    }
    return makers[name]


def jvp_of_grad(params, x, labels, direction):
    both = lambda *p: grad_and_value(lambda q: mean_loss(x, labels, *q))(p)
    (_, loss), (product, _) = jvp(both, params, direction)
    return loss, product


def grad_of_jvp(params, x, labels, direction):
    def slope(p):
        loss, slope = jvp(lambda *q: mean_loss(x, labels, *q), p, direction)
        return slope, loss

    product, loss = grad(slope, has_aux=True)(params)
    return loss, product


def directions(problem, count):
    blocks = [torch.from_numpy(block) for block in problem.directions]
    return tuple(block[0] if count == 1 else block for block in blocks)


class Functional:
    def __init__(self, problem, product, count=1):
        self.x, self.labels, *params = tensors(problem)
        self.params, self.directions = tuple(params), directions(problem, count)
        self.product, self.count = product, count
        self.found = None

    def call(self):
        self.found = self.product(self.params, self.x, self.labels, self.directions)

    def answer(self):
        loss, blocks = self.found
        rows = [block.detach().numpy().reshape(self.count, -1) for block in blocks]
        return loss.flatten()[0].item(), [np.concatenate(rows, axis=1)]


class Double:
    """The gradient with its graph, and the gradient of its product with v."""

    def __init__(self, problem):
        self.x, self.labels, *self.params = tensors(problem)
        for param in self.params:
            param.requires_grad_()
        self.direction = directions(problem, 1)
        self.loss = self.product = None

    def call(self):
        loss = mean_loss(self.x, self.labels, *self.params)
        grads = torch.autograd.grad(loss, self.params, create_graph=True)
        self.product = torch.autograd.grad(grads, self.params, self.direction)
        self.loss = loss.detach()

    def answer(self):
        return self.loss.item(), [block.numpy() for block in self.product]


class ByHand(torch_peer.ByHand):
    """Z, A, F, G and the gradient's buffers for what lies along the direction; no gradient is computed."""

    def __init__(self, problem, *layout):
        super().__init__(problem, *layout)
        self.v1, self.c1, self.v2, self.c2 = directions(problem, 1)
        self.a_dot, self.f_dot = torch.empty_like(self.a), torch.empty_like(self.f)
        self.row = torch.empty_like(self.step)

    def times_v1(self):
        torch.addmm(self.c1, self.x, self.v1.t(), out=self.a_dot)

    @torch.inference_mode()
    def call(self):
        kink = torch.ops.aten.threshold_backward.grad_input
        self.times_w1()
        torch.clamp(self.z, min=0, out=self.a)
        torch.addmm(self.b2, self.a, self.w2.t(), out=self.f)
        self.times_v1()
        kink(self.a_dot, self.a, 0, grad_input=self.a_dot)
        torch.addmm(self.c2, self.a, self.v2.t(), out=self.f_dot)
        self.f_dot.addmm_(self.a_dot, self.w2.t())
        torch.log_softmax(self.f, 1, out=self.g)
        self.loss = -self.g.gather(1, self.index).mean()
        # P, then G' = P (F' - P·F') / n in the place of F', then G in the place of P.
        self.g.exp_().mul_(self.weight)
        torch.mul(self.g, self.f_dot, out=self.f)
        torch.sum(self.f, 1, keepdim=True, out=self.row)
        self.f_dot.sub_(self.row, alpha=1 / self.weight).mul_(self.g)
        self.g.scatter_add_(1, self.index, self.step)
        torch.mm(self.f_dot.t(), self.a, out=self.dw2)
        self.dw2.addmm_(self.g.t(), self.a_dot)
        torch.sum(self.f_dot, 0, out=self.db2)
        torch.mm(self.f_dot, self.w2, out=self.d)
        self.d.addmm_(self.g, self.v2)
        kink(self.d, self.a, 0, grad_input=self.d)
        self.weight_gradient()
        torch.sum(self.d, 0, out=self.db1)


class Sparse(ByHand, torch_sparse_peer.Sparse):
    """V1 lies transposed, as W1 does."""

    def __init__(self, problem, layout):
        super().__init__(problem, layout)
        self.v1t = self.v1.t().contiguous()

    def times_v1(self):
        torch.addmm(self.c1, self.sparse, self.v1t, out=self.a_dot)
