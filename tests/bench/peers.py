# SPDX-License-Identifier: MIT
"""Servers that are measured beside each other: each serves one folder on a port of the loopback from a configuration
that holds a generation's number, which its answers carry in X-Generation: so that a reload can be seen to have
happened. None of them writes an access log; keep-alive connections have no limit that a run could reach."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))

import harness  # noqa: E402 (it sets PATH, too)

MULTIPLEXD = """{{ "daemon": {{ "user": "root", "module_path": {modules}, "log": "{where}/error.log" }},
  "connection": {{ "host": "127.0.0.1", "port": {port}, "timeouts": {{ "keepalive": "600s" }} }},
  "defaults": {{ "headers": {{ "X-Generation": "{generation}" }} }},
  "vhosts": [ {{ "name": "localhost", "documents": "{where}/www" }}{more} ] }}
"""

NGINX = """user root; worker_processes 1; daemon off; pid {where}/pid; error_log {where}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 600s; keepalive_requests 1000000000; sendfile on; tcp_nopush on;
  client_body_temp_path {where}/t1; proxy_temp_path {where}/t2; fastcgi_temp_path {where}/t3;
  uwsgi_temp_path {where}/t4; scgi_temp_path {where}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; server_name localhost; root {where}/www; add_header X-Generation {generation} always; }}
{more}}}
"""

LIGHTTPD = """server.modules = ( "mod_setenv", "mod_staticfile" )
server.document-root = "{where}/www"
server.bind = "127.0.0.1"
server.port = {port}
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 600
server.errorlog = "{where}/error.log"
server.upload-dirs = ( "{where}" )
server.pid-file = "{where}/pid"
mimetype.assign = ( "" => "application/octet-stream" )
setenv.add-response-header = ( "X-Generation" => "{generation}" )
{more}"""

APACHE = """LoadModule mpm_event_module {apache}/mod_mpm_event.so
LoadModule authz_core_module {apache}/mod_authz_core.so
LoadModule headers_module {apache}/mod_headers.so
ServerName localhost
ServerRoot {where}
PidFile {where}/pid
DefaultRuntimeDir {where}
ErrorLog {where}/error.log
User www-data
Group www-data
Listen 127.0.0.1:{port}
ListenBacklog 4096
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
<VirtualHost 127.0.0.1:{port}>
ServerName localhost
DocumentRoot {where}/www
</VirtualHost>
Header always set X-Generation {generation}
{more}"""

CADDY = """{{
  admin unix/{where}/admin.sock
  auto_https off
  log {{
    output discard
  }}
}}
http://localhost:{port} {{
  bind 127.0.0.1
  root * {where}/www
  header X-Generation {generation}
  file_server
}}
{more}"""


class Peer:
    """A server that runs, from start() to stop(); its folder is `where`, what it serves `where`/www."""
    name, program, config_name, text, signal = "", "", "site.conf", "", signal.SIGHUP
    more = ""              # a further virtual host
    requests_per_conn = 0  # a limit of the server's own that cannot be lifted; 0: none

    def __init__(self, where, vhosts=0):
        self.where, self.generation, self.process, self.vhosts = where, 0, None, vhosts
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.config = os.path.join(where, self.config_name)

    def is_installed(self):
        return shutil.which(self.program) is not None

    def version(self):
        out = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=False)
        return (out.stdout + out.stderr).splitlines()[0].replace("nginx version: ", "").split(" (")[0]

    def command(self):
        raise NotImplementedError

    def write_config(self):
        self.generation += 1
        more = "".join(self.more.format(name=f"h{i:04}.test", where=self.where, port=self.port)
                       for i in range(self.vhosts))
        text = self.text.format(where=self.where, port=self.port, generation=self.generation, more=more,
                                modules=str(harness.MODULES).replace("'", '"'), apache="/usr/lib/apache2/modules")
        harness.write(self.config + ".new", text)
        os.rename(self.config + ".new", self.config)

    def start(self):
        self.write_config()
        with open(self.where + "/output", "wb") as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.wait_for_generation(10)

    def send_reload(self):
        self.process.send_signal(self.signal)

    def reload(self):
        """A new configuration in force; how many seconds that took."""
        self.write_config()
        begin = time.monotonic()
        self.send_reload()
        self.wait_for_generation(5)
        return time.monotonic() - begin

    def seen_generation(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            c.request("GET", "/1k", headers={"Host": "localhost"})
            answer = c.getresponse()
            answer.read()
            c.close()
            return int(answer.getheader("X-Generation", "0"))
        except (OSError, http.client.HTTPException):
            return 0  # what breaks is counted by the load client

    def wait_for_generation(self, seconds):
        end = time.monotonic() + seconds
        while self.seen_generation() != self.generation:
            if time.monotonic() > end or self.process.poll() is not None:
                with open(self.where + "/output", encoding="utf-8", errors="replace") as f:
                    raise AssertionError(f"{self.name} does not serve its generation {self.generation}: {f.read()}")
            time.sleep(0.01)

    def stop(self):
        """Its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Multiplexd(Peer):
    name, program, config_name, text = "multiplexd", harness.PROGRAM, "site.json", MULTIPLEXD
    more = ',\n    {{ "name": "{name}", "documents": "{where}/www" }}'

    def version(self):
        return harness.run("--version")[1].splitlines()[0]

    def command(self):
        return [self.program, "-c", self.config]


class Nginx(Peer):
    name, program, text = "nginx", "nginx", NGINX
    more = "  server {{ listen 127.0.0.1:{port}; server_name {name}; root {where}/www; }}\n"

    def command(self):
        return [self.program, "-c", self.config, "-e", self.where + "/error.log"]


class Lighttpd(Peer):
    name, program, text, signal = "lighttpd", "lighttpd", LIGHTTPD, signal.SIGUSR1
    more = '$HTTP["host"] == "{name}" {{ server.document-root = "{where}/www" }}\n'
    requests_per_conn = 65535

    def command(self):
        return [self.program, "-D", "-f", self.config]


class Apache(Peer):
    name, program, text, signal = "Apache", "apache2", APACHE, signal.SIGUSR1
    more = "<VirtualHost 127.0.0.1:{port}>\nServerName {name}\nDocumentRoot {where}/www\n</VirtualHost>\n"

    def version(self):
        return super().version().replace("Server version: ", "")

    def command(self):
        return [self.program, "-DFOREGROUND", "-f", self.config]


class Caddy(Peer):
    name, program, config_name, text = "Caddy", "caddy", "Caddyfile", CADDY
    more = "http://{name}:{port} {{\n  bind 127.0.0.1\n  root * {where}/www\n  file_server\n}}\n"

    def version(self):
        return "Caddy " + subprocess.run([self.program, "version"], capture_output=True, text=True,
                                         check=False).stdout.split()[0]

    def own(self):
        folders = [f"{n}={self.where}" for n in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")]
        return ["/usr/bin/env", *folders, self.program]

    def command(self):
        return [*self.own(), "run", "--config", self.config, "--adapter", "caddyfile"]

    def send_reload(self):
        subprocess.run([*self.own(), "reload", "--config", self.config, "--adapter", "caddyfile",
                        "--address", f"unix/{self.where}/admin.sock"], check=True, capture_output=True)


PEERS = (Multiplexd, Nginx, Lighttpd, Apache, Caddy)
