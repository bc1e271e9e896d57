# SPDX-License-Identifier: MIT
"""A real documentation tree is served: every answer equals the disk, and what must not be served is not; wget mirrors
one of them."""
import os
import urllib.parse

from harness import *

TREE = "/usr/share/doc"
LEAST = 100
MANUAL = "debian-policy"  # a site of its own, with links into the files of another package


def files():
    """Regular files of the tree by path, hidden ones and ways out of the tree left aside."""
    served, refused = [], []
    for where, names, found in os.walk(TREE):
        names[:] = [n for n in names if not n.startswith(".")]
        for name in found:
            path = os.path.join(where, name)
            inside = os.path.realpath(path).startswith(TREE + "/")
            if os.path.isfile(path) and os.access(path, os.R_OK):
                (served if inside and not name.startswith(".") else refused).append(path)
    return sorted(served), sorted(refused)


def url(path):
    return urllib.parse.quote(os.fsencode(path[len(TREE):]))


def ask(server, paths):
    """Many requests on one connection, a pipeline of 16 at a time."""
    with server.connect(30) as s:
        buffer = bytearray()
        for i in range(0, len(paths), 16):
            part = paths[i:i + 16]
            s.sendall(b"".join(request(url(p)) for p in part))
            for p in part:
                yield p, read_response(s, buffer=buffer)


def test_every_file_equals_the_disk():
    served, refused = files()
    need(len(served) >= LEAST, f"{TREE} has only {len(served)} files")
    with serving(configuration({"documents": TREE})) as server:
        count = 0
        for path, (status, fields, body) in ask(server, served):
            equal(status, 200, path)
            with open(path, "rb") as f:
                assert f.read() == body, f"{path} differs"
            equal(int(fields["content-length"]), len(body), path)
            assert "content-encoding" not in fields, path
            count += 1
        print(f"# {count} files compared, {len(refused)} that lead out of the tree")
        for path, (status, _, _) in ask(server, refused):
            equal(status, 404, path)
        equal(server.log().count(" error: "), 0, server.log())


def test_every_folder_is_redirected_to_its_slash():
    with serving(configuration({"documents": TREE})) as server:
        folders = [e.path for e in os.scandir(TREE) if e.is_dir(follow_symlinks=False)][:200]
        for path, (status, fields, _) in ask(server, folders):
            equal((status, fields["location"]), (301, url(path) + "/"))


def test_a_cold_tree_is_served_as_well():
    """Nothing of it in the page cache: the answers come from threads."""
    served, _ = files()
    need(len(served) >= LEAST, f"{TREE} has only {len(served)} files")
    sample = served[:: max(1, len(served) // 300)]
    for path in sample:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
    with serving(configuration({"documents": TREE})) as server:
        for path, (status, _, body) in ask(server, sample):
            equal(status, 200, path)
            with open(path, "rb") as f:
                assert f.read() == body, path


@contextlib.contextmanager
def copy_of_manual():
    """A folder with a copy, in which links are what they lead to."""
    need(os.path.isdir(f"{TREE}/{MANUAL}"), f"needs {TREE}/{MANUAL}")
    with folder() as where:
        subprocess.run(["cp", "-rL", f"{TREE}/{MANUAL}", where + "/www"], check=True)
        yield where


def wget(where, *arguments):
    need(shutil.which("wget"), "needs wget")
    done = subprocess.run(["wget", "--no-config", "--no-proxy", "-nv", "-nH", "-P", where, *arguments], capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, done.stderr[-2000:])


def all_files(top):
    """Paths below top of all that are no folders."""
    return sorted(os.path.relpath(os.path.join(at, name), top) for at, _, found in os.walk(top) for name in found)


def same(one, other, paths):
    for path in paths:
        with open(f"{one}/{path}", "rb") as a, open(f"{other}/{path}", "rb") as b:
            assert a.read() == b.read(), f"{path} differs"


def test_a_mirror_of_a_manual_equals_the_disk():
    with copy_of_manual() as where, serving(configuration({"documents": where + "/www"})) as server:
        wget(where + "/mirror", "-m", "-np", f"http://127.0.0.1:{server.port}/policy.html/")
        found = all_files(where + "/mirror")
        assert len(found) > 50, found
        same(where + "/www", where + "/mirror", found)


def test_every_file_of_a_manual_is_fetched_as_it_is():
    with copy_of_manual() as where, serving(configuration({"documents": where + "/www", "static": {"precompressed": "gz"}})) as server:
        paths = all_files(where + "/www")
        assert sum(path.endswith(".gz") for path in paths) > 5, "compressed files, which must come as bytes"
        write(where + "/list", "".join(f"http://127.0.0.1:{server.port}/{urllib.parse.quote(path)}\n" for path in paths))
        wget(where + "/mirror", "-x", "-i", where + "/list")
        equal(all_files(where + "/mirror"), paths)
        same(where + "/www", where + "/mirror", paths)


def test_links_of_a_manual_into_another_package_are_followed_where_that_is_said():
    www = f"{TREE}/{MANUAL}"
    links = [path for path in all_files(www) if os.path.islink(f"{www}/{path}") and os.path.isfile(f"{www}/{path}")]
    need(len(links) > 3, f"the links of {www} lead nowhere here")
    for policy, wanted in (("beneath", 404), ("deny", 404), ("owner", 200), ("follow", 200)):
        with serving(configuration({"documents": www, "static": {"symlinks": policy}})) as server:
            for path in links:
                status, _, body = server.get("/" + path)
                equal(status, wanted, f"{policy}: {path}")
                if status == 200:
                    with open(f"{www}/{path}", "rb") as f:
                        assert f.read() == body, path
            equal(server.get("/policy.html/")[0], 200)


main()
