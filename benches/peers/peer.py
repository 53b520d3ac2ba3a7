#!/usr/bin/env python3
"""One peer as a process of its own, started by compare.py: it prepares, then does its work once for each line of its
standard input.

A line is JSON with a seed, a number of threads, perhaps a smaller number of rows, and perhaps a path; the answer is
a line of JSON with the seconds, after the parameters were written to the path. What is timed is what `train_seconds`
of `rbm train` counts: shuffling, batches and updates, not loading, initialisation or evaluation. Every peer computes
in f32, into memory that is there already wherever its library can, and does the update of its algorithm alone: no
momentum, no decay, no evaluation.
"""

import json
import os
import sys
import time


class Torch:
    """A good PyTorch user's step: no autograd, preallocated tensors, both phases' outer products in one."""

    def __init__(self, job, rows, np):
        import torch

        torch.set_grad_enabled(False)
        self.torch, self.job = torch, job
        self.rows = torch.from_numpy(rows)
        batch, visible, hidden = job["batch"], rows.shape[1], job["hidden"]
        self.weights = torch.empty(visible, hidden)
        self.visible_bias, self.hidden_bias = torch.empty(visible), torch.empty(hidden)
        # The positive phase above, the negative one below.
        self.v, self.h = torch.empty(2 * batch, visible), torch.empty(2 * batch, hidden)
        self.v0, self.v1 = self.v[:batch], self.v[batch:]
        self.h0, self.h1 = self.h[:batch], self.h[batch:]
        self.p, self.u = torch.empty(batch, visible), torch.empty(batch, visible)
        self.s, self.w = torch.empty(batch, hidden), torch.empty(batch, hidden)
        self.chains = torch.empty(batch, visible)
        self.dv, self.dh = torch.empty(visible), torch.empty(hidden)
        self.sample = self.fastest_sampler()
        self.step = self.compiled() if job.get("compile") else self.eager_step

    def by_uniforms(self, p, u, out):
        u.uniform_()
        self.torch.lt(u, p, out=out)

    def by_bernoulli(self, p, u, out):
        self.torch.bernoulli(p, out=out)

    def fastest_sampler(self):
        """Both ways of drawing states, timed: which one is faster depends on the build."""

        def seconds(sampler):
            self.p.fill_(0.5)
            sampler(self.p, self.u, self.chains)
            begun = time.perf_counter()
            for _ in range(20):
                sampler(self.p, self.u, self.chains)
            return time.perf_counter() - begun

        return min((self.by_uniforms, self.by_bernoulli), key=seconds)

    def compiled(self):
        """The step through torch.compile, once to compile it."""
        step = self.torch.compile(self.eager_step)
        self.start(0)
        step(self.torch.arange(self.job["batch"]))
        return step

    def start(self, seed):
        torch, job = self.torch, self.job
        torch.manual_seed(seed)
        self.weights.normal_(0.0, job["init_std"])
        self.visible_bias.copy_(torch.tensor(job["visible_bias"]))
        self.hidden_bias.zero_()
        self.chains.bernoulli_(0.5)

    def hidden_of(self, v, out):
        self.torch.addmm(self.hidden_bias, v, self.weights, out=out)
        out.sigmoid_()

    def visible_of(self, h):
        self.torch.addmm(self.visible_bias, h, self.weights.t(), out=self.p)
        self.p.sigmoid_()

    def eager_step(self, index):
        torch, job = self.torch, self.job
        torch.index_select(self.rows, 0, index, out=self.v0)
        self.hidden_of(self.v0, self.h0)
        if job["algorithm"] == "cd":
            self.sample(self.h0, self.w, self.s)
        for step in range(job["k"]):
            if job["algorithm"] == "pcd" or step > 0:
                self.hidden_of(self.chains if step == 0 else self.v1, self.h1)
                self.sample(self.h1, self.w, self.s)
            self.visible_of(self.s)
            self.sample(self.p, self.u, self.v1)
        if job["algorithm"] == "pcd":
            self.chains.copy_(self.v1)
        self.hidden_of(self.v1, self.h1)
        rate = job["rate"] / job["batch"]
        torch.sub(self.v0, self.v1, out=self.p)
        torch.sum(self.p, 0, out=self.dv)
        self.h1.neg_()
        torch.sum(self.h, 0, out=self.dh)
        self.weights.addmm_(self.v.t(), self.h, alpha=rate)
        self.visible_bias.add_(self.dv, alpha=rate)
        self.hidden_bias.add_(self.dh, alpha=rate)

    def run(self, seed, count):
        batch = self.job["batch"]
        self.start(seed)
        begun = time.perf_counter()
        order = self.torch.randperm(count)
        for first in range(0, count - batch + 1, batch):
            self.step(order[first : first + batch])
        return time.perf_counter() - begun

    def parameters(self):
        return self.weights.numpy().T, self.visible_bias.numpy(), self.hidden_bias.numpy()

    def note(self):
        return f"states by {self.sample.__name__}"


