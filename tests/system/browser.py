# SPDX-License-Identifier: MIT
"""The demo site in Chromium: loads without an error, in light and dark, on a narrow screen and a wide one."""
from harness import *

FILES = ("package.json", "package-lock.json", ".npmrc", "look.js")
CHROMIUM = "/usr/bin/chromium"


def driver():
    """The folder with the driver, installed as the lock file says."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")
    if not os.path.exists(CHROMIUM):
        raise Skip("chromium is not installed")
    where = os.path.join(BUILD, "tests/browser/driver")
    os.makedirs(where, exist_ok=True)
    for name in FILES:
        shutil.copy(os.path.join(SOURCE, "tests/browser", name), os.path.join(where, name))
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=where,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Skip("npm ci: " + done.stderr.strip().splitlines()[-1])
    return where


def test_the_demo_site_is_drawn_without_an_error():
    where = driver()
    with open(SOURCE + "/conf/demo.json", encoding="utf-8") as f:
        text = f.read()
    with folder() as home:
        demo = write(home + "/demo.json", text.replace('"port": 8080', '"port": 0')
                     .replace('"site"', json.dumps(SOURCE + "/conf/site"))
                     .replace('"../docs"', json.dumps(SOURCE + "/docs")))
        assert '"port": 0' in text.replace('"port": 8080', '"port": 0')
        daemon = {"module_path": MODULES, **({"user": "root"} if IS_ROOT else {})}
        with serving({"include": demo, "daemon": daemon}) as server:
            done = subprocess.run(["node", "look.js", f"http://127.0.0.1:{server.port}/"], cwd=where,
                                  capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": home})
            equal(done.returncode, 0, done.stderr)
            seen = json.loads(done.stdout)
    equal(sorted(seen), ["dark 1280", "dark 360", "light 1280", "light 360"])
    for how, page in seen.items():
        equal(page["faults"], [], how)
        equal(page["title"], "multiplexd is running", how)
        assert page["images"] and min(page["images"]) > 0, f"{how}: an image is not drawn"
        assert page["wide"] <= int(how.split()[1]), f"{how}: the page is {page['wide']} wide"
        assert page["followed"] > 1000, f"{how}: a link is not followed"
        for path in ("/", "/style.css", "/picture.svg", "/docs/CONFIG.md"):
            assert path in page["loaded"], f"{how}: {path} was not asked for"
    assert seen["light 360"]["background"] != seen["dark 360"]["background"], "dark is as light"


main()
