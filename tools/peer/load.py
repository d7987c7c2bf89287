#!/usr/bin/env python3
"""Loading of files, this project against nibabel, pandas and Pillow: CPU time, in turn, as ratios (below 1: this project is faster).

  tools/peer/load.py [--bench build/bin/bench]

The files are made here; both sides read the same ones, each measurement a process of its own: a 128^3 int16 .nii.gz into float32, a 256 x 256 PNG
and JPEG into float32 RGB of 128 x 128, a CT as OpenKBP distributes it ("index,value" per voxel), a table of 20,000 x 20 numbers, which the project keeps
as text and pandas converts.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

FILES = ("ct.nii.gz", "ct.csv", "i.png", "i.jpg", "table.csv")


def make(folder):
    import nibabel
    import numpy as np
    import pandas as pd
    from PIL import Image
    r = np.random.default_rng(0)
    g = np.stack(np.meshgrid(*[np.linspace(-1, 1, 128)] * 3, indexing="ij"))
    ct = (1000 * np.exp(-3 * (g ** 2).sum(0)) - 500 + r.normal(0, 15, (128,) * 3)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(ct, np.eye(4)), f"{folder}/ct.nii.gz")
    body = np.flatnonzero((g[2] ** 2 + 2 * g[1] ** 2 < 0.3).ravel())
    pd.DataFrame({"data": ct.ravel()[body].astype(float) + 1024}, index=body).to_csv(f"{folder}/ct.csv")
    pd.DataFrame(r.normal(size=(20000, 20)), columns=[f"c{i}" for i in range(20)]).to_csv(f"{folder}/table.csv", index=False)
    y, x = np.mgrid[0:256, 0:256] / 256
    im = np.stack([np.sin(9 * x), np.cos(7 * y), x * y], -1) * 100 + 128 + r.normal(0, 5, (256, 256, 3))
    im = Image.fromarray(im.clip(0, 255).astype(np.uint8))
    im.save(f"{folder}/i.png")
    im.save(f"{folder}/i.jpg", quality=90)


def measure(path, repeats):
    """The Python side: median CPU ms after a first time."""
    import numpy as np
    if path.endswith(".gz"):
        import nibabel
        read = lambda: np.asarray(nibabel.load(path).dataobj, dtype=np.float32)  # noqa: E731
    elif path.endswith("ct.csv"):
        import pandas as pd
        read = lambda: pd.read_csv(path, index_col=0)  # noqa: E731
    elif path.endswith(".csv"):
        import pandas as pd
        read = lambda: pd.read_csv(path)  # noqa: E731
    else:
        from PIL import Image
        read = lambda: np.asarray(Image.open(path).convert("RGB").resize((128, 128)), dtype=np.float32)  # noqa: E731
    read()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        read()
        times.append(1e3 * (time.process_time() - began))
    print(statistics.median(times))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", default="build/bin/bench", help="the project's program")
    p.add_argument("--repeats", type=int, default=9)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--measure", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.measure:
        return measure(a.measure, a.repeats)
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        for name in FILES:
            ours, theirs, path = [], [], f"{folder}/{name}"
            for _ in range(a.rounds):
                out = subprocess.run([a.bench, "load", "--json", "--repeats", str(a.repeats), "--in", path], check=True, capture_output=True, text=True)
                ours.append(json.loads(out.stdout)["cpu_ms"])
                out = subprocess.run([sys.executable, os.path.abspath(__file__), "--measure", path, "--repeats", str(a.repeats)], check=True,
                                     capture_output=True, text=True, env=env)
                theirs.append(float(out.stdout))
            ratios = [o / t for o, t in zip(ours, theirs)]
            print(json.dumps({"file": name, "ratio": round(statistics.median(ratios), 3), "spread": [round(min(ratios), 3), round(max(ratios), 3)],
                              "ours_ms": round(statistics.median(ours), 2), "theirs_ms": round(statistics.median(theirs), 2)}), flush=True)


if __name__ == "__main__":
    main()