class Rbms:
    """The update of the package `rbms`, as its own `train` calls it, without its files and its progress bar.

    It is not centred, and its gradient not divided by its norm, so that the update is the one of the others.
    """

    def __init__(self, job, rows, np):
        import torch
        from rbms.bernoulli_bernoulli.classes import BBRBM
        from rbms.training.pcd import fit_batch_pcd

        class Plain(BBRBM):
            def normalize_grad(self):
                pass

        torch.set_grad_enabled(False)
        self.torch, self.job, self.machine, self.fit = torch, job, Plain, fit_batch_pcd
        self.rows, self.ones = torch.from_numpy(rows), torch.ones(len(rows))

    def run(self, seed, count):
        torch, job = self.torch, self.job
        torch.manual_seed(seed)
        batch, visible = job["batch"], self.rows.shape[1]
        weights = torch.randn(visible, job["hidden"]) * job["init_std"]
        params = self.machine(weights, torch.tensor(job["visible_bias"]), torch.zeros(job["hidden"]))
        params.init_grad()
        optimiser = torch.optim.SGD(params.parameters(), lr=job["rate"], maximize=True)
        chains = params.init_chains(batch)
        begun = time.perf_counter()
        order = torch.randperm(count)
        for first in range(0, count - batch + 1, batch):
            index = order[first : first + batch]
            rows = (self.rows[index], self.ones[index])
            if job["algorithm"] == "cd":
                chains = params.init_chains(batch, weights=rows[1], start_v=rows[0])
            optimiser.zero_grad(set_to_none=False)
            chains, _ = self.fit(rows, chains, params, job["k"], beta=1.0, centered=False)
            optimiser.step()
        seconds = time.perf_counter() - begun
        self.params = params
        return seconds

    def parameters(self):
        found = self.params
        return found.weight_matrix.numpy().T, found.vbias.numpy(), found.hbias.numpy()

    def note(self):
        return "draws the hidden states of batch and chains once more than the update needs"


class ScikitLearn:
    """BernoulliRBM's own update of a mini-batch, as its `fit` calls it: PCD-1, which costs what CD-1 costs."""

    def __init__(self, job, rows, np):
        from sklearn.neural_network import BernoulliRBM

        self.np, self.job, self.rows = np, job, rows
        self.batch = np.empty((job["batch"], rows.shape[1]), np.float32)
        self.class_ = BernoulliRBM

    def run(self, seed, count):
        np, job, rows = self.np, self.job, self.rows
        random = np.random.RandomState(seed)
        rbm = self.class_(job["hidden"], learning_rate=job["rate"], batch_size=job["batch"], random_state=random)
        rbm.partial_fit(rows[: job["batch"]])  # makes what it keeps, in the width of the rows
        shape = (job["hidden"], rows.shape[1])
        rbm.components_ = random.normal(0.0, job["init_std"], shape).astype(np.float32)
        rbm.intercept_visible_ = np.array(job["visible_bias"], np.float32)
        rbm.intercept_hidden_ = np.zeros(job["hidden"], np.float32)
        begun = time.perf_counter()
        order = random.permutation(count)
        for first in range(0, count - job["batch"] + 1, job["batch"]):
            np.take(rows, order[first : first + job["batch"]], axis=0, out=self.batch)
            rbm._fit(self.batch, random)
        seconds = time.perf_counter() - begun
        self.rbm = rbm
        return seconds

    def parameters(self):
        return self.rbm.components_, self.rbm.intercept_visible_, self.rbm.intercept_hidden_

    def note(self):
        return (
            f"PCD-1, in {self.rbm.components_.dtype}; its chains' uniforms are f64" if hasattr(self, "rbm") else "PCD-1"
        )


class NumpyAis:
    """Annealed importance sampling in numpy; see ais_numpy.py."""

    def __init__(self, job, rows, np):
        import ais_numpy

        self.np, self.job, self.code = np, job, ais_numpy
        self.machine = ais_numpy.read_safetensors(job["weights"], np)
        self.betas = ais_numpy.betas_of(job["schedule"], np)

    def run(self, seed, count):
        begun = time.perf_counter()
        betas = self.betas if count is None else self.np.linspace(0.0, 1.0, count)
        self.found = self.code.ais(*self.machine, betas, self.job["chains"], seed, self.np)
        return time.perf_counter() - begun

    def note(self):
        return "elementwise operations in one thread"


class Gemm:
    """The product of two square f32 matrices: the peak that a peer's library reaches on this machine."""

    SIZE = 2048
    TRIES = 5

    def __init__(self, job, rows, np):
        self.np = np
        random = np.random.default_rng(0)
        a, b = (random.random((self.SIZE, self.SIZE), dtype=np.float32) for _ in range(2))
        out = np.empty_like(a)
        if job["library"] == "torch":
            import torch

            a, b, out = (torch.from_numpy(x) for x in (a, b, out))
            self.product = lambda: torch.mm(a, b, out=out)
        else:
            self.product = lambda: np.matmul(a, b, out=out)

    def run(self, seed, count):
        def seconds():
            begun = time.perf_counter()
            self.product()
            return time.perf_counter() - begun

        return min(seconds() for _ in range(self.TRIES))

    def note(self):
        from threadpoolctl import threadpool_info

        return "; ".join(f"{x['internal_api']} {x.get('architecture') or ''}".strip() for x in threadpool_info())


PEERS = {
    "torch": Torch,
    "torch-compile": Torch,
    "rbms": Rbms,
    "scikit-learn": ScikitLearn,
    "numpy": NumpyAis,
    "gemm": Gemm,
}


def set_threads(threads):
    """Of every library that is loaded."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def main():
    job = json.loads(sys.argv[1])
    import numpy as np

    rows = None
    if "rows" in job:
        packed = np.load(job["rows"])
        rows = np.unpackbits(packed[: job["count"]], axis=1, count=job["visible"]).astype(np.float32)
    peer = PEERS[job["peer"]](job, rows, np)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        set_threads(asked["threads"])
        answer = {"seconds": peer.run(asked["seed"], asked.get("count", job.get("count"))), "note": peer.note()}
        if hasattr(peer, "found"):
            answer["log_z"], answer["stderr"] = (float(value) for value in peer.found)
        if asked.get("out"):
            weights, visible_bias, hidden_bias = peer.parameters()
            np.savez(asked["out"], weights=weights, visible_bias=visible_bias, hidden_bias=hidden_bias)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
