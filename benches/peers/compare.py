#!/usr/bin/env python3
"""rbm-lab beside PyTorch, scikit-learn, `rbms` and numpy: the same work, in turn, in one run.

    just bench-peers                       every work
    just bench-peers cd1-500-b100 ais      some of them
    just bench-peers --quick               a minute, to see that everything works: its figures mean nothing
    just bench-peers --json peers.json     all that was measured

Each work is done by rbm-lab, then by each peer, then by rbm-lab again, and so on; a ratio is that of two times of
one round. Each runs at the number of threads that is fastest for it, found first. The peers are processes of their
own that stay alive, so that what they load and warm up is not counted; rbm-lab is the program `rbm`, begun anew each
time, and what counts is the `train_seconds` that `rbm train --json` prints. Before the first work the driver makes a
Python environment in target/peers-venv.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
VENV = TARGET / "peers-venv"

VISIBLE = 784
INIT_STD = 0.01
RATE = 0.05
# Rows on which the finished machines are compared.
CHECKED_ROWS = 1000
# A statistic may differ from ours by so many standard deviations of single runs from seed to seed, pooled over both ...
DEVIATIONS = 5.0
# ... or by this share of its value, whichever is larger: with few rounds the deviation itself is uncertain.
SHARE = 0.01
# scikit-learn's algorithm is another one (PCD-1): its statistics tell only that it learnt as fast.
SHARE_OF_ANOTHER_ALGORITHM = 0.25
# Two estimates of log Z agree within so many standard errors of their difference.
ERRORS = 4.0

WORKS = {
    "cd1-500-b100": dict(algorithm="cd", k=1, hidden=500, batch=100, count=60_000),
    "cd1-500-b500": dict(algorithm="cd", k=1, hidden=500, batch=500, count=60_000),
    "pcd10-500-b100": dict(algorithm="pcd", k=10, hidden=500, batch=100, count=12_000),
    "pcd10-500-b500": dict(algorithm="pcd", k=10, hidden=500, batch=500, count=12_000),
    "cd1-16-b100": dict(algorithm="cd", k=1, hidden=16, batch=100, count=60_000),
    "ais": dict(hidden=500, chains=100, schedule="salakhutdinov-murray", betas=14_501),
}

BIAS = """\
What is biased. For us: rbm-lab draws the rows of a batch from bits, the peers from f32 in memory, which costs them
more; scikit-learn trains persistent chains of one step (PCD-1: as many products as CD-1, other numbers) and draws its
uniforms in f64; `rbms` draws the hidden states of batch and chains anew for each update, seven products where five
would do. Against us: each of our runs is a new process with cold caches, whose first steps count; the peers have run
before. Neither: PyTorch's step was written for this comparison, in place, by people who know rbm-lab better. All
machines start alike, batches are drawn without replacement, and no one evaluates."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="alternations (5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the most threads to try")
    parser.add_argument("--peers", default="torch,scikit-learn,rbms,numpy", help="which; torch-compile is one more")
    parser.add_argument("--rbm", type=Path, help="the program (target/release/rbm)")
    parser.add_argument("--data-dir", type=Path, help="where MNIST lies, if not in the cache")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--quick", action="store_true", help="few batches and two rounds, to test this program")
    options = parser.parse_args()
    options.works = options.works or list(WORKS)
    if options.rounds < 2:
        parser.error("at least two rounds: one has no spread")
    for work in options.works:
        if work not in WORKS:
            parser.error(f"there is no work {work}: {', '.join(WORKS)}")
    options.rbm = options.rbm or TARGET / "release/rbm"
    return options


def in_venv():
    """Goes on in the environment with the peers, which is made if it is not there or is an older one."""
    wanted = "".join((HERE / name).read_text() for name in ("requirements.txt", "requirements-torch-cuda.txt"))
    stamp, python = VENV / "requirements", VENV / "bin/python"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"making {VENV} (some gigabytes are fetched the first time)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ]
        # One by one where all together fail: a peer that cannot be had is left out, and said to be.
        if subprocess.run([*install, HERE / "requirements.txt"]).returncode != 0:
            for line in (HERE / "requirements.txt").read_text().splitlines():
                if line and not line.startswith("#"):
                    subprocess.run([*install[:-1], line])
        imports = subprocess.run([python, "-c", "import torch"], capture_output=True)
        if imports.returncode != 0 and b"torch" not in imports.stderr.splitlines()[-1]:
            subprocess.run([*install, HERE / "requirements-torch-cuda.txt"])
        stamp.write_text(wanted)
    os.execv(python, [python, *sys.argv])


def environment(threads):
    """The environment of a process that may use so many threads."""
    variables = dict(os.environ)
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "MATMUL_NUM_THREADS",
    ):
        variables[name] = str(threads)
    # An older kernel of OpenBLAS may be forced for old versions' sake; the pinned one chooses well.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        variables.pop(name, None)
    return variables


