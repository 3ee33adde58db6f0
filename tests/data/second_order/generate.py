"""Writes the vectors of this folder: python3 generate.py (mpmath 1.3).

Nothing here knows the derivation: all derivatives are central differences, by steps of 1e-40 in arithmetic of 200
digits, of the loss or the scores as they are defined. What is cut off is below 1e-70.
"""

import json
import os
import random
from itertools import product

from mpmath import mp, mpf

mp.dps = 200
STEP = mpf(10) ** -40


def number(value):
    """25 digits; zero is what differences leave of it."""
    return "0.0" if abs(value) < mpf(10) ** -70 else mp.nstr(value, 25, min_fixed=0, max_fixed=0)


class Net:
    def __init__(self, name, sizes, seed, lead=0.0, targets=False, weights=False, smoothing=0.0,
                 l2=(0.0, 0.0), divisor="mean", excluded=()):
        self.name, (self.m, self.h, self.c, self.n) = name, sizes
        self.smoothing, self.l2, self.divisor = smoothing, l2, divisor
        rng = random.Random(seed)
        grid = lambda count, size: [rng.choice((-1, 1)) * rng.randint(1, size) / 64 for _ in range(count)]
        m, h, c, n = sizes
        while True:
            self.theta = grid(h * m + h, 64) + grid(c * h, 48) + grid(c, 32)
            # All biases but the leader's go down: it leads by about `lead`.
            for j in range(1, c):
                self.theta[h * m + h + c * h + j] -= lead
            self.x = grid(n * m, 96)
            # Away from the kink: its sides have different derivatives.
            if all(abs(z) > 1 / 128 for i in range(n) for z in self.hidden(self.theta, i)):
                break
        self.direction = grid(len(self.theta), 64)
        self.labels = [i % c for i in range(n)]
        self.targets = None
        if targets:
            self.targets = []
            for _ in range(n):
                cuts = sorted(rng.randint(0, 16) for _ in range(c - 1))
                self.targets += [(b - a) / 16 for a, b in zip([0] + cuts, cuts + [16])]
        self.example_weights = [rng.randint(1, 16) / 8 if weights else 1.0 for _ in range(n)]
        for i in excluded:
            self.example_weights[i] = 0.0
        self.class_weights = [rng.randint(1, 16) / 8 if weights else 1.0 for _ in range(c)]

    def blocks(self, theta):
        m, h, c = self.m, self.h, self.c
        ends = [0, h * m, h * m + h, h * m + h + c * h, h * m + h + c * h + c]
        return [theta[a:b] for a, b in zip(ends, ends[1:])]

    def hidden(self, theta, i):
        w1, b1, _, _ = self.blocks(theta)
        x = self.x[i * self.m:][:self.m]
        return [sum(mpf(w) * v for w, v in zip(w1[j * self.m:][:self.m], x)) + b1[j] for j in range(self.h)]

    def scores_of_hidden(self, theta, z):
        _, _, w2, b2 = self.blocks(theta)
        a = [max(v, mpf(0)) for v in z]
        return [sum(mpf(w) * v for w, v in zip(w2[j * self.h:][:self.h], a)) + b2[j] for j in range(self.c)]

    def scores(self, theta, i):
        return self.scores_of_hidden(theta, self.hidden(theta, i))

    def target(self, i):
        if self.targets:
            return self.targets[i * self.c:][:self.c]
        return [1.0 if j == self.labels[i] else 0.0 for j in range(self.c)]

    def loss_of_scores(self, f, i):
        """-sum of the shares times log p, not weighted by v."""
        total = mp.log(sum(mp.exp(v) for v in f))
        share = lambda j, q: mpf(self.class_weights[j]) * ((1 - mpf(self.smoothing)) * q + mpf(self.smoothing) / self.c)
        return sum(share(j, q) * (total - f[j]) for j, q in enumerate(self.target(i)))

    def loss(self, theta, i):
        return self.loss_of_scores(self.scores(theta, i), i)

    def count(self):
        """N."""
        if self.divisor == "sum":
            return mpf(1)
        if self.divisor != "mean":
            return mpf(self.divisor)
        class_weight = lambda i: 1.0 if self.targets else self.class_weights[self.labels[i]]
        return sum(mpf(v) * class_weight(i) for i, v in enumerate(self.example_weights))

    def objective(self, theta):
        w1, _, w2, _ = self.blocks(theta)
        losses = (v * self.loss(theta, i) for i, v in enumerate(self.example_weights) if v)
        squares = sum(mpf(alpha) / 2 * sum(w * w for w in block) for alpha, block in zip(self.l2, (w1, w2)))
        return sum(losses, mpf(0)) / self.count() + squares


def moved(at, *moves):
    """`at` plus the sum of steps along directions: (index, or all of a direction, and the sign)."""
    at = [mpf(v) for v in at]
    for direction, sign in moves:
        if isinstance(direction, int):
            at[direction] += sign * STEP
        else:
            at = [v + sign * STEP * d for v, d in zip(at, direction)]
    return at


def slope(function, at, u):
    return (function(moved(at, (u, 1))) - function(moved(at, (u, -1)))) / (2 * STEP)


def second(function, at, u, v):
    signs = product((1, -1), repeat=2)
    return sum(a * b * function(moved(at, (u, a), (v, b))) for a, b in signs) / (4 * STEP**2)


