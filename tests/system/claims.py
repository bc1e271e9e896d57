# SPDX-License-Identifier: MIT
"""docs/SEED.md names a test for all that it claims: each exists and has run. Comes behind all other tests."""
import os
import re

from harness import *

PAGE = os.path.join(SOURCE, "docs/SEED.md")


def log_of(name):
    """The lines of results that the tests of a file left."""
    if name.startswith("http/"):
        path = "tests/http/run.log"
    elif name.startswith("unit/"):
        path = "tests/unit/unit.log"
    else:
        path = f"tests/system/{name}.log"
    with open(os.path.join(BUILD, path), encoding="latin-1") as f:
        return re.findall(r"^(?:not )?ok \d+ - .*", f.read(), re.M)


def titles_of(name, lines):
    """{title: whether it ran}"""
    titles = {}
    for line in lines:
        title = line.split(" - ", 1)[1]
        ran = " # SKIP" not in title
        title = title.split(" # SKIP")[0]
        if name.startswith("http/"):
            file, _, title = title.partition(": ")
            title = title.split(" | ")[0] if file == name.removeprefix("http/") else ""
        elif name.startswith("unit/"):
            file, _, title = title.removesuffix(": Passed").rpartition(":")
            title = title if file.endswith(":" + name.removeprefix("unit/")) else ""
        titles[title] = titles.get(title, False) or ran
    return titles


def rows():
    with open(PAGE, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("| ") and not line.startswith(("| the seed |", "| probe |")):
                yield number, [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def test_every_row_has_a_test_or_says_why_not():
    count = 0
    for number, cells in rows():
        count += 1
        has_test = re.search(r"`[\w/-]+: [^`]+`$", cells[-1]) is not None
        is_left = any(re.match(r"to come|not\b|not:", cell) for cell in cells[1:])
        assert has_test or is_left, f"docs/SEED.md:{number}: {cells}"
    assert count > 100, count


def test_every_test_that_is_named_exists_and_ran():
    titles, missing, skipped = {}, [], []
    for number, cells in rows():
        for name, title in re.findall(r"`([\w/-]+): ([^`]+)`", cells[-1]):
            if name not in titles:
                try:
                    titles[name] = titles_of(name, log_of(name))
                except FileNotFoundError:
                    titles[name] = {}
            if title not in titles[name]:
                missing.append(f"docs/SEED.md:{number}: {name}: {title}")
            elif not titles[name][title]:
                skipped.append(f"{name}: {title}")
    assert not missing, "\n".join(missing)
    need(not skipped, f"{len(skipped)} of the tests were skipped: " + "; ".join(skipped[:3]))


main()
