"""Requests to the pages of the review, as a browser sends them."""

import http.client
import json
from urllib.parse import urlsplit

import screen


def port_of(page):
    return urlsplit(page.address).port


def ask(page, method, path, body=None, *, token=None, **headers):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=10)
    connection.request(method, f"/{page.token if token is None else token}/{path}", body, headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def do(page, scene, **what):
    status, _, body = ask(page, "POST", "do", json.dumps({"scene": scene, **what}))
    return status, json.loads(body)


def show(page):
    """The number of a scene that a page has put on the screen."""
    scene = view_of(page)["scene"]
    assert ask(page, "POST", "shown", json.dumps({"scene": scene}))[0] == 200
    return scene


def view_of(page):
    """The view, when its pictures are ready."""

    def ready():
        found = json.loads(ask(page, "GET", "view")[2])
        return found if all(cell["ready"] for cell in found["cells"]) else None

    return screen.until(ready)
