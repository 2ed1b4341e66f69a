"""The web page as a person uses it, in a real Chromium; and what it answers to whom it should not."""

import json
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import screen
from generated import Generated, digest, review, texture
from page_client import ask, do, port_of, show, view_of

from maskaug.augment.reviews.log import ADJUDICATOR, ReviewError, ReviewLog, read_reviews, verdicts
from maskaug.review_ui import PageError, ReviewOptions
from maskaug.review_ui.page.review_page import ReviewPage
from maskaug.review_ui.page.server import PageServer
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import Session
from maskaug.review_ui.view.actions import ACTIONS
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import read_keys
from maskaug.review_ui.view.picture_cache import PictureCache


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """200 masked faces."""
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(200):
        made.original("train", f"<i>{number:03}", texture(number))
        made.mask("train", f"<i>{number:03}", 0, quality=number / 200, reasons=["too_dark"])
    return made.finish()


@pytest.fixture
def dst(template, tmp_path):
    place = tmp_path / "dst"
    place.mkdir()
    for name in ("manifest", "train"):
        (place / name).symlink_to(template / name)
    return place


def options_of(dst, **options):
    return ReviewOptions(**{"dst": dst, "annotator": None if options.get("disputed") else "anna", **options})


@contextmanager
def served(dst, **options):
    """A page in a thread of this process."""
    chosen = options_of(dst, **options)
    log = ReviewLog(dst, chosen.name)
    queue = read_queue(chosen, log.events)
    picture_cache = PictureCache(dst, queue, None)
    controller = Controller(Session(queue, log), picture_cache)
    page = ReviewPage(chosen.name, controller, read_keys(None), "maskaug review")
    server = PageServer([page])

    def run():
        with suppress(ReviewError):  # which the page keeps
            server.run(lambda name, address: None)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield page
    finally:
        server.stop()
        thread.join(10)
        picture_cache.close()
        log.close()
    assert not thread.is_alive()


def decided(dst, annotator="anna"):
    found = verdicts(read_reviews(dst).get(annotator, []))
    return {sha256: given.decided.reason or given.decided.action for sha256, given in found.items() if given.decided}


def test_a_request_must_have_the_token(dst):
    with served(dst) as page:
        assert ask(page, "GET", "")[0] == 200
        for token in ("", "x", page.token[:-1], page.token + "x", page.token.swapcase(), "%C3%A9"):
            for method, path in (("GET", ""), ("GET", "view"), ("POST", "do"), ("GET", "picture/0/whole/after")):
                status, _, body = ask(page, method, path, token=token)
                assert (status, b"address" in body) == (403, True)
        tokens = {page.token}
    with served(dst) as page:
        tokens.add(page.token)
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)


def test_another_origin_or_host_is_refused(dst):
    with served(dst) as page:
        own = f"127.0.0.1:{port_of(page)}"
        for host, origin, status in (
            (own, None, 200),
            (own, f"http://{own}", 200),
            ("localhost:9000", "http://localhost:9000", 200),  # through a tunnel from another port
            ("[::1]:9000", None, 200),
            ("evil.example", None, 403),
            (f"evil.example:{port_of(page)}", "http://evil.example", 403),
            ("127.0.0.1.evil.example", None, 403),
            (own, "http://evil.example", 403),
            (own, "null", 403),
            (own, f"https://{own}", 403),
            (own, "http://localhost:1", 403),
            ("[", None, 403),
        ):
            headers = {"Host": host} | ({"Origin": origin} if origin else {})
            assert ask(page, "GET", "view", **headers)[0] == status, (host, origin)
            body = json.dumps({"scene": -1, "key": "a"})
            assert ask(page, "POST", "do", body, **headers)[0] == (409 if status == 200 else 403)
    assert decided(dst) == {}


def test_only_what_the_session_shows_is_given_out(dst):
    with served(dst, sample=5) as page:
        assert ask(page, "GET", "picture/4/whole/after")[0] == 200
        for path in (
            "picture/5/whole/after",
            "picture/-1/whole/after",
            "picture/" + "9" * 5000 + "/whole/after",
            "picture/0/whole/../../../../etc/passwd",
            "picture/0/../after",
            "picture/0/whole/after/",
            "../../etc/passwd",
            "..%2f..%2fetc%2fpasswd",
            "/etc/passwd",
            "manifest/part-00000.parquet",
            "reviews/anna.jsonl",
            "picture",
            "view/",
        ):
            status, _, body = ask(page, "GET", path)
            assert status == 404, path
            assert len(body) < 60
        for method in ("PUT", "DELETE", "OPTIONS"):
            assert ask(page, method, "view")[0] == 501
        assert ask(page, "GET", "do")[0] == ask(page, "POST", "view")[0] == 404


