#!/usr/bin/env python3
"""CD-1 in PyTorch on a CUDA device, as JSON: the work of rbm-lab's example `gpu_step`, to be compared with it on the same card.

    python3 benches/peers/torch_gpu.py
    target/release/examples/gpu_step

784 visible and 500 hidden units, f32, batches of 500 and of 100 rows gathered from data on the card by an index on the card, one gradient
step a batch. Written as PyTorch allows it best: every operation into memory that is there already, products that add the bias or the update,
statistics added straight to the weights, no synchronisation inside a window. Variants: `eager`; `graph`, the step captured as a CUDA graph;
`compile`, torch.compile's fused kernels captured likewise; each with TF32 off (the same arithmetic as rbm-lab) and on.

64 machines are run one after the other, each step of one then of the next; `batched` is the same 64 as one batched problem (baddbmm), which PyTorch
leaves to its user to write. Its bias: PyTorch's random numbers are its own and depend on nothing but the seed and the order of calls; rbm-lab's are
functions of their position, which costs it ten rounds of Philox for each four units (as does PyTorch's own Philox), and it packs states to bits.
"""

import argparse
import json
import time

import torch

VISIBLE, HIDDEN, DATA_ROWS = 784, 500, 10_000


class Machine:
    """Parameters and all that a step writes."""

    def __init__(self, data, order, rows, momentum, seed, rate=0.01):
        generator = torch.Generator().manual_seed(seed)
        new = lambda *shape: torch.empty(*shape, device="cuda")
        self.data, self.order, self.rows, self.momentum, self.rate = data, order, rows, momentum, rate
        self.weights = (torch.randn(HIDDEN, VISIBLE, generator=generator) * 0.01).cuda()
        self.visible_bias, self.hidden_bias = torch.zeros(VISIBLE, device="cuda"), torch.zeros(HIDDEN, device="cuda")
        self.last = [torch.zeros_like(x) for x in (self.weights, self.visible_bias, self.hidden_bias)]
        self.index = torch.zeros(rows, dtype=torch.int64, device="cuda")
        self.visible, self.visible_mean, self.visible_after = (new(rows, VISIBLE) for _ in range(3))
        self.hidden, self.hidden_after, self.states = new(rows, HIDDEN), new(rows, HIDDEN), new(rows, HIDDEN)
        self.of_visible, self.of_hidden = new(VISIBLE), new(HIDDEN)

    def step(self, index):
        torch.index_select(self.data, 0, index, out=self.visible)
        torch.addmm(self.hidden_bias, self.visible, self.weights.t(), out=self.hidden).sigmoid_()
        torch.bernoulli(self.hidden, out=self.states)
        torch.addmm(self.visible_bias, self.states, self.weights, out=self.visible_mean).sigmoid_()
        torch.bernoulli(self.visible_mean, out=self.visible_after)
        torch.addmm(self.hidden_bias, self.visible_after, self.weights.t(), out=self.hidden_after).sigmoid_()
        share, momentum = self.rate / self.rows, self.momentum
        if momentum == 0:
            self.weights.addmm_(self.hidden.t(), self.visible, alpha=share)
            self.weights.addmm_(self.hidden_after.t(), self.visible_after, alpha=-share)
        else:
            self.last[0].addmm_(self.hidden.t(), self.visible, beta=momentum, alpha=share)
            self.last[0].addmm_(self.hidden_after.t(), self.visible_after, alpha=-share)
            self.weights.add_(self.last[0])
        torch.sum(self.visible.sub_(self.visible_after), 0, out=self.of_visible)
        torch.sum(self.hidden.sub_(self.hidden_after), 0, out=self.of_hidden)
        if momentum == 0:
            self.visible_bias.add_(self.of_visible, alpha=share)
            self.hidden_bias.add_(self.of_hidden, alpha=share)
        else:
            self.visible_bias.add_(self.last[1].mul_(momentum).add_(self.of_visible, alpha=share))
            self.hidden_bias.add_(self.last[2].mul_(momentum).add_(self.of_hidden, alpha=share))

    def batch(self, number):
        first = number * self.rows % (DATA_ROWS // self.rows * self.rows)
        return self.order[first : first + self.rows]


class Batched:
    """Machines side by side as one batched problem."""

    def __init__(self, data, order, rows, cells, rate=0.01):
        new = lambda *shape: torch.empty(cells, *shape, device="cuda")
        self.data, self.order, self.rows, self.cells, self.share = data, order, rows, cells, rate / rows
        self.weights = torch.randn(cells, HIDDEN, VISIBLE, device="cuda") * 0.01
        self.visible_bias = torch.zeros(cells, 1, VISIBLE, device="cuda")
        self.hidden_bias = torch.zeros(cells, 1, HIDDEN, device="cuda")
        self.visible, self.visible_mean, self.visible_after = (new(rows, VISIBLE) for _ in range(3))
        self.hidden, self.hidden_after, self.states = new(rows, HIDDEN), new(rows, HIDDEN), new(rows, HIDDEN)

    def step(self, index):
        turned = self.weights.transpose(1, 2)
        torch.index_select(self.data, 0, index.repeat(self.cells), out=self.visible.view(-1, VISIBLE))
        torch.baddbmm(self.hidden_bias, self.visible, turned, out=self.hidden).sigmoid_()
        torch.bernoulli(self.hidden, out=self.states)
        torch.baddbmm(self.visible_bias, self.states, self.weights, out=self.visible_mean).sigmoid_()
        torch.bernoulli(self.visible_mean, out=self.visible_after)
        torch.baddbmm(self.hidden_bias, self.visible_after, turned, out=self.hidden_after).sigmoid_()
        self.weights.baddbmm_(self.hidden.transpose(1, 2), self.visible, alpha=self.share)
        self.weights.baddbmm_(self.hidden_after.transpose(1, 2), self.visible_after, alpha=-self.share)
        self.visible_bias.add_(self.visible.sub_(self.visible_after).sum(1, keepdim=True), alpha=self.share)
        self.hidden_bias.add_(self.hidden.sub_(self.hidden_after).sum(1, keepdim=True), alpha=self.share)

    batch = Machine.batch


@torch.compile(dynamic=False)
def compiled_step(data, index, weights, visible_bias, hidden_bias, share):
    visible = data[index]
    hidden = torch.sigmoid(torch.addmm(hidden_bias, visible, weights.t()))
    states = (torch.rand_like(hidden) < hidden).float()
    after = torch.sigmoid(torch.addmm(visible_bias, states, weights))
    after = (torch.rand_like(after) < after).float()
    hidden_after = torch.sigmoid(torch.addmm(hidden_bias, after, weights.t()))
    weights.addmm_(hidden.t(), visible, alpha=share)
    weights.addmm_(hidden_after.t(), after, alpha=-share)
    visible_bias.add_((visible - after).sum(0), alpha=share)
    hidden_bias.add_((hidden - hidden_after).sum(0), alpha=share)


def compiled(machine):
    def step(index):
        share = machine.rate / machine.rows
        compiled_step(machine.data, index, machine.weights, machine.visible_bias, machine.hidden_bias, share)

    return step


def captured(step, machine):
    """The step as a CUDA graph that reads its batch's index from one place."""
    index = machine.order[: machine.rows].clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(index)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(index)

    def run(batch):
        index.copy_(batch)
        graph.replay()

    return run


def measured(steps, machines, rows, options, cells):
    """Median over windows; `steps` are called in turn, one step of each is a round."""
    number = 0

    def window(count):
        nonlocal number
        torch.cuda.synchronize()
        begun = time.perf_counter()
        for _ in range(count):
            for step, machine in zip(steps, machines):
                step(machine.batch(number))
            number += 1
        torch.cuda.synchronize()
        return time.perf_counter() - begun

    window(3)
    count = 3
    while window(count) < options.seconds:
        count *= 2
    times = sorted(window(count) / count for _ in range(options.windows))
    median = times[len(times) // 2]
    return {
        "step_us": round(median * 1e6, 2),
        "least": round(times[0] * 1e6, 2),
        "most": round(times[-1] * 1e6, 2),
        "cell_steps_per_second": round(cells / median),
        "rows_per_second": round(cells * rows / median),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--windows", type=int, default=7)
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    data = (torch.rand(DATA_ROWS, VISIBLE, device="cuda") < 0.2).float()
    order = torch.randperm(DATA_ROWS, device="cuda")
    found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}

    def report(name, make):
        try:
            found[name] = make()
        except Exception as error:  # a variant that this machine cannot build is reported, not fatal
            found[name] = {"error": str(error).splitlines()[0] if str(error) else repr(error)}
        print(name, json.dumps(found[name]), flush=True)

    def one(rows, variant, momentum=0.0):
        machine = Machine(data, order, rows, momentum, 1)
        step = {"eager": lambda: machine.step, "graph": lambda: captured(machine.step, machine),
                "compile": lambda: captured(compiled(machine), machine)}[variant]()  # fmt: skip
        return measured([step], [machine], rows, options, 1)

    def many(rows, variant):
        machines = [Machine(data, order, rows, 0.0, seed) for seed in range(options.cells)]
        steps = [machine.step if variant == "eager" else captured(machine.step, machine) for machine in machines]
        return measured(steps, machines, rows, options, options.cells)

    def batched(rows):
        machine = Batched(data, order, rows, options.cells)
        return measured([machine.step], [machine], rows, options, options.cells)

    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        arithmetic = "tf32" if tf32 else "f32"
        for rows in (500, 100):
            report(f"cells1_batch{rows}_eager_{arithmetic}", lambda: one(rows, "eager"))
            report(f"cells1_batch{rows}_eager_momentum0.5_{arithmetic}", lambda: one(rows, "eager", 0.5))
            report(f"cells1_batch{rows}_graph_{arithmetic}", lambda: one(rows, "graph"))
            report(f"cells{options.cells}_batch{rows}_eager_{arithmetic}", lambda: many(rows, "eager"))
            report(f"cells{options.cells}_batch{rows}_graph_{arithmetic}", lambda: many(rows, "graph"))
            report(f"cells{options.cells}_batch{rows}_batched_{arithmetic}", lambda: batched(rows))
    # Last, because a capture that fails can leave the card's context unusable.
    for tf32 in () if options.no_compile else (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for rows in (500, 100):
            report(f"cells1_batch{rows}_compile_{'tf32' if tf32 else 'f32'}", lambda: one(rows, "compile"))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
