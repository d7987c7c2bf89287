#!/usr/bin/python3
"""random_net.py NUMBER: prints oracle.py's options for a network drawn at random, one a line; the same for a number."""
import json
import random
import sys

draw = random.Random(int(sys.argv[1]))
arch = draw.choice(("stl", "hps", "mtan", "ctan", "mtan", "ctan"))  # the two with most to go wrong twice as often
rank = draw.choice((2, 2, 3))
levels = draw.randint(1, 4 if rank == 2 else 3)
widths = [draw.choice((1, 3, 4, 5, 7, 8, 9, 16, 17, 20)) for _ in range(levels)]
batch = draw.randint(1, 3)

# Sides that halve evenly; at the deepest level batch norm sees at least 8 values, or its statistics mean nothing.
while True:
    deepest = [draw.randint(1, 5 if rank == 2 else 3) for _ in range(rank)]
    places = batch
    for side in deepest:
        places *= side
    if places >= 8:
        break
size = [side * 2 ** (levels - 1) for side in deepest]

kinds = ("segmentation", "regression", "classification", "binary")
count = draw.randint(2 if arch in ("mtan", "ctan") else 1, 4)
tasks = [{"name": f"t{i}", "kind": draw.choice(kinds), "channels": draw.randint(1, 4)} for i in range(count)]
for task in tasks:
    if task["kind"] == "classification":
        task["channels"] += 1

options = ["--arch", arch, "--rank", rank, "--widths", ",".join(map(str, widths)), "--size", ",".join(map(str, size)),
           "--batch", batch, "--in-channels", draw.randint(1, 4), "--seed", draw.randint(0, 9999),
           "--tasks", json.dumps(tasks, separators=(",", ":"))]
if arch == "ctan":
    options += ["--attention", draw.choice(("spatial", "channel")), "--projections", draw.choice(("none", "linear")),
                draw.choice(("--scale", "--no-scale")), draw.choice(("--residual", "--no-residual"))]
print("\n".join(map(str, options)))
