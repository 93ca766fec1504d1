#!/usr/bin/env python3
"""Holds what each crate depends on against the map in docs/architecture.md, and `events` against what it must never need.

    tools/crates.py

The map's column "may use" is the rule; tests may use the testbed too, and what stands there behind "in tests".
"""

import json
import pathlib
import re
import subprocess
import sys

MAP = pathlib.Path("docs/architecture.md")
ROW = re.compile(r"^\| `(?P<room>[\w/]+)/` \|.*\| (?P<may_use>[^|]*) \|$", re.MULTILINE)
# Nobody uses it but tests.
TESTBED = "testbed"
# "no I/O, no clock, no chance, no async", as crates. Whatever brings one of them in is found, however far down.
IMPURE = {"async-nats", "futures", "hyper", "mio", "rand", "reqwest", "socket2", "sqlx", "sqlx-core", "tokio"}
PURE = "events"
ASYNC = re.compile(r"^(?!\s*//).*(\basync\b|\.await\b)", re.MULTILINE)


def allowed(crates):
    """What the map lets each crate use, by crate: for itself, and in its tests besides."""
    rows = {row["room"].rpartition("/")[2]: row["may_use"] for row in ROW.finditer(MAP.read_text())}
    above, may_use, in_tests = set(), {}, {}
    for crate, words in rows.items():
        if crate not in crates:
            continue
        words, _, besides = words.partition("; in tests")
        in_tests[crate] = set(re.findall(r"`([\w-]+)`", besides)) | {TESTBED}
        if words.startswith("all"):
            may_use[crate] = set(above)
        elif words.startswith("nothing of ours"):
            may_use[crate] = set()
        else:
            may_use[crate] = set(re.findall(r"`([\w-]+)`", words))
        above.add(crate)
    return may_use, in_tests


def used(package, crates, kinds):
    """Our crates that the package depends on in these ways."""
    return {one["name"] for one in package["dependencies"] if one["name"] in crates and one["kind"] in kinds}


def map_problems(packages):
    crates = {package["name"] for package in packages}
    may_use, in_tests = allowed(crates)
    for package in packages:
        name = package["name"]
        if name not in may_use:
            yield f"{name} is not on the map"
            continue
        for unknown in sorted(may_use[name] - crates):
            yield f"the map lets {name} use {unknown}, which is no crate"
        for other in sorted(used(package, crates, (None, "build")) - may_use[name]):
            yield f"{name} uses {other}, which the map does not let it"
        for other in sorted(used(package, crates, ("dev",)) - may_use[name] - in_tests[name]):
            yield f"the tests of {name} use {other}, which the map does not let it"


def purity_problems():
    tree = cargo("tree", "--package", PURE, "--edges", "normal,build", "--prefix", "none", "--format", "{p}")
    for name in sorted({line.split()[0] for line in tree.splitlines() if line} & IMPURE):
        yield f"{PURE} depends on {name}; `cargo tree --package {PURE} --invert {name}` shows by whom"
    for path in sorted(pathlib.Path(PURE, "src").rglob("*.rs")):
        text = path.read_text()
        for found in ASYNC.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {PURE} is not async"


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    packages = json.loads(cargo("metadata", "--no-deps", "--format-version", "1"))["packages"]
    problems = [f"{MAP}: {problem}" for problem in map_problems(packages)] + list(purity_problems())
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


main()
