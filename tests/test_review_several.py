"""Several annotators in one process: a link each, and a page of progress."""

import json
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import screen
from generated import Generated, texture
from generated import review as record
from page_client import ask, do, show, view_of

from maskaug.augment import LockedError
from maskaug.augment.reviews.agreement import pairwise
from maskaug.augment.reviews.log import ReviewError, ReviewLog, read_reviews, verdicts
from maskaug.review_ui import ReviewOptions, review
from maskaug.review_ui.page.server import PageServer
from maskaug.review_ui.session.queue import read_queue


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(40):
        made.original("train", f"{number:03}", texture(number))
        made.mask("train", f"{number:03}", 0, quality=number / 40)
    return made.finish()


@pytest.fixture
def dst(template, tmp_path):
    place = tmp_path / "dst"
    place.mkdir()
    for name in ("manifest", "train"):
        (place / name).symlink_to(template / name)
    return place


def options_of(dst, **more):
    return ReviewOptions(**{"dst": dst, "serve": True, "annotators": "anna,bert", "overlap": 0.5, **more})


class Served:
    """`review` in a thread: its pages by name, and how it ended."""

    def __init__(self, options, monkeypatch, compare=pairwise):
        self.pages, self.ended, self.problem, self.server = {}, None, None, None
        announced = threading.Event()

        def run(server, announce):
            self.server = server
            self.pages = {page.name: page for page in server.pages}
            original(server, announce)

        def announce(name, address):
            assert self.pages[name].address == address
            said.append(name)
            if len(said) == len(self.pages):
                announced.set()

        def work():
            try:
                self.ended = review(options, announce, compare)
            except ReviewError as error:
                self.problem = error

        original, said = PageServer.run, []
        monkeypatch.setattr(PageServer, "run", run)
        self.thread = threading.Thread(target=work)
        self.thread.start()
        assert announced.wait(10)

    def join(self):
        self.thread.join(10)
        assert not self.thread.is_alive()


@contextmanager
def _served(options, monkeypatch, **more):
    found = Served(options, monkeypatch, **more)
    try:
        yield found
    finally:
        found.server.stop()
        found.join()


@pytest.fixture
def served(monkeypatch):
    return lambda options, **more: _served(options, monkeypatch, **more)


def figures(served):
    status, _, body = ask(served.pages["progress"], "GET", "figures")
    assert status == 200
    return json.loads(body)


def facts(served, name):
    (one,) = [person for person in figures(served)["annotators"] if person["name"] == name]
    return dict(one["facts"])


def decisions(dst, name):
    standing = verdicts(read_reviews(dst).get(name, []))
    return {sha256: found.decided.action for sha256, found in standing.items() if found.decided}


def test_each_has_a_session_and_a_record_of_their_own(dst, served):
    with served(options_of(dst)) as found:
        assert list(found.pages) == ["anna", "bert", "progress"]
        anna, bert = found.pages["anna"], found.pages["bert"]
        totals = [view_of(page)["counts"]["total"] for page in (anna, bert)]
        assert sum(totals) > 40  # some are shown to both
        for key in "aax":
            assert do(anna, show(anna), key=key)[0] == 200
        assert do(bert, show(bert), key="1")[0] == 200
        assert view_of(anna)["counts"] == {"total": totals[0], "accepted": 2, "rejected": 1, "left": totals[0] - 3}
        assert view_of(bert)["counts"] == {"total": totals[1], "accepted": 0, "rejected": 1, "left": totals[1] - 1}
        assert sorted(decisions(dst, "anna").values()) == ["accept", "accept", "reject"]
        assert list(decisions(dst, "bert").values()) == ["reject"]
    assert [(one.annotator, one.counts.accepted, one.counts.rejected) for one in found.ended] == [
        ("anna", 2, 1),
        ("bert", 0, 1),
    ]