class Unavailable(Exception):
    pass


class Peer:
    """A process of peer.py."""

    def __init__(self, job):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "peer.py", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(job["threads"]),
        )
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read().strip().splitlines() or ["it ended without a word"]
            raise Unavailable(said[-1])
        return json.loads(line)

    def go(self, seed, threads, out=None, **smaller):
        try:
            self.process.stdin.write(
                json.dumps(dict(seed=seed, threads=threads, out=out and str(out), **smaller)) + "\n"
            )
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said on its way is read below
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Ours:
    """`rbm train` on a config with no evaluation, or the example `ais`."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.results = folder / "results"

    def train(self, work, seed, threads):
        config = self.folder / "config.toml"
        config.write_text(
            f"""schema = 1
name = "peers"
[data]
source = "mnist"
rows = {work["count"]}
validation = 0
[model]
hidden = {work["hidden"]}
init_std = {INIT_STD}
visible_bias = "data"
[train]
algorithm = "{work["algorithm"]}"
k = {work["k"]}
epochs = 1
batch_size = {work["batch"]}
learning_rate = {RATE}
[evaluate]
every = 1
metrics = []
log_z = "none"
[run]
seed = {seed}
"""
        )
        shutil.rmtree(self.results, ignore_errors=True)
        command = [self.options.rbm, "train", config, "--json", "--quiet", "--no-report"]
        command += ["--results", self.results, "--threads", str(threads)]
        command += ["--data-dir", self.options.data_dir] if self.options.data_dir else []
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found["weights"] = Path(found["cells"][0]["folder"]) / "weights.safetensors"
        found["seconds"] = found["train_seconds"]
        return found

    def ais(self, work, weights, seed, threads):
        command = [TARGET / "release/examples/ais", weights, work["schedule"], str(work["chains"]), str(seed)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(threads))
        return json.loads(said.stdout)


def binarised_rows(options, np):
    """MNIST's training rows as `rbm` binarises them by default, packed to bits."""
    command = [options.rbm, "data", "fetch", "mnist"] + (["--data-dir", options.data_dir] if options.data_dir else [])
    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
    import gzip

    opened = gzip.open(first) if first.endswith(".gz") else open(first, "rb")
    with opened as file:
        grey = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, VISIBLE)
    return grey > 127


def best_threads(name, options, seconds):
    """The number of threads with the shortest time of two; the most, untried, in a quick run."""
    most = options.threads
    if options.quick:
        return most
    tried = {threads: min(seconds(threads) for _ in range(2)) for threads in range(1, most + 1)}
    best = min(tried, key=tried.get)
    print(f"  {name}: " + ", ".join(f"{n} threads {s:.3f} s" for n, s in tried.items()) + f": {best}", flush=True)
    return best


