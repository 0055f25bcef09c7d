"""Shows a built site on this host, to nobody else."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.errors import LabError

ADDRESS = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing to the terminal: a page is many requests."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of a folder on 127.0.0.1; `serve_forever` runs it.

    Args:
        folder: the site.
        port: 0 for any that is free.

    Raises:
        LabError: the port is taken, or may not be used.
    """
    try:
        return ThreadingHTTPServer((ADDRESS, port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise LabError(
            f"Port {port} of {ADDRESS} cannot be used: {error.strerror}", "Name another with --port."
        ) from error
