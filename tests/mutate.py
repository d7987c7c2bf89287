#!/usr/bin/env python3
"""Damages one token of a kernel at a time and asks whether the tests of the simulated device notice.

    tests/mutate.py cuda/softmax.cu cuda/reduce.cuh --build build/sim-check [--most 20] [--seed 1] [--tests 'softmax*']

A mutant is caught if it does not compile, or the device tests fail, crash, complain or never end.  The file is put back
in any case.  Survivors are printed with their line: each is either harmless (say why) or a test is missing.
"""
import argparse
import os
import random
import re
import subprocess
import sys

# (what to look for, what to put there)
RULES = [
    (r"__syncthreads\(\);", ";"),
    (r" < ", " <= "),
    (r" > ", " >= "),
    (r" <= ", " < "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r" % ", " / "),
    (r" \+= ", " = "),
    (r" && ", " || "),
    (r" == ", " != "),
    (r"\b1\b", "0"),
    (r"\b0\b", "1"),
]


def mutants(text):
    """(offset, length, replacement) of all places inside code, not in comments, strings or preprocessor lines."""
    offset = 0
    for line in text.split("\n"):
        code = line.split("//")[0]
        skip = code.lstrip().startswith(("#", "case", "namespace", "template")) or "launch(" in code or '"' in code
        if not skip:
            for pattern, replacement in RULES:
                for m in re.finditer(pattern, code):
                    yield offset + m.start(), len(m.group()), replacement
        offset += len(line) + 1


def caught(build, tests, seconds):
    made = subprocess.run(["cmake", "--build", build, "--target", "device_tests"], capture_output=True, text=True)
    if made.returncode != 0:
        return "does not compile"
    env = dict(os.environ, MEDUSA_PARITY="only", MEDUSA_POOL="off")
    try:
        command = [build + "/bin/device_tests", "--abort-after=1"] + (["-tc=" + tests] if tests else [])
        ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=seconds, errors="replace")
    except subprocess.TimeoutExpired:
        return "never ends"
    said = [line for line in ran.stderr.split("\n") if line.startswith("sim: ")]
    if said:
        return said[0]
    return "tests fail" if ran.returncode != 0 else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--build", default="build/sim-check", help="a SIM build folder that is up to date")
    parser.add_argument("--most", type=int, default=20, help="mutants per file, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", default="", help="only test cases of this name")
    parser.add_argument("--seconds", type=int, default=300, help="longer is: never ends")
    o = parser.parse_args()
    total = survivors = 0
    for path in o.files:
        with open(path) as f:
            text = f.read()
        places = list(mutants(text))
        random.Random(o.seed).shuffle(places)
        try:
            for at, length, replacement in places[: o.most]:
                with open(path, "w") as f:
                    f.write(text[:at] + replacement + text[at + length :])
                how = caught(o.build, o.tests, o.seconds)
                line = text.count("\n", 0, at) + 1
                total += 1
                survivors += not how
                change = f"'{text[at : at + length].strip()}' -> '{replacement.strip()}'"
                print(f"{path}:{line}: {change}: {how or 'SURVIVES'}", flush=True)
        finally:
            with open(path, "w") as f:
                f.write(text)
    print(f"{total - survivors} of {total} mutants caught")
    sys.exit(survivors != 0)


main()
