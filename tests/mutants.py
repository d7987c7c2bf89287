"""The damage that mutate.py does: every mutant of a kernel's source, one token or one statement each."""
import hashlib
import re

# What a token may be changed to.  A space before and after keeps pointers, references and templates out of it.
TOKENS = [
    (r" < ", [" <= "]),
    (r" > ", [" >= "]),
    (r" <= ", [" < "]),
    (r" >= ", [" > "]),
    (r" == ", [" != "]),
    (r" != ", [" == "]),
    (r" \+ ", [" - "]),
    (r" - ", [" + "]),
    (r" \* ", [" + "]),
    (r" / ", [" * "]),
    (r" % ", [" / "]),
    (r" \+= ", [" -= ", " = "]),
    (r" -= ", [" += "]),
    (r" \*= ", [" /= ", " = "]),
    (r" /= ", [" *= "]),
    (r" && ", [" || "]),
    (r" \|\| ", [" && "]),
    (r"(?<=[=(?:,] )-(?=\w)|(?<=return )-(?=\w)|(?<=\()-(?=\w)", [""]),
    (r"!(?=[\w(])", [""]),
    (r"\btrue\b", ["false"]),
    (r"\bfalse\b", ["true"]),
    (r"\b(return|continue|break);", [";"]),
    (r"\b__sync(threads|warp)\(\);", [";"]),
    (r"\batomicAdd\(&?([^,]+), ([^;]+)\);", [r"\1 += \2;"]),
    (r"(?<=; )\+\+(\w+)(?=\))", [r"\1 += 2"]),  # wrong strides
    (r"(?<=; )(\w+) \+= [\w.]+(?:\(\))?(?=\))", [r"\1 += 1"]),
]

# Members that are taken for one another: a wrong axis or factor.
TWINS = ["in out", "length inner", "rows columns", "tiles parts", "cin cout", "first last", "m n", "d h", "h w",
         "kernel stride", "begin end", "stride_a stride_b", "row_a row_b", "transpose_a transpose_b", "in_size out_size",
         "mean var", "gamma beta", "slope shift", "low share", "in_stride offset_step", "offset tap", "count out_size"]

STATEMENT = re.compile(r"^ +(?=\S)(?!(?:return|else|case|using|delete|const|constexpr|static|auto)\b)"
                       r"(?:[\w.\->\[\]()*:+ ]*?[\w\])] [-+*/]?= |[+-]{2}\w|[\w.:]+(?:<[\w:]+>)?\(|for \()[^{}]*;$")
DECLARATION = re.compile(r"^ +(?:\w+::)?[A-Za-z]\w*(?:<.*>)?[ *&]+\w+(?:\[.*\])?(?: =|;|,|\()")


def masked(text):
    """The text with comments, strings and preprocessor lines blanked out; every character keeps its place."""
    return re.sub(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|^[ \t]*#[^\n]*', lambda m: " " * len(m.group()), text, flags=re.M)


def closing(code, at):
    """The place of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0:
            return i
    return len(code)


def number(digits):
    """The neighbours of a whole number."""
    n = int(digits)
    return [str(n + 1)] + ([str(n - 1)] if n > 0 else [])


def choice(code, at):
    """(first, second) alternatives as ranges of the "? :" whose question mark is at `at`, or None."""
    depth, nested, colon = 0, 0, None
    for i in range(at + 1, len(code)):
        c = code[i]
        if c in "([{":
            depth += 1
        elif c in ")]};," and depth == 0:
            return ((at + 2, colon), (colon + 3, i)) if colon else None
        elif c in ")]}":
            depth -= 1
        elif depth == 0 and code.startswith(" ? ", i):
            nested += 1
        elif depth == 0 and code.startswith(" : ", i):
            if nested == 0 and colon is None:
                colon = i
            nested -= 1
    return None


def places(text):
    """(begin, end, replacement, rule) of every mutant."""
    code = masked(text)
    for pattern, replacements in TOKENS:
        for m in re.finditer(pattern, code):
            if pattern == r" \+= " and re.search(r"; \w+$", code[: m.start()]):
                continue  # a loop without an end says nothing of the tests
            for r in replacements:
                yield m.start(), m.end(), m.expand(r), "token"
    for m in re.finditer(r"(?<![\w.\"'])(\d+)(?![\w.'])", code):
        for r in number(m.group()):
            yield m.start(), m.end(), r, "number"
    for m in re.finditer(r"(?<![\w.])\d+\.\d+(?!\w)", code):
        yield m.start(), m.end(), str(float(m.group()) + 1), "number"
    for pair in TWINS:
        for one, other in (pair.split(), pair.split()[::-1]):
            for m in re.finditer(r"(?<=[\w\])]\.)%s\b(?!\()|(?<=->)%s\b(?!\()" % (one, one), code):
                yield m.start(), m.end(), other, "twin"
    for m in re.finditer(r"\bif \(", code):
        end = closing(code, m.end() - 1)
        yield m.end(), end, "true", "guard"
    for m in re.finditer(r" \? ", code):
        ranges = choice(code, m.start() + 1)
        if ranges:
            (a, b), (c, d) = ranges
            yield a, d, text[c:d] + text[b:c] + text[a:b], "choice"
    offset = 0
    for line in code.split("\n"):
        stripped = line.rstrip()
        whole = stripped.count("(") == stripped.count(")")
        if whole and STATEMENT.match(stripped) and (" for (" in stripped or not DECLARATION.match(stripped)):
            yield offset + len(line) - len(line.lstrip()), offset + len(stripped), ";", "statement"
        offset += len(line) + 1


def context(text, at):
    """The line around a place, and its number."""
    begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    return text[begin:end], text.count("\n", 0, at) + 1


def mutants(path, text, seed):
    """All mutants of a file in an order drawn by the seed, each a dict.  Its key and its place in the order depend on the
    line alone, not on what else is in the file, so that results stay good while other lines change."""
    found, ordinals = {}, {}
    for begin, end, replacement, rule in places(text):
        damaged = text[:begin] + replacement + text[end:]
        if damaged in found or damaged == text:
            continue
        line, number_ = context(text, begin)
        after = line[: begin - (text.rfind("\n", 0, begin) + 1)] + replacement + text[end : text.find("\n", end - 1)]
        where = (line, after)
        ordinals.setdefault(where, {}).setdefault(number_, len(ordinals[where]))
        key = hashlib.sha1(repr((path, line, after, ordinals[where][number_])).encode()).hexdigest()[:16]
        found[damaged] = {"key": key, "file": path, "line": number_, "rule": rule, "was": line.strip(),
                          "is": "without: " + line.strip() if rule == "statement" else " ".join(after.split()), "text": damaged}
    return sorted(found.values(), key=lambda m: hashlib.sha1(f"{seed} {m['key']}".encode()).hexdigest())
