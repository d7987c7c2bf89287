#!/usr/bin/env python3
"""Damages files of a run, one at a time, and uses the run: nothing may crash, and whatever is accepted must come out as
it does with the whole run.

    tests/damage.py BIN [--files N] [--seed N]

Bits are flipped, bytes and lines lost, blocks zeroed, digits changed, files of another run put in their place.  Then
train --resume goes on with the run (one that was interrupted, and one that is finished), and evaluate, predict, inspect
and plot use it.  Each may refuse it, with one line and status 1 or 2.  The times in metrics.jsonl are not results.
For plain builds: it needs libfaults.so (tests/faults/README.md).
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

TEXT = ["config.toml", "metrics.jsonl", "result.json", "provenance.json", "dataset.toml", "cost.json"]
TIMES = re.compile(rb'"(seconds|images_per_second|waited_share)": ?[-0-9.eE+]+|(seconds|images_per_second|waited_share) +[-0-9.eE+]+')


def read(path):
    with open(path, "rb") as file:
        return file.read()


def flip(data, chance, other):
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]


def truncate(data, chance, other):
    return data[:chance.randrange(len(data))]


def zero(data, chance, other):
    at = chance.randrange(max(1, len(data) - 512))
    return data[:at] + bytes(len(data[at:at + 512])) + data[at + 512:]


def lose_line(data, chance, other):
    lines = data.splitlines(True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def repeat_line(data, chance, other):
    lines = data.splitlines(True)
    at = chance.randrange(len(lines))
    return b"".join(lines[:at + 1] + lines[at:])


def digit(data, chance, other):
    places = [m.start() for m in re.finditer(rb"[0-9]", data)]
    if not places:
        return data
    at = chance.choice(places)
    return data[:at] + b"%d" % ((int(data[at:at + 1]) + chance.randrange(1, 10)) % 10) + data[at + 1:]


def swap(data, chance, other):
    return other


DAMAGES = [flip, truncate, zero, swap]
TEXT_DAMAGES = DAMAGES + [lose_line, repeat_line, digit, digit]


class Runs:
    """A finished run, one interrupted in its last epoch, another one of the same data; and how they come out whole."""

    def __init__(self, binaries, folder):
        self.bin, self.folder = binaries, folder
        self.call("phantom", "--layout", "folder", "--count", "16", "--seed", "3", "--size", "32x40", "--out", self.path("data"))
        options = ["--dataset", "folder", "--data", self.path("data"), "--widths", "4,8", "--batch", "4", "--epochs", "3",
                   "--threads", "1", "--workers", "0", "--val-fraction", "0.4", "--size", "16x24"]
        for name, seed in ("finished", "1"), ("another", "2"):
            self.call("train", "--out", self.path(name), "--seed", seed, *options)
        self.call("train", "--out", self.path("interrupted"), "--seed", "1", *options, "--save-every", "0.000001", interrupt=True)
        self.expected = {name: self.use(name, None)[0] for name in ("finished", "interrupted")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, program, *words, interrupt=False):
        environment = dict(os.environ)
        if interrupt:  # in the second or third epoch, between two files
            environment.update(LD_PRELOAD=os.path.join(self.bin, "..", "libfaults.so"), FAULT_KIND="rename", FAULT_AT="10")
        done = subprocess.run([os.path.join(self.bin, program), *words], capture_output=True, timeout=120, env=environment)
        if (done.returncode != 0) != interrupt:
            sys.exit(f"{program} {' '.join(words)}: status {done.returncode}: {done.stderr.decode()}")

    def actions(self, name):
        run = self.path("damaged")
        yield "resume", ["train", "--resume", "--out", run]
        if name == "finished":
            yield "evaluate", ["evaluate", "--json", "--threads", "1", "--run", run]
            yield "predict", ["predict", "--threads", "1", "--run", run, "--input", self.path("data/cases.csv"), "--out", self.path("out")]
        yield "inspect", ["inspect", run]
        yield "plot", ["plot", "--run", run, "--out", self.path("plot.svg")]

    def outcome(self, action, done):
        """What counts: files, or what is printed."""
        if action == "resume":
            names = ["best.safetensors", "last.safetensors", "result.json", "metrics.jsonl"]
            return [TIMES.sub(b"", read(self.path("damaged/" + n))) for n in names]
        if action == "predict":
            return {n: read(os.path.join(self.path("out"), n)) for n in sorted(os.listdir(self.path("out"))) if n != "config.toml"}
        if action == "plot":
            return read(self.path("plot.svg"))
        # Where the data lie is what config.toml says, and people change it when they move them.
        return re.sub(rb"(?m)^data .*$", b"", TIMES.sub(b"", done.stdout))

    def use(self, name, damage):
        """({action: outcome}, faults) of a copy that `damage(folder)` has damaged; refusals have no outcome."""
        outcomes, faults = {}, []
        for action, words in self.actions(name):
            shutil.rmtree(self.path("damaged"), ignore_errors=True)
            shutil.rmtree(self.path("out"), ignore_errors=True)
            shutil.copytree(self.path(name), self.path("damaged"))
            if damage:
                damage(self.path("damaged"))
            try:
                done = subprocess.run([os.path.join(self.bin, words[0]), *words[1:]], capture_output=True, timeout=60)
            except subprocess.TimeoutExpired:
                faults.append(f"{action}: hangs")
                continue
            lines = [l for l in done.stderr.decode(errors="replace").splitlines() if not l.startswith("note: ")]
            if done.returncode == 0:
                outcomes[action] = self.outcome(action, done)
                if damage and outcomes[action] != self.expected[name][action]:
                    faults.append(f"{action}: accepted, with another outcome")
            elif done.returncode not in (1, 2) or len(lines) != 1:
                faults.append(f"{action}: status {done.returncode}: {' | '.join(lines)[:300]}")
        return outcomes, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--files", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(os.path.abspath(options.bin), folder)
        accepted = refused = 0
        for number in range(options.files):
            name = ("finished", "finished", "interrupted")[number % 3]
            files = sorted(os.listdir(runs.path(name)))
            file = files[number // 3 % len(files)]
            how = chance.choice(TEXT_DAMAGES if file in TEXT else DAMAGES)
            whole = read(runs.path(f"{name}/{file}"))
            broken = how(whole, chance, read(runs.path(f"another/{file}")))

            def damage(run):
                with open(os.path.join(run, file), "wb") as out:
                    out.write(broken)

            outcomes, faults = runs.use(name, damage)
            accepted += len(outcomes)
            refused += len(list(runs.actions(name))) - len(outcomes)
            for fault in faults:
                places = [i for i in range(min(len(whole), len(broken))) if whole[i] != broken[i]]
                at = places[0] if places else min(len(whole), len(broken))
                print(f"FAILED: file {number}, {name}: {file}, {how.__name__} at {at} "
                      f"({whole[max(0, at - 20):at + 10]!r} -> {broken[max(0, at - 20):at + 10]!r}): {fault}")
                failed += 1
        if not failed:
            print(f"ok: {options.files} damaged files of runs: {refused} uses refused, {accepted} accepted with the outcome of the whole run")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
