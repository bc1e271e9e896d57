# SPDX-License-Identifier: MIT
"""Files that a rule guards stay guarded however a client spells their path. A guard is a folder of a site, made with
its rule by one of the functions below; each of its files is asked for in thousands of ways, and none may give a byte of it."""
import random

from harness import *

SECRET = b"<guarded bytes>"
OPEN = b"<open bytes>"
RANDOM_SPELLINGS = 1200  # of each path, beside those that are made in order
SEED = 11

# Forms of a dot and of a slash: right ones, and what decoders elsewhere have taken for them.
DOTS = (".", "%2e", "%2E", "%252e", "%c0%ae", "%c0%2e", "%e0%80%ae", "%f0%80%80%ae", "%u002e", "\xc0\xae", "%uff0e", "%ef%bc%8e", "..", "%00.")
SLASHES = ("/", "//", "/./", "/.//", "/%2e/", "/x/../", "/x/%2e%2e/", "/x/.%2E/", "%2f", "%2F", "%252f", "%c0%af", "%e0%80%af", "\\",
           "%5c", "/\\", "\\/", "/;/", "/;x=1/", "/..;/x/", "/ /", "/%20/", "/%00/", "/%0a/", "/%u2215/", "%ef%bc%8f", "/..%2fx/", "/%2e%2e%2f")
FRONTS = ("", "/.", "/./.", "/..", "/../..", "/%2e%2e", "/x/..", "/open/..", "/open/%2e%2e", "/open/a.txt/..", "/x/y/../..", "/;x/..",
          "/%2e", "/.%2e/%2e.", "/x/../x/..", "//", "/\\..", "/%5c..", "/..%5c", "/..\\", "/.../..", "/%c0%ae%c0%ae", "http://localhost",
          "HTTP://LOCALHOST", "http://localhost:80", "http://localhost/x/..", "http://localhost/..", "https://localhost", "http://a@localhost",
          "//localhost", "/http://localhost", "http:/", "file://localhost", "*")
BACKS = ("", "/", "/.", "/..", "/./", "//", ".", "..", "%2e", "%20", "+", "%09", "%0a", "%0d%0a", "%00", "%00.html", "%00/", "%00/open/a.txt", "~", ";", ";x",
         ";.html", "?", "?x=/", "?/../open/a.txt", "#", "#x", "%23", "%3f", "%3Fx", "::$DATA", "%3a%3a$data", "\\", "%5c", "/\\", "/x/..", "/%2e%2e/", "/%2e",
         "%", "%f", "%zz", "%u0000", "\x01", "\x7f", "%7f", "\xa0", "%c2%a0", "%e2%80%8b", " ", "%ff", "/index.html", "/index.html/..", ".html", "*", "%2a", ".gz")


def encoded(text, chosen, form):
    """Those characters whose place is in chosen are percent-encoded, some more than once."""
    return "".join(form % ord(c) if i in chosen else c for i, c in enumerate(text))


def in_order(path):
    """Spellings that change one thing at a time, and all of one kind at once."""
    every = [i for i, c in enumerate(path) if c != "/"]
    for front in FRONTS:
        yield front + path
    for back in BACKS:
        yield path + back
    for form in ("%%%02x", "%%%02X", "%%25%02x", "%%2525%02x", "%%u%04x"):
        yield encoded(path, every, form)
        yield encoded(path, range(len(path)), form)
        yield "/" + encoded(path[1:], range(len(path)), form)
        for i in every:
            yield encoded(path, [i], form)
    for slash in SLASHES:
        yield path.replace("/", slash)
        yield "/" + path[1:].replace("/", slash)
        yield slash + path[1:]
    for dot in DOTS:
        yield path.replace(".", dot)
    yield from (path.upper(), path.swapcase(), path.title(), path.capitalize(), path[1:], path[1:].upper())
    for i in range(1, len(path)):
        for between in ("/", "/.", "/./", "%00", "%0d", "\\", "%5c", "%2f", "\t", "%ad", "%e2%80%8d", ";", "*", "?"):
            yield path[:i] + between + path[i:]


def at_random(path, choice):
    """Spellings that change several things."""
    every = [i for i, c in enumerate(path) if c != "/"]
    form = choice.choice(("%%%02x", "%%%02X", "%%%02x", "%%25%02x"))
    text = encoded(path, choice.sample(every, choice.randrange(len(every) + 1)), form)
    text = "".join(choice.choice(SLASHES[:8]) if c == "/" and i > 0 and choice.random() < 0.4 else c for i, c in enumerate(text))
    if choice.random() < 0.2:
        text = text.replace(".", choice.choice(DOTS))
    if choice.random() < 0.2:
        text = text.replace("/", choice.choice(SLASHES), 1 + choice.randrange(2))
    if choice.random() < 0.1:
        text = "".join(c.upper() if choice.random() < 0.5 else c for c in text)
    front = choice.choice(FRONTS) if choice.random() < 0.5 else ""
    back = choice.choice(BACKS) if choice.random() < 0.3 else ""
    return front + text + back


