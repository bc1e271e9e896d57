# SPDX-License-Identifier: MIT
"""The tools that others test servers with run against it without complaint."""
from harness import *

SMALL, LARGE = b"0123456789" * 100, bytes(range(256)) * 4096


def tool(name):
    if shutil.which(name) is None:
        raise Skip(f"{name} is not installed")


@contextlib.contextmanager
def site(**connection):
    with folder() as www:
        write(www + "/small.txt", SMALL)
        write(www + "/large.bin", LARGE)
        with serving(configuration({"documents": www, "modules": ["probe", "static"]}, connection=connection)) as server:
            yield server, f"http://127.0.0.1:{server.port}"


def output(*arguments, status=0):
    """What a tool says, on both channels."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    text = done.stdout.decode("latin-1")
    equal(done.returncode, status, text)
    return text


def number(text, pattern):
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in {text}"
    return int(found.group(1))


def test_h2load():
    tool("h2load")
    with site() as (_, url):
        for path, count in (("/small.txt", 5000), ("/large.bin", 200), ("/pieces", 200), ("/blob", 2000)):
            text = output("h2load", "--h1", "-n", str(count), "-c", "20", "-m", "4", "-t", "1", url + path)
            contains(text, f"{count} done, {count} succeeded, 0 failed, 0 errored, 0 timeout")
            contains(text, f"{count} 2xx, 0 3xx, 0 4xx, 0 5xx")


def test_wrk():
    tool("wrk")
    with site() as (_, url):
        for path in ("/small.txt", "/large.bin", "/pieces"):
            text = output("wrk", "-t1", "-c20", "-d1s", url + path)
            for complaint in ("Socket errors", "Non-2xx", "unable"):
                assert complaint not in text, text
            assert number(text, r"(\d+) requests in") > 10, text


def test_ab():
    tool("ab")
    with site() as (_, url):
        for more in ([], ["-k"], ["-i"], ["-k", "-H", "Connection: close"]):
            for path in ("/small.txt", "/pieces"):
                text = output("ab", "-q", "-n", "500", "-c", "10", *more, url + path)
                equal(number(text, r"Complete requests:\s+(\d+)"), 500, str(more))
                equal(number(text, r"Failed requests:\s+(\d+)"), 0, str(more))
                assert "Non-2xx" not in text, text
        with folder() as where:
            body = write(where + "/body", b"posted " * 1000)
            text = output("ab", "-q", "-k", "-n", "300", "-c", "5", "-p", body, "-T", "text/plain", url + "/body")
            equal(number(text, r"Complete requests:\s+(\d+)"), 300)
            equal(number(text, r"Failed requests:\s+(\d+)"), 0)
            equal(number(text, r"Document Length:\s+(\d+)"), 7000)


def curl(*arguments):
    return subprocess.run(["curl", "--fail", "--silent", "--show-error", "--no-progress-meter", *arguments], capture_output=True, check=False,
                          timeout=60)


def good(*arguments):
    done = curl(*arguments)
    equal((done.returncode, done.stderr), (0, b""), str(arguments))
    return done.stdout


def test_curl():
    tool("curl")
    with site() as (_, url), folder() as where:
        large = write(where + "/large", LARGE)
        equal(good(url + "/small.txt", url + "/large.bin", url + "/small.txt"), SMALL + LARGE + SMALL)
        contains(good("-I", url + "/large.bin"), b"Content-Length: 1048576")
        equal(good("--http1.0", url + "/pieces"), b"piece 1\npiece 2\npiece 3\n")
        equal(good("-d", "a=b", url + "/body"), b"a=b")
        equal(good("--data-binary", "@" + large, "-H", "Expect: 100-continue", url + "/body"), LARGE)
        equal(good("-X", "POST", "-T", large, "-H", "Transfer-Encoding: chunked", url + "/body"), LARGE)
        equal(good("-X", "POST", "-T", large, "-H", "Transfer-Encoding: chunked", "-H", "Expect:", url + "/body"), LARGE)
        equal(good("--compressed", url + "/small.txt"), SMALL)
        equal(good("--path-as-is", url + "//x/..//./small.txt"), SMALL)
        equal(good("-Z", url + "/small.txt?[1-20]", "-o", where + "/many#1"), b"")
        for i in range(1, 21):
            with open(f"{where}/many{i}", "rb") as f:
                equal(f.read(), SMALL)
        equal(curl(url + "/none").returncode, 22)
        date = good("-s", "-D", "-", "-o", where + "/one", url + "/small.txt").decode()
        tag = re.search(r"ETag: (.*)\r", date).group(1)
        equal(good("-w", "%{http_code}", "-H", "If-None-Match: " + tag, url + "/small.txt"), b"304")


def test_slowhttptest():
    tool("slowhttptest")
    short = {"timeouts": {name: "2s" for name in ("header", "body", "keepalive", "send")}}
    for more in (["-H"], ["-B", "-s", "8192"], ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"]):
        with site(**short) as (server, url):
            path = "/large.bin" if "-X" in more else "/body"
            text = output("slowhttptest", *more, "-c", "100", "-r", "100", "-i", "10", "-l", "6", "-p", "2", "-u",
                          url + path)
            text = re.sub(r"\x1b\[[\d;]*m", "", text)
            contains(text, "service available:")
            assert not re.search(r"service available:\s*NO", text), text
            equal(server.get("/small.txt")[2], SMALL)


main()
