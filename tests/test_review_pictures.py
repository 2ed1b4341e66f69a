"""What is shown: pictures read ahead, outlines, controls, and the frames made of them."""

import shutil
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import screen
from generated import Generated, texture

from maskaug.augment import GenerateOptions, ReviewError, generate, read_manifest
from maskaug.augment.reviews.log import ReviewLog, read_reviews
from maskaug.core.files import file_sha256
from maskaug.core.manifest import Row, RowReader
from maskaug.core.pictures import read_picture
from maskaug.masktheface_wrapper.quality import WEIGHTS
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import Counts, Decision, Session
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.display import COLUMNS, read_large, read_small
from maskaug.review_ui.view.keys import labels, read_keys
from maskaug.review_ui.view.loader import Loader
from maskaug.review_ui.view.palette import COLORS
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.view.words import SCORE_WORDS, pace_text
from maskaug.review_ui.window.compose import cell_at, compose

LABELS = labels(read_keys(None))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Real faces with real masks."""
    import astronaut

    folder = tmp_path_factory.mktemp("real")
    astronaut.write_faces(folder / "faces", {"train": 8})
    generate(GenerateOptions(src=folder / "faces", dst=folder / "dst", copies=4, alpha=True, workers=2))
    return folder / "dst"


@pytest.fixture
def real(original, tmp_path):
    return shutil.copytree(original, tmp_path / "dst")


@pytest.fixture
def open_controller():
    """A controller of a session on a data set; what it opens is closed."""
    opened: list[PictureCache | ReviewLog] = []

    def go(dst, **options):
        chosen = ReviewOptions(dst=dst, annotator="anna", **options)
        log = ReviewLog(dst, "anna")
        queue = read_queue(chosen, log.events)
        controls = Controls(dst) if queue.controls.any() else None
        picture_cache = PictureCache(dst, queue, controls)
        opened.extend([picture_cache, log])
        return Controller(Session(queue, log, controls.made if controls else None), picture_cache)

    yield go
    for thing in opened:
        thing.close()


def ready_view(controller):
    """The view when all its pictures are ready."""
    controller.view(10.0)
    return controller.view(10.0)


def masked(dst):
    return [row for row in read_manifest(dst) if row["status"] == "masked"]


def changed(first, second):
    return np.abs(first.astype(int) - second).max(axis=2) > 14


def test_the_outline_is_that_of_the_mask(real):
    befores = {row["source_sha256"]: real / row["output"] for row in read_manifest(real) if row["status"] == "original"}
    reader = RowReader(real, COLUMNS)
    for number, row in enumerate(read_manifest(real)):
        if row["status"] != "masked":
            continue
        shown = read_large(real / row["output"], befores[row["source_sha256"]], reader.row(number), None)
        alpha = read_picture(real / row["alpha"]).pixels[..., 0] > 127
        inside = np.zeros(alpha.shape, dtype=np.uint8)
        cv2.fillPoly(inside, [np.round(points).astype(np.int32) for points in shown.whole.outlines], 1)
        both, either = (inside & alpha).sum(), (inside | alpha).sum()
        assert both / either > 0.7
        assert both / alpha.sum() > 0.9
        assert shown.whole.landmarks[0].ravel() == pytest.approx(row["landmarks"])
        assert shown.reasons == tuple(row["reasons"])
        assert shown.template == row["template"]
        height, width = shown.close.after.shape[:2]
        assert (shown.close.landmarks[0] >= -1).all()
        assert (shown.close.landmarks[0] <= (width, height)).all() or width == alpha.shape[1]


def test_large_pictures_are_shrunk_with_what_is_drawn_over_them(tmp_path):
    made = Generated(tmp_path)
    big = texture(1, side=2800)
    made.original("train", "f", big)
    made.finish()
    (path,) = tmp_path.rglob("*.jpg")
    points = np.linspace(600, 1400, 136).round().tolist()
    row: Row = {"box": [600, 600, 1400, 1400], "landmarks": points, "stability": 0.0, "detector": "x"}
    shown = read_large(path, path, row, None)
    assert shown.whole.after.shape == (1400, 1400, 3)
    assert shown.whole.landmarks[0].ravel() == pytest.approx((np.array(points) + 0.5) / 2 - 0.5)
    assert shown.close.after.shape == (1000, 1000, 3)
    assert shown.whole.outlines == ()
    assert read_small(path, path, None).whole.before.shape == (320, 320, 3)


def test_what_cannot_be_shown_says_why(real):
    row = masked(real)[0]
    path = real / row["output"]
    for make, said in (
        (lambda: path.write_bytes(path.read_bytes() + b"\0"), "was changed since it was generated"),
        (lambda: path.write_bytes(b"no picture"), "holds no picture"),
        (path.unlink, "does not exist"),
    ):
        make()
        for shown in (read_large(path, None, row, row["output_sha256"]), read_small(path, None, row["output_sha256"])):
            assert said in (shown.problem or "")
            assert (shown.whole, shown.close, shown.sha256) == (None, None, row["output_sha256"])


@pytest.mark.slow
def test_controls_are_displaced_masks(real):
    controls = Controls(real)
    queue = read_queue(ReviewOptions(dst=real, annotator="anna"))
    rows = {row["output_sha256"]: row for row in masked(real)}
    for place in range(len(queue)):
        picture = queue.picture(place)
        path, sha256 = controls.make(picture)
        assert path.is_relative_to(real / "reviews")
        assert file_sha256(path) == sha256 != picture.sha256
        before = read_picture(real / picture.before).pixels
        good, displaced = (changed(read_picture(file).pixels, before) for file in (real / picture.output, path))
        points = np.array(rows[picture.sha256]["landmarks"]).reshape(68, 2)
        width = np.linalg.norm(points[16] - points[0])
        middles = [np.argwhere(where).mean(axis=0) for where in (good, displaced)]
        assert 0.15 * width < np.linalg.norm(middles[0] - middles[1]) < 0.7 * width
        assert displaced.sum() > 0.4 * good.sum()
    again = Controls(real)
    assert again.made == controls.made
    assert len(again.made) == len(queue)
    shutil.rmtree(real / "reviews")
    remade = Controls(real)
    remade.make(queue.picture(0))
    assert remade.made == {queue.picture(0).sha256: controls.made[queue.picture(0).sha256]}


@pytest.mark.slow
def test_controls_are_shown_recorded_and_shown_again(real, open_controller):
    controller = open_controller(real, honeypots=0.25)
    places = set(controller.session.queue.controls.nonzero()[0].tolist())
    assert len(places) >= 8
    while not controller.session.finished:
        ready_view(controller)
        controller.do("reject" if controller.session.position in places else "accept", controller.scene)
    events = read_reviews(real)["anna"]
    controls = [event for event in events if event.control]
    assert len(controls) == len(places)
    assert {event.action for event in controls} == {"reject"}
    files = {file_sha256(path) for path in (real / "reviews" / ".controls").iterdir()}
    assert {event.output_sha256 for event in controls} == files
    assert {event.output_sha256 for event in events if not event.control} == {
        row["output_sha256"] for row in masked(real)
    }
    controller.do("undo", controller.scene)
    assert controller.session.counts.left == 1


def test_a_control_that_cannot_be_made_is_left_out(real, open_controller):
    for row in read_manifest(real):
        if row["status"] == "original":
            (real / row["output"]).unlink()
    controller = open_controller(real, honeypots=0.25)
    count = len(masked(real))
    assert len(controller.session.queue) > count
    for _ in range(count):
        while controller.session.queue.controls[controller.session.position]:
            ready_view(controller)  # goes on to the next
        ready_view(controller)
        controller.do("accept", controller.scene)
    assert ready_view(controller).mode == "end"
    assert controller.session.counts.accepted == controller.session.counts.total == count


def test_what_controls_need(real):
    (real / "config.json").unlink()
    with pytest.raises(ReviewError, match=r"--honeypots needs .*config\.json cannot be used"):
        Controls(real)
    (real / "config.json").write_text('{"src": "faces", "pack": "gone"}')
    with pytest.raises(ReviewError, match="--honeypots needs the masks the set was made with"):
        Controls(real)


def test_what_is_wanted_first_is_made_first():
    order, gate = [], threading.Event()

    def make(key):
        gate.wait(10)
        order.append(key)
        return key * 10

    loader = Loader(make, keep=5)
    loader.want([1, 2])  # both threads are at work on these
    loader.want([3, 4, 5])
    loader.want([6, 5, 3])  # 4 is given up
    assert loader.get(6) is None
    gate.set()
    assert [loader.get(key, 10) for key in (3, 5, 6)] == [30, 50, 60]
    assert next(key for key in order if key > 2) == 6
    assert 4 not in order
    loader.close()


def test_no_more_is_kept_than_said():
    made = []

    def make(key):
        made.append(key)
        return np.zeros(10)

    loader = Loader(make, keep=4)
    for key in range(10):
        loader.want([key])
        assert loader.get(key, 10) is not None
    assert loader.get(9) is not None
    loader.want([9, 8, 7, 6])
    assert all(loader.get(key, 10) is not None for key in (6, 7, 8, 9))
    assert made == list(range(10))
    loader.want([0])
    assert loader.get(0, 10) is not None
    assert made == [*range(10), 0]
    loader.close()


def test_closing_does_not_wait_for_a_disk_that_does_not_answer():
    """Neither does the process, whose threads are still reading then."""
    program = (
        "import time; from maskaug.review_ui.view.loader import Loader\n"
        "loader = Loader(lambda key: time.sleep(60), keep=4); loader.want(range(4)); time.sleep(0.1)\n"
        "started = time.monotonic(); loader.close(); print(time.monotonic() - started)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert float(done.stdout) < 1


def test_closing_waits_for_what_is_nearly_made():
    made = []
    loader = Loader(lambda key: (time.sleep(0.1), made.append(key)), keep=4)
    loader.want([1])
    screen.until(loader._held[1].running)
    loader.close()
    assert made == [1]


def test_what_fails_in_a_thread_is_raised_here():
    loader = Loader(lambda key: 1 // key, keep=4)
    loader.want([0])
    with pytest.raises(ZeroDivisionError):
        loader.get(0, 10)
    loader.close()


@pytest.fixture
def plain(tmp_path):
    """60 faces with odd names; one cannot be read."""
    made = Generated(tmp_path / "dst")
    for number in range(60):
        name = f"{number:02} ünï 漢 " + "long " * (number % 7)
        made.original("train", name, texture(number))
        made.mask("train", name, 0, quality=number / 60, reasons=list(SCORE_WORDS)[: number % 4])
    dst = made.finish()
    next((dst / "train" / "wearing_mask").glob("02*")).write_bytes(b"")
    return dst


@pytest.mark.slow
def test_a_frame_of_every_view(plain, open_controller):
    controller = open_controller(plain)
    size = (900, 600)
    seen = []
    moves = ("", "before", "before", "side", "lines", "zoom", "flag", "help", "help", "grid", "right", "reject")
    for move in (*moves, "floating", "down", "flag", "before", "take", "grid", "accept"):
        if move:
            controller.do(move, controller.scene)
        view = ready_view(controller)
        for _ in view.cells:
            view = ready_view(controller)
        frame = compose(view, size, LABELS)
        assert frame.shape == (600, 900, 3)
        assert frame.dtype == np.uint8
        seen.append(frame)
    alike = {
        (first, second)
        for first in range(len(seen))
        for second in range(first)
        if np.array_equal(seen[first], seen[second])
    }
    assert alike == {(2, 0), (5, 4)}  # before switched off; close up of what has no landmarks


@pytest.mark.parametrize("size", [(320, 240), (500, 900), (760, 300), (1920, 1080)])
def test_frames_of_any_size(plain, open_controller, size):
    controller = open_controller(plain, order="source")
    for moves in (("lines",), ("accept", "accept"), ("side",), ("help",), ("help", "grid"), ("help",)):
        for move in moves:
            ready_view(controller)
            controller.do(move, controller.scene)
        assert compose(ready_view(controller), size, LABELS).shape == (size[1], size[0], 3)
    assert compose(ready_view(controller), size, {}).shape == (size[1], size[0], 3)  # nothing has a key


def test_colours_say_what_was_decided(plain, open_controller):
    controller = open_controller(plain)

    def has(color):
        frame = compose(ready_view(controller), (900, 600), LABELS)
        return bool((frame[:540, :590] == color).all(axis=2).sum() > 1000)

    assert not has(COLORS.accepted) and not has(COLORS.rejected)
    ready_view(controller)
    controller.do("accept", controller.scene)
    controller.do("left", controller.scene)
    assert has(COLORS.accepted) and not has(COLORS.rejected)
    ready_view(controller)
    controller.do("floating", controller.scene)
    controller.do("left", controller.scene)
    assert has(COLORS.rejected) and not has(COLORS.accepted)


@pytest.mark.slow
def test_a_click_hits_the_cell_that_is_drawn_there(plain, open_controller):
    controller = open_controller(plain, order="source")
    controller.do("grid", controller.scene)
    size = (1000, 700)
    for number in range(25):
        ready_view(controller)
        controller.click(number, controller.scene)
        marked = compose(ready_view(controller), size, LABELS)
        controller.click(number, controller.scene)
        different = marked != compose(ready_view(controller), size, LABELS)
        where = np.argwhere(different[:640, :760].any(axis=2))
        y, x = ((where.min(axis=0) + where.max(axis=0)) // 2).tolist()
        assert cell_at(size, x, y) == number
    assert cell_at(size, 990, 20) is None
    assert cell_at(size, 20, 690) is None


def test_what_is_not_seen_is_not_decided_on(plain, open_controller, monkeypatch):
    gate = threading.Event()
    read = PictureCache._read

    def slow(self, place, *, large):
        gate.wait(10)
        return read(self, place, large=large)

    monkeypatch.setattr(PictureCache, "_read", slow)
    controller = open_controller(plain)
    assert not controller.view().whole
    assert not any(controller.do(action, None) for action in ("accept", "reject", "floating", "take", "flag"))
    assert controller.view().message == "not recorded: pressed before this was on the screen"
    assert controller.view().tone == "bad"
    assert all(controller.do(action, None) for action in ("undo", "left", "skip", "left", "zoom", "quit"))
    gate.set()
    assert ready_view(controller).whole
    assert controller.do("accept", controller.scene)
    assert len(read_reviews(plain)["anna"]) == 1


def test_a_key_decides_on_the_picture_that_was_on_the_screen_when_it_was_pressed(plain, open_controller):
    controller = open_controller(plain)
    first = ready_view(controller).scene
    assert controller.do("lines", first)  # the same picture, looked at otherwise
    assert controller.do("accept", first)
    assert not controller.do("reject", first), "pressed before the second was shown"
    second = ready_view(controller).scene
    assert controller.do("left", second)
    assert not controller.do("reject", second), "pressed while the second was shown, not the first"
    assert not controller.do("reject", first), "the first is shown again: another look"
    assert controller.do("help", controller.scene)
    covered = controller.scene
    assert controller.do("reject", covered)  # takes the help away
    assert not controller.do("reject", covered), "pressed while the help covered the picture"
    (event,) = read_reviews(plain)["anna"]
    assert event.action == "accept"


def test_marks_and_clicks_are_of_the_page_that_was_on_the_screen(plain, open_controller):
    controller = open_controller(plain, order="source")
    controller.do("grid", controller.scene)
    page = ready_view(controller).scene
    for move in ("right", "reject", "right", "floating"):  # the cursor goes where keys say, on the page that is shown
        assert controller.do(move, page)
    assert controller.click(7, page)
    assert [number for number, cell in enumerate(controller.view().cells) if cell.mark] == [1, 2, 7]
    assert controller.do("take", page)
    assert not controller.do("take", page), "the second page was not on the screen"
    assert not controller.click(3, page)
    assert [cell.mark for cell in controller.view().cells] == [None] * len(controller.view().cells)
    assert len(read_reviews(plain)["anna"]) == 25


def test_esc_leaves_the_page_and_its_marks_stay(plain, open_controller):
    controller = open_controller(plain)
    press = lambda name: controller.do(name, controller.scene)  # noqa: E731
    press("grid")
    ready_view(controller)
    for name in ("right", "misaligned", "right", "reject"):
        press(name)
    places = [cell.place for cell in controller.view().cells]
    press("leave")
    view = ready_view(controller)
    assert (view.mode, view.cells[0].place, controller.closed) == ("single", places[2], False)
    press("wrong_size")  # of a picture that was marked: that is decided, and no longer on the page
    press("grid")
    view = ready_view(controller)
    kept = [cell.place for cell in view.cells]
    assert kept[: len(places) - 1] == [place for place in places if place != places[2]]
    assert {cell.place: cell.mark for cell in view.cells if cell.mark} == {places[1]: Decision("reject", "misaligned")}
    assert kept[view.cursor] == places[3]
    press("take")
    reasons = {event.output_sha256: event.reason for event in read_reviews(plain)["anna"]}
    sha256s = controller.session.queue.sha256s()
    assert reasons[sha256s[places[1]]] == "misaligned"
    assert reasons[sha256s[places[2]]] == "wrong_size"
    press("undo")  # taken marks are not marks any more
    assert all(cell.mark is None for cell in controller.view().cells)
    press("leave")
    press("leave")
    assert controller.closed


def test_looking_begins_when_the_picture_is_there(plain, open_controller):
    controller = open_controller(plain)
    scene = ready_view(controller).scene
    controller.drawn(scene)
    time.sleep(0.05)
    controller.drawn(scene)
    controller.do("accept", controller.scene)
    (event,) = read_reviews(plain)["anna"]
    assert 50 <= event.looked_ms < 5000


def test_every_reason_of_a_score_has_words():
    assert WEIGHTS.keys() <= SCORE_WORDS.keys()


def test_pace_in_words():
    assert pace_text(Counts(10, 0, 0, None)) == ""
    assert pace_text(Counts(10, 0, 0, 60.0)) == "60 a minute, 10 s left"
    assert pace_text(Counts(1000, 0, 0, 70.0)) == "70 a minute, 14 min left"
    assert pace_text(Counts(10_000, 0, 0, 70.0)) == "70 a minute, 2 h 23 min left"