def test_a_token_opens_its_own_page_and_nothing_else(dst, served):
    with served(options_of(dst)) as found:
        anna, bert, progress = found.pages.values()
        assert len({page.token for page in found.pages.values()}) == 3
        scene = show(bert)
        assert do(anna, scene, key="a")[0] == 409, "what bert has on the screen says nothing of anna's"
        body = json.dumps({"scene": scene, "key": "a"})
        for token in (anna.token[:-1], anna.token[:16] + bert.token[16:], "", "progress", progress.token + "x"):
            for method, path in (("GET", ""), ("GET", "view"), ("POST", "do"), ("GET", "progress"), ("GET", "figures")):
                assert ask(anna, method, path, body if method == "POST" else None, token=token)[0] == 403
        for page in (anna, bert):
            for path in ("progress", "figures"):
                assert ask(page, "GET", path)[0] == 404
        for method, path in (
            ("GET", ""),
            ("GET", "view"),
            ("POST", "do"),
            ("POST", "figures"),
            ("GET", "picture/0/whole/after"),
        ):
            assert ask(progress, method, path, body if method == "POST" else None)[0] == 404
        for page, path in ((anna, "view"), (progress, "figures"), (progress, "progress")):
            own = page.address.split("/")[2]
            assert ask(page, "GET", path, Host=own)[0] == 200
            assert ask(page, "GET", path, Host="evil.example")[0] == 403
            assert ask(page, "GET", path, Host=own, Origin="http://evil.example")[0] == 403
            policy = ask(page, "GET", path)[1]["Content-Security-Policy"]
            assert "default-src 'none'" in policy
        assert decisions(dst, "anna") == decisions(dst, "bert") == {}


def test_progress_says_where_all_stand(dst, served):
    with served(options_of(dst, overlap=1)) as found:
        anna, bert = found.pages["anna"], found.pages["bert"]
        assert figures(found)["pairs"] == []
        assert "--overlap" in figures(found)["note"]
        assert facts(found, "anna")["decided"] == "0 of 40 pictures"
        for page, key, count in ((anna, "a", 40), (bert, "x", 30)):
            for _ in range(count):
                do(page, show(page), key=key)
        told = facts(found, "anna")
        assert re.fullmatch(r"\d+ a minute", told.pop("rate"))
        assert told == {"state": "finished", "decided": "40 of 40 pictures", "left": "0 pictures", "rejected": "0 (0%)"}
        told = facts(found, "bert")
        assert told["rejected"] == "30 (100%)"
        assert re.fullmatch(r"10 pictures, about \d+ s", told["left"])
        (pair,) = figures(found)["pairs"]
        assert pair == {"names": "anna and bert", "pictures": "30", "alike": "0%", "kappa": "0.00"}


def test_progress_without_the_packages_of_agreement(dst, served):
    with served(options_of(dst, overlap=1), compare=None) as found:
        told = figures(found)
        assert told["pairs"] == []
        assert "pip install 'maskaug[curate]'" in told["note"]


def test_it_ends_when_all_have_quit_and_who_had_quit_can_come_back(dst, served):
    with served(options_of(dst)) as found:
        anna, bert = found.pages["anna"], found.pages["bert"]
        assert do(anna, None, key="q")[1]["closed"]
        assert facts(found, "anna")["state"] == "has quit"
        assert do(bert, show(bert), key="a")[0] == 200, "bert goes on"
        assert ask(anna, "GET", "")[0] == 200
        assert facts(found, "anna")["state"] == "at work"
        assert do(anna, show(anna), key="a")[0] == 200
        for page in (anna, bert):
            do(page, None, key="q")
        found.join()
        assert [one.counts.accepted for one in found.ended] == [1, 1]
    for name in ("anna", "bert"):  # their records are free again
        ReviewLog(dst, name).close()


def test_a_decision_that_cannot_be_kept_ends_all_and_loses_nothing(dst, served, monkeypatch):
    with served(options_of(dst)) as found:
        anna, bert = found.pages["anna"], found.pages["bert"]
        assert do(bert, show(bert), key="a")[0] == 200
        scene = show(anna)

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        assert ask(anna, "POST", "do", json.dumps({"scene": scene, "key": "a"}))[0] == 500
        found.join()
        assert "No space left on device" in str(found.problem)
    assert decisions(dst, "anna") == {}
    assert list(decisions(dst, "bert").values()) == ["accept"]


