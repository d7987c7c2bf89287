#!/usr/bin/env python3
"""Damages one token of a kernel at a time and asks whether the tests of the simulated device notice.

    make sim sim-asan sim-check
    tests/mutate.py cuda/softmax.cu cuda/reduce.cuh          # 20 mutants of each, drawn by --seed
    tests/mutate.py --most 0 cuda/softmax.cu                 # all
    tests/mutate.py --list cuda/softmax.cu                   # what they are, without running one
    tests/mutate.py --report                                 # the table of all that was run so far

A mutant is compiled by itself, beside the tree, which stays as it is.  One whose machine code is the same changes
nothing.  All others go through the tests of their family in the three builds, the fastest first, and those that are left
through all tests.  What is caught: the tests fail, the device complains, the program crashes or does not end.  Results
are kept in build/mutants/results.jsonl, so that a run can be broken off and goes on where it was; --again repeats the
survivors, after a test was added.  Survivors that tests/mutants_harmless.txt has with a reason count as harmless.
"""
import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import queue
import re
import shlex
import subprocess
import sys
import tempfile
import threading

from mutants import mutants

FOLDER = "build/mutants"
RESULTS = FOLDER + "/results.jsonl"
HARMLESS = "tests/mutants_harmless.txt"
SUITES = ["sim", "sim-check", "sim-asan"]  # in the order of their speed

# The test cases to try first.
FAMILIES = {
    "softmax": "softmax*,cuda: softmax*,cuda: losses*",
    "reduce": "reduce*,cuda: sums*,cuda: index*,softmax*,norm*,loss*,cuda: losses*,cuda: kernels over spans*",
    "axes": "elementwise*,layout*,pool*,resize*,cuda: operands*",
    "norm": "*norm*,cuda: losses*",
    "loss": "*loss*,cross*,dice,one_hot,cuda: losses*,cuda: a label*",
    "conv": "cuda: convolutions*,conv*",
    "blas": "matmul*,linear,cuda: products*,cuda: TF32*,cuda: what is*,cuda: convolutions*",
    "elementwise": "elementwise*,dropout*,cuda: dropout*,cuda: operands*",
    "optim": "cuda: optimiser*,cuda: kernels over spans*",
    "spans": "cuda: optimiser*,cuda: kernels over spans*",
    "upload": "cuda: the copy*,cuda: uploads*,cuda: *an upload*",
    "pool": "*pool*",
    "runtime": "cuda: *",
    "launch": "cuda: softmax*,cuda: what is*,cuda: sums*,elementwise*",
    "context": "reduce*,resize*,cuda: *",
}


def run(command, cpu_seconds=None, env=None):
    """(status, output, seconds of computing) of a command, which is ended after cpu_seconds of computing."""
    if cpu_seconds:  # and after an hour, should it wait for ever
        command = ["timeout", "-s", "KILL", "3600", "sh", "-c", f'ulimit -t {cpu_seconds}; exec "$@"', "sh"] + command
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace"), usage.ru_utime + usage.ru_stime


