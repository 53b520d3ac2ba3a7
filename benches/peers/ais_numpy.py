#!/usr/bin/env python3
"""Annealed importance sampling in numpy, and rbm-lab's beside it, in turn, on the same weights, schedule and threads.

    cargo build --release --workspace --example ais
    python3 benches/peers/ais_numpy.py weights.safetensors --rust target/release/examples/ais

The numpy program is written to be as fast as numpy allows: f32, every operation into memory that is there already,
one exponential a unit and temperature, no division, single-precision random numbers from SFC64, and BLAS at the number
of threads asked for. Its bias: numpy's elementwise operations use one thread however many there are; rbm-lab's use
all. Both start at the same base rates (log-odds 0) and must agree on log Z within their errors.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("--rust", help="the example `ais`, to be run in turn")
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--schedule", default="salakhutdinov-murray", help="or linear:N")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def read_safetensors(path, np):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    kinds = {"F32": "<f4", "F64": "<f8"}

    def tensor(name):
        entry = header[name]
        begin, end = entry["data_offsets"]
        return np.frombuffer(data[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"]).astype(np.float32)

    return tensor("weights"), tensor("visible_bias"), tensor("hidden_bias")


def betas_of(schedule, np):
    if schedule == "salakhutdinov-murray":
        return np.concatenate([np.arange(500) * 1e-3, np.arange(5000, 9000) * 1e-4, np.arange(90000, 100001) * 1e-5])
    return np.linspace(0.0, 1.0, int(schedule.removeprefix("linear:")) + 1)


def ais(weights, visible_bias, hidden_bias, betas, chains, seed, np):
    hidden, visible = weights.shape
    transposed = np.ascontiguousarray(weights.T)
    random = np.random.Generator(np.random.SFC64(seed))
    v = (random.random((chains, visible), dtype=np.float32) < 0.5).astype(np.float32)
    h = np.empty((chains, hidden), np.float32)
    x, e, before, u = (np.empty((chains, hidden), np.float32) for _ in range(4))
    y, w = (np.empty((chains, visible), np.float32) for _ in range(2))
    on_h, on_v = np.empty((chains, hidden), bool), np.empty((chains, visible), bool)
    log_weights = np.zeros(chains)
    for low, high in zip(betas[:-1].astype(np.float32), betas[1:].astype(np.float32)):
        np.matmul(v, transposed, out=x)
        x += hidden_bias
        # softplus at both temperatures: log(1 + exp(.)), safe in f32 below 88.
        np.multiply(x, low, out=before)
        np.exp(before, out=before)
        before += 1
        np.log(before, out=before)
        np.multiply(x, high, out=e)
        np.exp(e, out=e)
        np.add(e, 1, out=x)
        np.log(x, out=u)
        u -= before
        log_weights += u.sum(axis=1, dtype=np.float64) + (high - low) * (v @ visible_bias)
        # u < e / (1 + e) without the division.
        random.random(out=u, dtype=np.float32)
        u *= x
        np.less(u, e, out=on_h)
        h[...] = on_h
        np.matmul(h, weights, out=y)
        y += visible_bias
        y *= high
        np.exp(y, out=y)
        random.random(out=w, dtype=np.float32)
        np.multiply(w, y, out=v)
        w += v
        np.less(w, y, out=on_v)
        v[...] = on_v
    largest = log_weights.max()
    relative = np.exp(log_weights - largest)
    mean = relative.mean()
    log_z = (hidden + visible) * np.log(2.0) + largest + np.log(mean)
    return log_z, relative.std(ddof=1) / mean / np.sqrt(chains)


def main():
    options = arguments()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import numpy as np

    weights, visible_bias, hidden_bias = read_safetensors(options.weights, np)
    betas = betas_of(options.schedule, np)
    ratios = []
    for round in range(options.rounds):
        begun = time.perf_counter()
        log_z, error = ais(weights, visible_bias, hidden_bias, betas, options.chains, round, np)
        numpy_seconds = time.perf_counter() - begun
        print(f"round {round}: numpy    {numpy_seconds:8.2f} s   log Z {log_z:.3f} +- {error:.3f}")
        if not options.rust:
            continue
        command = [options.rust, options.weights, options.schedule, str(options.chains), str(round)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        seconds, estimate, error_of_ours = found["seconds"], found["log_z"], found["stderr"]
        print(f"round {round}: rbm-lab  {seconds:8.2f} s   log Z {estimate:.3f} +- {error_of_ours:.3f}")
        ratios.append(numpy_seconds / found["seconds"])
        gap = abs(found["log_z"] - log_z)
        # Four standard errors of the difference: one false alarm in 16,000 where the errors hold.
        if gap > 4 * float(np.hypot(error, found["stderr"])):
            sys.exit(f"the two do not agree: {gap:.3f} nats apart")
    if ratios:
        ratios.sort()
        middle = ratios[len(ratios) // 2]
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"numpy's time over rbm-lab's, {options.threads} threads: median {middle:.2f}, {spread}")


if __name__ == "__main__":
    main()
