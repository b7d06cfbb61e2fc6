"""A local S3 server (moto) as its own process.

moto compares and then writes without a lock, so two conditional creates at once may both succeed, which
those of S3 never do; the server here takes one request at a time.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_SERVE = """
import sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

def serve(environ, start_response):
    with lock:
        return application(environ, start_response)

run_simple("127.0.0.1", int(sys.argv[1]), serve, threaded=True)
"""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAONETAKETEST00000",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret-but-looked-for-in-errors",
    "AWS_REGION": "us-east-1",
}


class S3Server:
    """A running server with one bucket. What it holds is gone after `stop`."""

    def __init__(self, bucket: str = "bucket") -> None:
        self.bucket = bucket
        self.environment = dict(ENVIRONMENT)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.url_of("prefix")

    def url_of(self, prefix: str, *, bucket: str = "") -> str:
        return f"s3://{bucket or self.bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"

    def start(self, *, within_s: float = 20.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
        )
        end = time.monotonic() + within_s
        while True:
            try:
                request = urllib.request.Request(f"{self.endpoint}/{self.bucket}", method="PUT")
                with urllib.request.urlopen(request, timeout=2):
                    return
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