class Suite:
    """One of the three builds: how its objects are compiled, how device_tests is linked, what its tests say."""

    def __init__(self, name):
        self.folder = os.path.abspath("build/" + name)
        if not os.path.exists(self.folder + "/bin/device_tests"):
            sys.exit(f"mutate.py: build/{name}/bin/device_tests is missing: make {name}")
        with open(self.folder + "/compile_commands.json") as f:
            self.compile = {os.path.relpath(c["file"]): shlex.split(c["command"]) for c in json.load(f)}
        link = run(["ninja", "-C", self.folder, "-t", "commands", "device_tests"])[1].strip().split("\n")[-1]
        self.link = shlex.split(link)[2:-2]  # without ": &&" and "&& :"
        self.seconds = {}
        self.lock = threading.Lock()

    def objects(self, sources, overlay):
        """Compiles the sources as they are in the overlay; the objects, or None where that does not go."""
        objects = []
        for source in sources:
            command = [w for w in self.compile[source] if w not in ("-Werror", "ccache", "/usr/bin/ccache")]
            inside = f"{overlay}/{source}"
            command[command.index(os.path.abspath(source))] = inside if os.path.exists(inside) else os.path.abspath(source)
            objects.append(f"{overlay}/{os.path.basename(self.folder)}-{os.path.basename(source)}.o")
            command[command.index("-o") + 1] = objects[-1]
            command[1:1] = ["-I" + overlay, "-w", f"-ffile-prefix-map={overlay}/="]
            if run(command + ["-g0"])[0] != 0:
                return None
        return objects

    def program(self, objects, overlay):
        """device_tests with these objects in the place of the library's."""
        command = list(self.link)
        at = command.index("libmedusa.a")
        command[at:at] = objects
        command[command.index("-o") + 1] = f"{overlay}/device_tests"
        status, output, _ = run(["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", self.folder] + command + ["-Wl,-S"])
        if status != 0:
            sys.exit(f"mutate.py: {output}")
        return f"{overlay}/device_tests"

    def complaint(self, program, tests, seconds, pool="off"):
        """What device_tests has against a mutant ("" where nothing), and the seconds of computing."""
        env = dict(os.environ, MEDUSA_PARITY="only", MEDUSA_POOL=pool)
        if pool != "off":
            del env["MEDUSA_POOL"]
        command = [program, "--abort-after=1"] + (["-tc=" + tests] if tests else [])
        status, output, used = run(command, seconds, env)
        if seconds and used >= seconds:
            return "never ends", used
        lines = [x for x in output.split("\n") if re.search("^sim: |ERROR: AddressSanitizer|runtime error", x)]
        failed = [x for x in output.split("\n") if re.search("ERROR: .*CHECK|logged: |THREW", x)]
        if lines or status:
            return re.sub(r"^.*(AddressSanitizer|runtime error)", r"\1", (lines + failed + [f"status {status}"])[0])[:160], used
        return "", used

    def limit(self, tests, pool):
        """Seconds of computing after which a mutant hangs: several times what the sound program takes."""
        with self.lock:
            if (tests, pool) not in self.seconds:
                said, used = self.complaint(self.folder + "/bin/device_tests", tests, None, pool)
                if said:
                    sys.exit(f"mutate.py: {self.folder} fails without any damage: {said}")
                self.seconds[tests, pool] = int(3 + 4 * used)
            return self.seconds[tests, pool]


def sources_of(path):
    """The files to compile anew where `path` is damaged: itself, or those that include it."""
    if path.endswith((".cu", ".cpp")):
        return [path]
    users = set()
    for other in glob.glob("cuda/*.*"):
        with open(other) as f:
            if other != path and f'#include "{path}"' in f.read():
                users.update(sources_of(other))
    return sorted(users)


class Tester:
    """Runs mutants, each in a folder of its worker's own."""

    def __init__(self, jobs, suites, families_only):
        self.families_only = families_only
        self.suites = {name: Suite(name) for name in suites}
        self.overlays = queue.Queue()
        self.sound = {}
        for i in range(jobs):
            os.makedirs(f"{FOLDER}/{i}/cuda", exist_ok=True)
            self.overlays.put(os.path.abspath(f"{FOLDER}/{i}"))

    def digest(self, path, text, overlay):
        """What the plain build makes of the file with this text: a digest of the machine code and the objects."""
        with open(f"{overlay}/{path}", "w") as f:
            f.write(text)
        objects = self.suites["sim"].objects(sources_of(path), overlay)
        if objects is None:
            return None, None
        code = hashlib.sha1()
        for o in objects:
            with open(o, "rb") as f:
                code.update(f.read())
        return code.hexdigest(), objects

    def test(self, mutant):
        """(verdict, by, how): "not compiled", "nothing", "caught" or "survives"."""
        path, overlay = mutant["file"], self.overlays.get()
        try:
            if path not in self.sound:
                with open(path) as f:
                    self.sound[path] = self.digest(path, f.read(), overlay)[0]
            code, objects = self.digest(path, mutant["text"], overlay)
            if code is None:
                return "not compiled", "", ""
            if code == self.sound[path]:
                return "nothing", "", ""
            return self.suites_say(mutant, overlay, objects)
        finally:
            for left in glob.glob(f"{overlay}/cuda/*") + glob.glob(f"{overlay}/*.o"):
                os.remove(left)
            self.overlays.put(overlay)

    def suites_say(self, mutant, overlay, objects):
        family = os.path.basename(mutant["file"]).split(".")[0]
        rounds = [(FAMILIES.get(family, family + "*"), "off"), ("", "off"), ("cuda:*", "on")]
        for tests, pool in rounds[:1] if self.families_only else rounds:
            for name, suite in self.suites.items():
                if name != "sim" or pool != "off":
                    objects = None
                seconds = suite.limit(tests, pool)
                objects = objects or suite.objects(sources_of(mutant["file"]), overlay)
                if objects is None:
                    return "not compiled", "", ""
                how, _ = suite.complaint(suite.program(objects, overlay), tests, seconds, pool)
                objects = None
                if how:
                    return "caught", name, how
        return "survives", "", ""


