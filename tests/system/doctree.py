# SPDX-License-Identifier: MIT
"""A real documentation tree is served: every answer equals the disk, and what must not be served is not."""
import mimetypes
import os
import socket
import urllib.parse

from harness import *

TREE = "/usr/share/doc"
LEAST = 100


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


main()
