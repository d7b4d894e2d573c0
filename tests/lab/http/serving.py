"""A threaded WSGI server that stops at once and leaves nothing behind.

werkzeug keeps one thread per open connection, and clients keep their connections open: stopping
means closing those sockets and joining those threads as well.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

#: How often, in seconds, the accept loop looks whether it shall stop.
POLL_SECONDS = 0.02
#: How long, in seconds, stopping waits for a request in progress.
JOIN_SECONDS = 5.0


class QuietHandler(WSGIRequestHandler):
    """No access log: the lab's history says more."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer; its Date is the application's business, since AWS's may be wrong."""
        self.send_response_only(code, message)
        self.send_header("Server", self.version_string())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class ClosingServer(ThreadedWSGIServer):
    """A threaded server that knows its open connections."""

    daemon_threads = True
    # A backlog that a burst of clients connecting at once does not overflow.
    request_queue_size = 128

    def __init__(self, host: str, port: int, application: Callable[..., Any]) -> None:
        super().__init__(host, port, application, handler=QuietHandler)
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection until one of the two ends closes it."""
        with self._open_lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                self._open.pop(request, None)

    def close_connections(self) -> None:
        """Close every open connection and wait until its thread has ended."""
        with self._open_lock:
            open_now = dict(self._open)
        for connection in open_now:
            cut(connection)
        for thread in open_now.values():
            thread.join(JOIN_SECONDS)


class BackgroundServer:
    """`application` served in a thread of this process.

    Args:
        application: the WSGI application.
        host: address to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, application: Callable[..., Any], host: str, port: int) -> None:
        _try_to_listen(host, port)
        self._server = ClosingServer(host, port, application)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": POLL_SECONDS},
            name="lab-http",
            daemon=True,
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address that clients connect to."""
        return f"http://{self._server.host}:{self._server.port}"

    def stop(self) -> None:
        """Stop accepting, close what is open, join every thread."""
        self._server.shutdown()
        self._thread.join(JOIN_SECONDS)
        self._server.close_connections()
        self._server.server_close()


def _try_to_listen(host: str, port: int) -> None:
    # werkzeug would print several lines and end the process.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as refused:
        reason = refused.strerror or str(refused)
        raise OSError(f"cannot listen on {host}:{port}: {reason}") from None


def cut(connection: socket.socket) -> None:
    """Close a connection without another word, as a dying network does."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
