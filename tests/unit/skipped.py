# SPDX-License-Identifier: MIT
"""In the place of the unit tests where the library check was not found."""
import os

print("1..1")
if os.environ.get("CI") == "true":
    print("not ok 1 - unit tests: skipped: the library check was not found by configure")
else:
    print("ok 1 - unit tests # SKIP skipped: the library check was not found by configure")
