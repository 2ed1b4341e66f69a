"""A hub on this machine that answers huggingface_hub's own client as the real one does: one data set, from a folder."""

import hashlib
import json
import threading
from contextlib import contextmanager
from unittest import mock

import fsspec
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import make_server
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

REPOSITORY = "anna/faces"
_API = f"/api/datasets/{REPOSITORY}"
_ADDRESSES = Map(
    [
        Rule(_API, endpoint="repository"),
        Rule(f"{_API}/revision/<revision>", endpoint="repository"),
        Rule(f"{_API}/tree/<revision>", endpoint="tree"),
        Rule(f"{_API}/tree/<revision>/<path:path>", endpoint="tree"),
        Rule(f"{_API}/paths-info/<revision>", endpoint="paths"),
        Rule(f"/datasets/{REPOSITORY}/resolve/<revision>/<path:path>", endpoint="content"),
    ]
)


@contextmanager
def serving(folder):
    """The address of the data set that holds the folder's files."""
    hub = _Hub(folder)
    server = make_server("127.0.0.1", 0, hub, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    here = {"hf": {"endpoint": f"http://127.0.0.1:{server.port}", "token": False}}
    try:
        with mock.patch.dict(fsspec.config.conf, here):
            yield f"hf://datasets/{REPOSITORY}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Hub:
    def __init__(self, folder):
        self._folder = folder

    def __call__(self, environ, start_response):
        request = Request(environ)
        try:
            asked, given = _ADDRESSES.bind_to_environ(environ).match()
        except NotFound:
            return _nothing("RepoNotFound")(environ, start_response)
        path = self._folder / given.get("path", "")
        if not path.exists():
            answer = _nothing("EntryNotFound")
        elif asked == "content":
            answer = send_file(path, environ, etag=_digest(path))
            answer.headers["X-Repo-Commit"] = "0" * 40
        elif asked == "repository":
            answer = _json({"id": REPOSITORY, "sha": "0" * 40, "siblings": []})
        elif asked == "paths":
            found = [self._folder / name for name in request.form.getlist("paths") or request.json["paths"]]
            answer = _json([self._entry(one) for one in found if one.exists()])
        else:
            inside = path.rglob("*") if request.args.get("recursive", "").lower() == "true" else path.iterdir()
            answer = _json([self._entry(one) for one in sorted(inside)])
        return answer(environ, start_response)

    def _entry(self, path):
        entry = {
            "path": path.relative_to(self._folder).as_posix(),
            "oid": _digest(path),
            "size": 0,
            "type": "directory",
        }
        return {**entry, "type": "file", "size": path.stat().st_size} if path.is_file() else entry


def _digest(path):
    return hashlib.sha1(path.read_bytes() if path.is_file() else bytes(path)).hexdigest()


def _nothing(code):
    return Response("{}", 404, {"X-Error-Code": code}, mimetype="application/json")


def _json(found):
    return Response(json.dumps(found), mimetype="application/json")
