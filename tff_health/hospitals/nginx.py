"""The door of a hospital: nginx in front of TFF's worker, which itself has neither encryption nor a lock.

nginx speaks TLS 1.3, lets in only the holder of the coordinator's key, and hands its calls to the worker. Every call is
logged, refused ones too. Needs no TensorFlow.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from data.errors import SettingsError

ACCESS_LOG = "calls.log"
ERROR_LOG = "door.log"
CONFIGURATION = "nginx.conf"
_LONGEST_CALL = "1d"  # a hospital may compute for hours; the coordinator's deadlines are shorter
_CALLS = 1_000_000_000  # of one connection

_TEMPLATE = """\
# Written anew at every start.
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/{error_log} info;
{user}
events {{ worker_connections 1024; }}
http {{
  log_format calls '$time_iso8601 $remote_addr $ssl_client_verify "$request_uri" $status $request_length $bytes_sent';
  access_log {folder}/{access_log} calls;
  client_body_temp_path {folder}/tmp/body;
  proxy_temp_path {folder}/tmp/proxy;
  fastcgi_temp_path {folder}/tmp/fastcgi;
  uwsgi_temp_path {folder}/tmp/uwsgi;
  scgi_temp_path {folder}/tmp/scgi;
  server_tokens off;
  keepalive_timeout {longest};
  keepalive_requests {calls};
  client_max_body_size 0;
  client_body_timeout {longest};
  client_header_timeout {longest};
  send_timeout {longest};
  upstream worker {{
    server 127.0.0.1:{worker_port} max_fails=0;
    keepalive 32;
    keepalive_requests {calls};
    keepalive_timeout {longest};
  }}
  server {{
    listen {listen} ssl http2;
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_client_certificate {client};
    ssl_verify_client on;
    ssl_verify_depth 1;
    http2_body_preread_size 1m;
    http2_chunk_size 128k;
    location / {{
      grpc_pass grpc://worker;
      grpc_read_timeout {longest};
      grpc_send_timeout {longest};
      grpc_socket_keepalive on;
      grpc_buffer_size 512k;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Door:
    """What nginx needs to know.

    Attributes:
        folder: of its configuration, logs and temporary files; absolute.
        listen: HOST:PORT, an IP address.
        certificate: of the hospital, a PEM file.
        key: its private key, a PEM file.
        client: the coordinator's certificate, a PEM file.
        worker_port: where TFF's worker listens on the loopback interface.
    """

    folder: Path
    listen: str
    certificate: Path
    key: Path
    client: Path
    worker_port: int

    def write(self, *, as_root: bool) -> Path:
        """Writes the configuration and makes the folders; gives the configuration's path.

        Args:
            as_root: whether nginx will run as root, in which case its worker process would change users.

        Raises:
            SettingsError: a path that nginx's configuration cannot hold.
        """
        paths = [self.folder, self.certificate, self.key, self.client]
        odd = next((path for path in paths if set(str(path)) & set("\"'{};$\\# \t\n\r")), None)
        if odd is not None:
            raise SettingsError(f"{odd} holds characters that nginx cannot read in a path: choose a plainer folder.")
        (self.folder / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _TEMPLATE.format(
            folder=self.folder,
            error_log=ERROR_LOG,
            access_log=ACCESS_LOG,
            user="user root;" if as_root else "",
            longest=_LONGEST_CALL,
            calls=_CALLS,
            worker_port=self.worker_port,
            listen=self.listen,
            certificate=self.certificate,
            key=self.key,
            client=self.client,
        )
        path = self.folder / CONFIGURATION
        path.write_text(text, "utf-8")
        return path

    def command(self) -> list[str]:
        """The words that start nginx with this configuration.

        Raises:
            SettingsError: nginx is not installed.
        """
        return [
            nginx_path(),
            *("-c", str(self.folder / CONFIGURATION)),
            *("-p", str(self.folder)),
            *("-e", str(self.folder / ERROR_LOG)),
        ]


def nginx_path() -> str:
    """Where nginx is.

    Raises:
        SettingsError: it is not installed.
    """
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/sbin")
    if path is None:
        raise SettingsError("nginx was not found: install it (Debian and Ubuntu: apt-get install nginx-light).")
    return path