def test_nothing_is_recorded_after_the_end(dst, served):
    with served(options_of(dst)) as found:
        anna = found.pages["anna"]
        scene = show(anna)
    body = json.dumps({"scene": scene, "key": "a"}).encode()
    assert anna.answer("POST", "do", body)[0] == 503
    assert decisions(dst, "anna") == {}


def test_who_has_nothing_left_gets_no_page(dst, served):
    shas = read_queue(ReviewOptions(dst=dst, annotator="carl")).sha256s()
    record(dst, "bert", dict.fromkeys(shas, "accept"))
    with served(options_of(dst, undecided=True)) as found:
        assert list(found.pages) == ["anna", "progress"]
        assert facts(found, "bert") == {"state": "nothing to decide on"}


def test_one_who_is_reviewing_elsewhere_is_named_and_nobody_is_locked(dst):
    log = ReviewLog(dst, "bert")
    with pytest.raises(LockedError, match="is being reviewed as bert"):
        review(options_of(dst, auto_accept=0.5), lambda name, address: None)
    log.close()
    ReviewLog(dst, "anna").close()
    assert read_reviews(dst) == {"anna": [], "bert": []}


def test_options_of_several():
    options = options_of("set")
    assert options.names == ("anna", "bert")
    assert options.of("bert").names == ("bert",)
    assert options_of("set", annotator="bert").names == ("bert",)
    with pytest.raises(ValueError, match="names somebody twice"):
        options_of("set", annotators="anna,anna")
    with pytest.raises(ValueError, match="is not among --annotators anna,bert; give --annotator, or --serve for all"):
        options_of("set", serve=False)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [400, 1400])
def test_everybody_can_read_the_progress(dst, served, browser, scheme, width):
    """axe finds nothing serious, nothing lies beside the screen, and what has not changed is not drawn anew."""
    axe = pytest.importorskip("axe_selenium_python", reason="needs axe-selenium-python")
    metrics = {"width": width, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    with served(options_of(dst, overlap=1)) as found:
        anna, bert = found.pages["anna"], found.pages["bert"]
        for page in (anna, bert, anna):
            do(page, show(page), key="a")
        try:
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            browser.get(found.pages["progress"].address)
            drawn = "return document.body.dataset.drawn"
            screen.until(lambda: browser.execute_script(drawn) == "3")
            axe.Axe(browser).inject()
            violations = axe.Axe(browser).run()["violations"]
            assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
            beside = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser.execute_script(beside) == 0
            assert "anna and bert" in browser.find_element("tag name", "table").text
            browser.execute_script(
                "window.changed = new Set(); new MutationObserver((all) => all.forEach((one) => window.changed.add("
                "one.target.closest?.('section')?.querySelector('h2').textContent ?? one.target.id)))"
                ".observe(document.querySelector('main'), {subtree: true, childList: true, characterData: true})"
            )
            do(bert, show(bert), key="x")
            screen.until(lambda: browser.execute_script(drawn) == "4")
            assert set(browser.execute_script("return [...window.changed]")) == {"bert", "Agreement so far"}
            found.server.stop()
            screen.until(lambda: browser.find_element("id", "lost").is_displayed())
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
            browser.get_log("browser")


@pytest.mark.slow
def test_ctrl_c_ends_all_sessions(dst, tmp_path):
    line = [sys.executable, "-m", "maskaug", "review", str(dst), "--serve", "--annotators", "anna,bert"]
    process = subprocess.Popen(
        line,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  background jobs ignore it
    )
    try:
        said = [process.stdout.readline() for _ in range(3)]
        assert [re.match(r"(\w+): open http://127\.0\.0\.1:\d+/[\w-]{32}/(progress)?$", one)[1] for one in said] == [
            "anna",
            "bert",
            "progress",
        ]
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "every decision is kept; go on with: maskaug review" in complaint
    assert not list((dst / "reviews").glob(".*.lock"))