def spellings(path):
    choice = random.Random(SEED)
    found = dict.fromkeys(in_order(path))
    found.update(dict.fromkeys(at_random(path, choice) for _ in range(RANDOM_SPELLINGS)))
    return list(found)


def ask_each(server, targets):
    """(target, status, all bytes of the answer); a connection is used until the server ends it."""
    s, buffer = None, bytearray()
    for target in targets:
        if s is None:
            s, buffer = server.connect(), bytearray()
        s.sendall(request(target, fields=["Accept-Encoding: gzip, br"]))
        status, fields, body = read_response(s, buffer=buffer)
        yield target, status, repr(fields).encode() + body
        if fields.get("connection") == "close":
            s.close()
            s = None
    if s is not None:
        s.close()


def none_is_given(guard):
    """The guarded files in all spellings; the same of an open one shows that spellings do reach files."""
    with folder() as where:
        www = where + "/www"
        write(www + "/open/a.txt", OPEN)
        paths, settings = guard(where, www)
        with serving(configuration({"documents": www, **settings})) as server:
            reached = sum(OPEN in answer for _, _, answer in ask_each(server, spellings("/open/a.txt")))
            assert reached > 300, f"only {reached} spellings reach the open file"
            count = 0
            for path in paths:
                for target, status, answer in ask_each(server, spellings(path)):
                    assert SECRET not in answer, f"{target!r} gives {status} with bytes of {path}"
                    assert status in (301, 400, 403, 404, 405, 414, 421) or OPEN in answer, f"{target!r} gives {status}: {answer!r}"
                    count += 1
            equal(server.get("/open/a.txt")[2], OPEN)
            equal(server.log().count(" error: "), 0, server.log()[:1000])
            print(f"# {count} spellings of {len(paths)} guarded paths, none got a byte; {reached} of an open one reached it")


def hidden_names(where, www):
    write(www + "/.env", SECRET)
    write(www + "/sub/.git/config", SECRET)
    write(www + "/.well-known/.secret", SECRET)
    return ["/.env", "/sub/.git/config", "/.well-known/.secret"], {"static": {"precompressed": ["gz", "br"]}}


def hidden_patterns(where, www):
    write(www + "/site.bak", SECRET)
    write(www + "/vault/a.txt", SECRET)
    write(www + "/vault/index.html", SECRET)
    return ["/site.bak", "/vault/a.txt", "/vault/"], {"static": {"hidden": ["*.bak", "va*t", ".*"]}}


def links_that_lead_out(where, www):
    write(where + "/outside/a.txt", SECRET)
    os.makedirs(www + "/links")
    os.symlink(where + "/outside/a.txt", www + "/links/far.txt")
    os.symlink("../../outside", www + "/links/up")
    return ["/links/far.txt", "/links/up/a.txt"], {}


def links_that_are_denied(where, www):
    write(where + "/outside/a.txt", SECRET)
    write(www + "/data~/a.txt", SECRET)
    os.symlink("data~", www + "/data")
    os.symlink(where + "/outside/a.txt", www + "/far.txt")
    return ["/data/a.txt", "/far.txt", "/data~/a.txt"], {"static": {"symlinks": "deny", "hidden": ["*~"]}}


def links_of_another_owner(where, www):
    write(where + "/outside/a.txt", SECRET)
    write(www + "/sub/x", OPEN)
    os.symlink(where + "/outside", www + "/sub/out")
    os.chown(www + "/sub/out", 12345, 12345, follow_symlinks=False)
    return ["/sub/out/a.txt"], {"static": {"symlinks": "owner"}}


def a_folder_whose_links_are_denied_in_a_site_that_follows_them(where, www):
    write(where + "/outside/a.txt", SECRET)
    os.makedirs(www + "/closed")
    os.symlink(where + "/outside/a.txt", www + "/closed/a.txt")
    return ["/closed/a.txt"], {"static": {"symlinks": "follow"}, "directories": [{"path": "/closed", "static": {"symlinks": "deny"}}]}


def a_folder_that_is_refused(where, www):
    write(www + "/guarded/a.txt", SECRET)
    write(www + "/guarded/sub/index.html", SECRET)
    return ["/guarded/a.txt", "/guarded/sub/"], {"directories": [{"path": "/guarded", "deny": "127.0.0.0/8"}]}


def test_a_folder_that_is_refused_stays_closed():
    none_is_given(a_folder_that_is_refused)


def test_hidden_names_stay_hidden():
    none_is_given(hidden_names)


def test_hidden_patterns_stay_hidden():
    none_is_given(hidden_patterns)


def test_links_out_of_the_location_are_not_followed():
    none_is_given(links_that_lead_out)


def test_links_that_are_denied_are_not_followed():
    none_is_given(links_that_are_denied)


def test_links_to_what_is_another_s_are_not_followed():
    need(IS_ROOT, "needs root")
    none_is_given(links_of_another_owner)


def test_the_policy_of_a_folder_holds_however_it_is_reached():
    none_is_given(a_folder_whose_links_are_denied_in_a_site_that_follows_them)


main()
