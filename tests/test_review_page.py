"""The web page as a person uses it, in a real browser; and what it refuses."""

import json
import random
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import screen
from generated import Generated, texture

from maskaug.augment.reviews import read_reviews, verdicts
from maskaug.review_ui import ReviewOptions, read_queue
from maskaug.review_ui.keys import REASONS


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(200):
        made.carry("train", f"f{number:03}", texture(number, side=96))
        made.mask("train", f"f{number:03}", 0, quality=number / 200)
    return made.finish()


@pytest.fixture
def dst(template, tmp_path):
    place = tmp_path / "dst"
    place.mkdir()
    for name in ("manifest", "train"):
        (place / name).symlink_to(template / name)
    return place


@pytest.fixture
def page(dst, tmp_path):
    """The command that offers the page, and its address."""
    command = [sys.executable, "-m", "maskaug", "review", str(dst), "--annotator", "anna", "--serve"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = process.stdout.readline().removeprefix("open ").strip()
    yield process, address
    process.kill()
    process.communicate()


def chromium():
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def browser(page, tmp_path):
    """A real browser on that page, on a screen without a monitor."""
    if chromium() is None or screen.missing():
        pytest.skip(f"needs Chromium, {', '.join(screen.TOOLS)}")
    _, address = page
    with screen.screen() as display:
        command = [chromium(), "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,800", f"--app={address}"]
        process = subprocess.Popen(
            command, env=display.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        display.focus()
        yield display
        process.terminate()
        process.wait(20)


def ended(page):
    process, _ = page
    said, complaints = process.communicate(timeout=30)
    assert process.returncode == 0, complaints
    return said


def shas(dst):
    return read_queue(ReviewOptions(dst=dst, annotator="anna")).sha256s()


def decided(dst):
    found = verdicts(read_reviews(dst).get("anna", []))
    return {sha256: given.decided.reason or given.decided.action for sha256, given in found.items() if given.decided}


def test_200_decisions_at_120_ms_each_and_none_lost(page, browser, dst):
    rng = random.Random(0)
    keys = [rng.choice("aaaaxr123456789") for _ in range(200)]
    browser.press(*keys)
    screen.until(lambda: len(read_reviews(dst).get("anna", [])) >= 200)
    browser.press("q")
    ended(page)
    meaning = {"a": "accept", "x": "reject", "r": "reject"} | {str(n): name for n, name in enumerate(REASONS, start=1)}
    events = read_reviews(dst)["anna"]
    assert [event.output_sha256 for event in events] == shas(dst)
    assert [event.reason or event.action for event in events] == [meaning[key] for key in keys]


def test_the_same_keys_as_in_the_window(page, browser, dst):
    browser.press("a", "x", "a", "BackSpace", "u", "space", "f", "a", "Left", "Left", "3", delay=250)
    browser.press("b", "s", "l", "z", "question", "a", "g", "Right", "x", "Return", delay=250)
    screen.until(lambda: len(decided(dst)) >= 26)
    browser.press("Escape")
    ended(page)
    known, found = shas(dst), decided(dst)
    assert [found[sha256] for sha256 in known[:3]] == ["accept", "floating", "accept"]
    assert list(found.values()).count("reject") == 1
    assert verdicts(read_reviews(dst)["anna"])[known[2]].flagged


def ask(url, body=None, **headers):
    """Status and content of an answer."""
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_what_the_page_refuses(page, dst, template):
    process, address = page
    root = address[: address.rindex("/", 0, -1) + 1]
    secret = template / "manifest" / "part-00000.parquet"
    status, content, headers = ask(address)
    assert status == 200
    assert b"http://" not in content.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in content
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    scene = json.loads(ask(f"{address}scene")[1])
    decision = json.dumps({"version": scene["version"], "key": "a"}).encode()
    for url, given in (
        (root, {}),
        (f"{root}scene", {}),
        (f"{root}{'x' * 32}/scene", {}),
        (address.rstrip("/"), {}),
        (f"{address}scene", {"Origin": "http://elsewhere.example"}),
        (f"{address}scene", {"Origin": "null"}),
        (f"{address}scene", {"Host": "elsewhere.example"}),
        (f"{address}do", {"Origin": "http://127.0.0.1:1"}),
    ):
        body = decision if url.endswith("do") else None
        assert ask(url, body, **given)[0] == 403, (url, given)
    for path in (
        f"..{secret}",
        str(secret),
        "picture/../../manifest/part-00000.parquet",
        "picture/..%2f..%2fmanifest/whole/after",
        "picture/100000/whole/after",
        "picture/-1/whole/after",
        "picture/0/whole/elsewhere",
        "train/wearing_mask/f000__n95_0.jpg",
    ):
        status, content, _ = ask(f"{address}{path}")
        assert status == 404, path
        assert b"PAR1" not in content
    assert ask(f"{address}do", b"[]")[0] == 400
    assert ask(f"{address}do", b" " * 5000)[0] == 413
    assert decided(dst) == {}, "none of these was a decision"
    assert ask(f"{address}picture/0/whole/after")[2]["Content-Type"] == "image/jpeg"
    assert ask(f"{address}do", decision, Origin=root.rstrip("/"))[0] == 200
    assert len(decided(dst)) == 1
    stale = ask(f"{address}do", decision)
    assert stale[0] == 409, "a key is about the picture that was on the screen"
    assert process.poll() is None