def test_head_is_answered_without_a_body(dst):
    with served(dst) as page:
        for path in ("", "view", "picture/0/cell/after"):
            status, headers, body = ask(page, "HEAD", path)
            assert (status, body) == (200, b"")
            assert int(headers["Content-Length"]) > 100
        assert ask(page, "HEAD", "", token="x")[0] == 403


def test_a_browser_that_goes_before_its_answer_leaves_nothing_in_the_terminal(dst, capfd):
    with served(dst) as page:
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", port_of(page)))
            connection.sendall(f"GET /{page.token}/view HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()  # by a reset
        show(page)
        time.sleep(0.2)
    assert capfd.readouterr().err == ""


def test_what_is_no_request(dst):
    with served(dst) as page:
        for body in ("", "{", "[]", "1", '"a"', "{}", '{"key": "a"}', "null"):
            assert ask(page, "POST", "do", body)[0] == 400, body
        assert ask(page, "POST", "do", "x" * 5000)[0] == 413
        scene = show(page)
        for what in ({"key": 1}, {"key": "F1"}, {"cell": -1}, {"cell": "a"}, {"cell": 99}, {}):
            assert do(page, scene, **what)[0] == 200
        assert view_of(page)["scene"] == scene
        for body in ("", "[]", "{}", "1"):
            assert ask(page, "POST", "shown", body)[0] == 400, body
    assert decided(dst) == {}


def test_a_decision_on_what_was_not_displayed_is_refused(dst):
    with served(dst) as page:
        scene = view_of(page)["scene"]
        assert do(page, scene, key="a")[0] == 409, "sent to a page, but not yet on its screen"
        assert do(page, None, key="a")[0] == 409
        assert ask(page, "POST", "shown", json.dumps({"scene": scene + 1}))[0] == 409
        assert do(page, scene + 1, key="a")[0] == 409
        scene = show(page)
        status, now = do(page, scene, key="a")
        assert (status, now["message"]) == (200, "accepted")
        status, told = do(page, scene, key="x")  # a page that lags behind, or a key that was too quick
        assert (status, told["scene"]) == (409, now["scene"])
        assert told["message"] == "not recorded: pressed before this was on the screen"
        assert do(page, scene, key="l")[0] == 200, "how a picture is looked at decides nothing"
    assert list(decided(dst).values()) == ["accept"]


def test_a_picture_that_is_being_read_is_not_decided_on(dst, monkeypatch):
    gate, read = threading.Event(), PictureCache._read

    def slow(self, place, *, large):
        gate.wait(10)
        return read(self, place, large=large)

    monkeypatch.setattr(PictureCache, "_read", slow)
    with served(dst) as page:
        view = json.loads(ask(page, "GET", "view")[2])
        assert not view["whole"]
        assert ask(page, "POST", "shown", json.dumps({"scene": view["scene"]}))[0] == 409
        assert do(page, view["scene"], key="a")[0] == 409
        gate.set()
        assert do(page, show(page), key="a")[0] == 200
    assert list(decided(dst).values()) == ["accept"]


def test_what_the_page_says_of_itself(dst):
    with served(dst) as page:
        _, headers, html = ask(page, "GET", "")
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        nonce = re.search("script-src 'nonce-([^']+)'", policy).group(1)
        assert html.decode().count(f'nonce="{nonce}"') == 2
        assert not re.search(r"(src|href)=.?(https?:)?//", html.decode())  # nothing of anybody else's
        assert "{{" not in html.decode()
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        _, headers, picture = ask(page, "GET", "picture/0/cell/before")
        assert (headers["Content-Type"], picture[:2]) == ("image/jpeg", b"\xff\xd8")


def test_a_decision_that_cannot_be_kept_ends_it(dst, monkeypatch):
    with served(dst) as page:
        scene = show(page)

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        status, headers, body = ask(page, "POST", "do", json.dumps({"scene": scene, "key": "a"}))
        assert (status, headers["Content-Type"]) == (500, "text/plain; charset=utf-8")
        assert b"No space left on device; the last decision is not kept" in body
        assert str(page.failed) == body.decode()
    assert decided(dst) == {}


def test_a_port_that_is_taken(dst):
    with served(dst) as page, pytest.raises(PageError, match=r"port \d+ cannot be used: Address already in use"):
        PageServer([], port_of(page))


def test_disputes_are_shown_with_what_was_said(dst):
    shas = read_queue(options_of(dst)).sha256s()
    review(dst, "anna", {shas[3]: "accept"})
    review(dst, "bert", {shas[3]: "reject: wrong_size"})
    with served(dst, disputed=True) as page:
        view = view_of(page)
        assert (view["others"], view["counts"]["total"]) == ("accept, wrong size", 1)
        assert do(page, show(page), key="x")[1]["mode"] == "end"
    assert decided(dst, ADJUDICATOR) == {shas[3]: "reject"}
    assert digest("") not in decided(dst)


class Page:
    """A page in a browser."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        self.until("single")
        screen.until(self.shown)

    def mode(self):
        return self.browser.execute_script("return document.body.dataset.mode")

    def until(self, mode):
        screen.until(lambda: self.mode() == mode)

    def press(self, *keys, delay=120):
        """Real key presses, so many milliseconds apart, not waiting for the page."""
        for key in keys:
            started = time.monotonic()
            for kind in ("rawKeyDown" if len(key) > 1 else "keyDown", "keyUp"):
                event = {"type": kind, "key": key} | ({"text": key} if len(key) == 1 and kind == "keyDown" else {})
                self.browser.execute_cdp_cmd("Input.dispatchKeyEvent", event)
            time.sleep(max(0.0, delay / 1000 - (time.monotonic() - started)))

    def shown(self):
        """The scene that the page has put on the screen."""
        return self.browser.execute_script("return document.body.dataset.shown")

    def decide(self, *keys):
        """Press each key when the next picture is on the screen."""
        for key in keys:
            before = self.shown()
            self.press(key, delay=0)
            screen.until(lambda before=before: self.shown() != before)

    def text(self):
        return self.browser.find_element("tag name", "body").text

    def finish(self):
        self.press("q")
        self.until("closed")
        # No errors of the script, nothing that the policy forbids; a key that is too quick is refused.
        assert [one for one in self.browser.get_log("browser") if "409 (Conflict)" not in one["message"]] == []


@pytest.fixture
def page(browser, dst):
    """A page of a server in this process."""
    with served(dst) as page:
        yield Page(browser, page.address)


@pytest.fixture
def command(dst, tmp_path):
    """The command that offers the page, and the address that it prints."""
    line = [sys.executable, "-m", "maskaug", "review", str(dst), "--annotator", "anna", "--serve"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process, re.match("open (.*)", process.stdout.readline()).group(1)
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.slow
def test_200_decisions_in_a_browser_and_none_lost(browser, command, dst):
    process, address = command
    assert address.startswith("http://127.0.0.1:")
    opened = Page(browser, address)
    rng = random.Random(0)
    keys = [rng.choice("aaaaxr123456789") for _ in range(200)]
    opened.decide(*keys[:-1])
    opened.press(keys[-1])
    opened.until("end")
    assert "Everything is decided. u to undo, q to quit" in opened.text()
    opened.finish()
    said, complaints = process.communicate(timeout=20)
    assert (process.returncode, complaints) == (0, "")
    assert "0 left" in said
    decisions = {key: action.decision for action in ACTIONS.values() for key in action.keys}
    events = read_reviews(dst)["anna"]
    assert [event.output_sha256 for event in events] == read_queue(options_of(dst)).sha256s()
    assert [(event.action, event.reason) for event in events] == [
        (decisions[key].action, decisions[key].reason) for key in keys
    ]


@pytest.mark.slow
def test_of_three_keys_at_once_one_decides(page, dst):
    keys = "for (const key of 'ax1') document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));"
    before = page.shown()
    page.browser.execute_script(keys)
    screen.until(lambda: "not recorded: pressed before this was on the screen" in page.text())
    screen.until(lambda: page.shown() != before)
    page.decide("2")
    page.finish()
    events = read_reviews(dst)["anna"]
    assert [(event.action, event.reason) for event in events] == [("accept", None), ("reject", "wrong_size")]
    assert [event.output_sha256 for event in events] == read_queue(options_of(dst)).sha256s()[:2]


@pytest.mark.slow
def test_a_decision_every_150_ms_in_a_browser(page, dst):
    screen.skip_where_busy(page.decide)
    page.press(*"axaa1" * 8, delay=150)
    page.finish()
    assert len(decided(dst)) >= 5 + 36  # only where the machine stops for that long is a key too quick


@pytest.mark.slow
def test_all_views_in_a_browser(page, dst):
    known = read_queue(options_of(dst)).sha256s()
    assert "the face is dark" in page.text()
    assert "<i>000" in page.text()
    page.decide("a", "x", "Backspace", "u", " ")
    page.press("f", "ArrowLeft", "s", "l", "z", "b", "?")
    screen.until(lambda: page.browser.find_element("id", "help").is_displayed())
    page.press("a")  # which only takes the help away
    screen.until(lambda: len(page.browser.find_elements("tag name", "svg")) == 2)
    page.decide("g")
    page.press("ArrowRight", "x", "ArrowDown", "2")
    page.until("grid")
    cells = page.browser.find_elements("class name", "cell")
    assert len(cells) == 25
    cells[24].click()
    page.press("Enter")
    screen.until(lambda: len(decided(dst)) == 25)
    page.browser.refresh()  # what is decided and where one stands is the server's
    page.until("grid")
    screen.until(page.shown)
    page.decide("g")
    page.press("b")
    page.decide("a")
    page.finish()
    rejected = {known[1]: "reject", known[6]: "wrong_size", known[24]: "reject"}
    assert decided(dst) == dict.fromkeys(known[:26], "accept") | rejected
    assert verdicts(read_reviews(dst)["anna"])[known[1]].flagged


@pytest.mark.slow
def test_a_page_whose_server_is_gone_says_so(browser, command, dst):
    process, address = command
    opened = Page(browser, address)
    opened.press("a")
    screen.until(lambda: decided(dst))
    process.kill()
    process.communicate()
    opened.press("a")
    opened.until("lost")
    assert "start it again: your decisions are kept." in opened.text()
    assert len(decided(dst)) == 1
    opened.browser.get_log("browser")


def press_button(page, text):
    """Press the button that says this."""
    (button,) = [one for one in page.browser.find_elements("css selector", "button.action") if one.text.endswith(text)]
    button.click()


@pytest.mark.slow
def test_buttons_do_what_keys_do(page, dst):
    known = read_queue(options_of(dst)).sha256s()
    for text in ("accept", "reject", "wrong size", "skip", "undo"):
        before = page.shown()
        press_button(page, text)
        screen.until(lambda before=before: page.shown() != before)
    assert decided(dst) == {known[0]: "accept", known[1]: "reject"}
    (before_after,) = [one for one in page.browser.find_elements("tag name", "button") if "before / after" in one.text]
    before_after.click()
    screen.until(lambda: before_after.get_attribute("aria-pressed") == "true")
    press_button(page, "grid")
    page.until("grid")
    press_button(page, "help")
    screen.until(lambda: page.browser.find_element("id", "help").is_displayed())
    press_button(page, "close")
    screen.until(lambda: not page.browser.find_element("id", "help").is_displayed())
    press_button(page, "accept 25, reject 0")
    screen.until(lambda: len(decided(dst)) == 27)
    press_button(page, "save and quit")
    page.until("closed")


@pytest.mark.slow
def test_with_the_keyboard_alone(page, dst):
    """Tab reaches the buttons, what has the focus keeps it, and Ctrl+Z undoes."""
    focused = "return document.activeElement.textContent"
    page.browser.execute_script("document.querySelector('button.action').focus()")
    for number in (1, 2):
        before = page.shown()
        page.browser.switch_to.active_element.send_keys(" ")
        screen.until(lambda before=before: page.shown() != before)
        assert page.browser.execute_script(focused).endswith("accept")
        assert len(decided(dst)) == number
    spoken = page.browser.find_element("id", "spoken").get_attribute("textContent")
    assert re.fullmatch(r"accepted\. 3 of 200, <i>002\S+, not decided", spoken)
    page.browser.switch_to.active_element.send_keys("\ue009z")  # Ctrl
    screen.until(lambda: len(decided(dst)) == 1)
    page.browser.switch_to.active_element.send_keys("\ue004")  # Tab
    assert page.browser.execute_script(focused).endswith("reject")


@pytest.mark.slow
def test_a_connection_that_was_lost_is_taken_up_again(page, dst):
    page.decide("a")
    page.browser.set_network_conditions(offline=True, latency=0, throughput=0)
    page.press("x")
    page.until("lost")
    assert "The connection is lost; trying again." in page.text()
    page.press("x", "x")  # of which nothing comes later
    page.browser.delete_network_conditions()
    page.until("single")
    screen.until(lambda: not page.browser.find_element("id", "lost").is_displayed())
    assert list(decided(dst).values()) == ["accept"]
    screen.until(page.shown)
    page.decide("1")
    assert list(decided(dst).values()) == ["accept", "misaligned"]
    page.browser.get_log("browser")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [400, 1400])
def test_everybody_can_use_it(page, scheme, width):
    """axe finds nothing serious in any view, nothing lies beside the screen, and fingers can hit every button."""
    axe = pytest.importorskip("axe_selenium_python", reason="needs axe-selenium-python")
    browser = page.browser
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        axe.Axe(browser).inject()
        for key, there in (("l", "circle, svg"), ("g", ".cell"), ("?", "dialog[open]")):
            page.press(key)
            screen.until(lambda there=there: browser.find_elements("css selector", there))
            found = axe.Axe(browser).run()["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
            sizes = "return [...document.querySelectorAll('button.action')].map((one) => one.getBoundingClientRect())"
            assert all(one["height"] >= 44 and one["width"] >= 44 for one in browser.execute_script(sizes))
            beside = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser.execute_script(beside) == 0
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


ATTACK = """<body><script>
const address = {address!r}, sent = JSON.stringify({{scene: 1, key: "a"}});
const tries = [
  fetch(address + "do", {{method: "POST", body: sent}}),
  fetch(address + "do", {{method: "POST", body: sent, mode: "no-cors"}}),
  fetch(address + "view").then((answer) => answer.text()).then((text) => document.body.append(text)),
];
Promise.allSettled(tries).then((found) => {{
  const form = document.createElement("form");
  form.method = "POST"; form.action = address + "do"; form.enctype = "text/plain"; form.target = "frame";
  form.innerHTML = '<input name=\\'{{"scene": 1, "key": "a", "x": "\\' value=\\'"}}\\'><iframe name=frame></iframe>';
  document.body.append(form); form.submit();
  document.body.dataset.done = found.map((one) => one.status).join(" ");
}});
</script>"""


@pytest.mark.slow
def test_another_page_in_the_browser_decides_and_reads_nothing(browser, dst):
    """Even if it had learnt the whole address: neither by requests, nor by a form, nor by a name for this machine."""
    with served(dst) as page:
        Page(browser, page.address)
        other = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # Chromium keeps a spare connection
        other.daemon_threads = True
        attack = ATTACK.format(address=page.address).encode()

        class Attacker(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(attack)

            def log_message(self, *_):
                pass

        other.RequestHandlerClass = Attacker
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            browser.get(f"http://localhost:{other.server_port}/")
            screen.until(lambda: browser.execute_script("return document.body.dataset.done"))
            assert browser.execute_script("return document.body.dataset.done").split()[0] == "rejected"
            time.sleep(0.5)  # the form has been answered
            assert "quality" not in browser.find_element("tag name", "body").text
            assert view_of(page)["counts"]["accepted"] == 0
            # *.localhost is this machine by another name, as one that has been rebound.
            browser.get(page.address.replace("127.0.0.1", "evil.localhost"))
            assert "open the address that maskaug review printed" in browser.find_element("tag name", "body").text
        finally:
            other.shutdown()
            other.server_close()
            thread.join()
        browser.get_log("browser")
    assert decided(dst) == {}


@pytest.mark.slow
def test_scripts_in_names_are_text(browser, tmp_path):
    name = "<img src=x onerror=document.body.dataset.run=1>\"'"
    made = Generated(tmp_path / "dst")
    made.original("train", "f", texture(0), source=digest("f"))
    made.mask("train", "f", 0, source=digest("f"), quality=0.4, reasons=[f"<script>{name}"])
    made.rows[-1]["source"] = made.rows[-2]["source"] = f"{name}.png"
    with served(made.finish()) as page:
        opened = Page(browser, page.address)
        assert "<img src=x onerror=" in opened.text()
        opened.press("?")
        opened.press("a")
        assert browser.execute_script("return document.body.dataset.run || ''") == ""
        assert browser.find_elements("css selector", "img[src='x']") == []
        opened.press("q")
        opened.until("closed")
        assert browser.get_log("browser") == []