def statistics_of(weights, visible_bias, hidden_bias, rows, np):
    """What the check compares: of fixed rows, the mean squared error of the mean-field reconstruction and the mean
    activity of hidden units; and the mean absolute weight."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    hidden = sigmoid(rows @ weights.T + hidden_bias)
    error = ((rows - sigmoid(hidden @ weights + visible_bias)) ** 2).mean()
    return {
        "reconstruction_error": float(error),
        "hidden_activity": float(hidden.mean()),
        "mean_abs_weight": float(np.abs(weights).mean()),
    }


def flop(work):
    """Dense floating-point operations of the whole work: so many products of batch x visible x hidden."""
    products = 2 * work["k"] + (3 if work["algorithm"] == "cd" else 4)
    batches = work["count"] // work["batch"]
    return 2.0 * products * work["batch"] * VISIBLE * work["hidden"] * batches


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def said(values, digits=2):
    return f"{values['median']:.{digits}f} ({values['min']:.{digits}f} to {values['max']:.{digits}f})"


class Peak:
    """The f32 gemm peak of the fastest library here."""

    def __init__(self, threads):
        self.peers, self.seconds, self.threads = {}, {}, threads
        for library in ("numpy", "torch"):
            try:
                self.peers[library] = Peer(dict(peer="gemm", library=library, threads=threads))
            except Unavailable as reason:
                print(f"  no gemm of {library}: {reason}")

    def measure(self):
        for library, peer in self.peers.items():
            answer = peer.go(0, self.threads)
            self.seconds.setdefault(library, []).append(answer["seconds"])
            self.note = answer["note"]

    def gigaflops(self):
        """By library: the median over the rounds of the best of a few."""
        return {library: 2 * 2048**3 / statistics.median(times) / 1e9 for library, times in self.seconds.items()}

    def close(self):
        for peer in self.peers.values():
            peer.close()


def judge(peer, runs, ours):
    """Whether a peer did the same work: how far each statistic is from ours, and how far it may be."""
    checks = {}
    for name in ours[0]:
        a, b = [run[name] for run in runs], [run[name] for run in ours]
        deviation = (statistics.variance(a) / 2 + statistics.variance(b) / 2) ** 0.5
        share = SHARE_OF_ANOTHER_ALGORITHM if peer == "scikit-learn" else SHARE
        middle = statistics.fmean(b)
        allowed = max(DEVIATIONS * deviation, share * abs(middle))
        gap = abs(statistics.fmean(a) - middle)
        checks[name] = dict(theirs=statistics.fmean(a), ours=middle, gap=gap, allowed=allowed, agrees=gap <= allowed)
    return checks


def train_work(name, work, options, ours, packed, checked, visible_bias, folder, np):
    import ais_numpy

    names = [peer for peer in options.peers.split(",") if peer in ("torch", "torch-compile", "scikit-learn", "rbms")]
    if "scikit-learn" in names and (work["algorithm"], work["k"]) != ("cd", 1):
        print("  scikit-learn: left out, it knows no other number of steps than one")
        names.remove("scikit-learn")
    rows_file = folder / "rows.npy"
    np.save(rows_file, packed)
    job = dict(work, rows=str(rows_file), visible=VISIBLE, init_std=INIT_STD, rate=RATE)
    job["visible_bias"] = [float(x) for x in visible_bias(work["count"])]
    # An eighth of the work tells how many threads are best.
    small = dict(count=max(work["count"] // 8, 2 * work["batch"]))

    def ours_seconds(threads):
        return ours.train({**work, **small}, 0, threads)["seconds"]

    threads = {"rbm-lab": best_threads("rbm-lab", options, ours_seconds)}
    peers, missing = {}, {}
    for peer in names:
        try:
            started = Peer(dict(job, peer=peer, threads=options.threads, compile=peer == "torch-compile"))
            started.go(0, options.threads, **small)
            threads[peer] = best_threads(peer, options, lambda n: started.go(0, n, **small)["seconds"])
            peers[peer] = started
        except Unavailable as reason:
            missing[peer] = str(reason)
            print(f"  {peer}: left out: {reason}")
    peak = Peak(options.threads)
    seconds, learnt, notes, memory = {peer: [] for peer in threads if peer not in missing}, {}, {}, 0
    for seed in range(1, options.rounds + 1):
        peak.measure()
        found = ours.train(work, seed, threads["rbm-lab"])
        memory = max(memory, found["peak_memory_bytes"] or 0)
        seconds["rbm-lab"].append(found["seconds"])
        machine = ais_numpy.read_safetensors(found["weights"], np)
        learnt.setdefault("rbm-lab", []).append(statistics_of(*machine, checked, np))
        for peer, process in peers.items():
            out = folder / "machine.npz"
            answer = process.go(seed, threads[peer], out)
            seconds[peer].append(answer["seconds"])
            notes[peer] = answer["note"]
            with np.load(out) as stored:
                machine = (stored["weights"], stored["visible_bias"], stored["hidden_bias"])
            learnt.setdefault(peer, []).append(statistics_of(*machine, checked, np))
        line = ", ".join(f"{who} {times[-1]:.3f} s" for who, times in seconds.items())
        print(f"  round {seed}: {line}", flush=True)
    for process in peers.values():
        process.close()
    peak.close()
    return report_training(name, work, threads, seconds, learnt, notes, missing, peak, memory)


def report_training(name, work, threads, seconds, learnt, notes, missing, peak, memory):
    gemm = peak.gigaflops()
    best = max(gemm.values(), default=None)
    shown = work["count"] // work["batch"] * work["batch"]
    found = dict(
        work=name,
        settings=work,
        share_of_epoch=work["count"] / 60_000,
        dense_flop=flop(work),
        gemm_gigaflops=gemm,
        missing=missing,
        gemm_kernels=getattr(peak, "note", ""),
        peak_memory_bytes=memory,
        programs={},
    )
    print("  gemm peak, f32, 2048 x 2048: " + ", ".join(f"{n} {g:.0f} GFLOP/s" for n, g in gemm.items()))
    for who, times in seconds.items():
        rates = [flop(work) / 1e9 / t for t in times]
        program = dict(
            threads=threads[who],
            seconds=times,
            note=notes.get(who, ""),
            statistics=learnt[who],
            samples_per_second=shown / statistics.median(times),
            gigaflops=spread(rates),
        )
        if best:
            program["share_of_gemm_peak"] = spread([rate / best for rate in rates])
        if who != "rbm-lab":
            program["ratio"] = spread([t / o for t, o in zip(times, seconds["rbm-lab"])])
            program["checks"] = judge(who, learnt[who], learnt["rbm-lab"])
        found["programs"][who] = program
    rounds = [times for who, times in seconds.items() if who != "rbm-lab"]
    if rounds:
        fastest = [min(times) for times in zip(*rounds)]
        found["over_the_fastest"] = spread([f / o for f, o in zip(fastest, seconds["rbm-lab"])])
    for who, program in found["programs"].items():
        share = program.get("share_of_gemm_peak")
        print(
            f"  {who:<14} {program['threads']} threads  {said(spread(program['seconds']), 3)} s"
            f"  {program['samples_per_second']:.0f} samples/s  {program['gigaflops']['median']:.0f} GFLOP/s"
            + (f" = {100 * share['median']:.0f} % of the gemm peak" if share else "")
            + (f"  ratio {said(program['ratio'])}" if "ratio" in program else "")
            + (f"  [{program['note']}]" if program["note"] else "")
        )
        for statistic, check in program.get("checks", {}).items():
            if not check["agrees"]:
                print(
                    f"    DOES NOT AGREE: {statistic} {check['theirs']:.5f}, ours {check['ours']:.5f}: "
                    f"{check['gap']:.5f} apart, {check['allowed']:.5f} allowed"
                )
    if rounds:
        print(f"  over the fastest peer of each round: {said(found['over_the_fastest'])}", flush=True)
    return found


def ais_work(name, work, options, ours, folder):
    if "numpy" not in options.peers.split(","):
        print("  numpy is left out, and it is the only peer")
        return dict(work=name, missing={"numpy": "not asked for"}, programs={})
    first = ours.train({**WORKS["cd1-500-b100"], "count": 2_000 if options.quick else 60_000}, 0, options.threads)
    weights = shutil.copy(first["weights"], folder / "ais.safetensors")
    short = dict(work, schedule="linear:500")
    peer = Peer(dict(work, peer="numpy", weights=str(weights), threads=options.threads))
    threads = {
        "rbm-lab": best_threads("rbm-lab", options, lambda n: ours.ais(short, weights, 0, n)["seconds"]),
        "numpy": best_threads("numpy", options, lambda n: peer.go(0, n, count=501)["seconds"]),
    }
    seconds, log_z, agree = {"rbm-lab": [], "numpy": []}, [], True
    for seed in range(1, options.rounds + 1):
        mine, theirs = ours.ais(work, weights, seed, threads["rbm-lab"]), peer.go(seed, threads["numpy"])
        seconds["rbm-lab"].append(mine["seconds"])
        seconds["numpy"].append(theirs["seconds"])
        error = (mine["stderr"] ** 2 + theirs["stderr"] ** 2) ** 0.5
        agrees = abs(mine["log_z"] - theirs["log_z"]) <= ERRORS * error
        agree &= agrees
        log_z.append(dict(ours=mine["log_z"], theirs=theirs["log_z"], stderr_of_difference=error, agrees=agrees))
        print(
            f"  round {seed}: rbm-lab {mine['seconds']:.3f} s, log Z {mine['log_z']:.3f}; "
            f"numpy {theirs['seconds']:.3f} s, {theirs['log_z']:.3f}; {error:.3f} their error",
            flush=True,
        )
    peer.close()
    ratio = spread([t / o for t, o in zip(seconds["numpy"], seconds["rbm-lab"])])
    programs = {who: dict(threads=threads[who], seconds=times) for who, times in seconds.items()}
    programs["numpy"].update(ratio=ratio, checks={"log_z": dict(agrees=agree, rounds=log_z)})
    doubt = "" if agree else "  DOES NOT AGREE"
    print(f"  numpy, {threads['numpy']} threads: ratio {said(ratio)}{doubt}", flush=True)
    return dict(work=name, settings=work, missing={}, programs=programs, over_the_fastest=ratio)


def main():
    options = arguments()
    in_venv()
    import numpy as np

    sys.path.insert(0, str(HERE))
    for program in (options.rbm, TARGET / "release/examples/ais"):
        if not program.is_file():
            sys.exit(f"{program} is not there: cargo build --release --workspace --bin rbm --example ais")
    works = {name: dict(WORKS[name]) for name in options.works}
    if options.quick:
        options.rounds = 2
        for work in works.values():
            if "count" in work:
                work["count"] = 4 * work["batch"]
            else:
                work.update(schedule="linear:200", betas=201)
    begun = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    bits = binarised_rows(options, np)
    packed = np.packbits(bits, axis=1)
    checked = bits[-CHECKED_ROWS:].astype(np.float32)

    def visible_bias(count):
        # As `visible_bias = "data"`: log-odds of (ones + 0.05 rows) / (1.1 rows).
        p = (bits[:count].mean(axis=0) + 0.05) / 1.1
        return np.log(p / (1 - p))

    load = os.getloadavg()[0]
    print(f"{BIAS}\n\nat the start the load of the machine was {load:.2f}: figures of a busy one mean little")
    found = []
    with tempfile.TemporaryDirectory(prefix="rbm-peers-") as temporary:
        folder = Path(temporary)
        ours = Ours(options, folder)
        for name, work in works.items():
            print(f"\n{name}: " + ", ".join(f"{key} {value}" for key, value in work.items()), flush=True)
            if name == "ais":
                found.append(ais_work(name, work, options, ours, folder))
            else:
                found.append(train_work(name, work, options, ours, packed, checked, visible_bias, folder, np))
    checks = [
        check for work in found for program in work["programs"].values() for check in program.get("checks", {}).values()
    ]
    if options.json:
        machine = dict(cores=os.cpu_count(), load_at_start=load)
        document = dict(
            begun=begun, quick=options.quick, rounds=options.rounds, machine=machine, bias=BIAS, works=found
        )
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if not all(check["agrees"] for check in checks):
        # Too few batches tell nothing: a quick run only shows that everything runs.
        print("\nnot every program did the same work: see above")
        return 0 if options.quick else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
