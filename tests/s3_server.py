"""A real S3 server on this machine, moto's, that can be told to fail as stores do."""

import logging
import os
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from unittest import mock

import fsspec
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

PATIENCE = 0.3  # seconds that clients wait for an answer
KEYS = {"AWS_ACCESS_KEY_ID": "name-of-the-test", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
KINDS = ("500", "503", "late", "dropped", "half a body", "answer lost")


@contextmanager
def serving(bucket):
    """A server with an empty bucket, which all that reads the environment finds."""
    served = FailingStore(f"s3://{bucket}")
    environment = {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{served.port}",
        **KEYS,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    impatient = {"s3": {"config_kwargs": {"read_timeout": PATIENCE}}}
    try:
        with mock.patch.dict(os.environ, environment), mock.patch.dict(fsspec.config.conf, impatient):
            fsspec.filesystem("s3").clear_instance_cache()  # of clients of an earlier server
            fsspec.filesystem("s3").mkdir(bucket)
            yield served
    finally:
        served.close()


class FailingStore:
    """The server, with faults in front of it.

    Attributes:
        address: Of the bucket.
        port: It listens on.
        given: Faults so far, by kind.
        requests: So far, by method.
        silent: So many of the next requests that ask whether to send their body get no answer.
    """

    def __init__(self, address):
        self.address = address
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self.silent = 0
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=handler)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._share, self._rng, self._lock = 0.0, random.Random(0), threading.Lock()
        self.port, self.given, self.requests = self._server.port, Counter(), Counter()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def failing(self, share, seed=0):
        """Such a share of all requests fails, in the ways of `KINDS` by turns."""
        self._share, self._rng, self.given = share, random.Random(seed), Counter()
        try:
            yield
        finally:
            self._share = 0.0

    def _serve(self, environ, start_response):
        with self._lock:
            self.requests[environ["REQUEST_METHOD"]] += 1
            fault = KINDS[self.given.total() % len(KINDS)] if self._rng.random() < self._share else None
            self.given.update([fault] if fault else [])
        if fault in {"500", "503"}:
            names = {"500": "500 Internal Server Error", "503": "503 Slow Down"}
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(names[fault], [("Content-Length", "0")])
            return [b""]
        if fault == "late":
            time.sleep(2 * PATIENCE)
        if fault == "dropped":
            raise ConnectionAbortedError("by the test")
        if fault not in {"half a body", "answer lost"}:
            return self._moto(environ, start_response)
        told = []
        body = b"".join(self._moto(environ, lambda status, headers, *_: told.append((status, headers))))
        if fault == "answer lost":
            raise ConnectionAbortedError("by the test")
        start_response(*told[0])
        return self._half(body)

    @staticmethod
    def _half(body):
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("by the test")


class _Handler(WSGIRequestHandler):
    store: FailingStore

    def handle_expect_100(self):
        """Werkzeug says "100 Continue" itself; said twice, aiohttp forgets to wait for the answer with a time limit."""
        if not self.store.silent:
            return True
        self.store.silent -= 1
        self.rfile.read(1)  # until the client closes
        self.close_connection = True
        return False

    def connection_dropped(self, error, environ=None):
        self.close_connection = True
