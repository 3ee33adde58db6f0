"""jax: the Hessian times directions, compiled, all inputs on the device.

Forward over reverse (`jvp of grad`), reverse over forward (`grad of jvp`), and forward over reverse for all directions
at once. `jax.linearize` in place of `jvp`, and reverse over reverse, took as long or longer where they were tried.
"""

import jax
import numpy as np
from jax_peer import mean_loss, version  # noqa: F401


def prepare(name, _threads):
    if name == "jax grad of jvp":
        return lambda problem: Products(problem, grad_of_jvp, 1)
    if name == "jax vmap 4 at once":
        return lambda problem: Products(problem, jax.vmap(jvp_of_grad, (None, None, None, 0), (None, 0)), 4)
    return lambda problem: Products(problem, jvp_of_grad, 1)


def jvp_of_grad(params, x, labels, direction):
    both = lambda p: jax.value_and_grad(mean_loss)(p, x, labels)
    (loss, _), (_, product) = jax.jvp(both, (params,), (direction,))
    return loss, product


def grad_of_jvp(params, x, labels, direction):
    def slope(p):
        loss, slope = jax.jvp(lambda q: mean_loss(q, x, labels), (p,), (direction,))
        return slope, loss

    product, loss = jax.grad(slope, has_aux=True)(params)
    return loss, product


class Products:
    def __init__(self, problem, product, count):
        p = problem
        self.params = jax.device_put([p.w1, p.b1, p.w2, p.b2])
        self.x, self.labels = jax.device_put(p.x), jax.device_put(p.labels)
        self.count = count
        self.directions = jax.device_put([block[0] if count == 1 else block for block in p.directions])
        self.product = jax.jit(product)
        self.found = None

    def call(self):
        self.found = jax.block_until_ready(self.product(self.params, self.x, self.labels, self.directions))

    def answer(self):
        loss, blocks = self.found
        rows = [np.asarray(block).reshape(self.count, -1) for block in blocks]
        return loss, [np.concatenate(rows, axis=1)]
