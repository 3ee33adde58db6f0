"""Serves one Python peer to the harness, line by line: the commands are listed in src/worker.rs."""

import importlib
import os
import re
import sys
import time

try:
    import numpy as np
except ImportError:
    # Said where the harness hears it, in `start`.
    np = None


class Problem:
    """X, W1, b1, W2, b2, the labels and, for products with the Hessian, directions, as little-endian bytes one after the
    other in a file. `directions` is a list of four arrays like W1, b1, W2, b2 with the direction as one more, first axis."""

    def __init__(self, path, dtype, m, h, c, n):
        self.m, self.h, self.c, self.n = m, h, c, n
        self.dtype = np.dtype({"f32": "<f4", "f64": "<f8"}[dtype])
        with open(path, "rb") as file:
            read = lambda *shape: np.fromfile(file, self.dtype, int(np.prod(shape))).reshape(shape)
            self.x = read(n, m)
            self.w1, self.b1, self.w2, self.b2 = read(h, m), read(h), read(c, h), read(c)
            self.labels = np.fromfile(file, "<i8", n)
            flat = np.fromfile(file, self.dtype).reshape(-1, h * m + h + c * h + c)
        blocks = np.split(flat, np.cumsum([h * m, h, c * h]), axis=1)
        shapes = [(h, m), (h,), (c, h), (c,)]
        self.directions = [np.ascontiguousarray(b).reshape(-1, *s) for b, s in zip(blocks, shapes)]


def time_calls(peer, calls):
    call = peer.call
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return repr(time.perf_counter() - start)


def write_answer(peer, path):
    """The loss and the gradient of one call, or in its place products one after the other, all as f64."""
    peer.call()
    loss, grads = peer.answer()
    parts = [np.asarray(part, dtype="<f8").ravel() for part in (loss, *grads)]
    np.concatenate(parts).tofile(path)
    return ""


def memory():
    with open("/proc/self/status") as file:
        status = file.read()
    fields = (re.search(rf"^{name}:\s+(\d+)", status, re.M) for name in ("VmRSS", "VmHWM"))
    return " ".join(str(1024 * int(field.group(1))) for field in fields)


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return ""


class Server:
    def __init__(self, build):
        self.build, self.peer = build, None

    def load(self, rest):
        path, dtype, shape = rest.rsplit(" ", 2)
        self.peer = None
        self.peer = self.build(Problem(path, dtype, *map(int, shape.split(","))))
        return ""

    def obey(self, line):
        command, _, rest = line.partition(" ")
        if command == "load":
            return self.load(rest)
        if command == "memory":
            return memory()
        if command == "reset":
            return reset_peak()
        if command == "time":
            return time_calls(self.peer, int(rest))
        if command == "answer":
            return write_answer(self.peer, rest)
        raise ValueError("no such command")


def main():
    # Libraries may print: only answers go to the harness.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(work):
        try:
            line = f"ok {work()}"
        except ImportError as error:
            line = f"error not installed: {error}"
        except Exception as error:
            line = f"error {type(error).__name__}: {error}"
        print(" ".join(line.split()) if line.startswith("error") else line, file=out, flush=True)

    script, name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    server = Server(None)

    def start():
        module = importlib.import_module(script)
        importlib.import_module("numpy")
        server.build = module.prepare(name, threads)
        return module.version()

    say(start)
    for line in sys.stdin:
        say(lambda: server.obey(line.rstrip("\n")))


main()