def read_results():
    """The newest result of every mutant, by its key."""
    results = {}
    if os.path.exists(RESULTS):
        with open(RESULTS) as f:
            for line in f:
                r = json.loads(line)
                results[r["key"]] = r
    return results


def read_harmless():
    """{(file, line after the damage): reason}"""
    harmless, reason = {}, ""
    if os.path.exists(HARMLESS):
        with open(HARMLESS) as f:
            for line in f:
                if line.startswith("# "):
                    reason = line[2:].strip()
                elif line.strip():
                    path, _, damaged = line.strip().partition(": ")
                    harmless[path, damaged] = reason
    return harmless


def report(results, chosen):
    """A line per file; how many survivors nobody has explained."""
    harmless = read_harmless()
    rows, open_questions = {}, []
    for key, possible in chosen.items():
        r = results.get(key)
        if r is None:
            continue
        row = rows.setdefault(r["file"], dict.fromkeys(["drawn", "not compiled", "nothing"] + SUITES + ["harmless", "survives"], 0))
        row["drawn"] += 1
        verdict = r["by"] if r["verdict"] == "caught" else r["verdict"]
        if verdict == "survives" and (r["file"], possible["is"]) in harmless:
            verdict = "harmless"
        elif verdict == "survives":
            open_questions.append(possible)
        row[verdict] += 1
    print("| file | drawn | do not compile | change nothing | sim | sim-check | sim-asan | harmless | survive |")
    print("| --- |" + " ---: |" * 8)
    rows = dict(sorted(rows.items()))
    rows["all"] = {k: sum(r[k] for r in rows.values()) for k in next(iter(rows.values()))} if rows else {}
    for path, row in rows.items():
        print(f"| `{path}` | " + " | ".join(str(n) for n in row.values()) + " |")
    for r in sorted(open_questions, key=lambda r: (r["file"], r["line"])):
        print(f"{r['file']}:{r['line']}: {r['was']}\n    -> {r['is']}")
    total = rows["all"]
    caught = sum(total.get(s, 0) for s in SUITES)
    print(f"{caught} caught, {total.get('survives', 0)} survive")
    return total.get("survives", 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="default: all of cuda/")
    parser.add_argument("--most", type=int, default=20, help="mutants per file; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suites", default=",".join(SUITES), help="the builds to use")
    parser.add_argument("--families", action="store_true", help="only the tests of a mutant's family")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="repeat those that survived")
    parser.add_argument("--list", action="store_true", help="print the mutants")
    parser.add_argument("--report", action="store_true", help="print the table of what was run")
    o = parser.parse_args()
    os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/..")
    drawn, everything = [], {}
    for path in o.files or sorted(f for f in glob.glob("cuda/*") if f.endswith((".cu", ".cuh", ".cpp", ".h"))):
        with open(path) as f:
            found = mutants(path, f.read(), o.seed)
        everything.update((m["key"], m) for m in found)
        drawn += found[: o.most] if o.most else found
    if o.list:
        for m in sorted(drawn, key=lambda m: (m["file"], m["line"])):
            print(f"{m['file']}:{m['line']}: {m['was']}\n    -> {m['is']}")
        return
    results = read_results()
    if not o.report:
        run_all(drawn, results, o)
    sys.exit(report(results, everything if o.report else {m["key"]: m for m in drawn}) != 0)


def run_all(drawn, results, o):
    os.makedirs(FOLDER, exist_ok=True)
    harmless = read_harmless()
    survived = [m for m in drawn if m["key"] in results and results[m["key"]]["verdict"] == "survives"]
    todo = [m for m in drawn if m["key"] not in results]
    todo += [m for m in survived if o.again and (m["file"], m["is"]) not in harmless]
    tester = Tester(o.jobs, o.suites.split(","), o.families)
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool, open(RESULTS, "a") as log:
        futures = {pool.submit(tester.test, m): m for m in todo}
        for i, future in enumerate(concurrent.futures.as_completed(futures)):
            m = futures[future]
            verdict, by, how = future.result()
            r = {k: m[k] for k in ("key", "file", "line", "rule", "was", "is")} | {"verdict": verdict, "by": by, "how": how}
            results[m["key"]] = r
            log.write(json.dumps(r) + "\n")
            log.flush()
            print(f"{i + 1}/{len(todo)} {m['file']}:{m['line']}: {m['is']}: {verdict} {by} {how}", flush=True)


if __name__ == "__main__":
    main()
