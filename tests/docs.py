#!/usr/bin/env python3
"""Runs the commands that READMEs show and compares what they print with what the READMEs say.

docs.py BIN [README...]: one line "ok", "FAILED" or "left out" per block.  Each README has a folder of its own that looks like
the repository, with BIN as build/bin; /tmp/x is tmp/x there, so nothing is written anywhere else.

  * An indented block of commands is run.  Of its lines those are left out that build, test or look at things by hand
    (make, cmake, tests/..., gdb, perf, dot), and those with a placeholder in capitals (RUN, HAM10000).
  * A block that follows directly is what the commands print: token by token, in order; "..." stands for anything.  Numbers
    may differ by one part in a million (whole ones not at all); times in ms and s are not compared.
  * "Save this as `FILE`" in a paragraph: the next block that is no command becomes that file.
  * Comments before a block, invisible to readers:
      <!-- tolerance 2% -->         numbers may differ by so much
      <!-- long: why -->            run in CI and by `make long` alone (MEDUSA_CI, MEDUSA_LONG)
      <!-- not run: why -->         not run at all
    and before a paragraph, to tie the numbers in its text to a command:
      <!-- quotes 168 and 68, tolerance 1%
      COMMAND -->                   both the paragraph and what the command prints have these numbers
"""
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_LONG = bool(os.environ.get("MEDUSA_CI") or os.environ.get("MEDUSA_LONG"))
COMMAND = re.compile(r"^(!? ?[A-Z_]+=\S* )*(build/\S*bin/|c\+\+ |printf |nm |mkdir |head |make\b|cmake |tests/|tools/|python3 |gdb |perf |dot |cd |cp |git )")
BY_HAND = re.compile(r"^([A-Z_]+=\S* )*(make\b|cmake |tests/|tools/|python3 |gdb |perf |dot |git |build/(?!bin/))")
PLACEHOLDER = re.compile(r"(?<=[ /=])[A-Z][A-Z0-9]{2,}(?=[ /]|$)|<\w+>")
TOKEN = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])|\w+|\S")
TIME_UNITS = {"ms", "s"}


class Block:
    """A comment, a paragraph or an indented block of a README, and the line it begins on."""

    def __init__(self, kind, line, text):
        self.kind, self.line, self.text = kind, line, text


def blocks_of(text):
    """The README's blocks in order.  Indented lines of one block may have empty lines between them."""
    blocks, lines, i = [], text.split("\n"), 0
    while i < len(lines):
        if not lines[i].strip():
            i += 1
            continue
        start = i
        if lines[i].lstrip().startswith("<!--"):
            while "-->" not in lines[i]:
                i += 1
            i += 1
            body = "\n".join(lines[start:i]).strip()
            blocks.append(Block("comment", start + 1, body[4:body.index("-->")].strip()))
        elif lines[i].startswith("    ") and (start == 0 or not lines[i - 1].strip()):
            while i < len(lines) and (lines[i].startswith("    ") or not lines[i].strip()):
                # A new block begins where commands follow an empty line, or output follows commands.
                if not lines[i].strip() and i + 1 < len(lines) and lines[i + 1].strip():
                    if COMMAND.match(lines[start].strip()) or COMMAND.match(lines[i + 1].strip()):
                        break
                i += 1
            rows = "\n".join(lines[start:i]).rstrip().split("\n")
            indent = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
            blocks.append(Block("code", start + 1, "\n".join(row[indent:] for row in rows)))
        else:
            while i < len(lines) and lines[i].strip() and not lines[i].lstrip().startswith("<!--"):
                i += 1
            blocks.append(Block("text", start + 1, "\n".join(lines[start:i])))
    return blocks


def number(token):
    try:
        return float(token.replace(",", ""))
    except ValueError:
        return None


def alike(want, got, tolerance):
    a, b = number(want), number(got)
    if a is None or b is None:
        return want == got
    if tolerance is None:  # the default
        tolerance = 0 if re.fullmatch(r"[-+]?[\d,]+", want) else 1e-6
    half_digit = 0.0
    if tolerance and (digits := re.search(r"\.(\d+)$", want)):
        half_digit = 0.51 * 10 ** -len(digits.group(1)) if len(digits.group(1)) < 5 else 0.0
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=half_digit)


def difference(expected, printed, tolerance):
    """"" where every piece between "..." is found in order in what was printed; else what is not."""
    got, at = TOKEN.findall(printed), 0
    for piece in re.split(r"(?:^|\s)\.\.\.(?=\s|$)", expected):
        want = TOKEN.findall(piece)
        best, best_at = -1, at
        for start in range(at, max(at + 1, len(got) - len(want) + 1)):
            n = 0
            while n < len(want) and start + n < len(got) and (
                    alike(want[n], got[start + n], tolerance) or
                    (number(want[n]) is not None and number(got[start + n]) is not None and
                     n + 1 < len(want) and want[n + 1] in TIME_UNITS)):
                n += 1
            if n > best:
                best, best_at = n, start
            if n == len(want):
                break
        if best < len(want):
            return (f"expected ...{' '.join(want[max(0, best - 6):best + 6])}..., "
                    f"found ...{' '.join(got[max(0, best_at + best - 6):best_at + best + 6])}...")
        at = best_at + best
    return ""


