# SPDX-License-Identifier: MIT
"""The demo site and a listing in Chromium: no error, in light and dark, on a narrow screen and a wide one."""
from harness import *

FILES = ("package.json", "package-lock.json", ".npmrc", "listing.js", "look.js", "sessions.js")
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


def see(where, script, *arguments):
    """What a script of tests/browser has seen."""
    done = subprocess.run(["node", script, *arguments], cwd=where, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "HOME": where})
    equal(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)


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
            seen = see(where, "look.js", f"http://127.0.0.1:{server.port}/")
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


NAMES = ["<b>bold", 'quo"te', "it's", "gr\u00fcn \u732b", "a b  c", "new\nline", "per%20cent", "q?x#y", "a&amp;b", "x:y",
         "a name that is far too long for any telephone, without_any_place_to_break_it_" + "long" * 12]


def test_a_listing_is_used_with_its_links():
    where = driver()
    with folder() as home:
        for i, name in enumerate(NAMES):
            write(f"{home}/site/{name}", f"this is {i}" + "." * i)
            os.utime(f"{home}/site/{name}", (1, 1700000000 - 3600 * i))
        write(home + "/site/sub folder/inside", "")
        write(home + "/top/favicon.ico", "")
        fields = ["flags", "user", "group", "size", "mtime"]
        site = {"documents": home + "/top", "static": {"default_type": "text/plain"}, "directory_list": True,
                "directories": [{"path": "/list", "location": home + "/site"},
                                {"path": "/all", "location": home + "/site", "dirlist": {"fields": fields}}]}
        with serving(configuration(site)) as server:
            url = f"http://127.0.0.1:{server.port}"
            seen = see(where, "listing.js", url + "/list/", "use")
            looks, more = (see(where, "listing.js", url + path, "look") for path in ("/list/", "/all/"))
    shown = [n.replace("\n", "\u240a") for n in NAMES]
    equal(seen["faults"], [])
    equal(seen["held"], {shown[i]: f"this is {i}" + "." * i for i in range(len(NAMES))})
    by_name = [n.replace("\n", "\u240a") for n in sorted(NAMES, key=str.encode)]
    top = ["Parent folder", "sub folder/"]
    equal([r["name"] for r in seen["rows"]], top + by_name)
    equal(seen["orders"], {"Size descending": top + shown[::-1], "Size ascending": top + shown,
                           "Modified descending": top + shown, "Modified ascending": top + shown[::-1],
                           "Name ascending": top + by_name, "Name descending": top + by_name[::-1]})
    equal([r["name"] for r in seen["inside"]], ["Parent folder", "inside"])
    equal(seen["back"], True)
    for found in (looks, more):
        for how, look in found.items():
            equal(look["faults"], [], how)
            equal(look["outside"], 0, f"{how}: something is drawn outside of the page")
            assert look["wide"] <= int(how.split()[1]), f"{how}: the page is {look['wide']} wide"
            assert look["low"] >= 18, f"{how}: a link is {look['low']} high"
            equal(look["icon"], 'url("dat', how)
    assert looks["light 360"]["paper"] != looks["dark 360"]["paper"], "dark is as light"
    assert looks["light 360"]["ink"] != looks["dark 360"]["ink"], "dark is as light"


def test_two_browsers_count_apart_on_many_connections_and_across_a_restart():
    where = driver()
    need(os.path.exists(MODULES[0] + "/session.so"), "the module session was left out")
    with folder() as state:
        if IS_ROOT:
            os.chmod(state, 0o777)
        process = {"session": {"store": "sqlite", "file": state + "/sessions.db"}}
        config = configuration({"session": {"cookie": {"persistent": True}}, "visitor": {}}, process=process)
        for wanted in (["20", "30"], ["40", "60"]):
            server = Server(state, config)
            try:
                seen = see(where, "sessions.js", f"http://127.0.0.1:{server.port}", state + "/jar", "20", "30")
                equal([text.split()[1] for text in seen["counts"]], wanted, server.log())
                equal(seen["readable"], ["", ""], "no script of a page sees the cookie")
            finally:
                server.stop(None)


main()
