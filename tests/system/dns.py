# SPDX-License-Identifier: MIT
"""A DNS server for tests: UDP on the loopback, answers from a table, and wrong ones on demand."""
import contextlib
import ipaddress
import socket
import struct
import threading
import time

PTR, A, AAAA = 12, 1, 28
NXDOMAIN, SERVFAIL, TRUNCATED = 3, 2, 0x0200


def name_bytes(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer


class Dns:
    """zone: {(name, type): (ttl, [values]) or a function of (server, query, client address)}."""

    def __init__(self, zone, host="127.0.0.1"):
        self.zone = zone
        self.asked = []  # (name, type, id, port of the client)
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            if query == b"end":
                return
            self.answer(query, client)

    def answer(self, query, client):
        at, parts = 12, []
        while query[at]:
            parts.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(parts).lower()
        self.asked.append((name, kind, struct.unpack("!H", query[:2])[0], client[1]))
        what = self.zone.get((name, kind), (60, None))
        if callable(what):
            what(self, query, client)
            return
        self.reply(query, client, what)

    def reply(self, query, client, what, flags=0, ident=None, question=None):
        """The answer to a query: what is (ttl, values); None for values: no such name."""
        ttl, values = what
        end = query.index(b"\0", 12) + 5
        kind = struct.unpack("!H", query[end - 4:end - 2])[0]
        records = b""
        for value in values or []:
            data = name_bytes(value) if kind == PTR else ipaddress.ip_address(value).packed
            records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data
        code = 0x8180 | flags | (NXDOMAIN if values is None else 0)
        head = struct.pack("!HHHHHH", struct.unpack("!H", query[:2])[0] if ident is None else ident,
                           code, 1, len(values or []), 0, 0)
        self.socket.sendto(head + (query[12:end] if question is None else question) + records, client)

    def count(self, kind=PTR):
        return sum(asked[1] == kind for asked in self.asked)

    def close(self):
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


def named(*pairs, ttl=300):
    """A zone where each address has that name, and the name the address."""
    zone = {}
    for address, name in pairs:
        kind = AAAA if ":" in address else A
        zone[reverse(address), PTR] = (ttl, [name])
        before = zone.get((name.lower(), kind), (ttl, []))[1]
        zone[name.lower(), kind] = (ttl, before + [address])
    return zone


def silent(_server, _query, _client):
    """No answer at all."""


def late(seconds, what):
    def answer(server, query, client):
        def send():
            with contextlib.suppress(OSError):
                server.reply(query, client, what)
        threading.Timer(seconds, send).start()
    return answer


def failing(server, query, client):
    server.reply(query, client, (0, []), flags=SERVFAIL)


def truncated(server, query, client):
    server.reply(query, client, (0, []), flags=TRUNCATED)


def garbage(server, query, client):
    server.socket.sendto(query[:2] + b"\x81\x80" + b"\xff" * 40, client)
    server.socket.sendto(b"\0", client)


def forged(what, true):
    """Answers with other ids and to other questions come first, then the true one."""
    def answer(server, query, client):
        ident = struct.unpack("!H", query[:2])[0]
        end = query.index(b"\0", 12) + 5
        server.reply(query, client, what, ident=ident ^ 1)
        server.reply(query, client, what, question=name_bytes("other.example") + query[end - 4:end])
        time.sleep(0.05)
        server.reply(query, client, true)
    return answer