class Chapter:
    """One README, run in a folder that looks like the repository."""

    def __init__(self, path, folder):
        self.path, self.folder, self.failed = path, folder, False
        os.makedirs(folder + "/tmp")
        os.makedirs(folder + "/build")
        for name in os.listdir(HERE):
            if name not in (".git", "build"):
                os.symlink(f"{HERE}/{name}", f"{folder}/{name}")
        os.symlink(BIN, folder + "/build/bin")
        if os.path.exists(BIN + "/../libmedusa.a"):
            os.symlink(os.path.dirname(BIN) + "/libmedusa.a", folder + "/build/libmedusa.a")

    def say(self, good, block, what):
        self.failed |= not good
        print(f"{'ok' if good else 'FAILED'}: {self.path}:{block.line}: {what}", flush=True)

    def moved(self, text):
        return re.sub(r"(?<![\w.])/tmp/", self.folder + "/tmp/", text)

    def run(self, block, commands):
        """What they print, streams in the order in which they come; None where one fails, which is told."""
        script = self.moved("\n".join(commands)).replace("| less", "| cat")
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=self.folder, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode not in (0, 141):  # 141: `| head` has seen enough
            self.say(False, block, f"{commands[0]}: status {done.returncode}: {done.stdout.strip()[-400:]}")
            return None
        return done.stdout.replace(self.folder + "/tmp/", "/tmp/")

    def commands(self, block):
        lines = re.sub(r"\\\n\s*", "", block.text).split("\n")
        return [line for line in lines if line.strip() and not BY_HAND.match(line) and not PLACEHOLDER.search(line.split(" #")[0])]

    def quoted(self, comment, paragraph):
        head, _, command = comment.text.partition("\n")
        tolerance = tolerance_of(head)
        numbers = re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", re.sub(r",? tolerance.*", "", head))
        printed = self.run(comment, [re.sub(r"\s*\n\s*", " ", command)])
        if printed is None:
            return
        found = TOKEN.findall(printed)
        for n in numbers:
            said = re.search(rf"(?<![\w.]){re.escape(n)}(?![\d])", paragraph)
            got = any(number(t) is not None and alike(n, t, tolerance) for t in found)
            self.say(bool(said) and got, comment, f"quotes {n}" + ("" if said else ": the paragraph does not")
                     + ("" if got else f": not in: {' '.join(printed.split())[-300:]}"))

    def check(self):
        marks, save, printed, ran, quotes = [], None, None, None, None
        with open(f"{HERE}/{self.path}") as file:
            blocks = blocks_of(file.read())
        for block in blocks:
            if block.kind == "comment":
                if block.text.startswith("quotes "):
                    quotes = block
                else:
                    marks.append(block.text)
                continue
            if block.kind == "text":
                if quotes:
                    self.quoted(quotes, block.text)
                found = re.search(r"[Ss]ave this as `([^`]+)`", block.text.replace("\n", " "))
                save, printed, marks, quotes = (found.group(1) if found else None), None, [], None
                continue
            if not COMMAND.match(block.text):
                if save:
                    with open(self.moved(save), "w") as file:
                        file.write(block.text + "\n")
                    save = None
                elif printed is not None:
                    wrong = difference(block.text, printed, tolerance_of(" ".join(marks)))
                    self.say(not wrong, block, wrong or "as printed")
                    printed = None
                marks = []
                continue
            printed, commands = None, self.commands(block)
            reason = next((m for m in marks if m.startswith("not run")), None)
            if not reason and not RUN_LONG:
                reason = next((m for m in marks if m.startswith("long")), None)
            marks = []
            if reason or not commands:
                if reason:
                    print(f"left out: {self.path}:{block.line}: {reason}")
                continue
            began = time.monotonic()
            printed = self.run(block, commands)
            if printed is not None:
                self.say(True, block, f"{commands[0][:90]} ({time.monotonic() - began:.0f} s)")
        return self.failed


def tolerance_of(text):
    found = re.search(r"tolerance ([\d.]+)%", text)
    return float(found.group(1)) / 100 if found else None


def main():
    os.chdir(HERE)
    listed = subprocess.run(["git", "ls-files", "*README.md"], capture_output=True, text=True).stdout.split()
    failed = False
    for path in sys.argv[2:] or sorted(listed):
        folder = tempfile.mkdtemp(prefix="medusa_docs_")
        try:
            failed |= Chapter(path, folder).check()
        finally:
            shutil.rmtree(folder)
    sys.exit(failed)


main()
