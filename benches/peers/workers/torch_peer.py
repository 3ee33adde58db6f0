"""torch: automatic differentiation (eager or compiled), or the formulas by hand into buffers."""

import torch


def version():
    mkl = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    return f"torch {torch.__version__} ({mkl}, {torch.backends.cpu.get_cpu_capability()})"


def prepare(name, threads):
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    if name == "torch out=":
        return ByHand
    # A loop over calls of another shape would otherwise make a slower, shape-independent version.
    wrap = (lambda f: torch.compile(f, dynamic=False)) if name == "torch compile" else (lambda f: f)
    return lambda problem: Autograd(problem, wrap)


def tensors(problem):
    p = problem
    return [torch.from_numpy(part) for part in (p.x, p.labels, p.w1, p.b1, p.w2, p.b2)]


def mean_loss(x, labels, w1, b1, w2, b2):
    a = torch.nn.functional.linear(x, w1, b1).relu()
    return torch.nn.functional.cross_entropy(torch.nn.functional.linear(a, w2, b2), labels)


class Autograd:
    def __init__(self, problem, wrap):
        self.x, self.labels, *self.params = tensors(problem)
        for param in self.params:
            param.requires_grad_()
        self.forward = wrap(mean_loss)
        self.loss = self.grads = None

    def call(self):
        self.loss = self.forward(self.x, self.labels, *self.params)
        self.grads = torch.autograd.grad(self.loss, self.params)

    def answer(self):
        return self.loss.item(), [grad.numpy() for grad in self.grads]


class ByHand:
    def __init__(self, problem):
        p = problem
        self.x, self.labels, self.w1, self.b1, self.w2, self.b2 = tensors(p)
        new = lambda *shape: torch.empty(shape, dtype=self.x.dtype)
        self.z, self.a, self.d = new(p.n, p.h), new(p.n, p.h), new(p.n, p.h)
        self.f, self.g = new(p.n, p.c), new(p.n, p.c)
        self.dw1, self.db1, self.dw2, self.db2 = new(p.h, p.m), new(p.h), new(p.c, p.h), new(p.c)
        self.index = self.labels[:, None]
        self.step = torch.full((p.n, 1), -1 / p.n, dtype=self.x.dtype)
        self.weight = 1 / p.n
        self.loss = None

    def times_w1(self):
        torch.addmm(self.b1, self.x, self.w1.t(), out=self.z)

    def weight_gradient(self):
        torch.mm(self.d.t(), self.x, out=self.dw1)

    @torch.inference_mode()
    def call(self):
        self.times_w1()
        torch.clamp(self.z, min=0, out=self.a)
        torch.addmm(self.b2, self.a, self.w2.t(), out=self.f)
        torch.log_softmax(self.f, 1, out=self.g)
        self.loss = -self.g.gather(1, self.index).mean()
        self.g.exp_().mul_(self.weight).scatter_add_(1, self.index, self.step)
        torch.mm(self.g.t(), self.a, out=self.dw2)
        torch.sum(self.g, 0, out=self.db2)
        torch.mm(self.g, self.w2, out=self.d)
        # The derivative of relu in one pass: 0 where the activation is.
        torch.ops.aten.threshold_backward.grad_input(self.d, self.a, 0, grad_input=self.d)
        self.weight_gradient()
        torch.sum(self.d, 0, out=self.db1)

    def answer(self):
        return self.loss.item(), [grad.numpy() for grad in (self.dw1, self.db1, self.dw2, self.db2)]
