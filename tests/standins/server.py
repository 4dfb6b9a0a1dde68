"""A real HTTP server around a stand-in, on a loopback address, in this process or in one of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.2"  # loopback too (127.0.0.0/8): so that a redirect to 127.0.0.1 leads elsewhere


class StandIn(Protocol):
    """What a server asks: its answer to a path and a query."""

    address: str
    drip: float  # seconds between the bytes of a file

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]: ...

    def drips(self, path: str) -> bool: ...


class Server(ThreadingHTTPServer):
    """Many connections at once, none of which is missed when they come together."""

    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """Quiet: a client that was killed leaves its connections behind."""


def make_server(standin: StandIn, host: str = "127.0.0.1", port: int = 0) -> Server:
    """A bound server; the stand-in learns its own address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, headers, body = standin.answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the other side has gone
                self._write(body, standin.drip if standin.drips(parts.path) else 0.0)

        def _write(self, body: bytes, pause: float) -> None:
            if not pause:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(pause)

        def log_message(self, *args) -> None:
            """Quiet."""

    server = Server((host, port), Handler)
    standin.address = f"http://{host}:{server.server_port}"
    return server


@contextmanager
def serving(standin: StandIn, host: str = "127.0.0.1") -> Iterator[None]:
    """Serve in a thread of this process."""
    server = make_server(standin, host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
