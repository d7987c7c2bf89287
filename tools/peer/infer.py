#!/usr/bin/env python3
"""Latency of a prediction, this project against PyTorch: interleaved, equal threads, as a ratio (below 1: this project is faster).

  MEDUSA_ORACLE=PEER tools/peer/infer.py --bench build/bin/bench --arch ctan --shape 2d --threads 1

PEER is a folder with the same networks in PyTorch (nets.py, step.py), this Python one that has torch.  PyTorch runs under
torch.inference_mode() with tcmalloc preloaded, in both memory layouts and, unless --no-freeze, with the batch norms folded into
the convolutions by torch.jit.freeze and optimize_for_inference; the fastest counts.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

VARIANTS = {"contiguous": [], "channels_last": ["--channels-last"], "contiguous, frozen": ["--frozen"],
            "channels_last, frozen": ["--channels-last", "--frozen"]}


def measure(a):
    """The PyTorch side, in a process of its own: prints one JSON line."""
    sys.path.insert(0, a.peer)
    import step
    import torch
    torch.set_num_threads(a.threads)
    rank, _, channels, size, widths = step.SHAPES[a.shape]
    step.SHAPES[a.shape] = (rank, a.batch, channels, size, widths)
    model, batch = step.make(a.arch, a.shape, channels_last=a.channels_last)
    model.eval()
    x = batch["x"]
    times, cpu = [], []
    with torch.inference_mode(not a.frozen), torch.no_grad():
        if a.frozen:
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x, strict=False)))
        for i in range(a.warmup + a.repeats):
            began, ticks = time.perf_counter(), time.process_time()
            model(x)
            if i >= a.warmup:
                times.append(1e3 * (time.perf_counter() - began))
                cpu.append(1e3 * (time.process_time() - ticks))
    print(json.dumps({"latency_ms": statistics.median(times), "cpu_ms": statistics.median(cpu), "min_ms": min(times), "torch": torch.__version__}))


def run(command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"infer.py: {' '.join(command)}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def compare(a):
    tcmalloc = next(iter(glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4")), "")
    if not tcmalloc:
        sys.exit("infer.py: install libtcmalloc-minimal4, else PyTorch is measured unfairly slow")
    env = {**os.environ, "LD_PRELOAD": tcmalloc, "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
    common = ["--arch", a.arch, "--shape", a.shape, "--batch", str(a.batch), "--threads", str(a.threads), "--repeats", str(a.repeats)]
    variants = {k: v for k, v in VARIANTS.items() if a.freeze or "--frozen" not in v}
    ours, theirs = [], {k: [] for k in variants}
    for _ in range(a.rounds):
        ours.append(run([a.bench, "infer", "--json", *common])["latency_ms"])
        for name, options in variants.items():
            theirs[name].append(run([sys.executable, os.path.abspath(__file__), "--measure", "--peer", a.peer, *common, *options], env))
    best = min(theirs, key=lambda k: statistics.median(r["latency_ms"] for r in theirs[k]))
    ratios = [o / t["latency_ms"] for o, t in zip(ours, theirs[best])]
    row = {"arch": a.arch, "shape": a.shape, "batch": a.batch, "threads": a.threads, "ratio": round(statistics.median(ratios), 3),
           "spread": [round(min(ratios), 3), round(max(ratios), 3)], "ours_ms": round(statistics.median(ours), 1),
           "theirs_ms": {k: round(statistics.median(r["latency_ms"] for r in v), 1) for k, v in theirs.items()},
           "fastest": best, "torch": theirs[best][0]["torch"]}
    print(json.dumps(row))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", default="build/bin/bench", help="the project's program")
    p.add_argument("--peer", default=os.environ.get("MEDUSA_ORACLE", ""), help="folder with nets.py and step.py; default: MEDUSA_ORACLE")
    p.add_argument("--arch", default="ctan")
    p.add_argument("--shape", default="2d")
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--repeats", type=int, default=20)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--no-freeze", dest="freeze", action="store_false")
    for hidden in ("--measure", "--channels-last", "--frozen"):
        p.add_argument(hidden, action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if not os.path.isfile(os.path.join(a.peer, "step.py")):
        sys.exit(f"infer.py: --peer {a.peer!r}: there is no step.py (MEDUSA_ORACLE names the folder)")
    measure(a) if a.measure else compare(a)


if __name__ == "__main__":
    main()