def results(net):
    theta, v = net.theta, net.direction
    parameters, classes, units = range(len(theta)), range(net.c), range(net.h)
    counted = [i for i in range(net.n) if net.example_weights[i]]
    scale = lambda i: net.example_weights[i] / net.count()
    out = {"loss": [net.objective(theta)]}
    out["grad"] = [slope(net.objective, theta, i) for i in parameters]
    out["hessian_vector"] = [second(net.objective, theta, i, v) for i in parameters]
    out["diagonal"] = [second(net.objective, theta, i, i) for i in parameters]
    for key in ("scores", "score_tangents", "score_grad_tangents", "hidden_diagonals", "traces", "along"):
        out[key] = []
    c, h, m = net.c, net.h, net.m
    score_side, hidden_side = [mpf(0)] * c**2, [mpf(0)] * h**2
    activation_side, input_side = [mpf(0)] * (h + 1)**2, [mpf(0)] * (m + 1)**2
    gauss_newton = [mpf(0)] * len(theta)
    for i in range(net.n):
        f, z = net.scores(theta, i), net.hidden(theta, i)
        by_scores = lambda f: net.loss_of_scores(f, i)
        by_hidden = lambda z: by_scores(net.scores_of_hidden(theta, z))
        def score_slopes(u):
            right, left = (net.scores(moved(theta, (u, sign)), i) for sign in (1, -1))
            return [(r - l) / (2 * STEP) for r, l in zip(right, left)]

        tangent = score_slopes(v)
        out["scores"] += f
        out["score_tangents"] += tangent
        if i not in counted:
            out["score_grad_tangents"] += [mpf(0)] * c
            out["hidden_diagonals"] += [mpf(0)] * h
            out["traces"] += [mpf(0)]
            out["along"] += [mpf(0)] * 3
            continue
        hessian = [[second(by_scores, f, j, k) for k in classes] for j in classes]
        curved = [sum(hessian[j][k] * tangent[k] for k in classes) for j in classes]
        jacobian = [score_slopes(p) for p in parameters]
        gauss_newton = [sum_ + scale(i) * sum(column[j] * curved[j] for j in classes)
                        for sum_, column in zip(gauss_newton, jacobian)]
        out["score_grad_tangents"] += curved
        out["hidden_diagonals"] += [second(by_hidden, z, j, j) for j in units]
        loss = lambda t: net.loss(t, i)
        out["traces"].append(sum(second(loss, theta, p, p) for p in parameters))
        out["along"] += [slope(loss, theta, v), sum(t * p for t, p in zip(tangent, curved)), second(loss, theta, v, v)]
        a, x = [max(v, mpf(0)) for v in z] + [1], net.x[i * m:][:m] + [1]
        score_side = [s + scale(i) * hessian[j][k] for s, (j, k) in zip(score_side, product(classes, repeat=2))]
        hidden_side = [s + scale(i) * second(by_hidden, z, j, k)
                       for s, (j, k) in zip(hidden_side, product(units, repeat=2))]
        activation_side = [s + p * q for s, (p, q) in zip(activation_side, product(a, repeat=2))]
        input_side = [s + mpf(p) * q for s, (p, q) in zip(input_side, product(x, repeat=2))]
    w1, _, w2, _ = net.blocks(list(parameters))
    for alpha, block in zip(net.l2, (w1, w2)):
        for p in block:
            gauss_newton[p] += mpf(alpha) * v[p]
    out["gauss_newton_vector"] = gauss_newton
    out["score_side"], out["hidden_side"] = score_side, hidden_side
    out["activation_side"], out["input_side"] = activation_side, input_side
    return out


NETS = [
    Net("plain", (3, 4, 3, 5), 1),
    Net("plain_larger", (7, 5, 10, 6), 2),
    Net("lead_5", (4, 5, 4, 4), 3, lead=5.0),
    Net("lead_10", (4, 5, 4, 4), 4, lead=10.0),
    Net("lead_14", (7, 5, 10, 4), 5, lead=14.0),
    Net("lead_30", (3, 4, 3, 4), 6, lead=30.0),
    Net("lead_40", (4, 3, 3, 4), 10, lead=40.0),
    Net("weighted", (3, 4, 3, 6), 7, weights=True, smoothing=0.125, l2=(0.25, 0.5), excluded=(2,)),
    Net("soft_targets", (5, 3, 4, 5), 10, targets=True, weights=True, smoothing=0.25, divisor=4.0),
    Net("two_classes_sum", (2, 6, 2, 7), 9, lead=14.0, divisor="sum", l2=(0.0, 0.125), excluded=(0, 6)),
]


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    for net in NETS:
        given = {
            "name": net.name, "inputs": net.m, "hidden": net.h, "classes": net.c, "examples": net.n,
            "theta": net.theta, "x": net.x, "labels": net.labels, "targets": net.targets,
            "example_weights": net.example_weights, "class_weights": net.class_weights,
            "smoothing": net.smoothing, "l2": net.l2, "divisor": net.divisor, "direction": net.direction,
        }
        lines = [f'"{key}":{json.dumps(value, separators=(",", ":"))}' for key, value in given.items()]
        lines += [f'"{key}":[{",".join(map(number, values))}]' for key, values in results(net).items()]
        with open(os.path.join(folder, net.name + ".json"), "w") as file:
            file.write("{" + ",\n".join(lines) + "}\n")
        print(net.name, flush=True)


if __name__ == "__main__":
    main()
