from itertools import pairwise

import pytest
from generated import Generated, digest, review, texture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from maskaug.augment import ManifestError, ReviewError, read_manifest
from maskaug.augment.reviews.log import ADJUDICATOR, ReviewLog, read_reviews, verdicts
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import ACCEPT, Decision, Session, accept_by_score

REJECT = Decision("reject")
KINDS = ("n95", "surgical", "cloth")


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """40 faces with a masked copy each, scores 0 to 0.975, and one of them twice."""
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(40):
        split = "train" if number % 4 else "val"
        made.original(split, f"f{number:02}", texture(number, side=32))
        made.mask(split, f"f{number:02}", 0, quality=number / 40, kind=KINDS[number % 3], yaw=(number * 7) % 40 - 20.0)
    made.rows.append({**made.rows[-1], "output": "train/wearing_mask/again.jpg"})
    made.refuse("wall.png", "no_face")
    return made.finish()


@pytest.fixture
def dst(template, tmp_path):
    """The same pictures, with no reviews yet."""
    place = tmp_path / "dst"
    place.mkdir()
    (place / "manifest").symlink_to(template / "manifest")
    return place


def options_of(dst, **options):
    return ReviewOptions(**{"dst": dst, "annotator": None if options.get("disputed") else "anna", **options})


def queue_of(dst, **options):
    chosen = options_of(dst, **options)
    return read_queue(chosen, read_reviews(dst).get(chosen.name, []))


def pictures(queue):
    return [queue.picture(place) for place in range(len(queue))]


@pytest.fixture
def open_session(dst):
    logs = []

    def start(clock=None, controls=None, **options):
        while logs:
            logs.pop().close()
        chosen = options_of(dst, **options)
        logs.append(ReviewLog(dst, chosen.name))
        queue = read_queue(chosen, logs[-1].events)
        accept_by_score(queue, logs[-1])
        return Session(queue, logs[-1], controls, *([clock] if clock else []))

    yield start
    for log in logs:
        log.close()


def outcomes(dst, annotator="anna"):
    standing = verdicts(read_reviews(dst)[annotator])
    return {sha256: given.decided.action for sha256, given in standing.items() if given.decided}


def test_the_most_doubtful_comes_first(dst):
    shown = pictures(queue_of(dst))
    assert [picture.quality for picture in shown] == sorted(picture.quality for picture in shown)
    assert len(shown) == 40  # identical pictures need one decision
    rows = list(read_manifest(dst))
    for picture in shown:
        row = rows[picture.row]
        assert (row["output"], row["output_sha256"], row["kind"]) == (picture.output, picture.sha256, picture.kind)
        assert picture.before == picture.output.replace("wearing_mask", "not_wearing_mask").split("__")[0] + ".jpg"


def test_other_orders(dst):
    rows = list(read_manifest(dst))

    def order(name, **options):
        return [rows[picture.row] for picture in pictures(queue_of(dst, order=name, **options))]

    kinds = [row["kind"] for row in order("kind")]
    assert kinds == sorted(kinds)
    yaws = [row["yaw"] for row in order("pose")]
    assert yaws == sorted(yaws)
    sources = [row["source"] for row in order("source")]
    assert sources == sorted(sources)
    shuffled = [row["output"] for row in order("random")]
    assert shuffled == [row["output"] for row in order("random")]
    assert shuffled != [row["output"] for row in order("random", seed=1)]
    assert sorted(shuffled) == sorted(row["output"] for row in order("doubtful"))


def test_filters(dst):
    assert {picture.kind for picture in pictures(queue_of(dst, kind="n95,cloth"))} == {"n95", "cloth"}
    assert {picture.split for picture in pictures(queue_of(dst, split="val"))} == {"val"}
    assert len(queue_of(dst, quality_below=0.5)) == 20
    assert len(queue_of(dst, quality_below=0.5, kind="n95", split="val")) == 2
    sample = {picture.sha256 for picture in pictures(queue_of(dst, sample=7))}
    assert len(sample) == 7
    assert sample == {picture.sha256 for picture in pictures(queue_of(dst, sample=7, order="kind"))}
    assert sample != {picture.sha256 for picture in pictures(queue_of(dst, sample=7, seed=1))}
    review(dst, "anna", dict.fromkeys(list(sample)[:3], "accept"))
    assert len(queue_of(dst, undecided=True)) == 37
    assert len(queue_of(dst, undecided=True, sample=7)) == 4  # of the same seven
    with pytest.raises(ReviewError, match="no kind 'gas' to review, only cloth, n95, surgical"):
        queue_of(dst, kind="gas")
    with pytest.raises(ReviewError, match="no masked picture"):
        queue_of(dst, quality_below=0.0)


def test_overlap_is_seen_by_all_and_the_rest_dealt(dst):
    names = ("anna", "bert", "carla")

    def seen(name, **options):
        return {picture.sha256 for picture in pictures(queue_of(dst, annotator=name, **options))}

    shares = {name: seen(name, annotators=",".join(names), overlap=0.2) for name in names}
    common = set.intersection(*shares.values())
    assert set.union(*shares.values()) == seen("anna")
    assert 3 <= len(common) <= 14
    for first, second in (("anna", "bert"), ("bert", "carla"), ("anna", "carla")):
        assert shares[first] & shares[second] == common
    assert all(len(share - common) >= 4 for share in shares.values())
    # Who is named first changes nothing, and someone who joins only takes.
    assert seen("bert", annotators="carla,bert,anna", overlap=0.2) == shares["bert"]
    more = seen("bert", annotators="anna,bert,carla,dora", overlap=0.2)
    assert more < shares["bert"] or more == shares["bert"]
    assert not set.intersection(*(seen(name, annotators=",".join(names)) for name in names))


def test_disputed_pictures_are_shown_to_the_adjudicator(dst, open_session):
    shas = [picture.sha256 for picture in pictures(queue_of(dst))][:4]
    review(dst, "anna", dict(zip(shas, ("accept", "reject: floating", "accept", "reject"), strict=True)))
    review(dst, "bert", dict(zip(shas, ("reject", "accept", "accept", "reject"), strict=True)))
    review(dst, "carla", {shas[2]: "reject"}, auto=True)
    session = open_session(disputed=True)
    assert set(session.queue.disputes) == set(shas[:2])
    assert session.queue.disputes[shas[1]]["anna"].reason == "floating"
    session.decide(REJECT)
    session.decide(ACCEPT)
    assert session.finished
    assert outcomes(dst, ADJUDICATOR) == {shas[0]: "reject", shas[1]: "accept"}
    review(dst, "anna", {shas[0]: "reject", shas[1]: "accept"})
    with pytest.raises(ReviewError, match="in dispute"):
        queue_of(dst, disputed=True)


def test_decisions_are_on_the_disk_at_once(dst, open_session):
    clock = Clock()
    session = open_session(clock)
    shown = pictures(session.queue)
    clock.now = 1.5
    session.decide(ACCEPT)
    assert outcomes(dst) == {shown[0].sha256: "accept"}
    clock.now = 2.0
    session.decide(Decision("reject", "floating"))
    first, second = read_reviews(dst)["anna"]
    assert (first.looked_ms, second.looked_ms, second.reason) == (1500, 500, "floating")
    assert session.position == 2
    session.flag()
    assert session.verdict(2).flagged
    session.flag()
    assert not session.verdict(2).flagged
    assert (session.counts.accepted, session.counts.rejected, session.counts.left) == (1, 1, 38)


def test_skipped_pictures_come_again(open_session):
    session = open_session(sample=4)
    session.decide(ACCEPT)
    session.skip()
    session.decide(ACCEPT)
    session.skip()
    assert session.position == 1
    session.skip()
    session.decide(REJECT)
    assert session.position == 1
    assert not session.finished
    session.skip()
    assert session.position == 1  # there is no other
    session.decide(REJECT)
    assert session.finished
    assert session.counts.left == 0


def test_going_back_to_change_ones_mind(dst, open_session):
    session = open_session()
    for _ in range(3):
        session.decide(ACCEPT)
    session.back()
    session.back()
    assert session.position == 1
    session.decide(REJECT)
    assert session.position == 3
    assert list(outcomes(dst).values()) == ["accept", "reject", "accept"]
    for _ in range(5):
        session.back()
    assert session.position == 0
    for _ in range(50):
        session.forward()
    assert session.position == 39


def test_undo_goes_back_any_number(dst, open_session):
    session = open_session()
    for decision in (ACCEPT, REJECT, ACCEPT):
        session.decide(decision)
    session.flag(0)
    session.go(20)
    places = []
    while session.undo():
        places.append(session.position)
    assert places == [0, 2, 1, 0]
    assert outcomes(dst) == {}
    assert session.counts.left == 40


def test_undo_reaches_into_earlier_sessions(dst, open_session):
    session = open_session()
    session.decide(ACCEPT)
    session.decide(REJECT)
    session = open_session()
    assert session.undo()
    assert session.position == 1
    session = open_session()
    assert session.position == 1  # what was undone is to be decided on
    assert session.undo()
    assert not session.undo()
    assert outcomes(dst) == {}


def test_a_page_is_taken_and_undone_as_a_whole(dst, open_session):
    clock = Clock()
    session = open_session(clock)
    session.decide(ACCEPT)
    page = session.undecided(25)
    assert page == list(range(1, 26))
    clock.now = 50.0
    session.decide_page({place: REJECT if place in (3, 7) else ACCEPT for place in page})
    assert (session.counts.accepted, session.counts.rejected) == (24, 2)
    assert {event.looked_ms for event in read_reviews(dst)["anna"][1:]} == {2000}
    assert session.counts.per_minute == pytest.approx(30)
    assert session.counts.seconds_left == pytest.approx(14 * 2)
    assert session.undecided(25) == list(range(26, 40))
    session = open_session()
    assert session.position == 26
    session.undo()
    assert session.position == 1
    assert (session.counts.accepted, session.counts.rejected) == (1, 0)
    session.undo()
    assert session.position == 0


def test_a_page_at_the_end_goes_on_with_what_was_skipped(open_session):
    session = open_session()
    session.skip()
    session.go(38)
    assert session.undecided(4) == [38, 39, 0, 1]
    session.decide_page(dict.fromkeys(session.undecided(4), ACCEPT))
    assert session.position == 2


def test_the_pace_leaves_out_pauses(open_session):
    clock = Clock()
    session = open_session(clock)
    assert session.counts.per_minute is None
    for seconds in (0.5, 1.0, 1.0, 3600.0, 1.0):
        clock.now += seconds
        session.decide(ACCEPT)
    assert session.counts.per_minute == pytest.approx(60)
    assert session.counts.seconds_left == pytest.approx(35)


def test_it_goes_on_where_it_stopped(open_session):
    session = open_session()
    session.decide(ACCEPT)
    session.skip()
    session.decide(ACCEPT)
    session = open_session()
    assert session.position == 3
    assert session.counts.accepted == 2
    session = open_session(order="kind")
    assert session.verdict(session.position).decided is None


def test_accepted_by_score(dst, open_session):
    known = pictures(queue_of(dst))
    review(dst, "anna", {known[39].sha256: "reject", known[0].sha256: "flag"})
    session = open_session(auto_accept=0.75)
    assert len(session.queue) == 31  # 30 below, and one that was decided on by hand
    events = read_reviews(dst)["anna"][2:]
    assert {event.output_sha256 for event in events} == {picture.sha256 for picture in known[30:39]}
    assert all(event.auto and event.action == "accept" and not event.looked_ms for event in events)
    assert session.undo()  # what was done by hand; what was by score is nobody's
    assert not session.undo()
    session = open_session(auto_accept=0.75)
    assert len(session.queue) == 30
    assert len(verdicts(read_reviews(dst)["anna"])) == 11
    session = open_session()
    assert session.counts.accepted == 10
    assert not session.undo()


def test_nothing_left_to_decide(dst):
    assert len(queue_of(dst, auto_accept=0.0)) == 0
    assert len(queue_of(dst, auto_accept=0.0).by_score) == 40


def test_what_is_accepted_by_score_alone_needs_no_display(dst, maskaug, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    refused = maskaug("review", dst, "--annotator", "anna", "--auto-accept", "0.75")
    assert refused.returncode == 1
    assert not (dst / "reviews/anna.jsonl").exists()
    done = maskaug("review", dst, "--annotator", "anna", "--auto-accept", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "40 accepted by score" in done.stdout


def test_controls_lie_among_the_pictures_and_count_nowhere(dst, open_session):
    session = open_session(honeypots=0.2)
    queue = session.queue
    assert (len(queue), int(queue.controls.sum())) == (50, 10)
    own = {queue.picture(place).sha256: place for place in range(50) if not queue.controls[place]}
    bases = {queue.picture(place).sha256: place for place in range(50) if queue.controls[place]}
    assert (len(own), len(bases)) == (40, 10)
    assert all(abs(place - own[sha256]) > 5 for sha256, place in bases.items())
    scores = [queue.picture(place).quality for place in range(50)]
    assert scores == sorted(scores), "a control cannot be told by its score"
    others = queue_of(dst, honeypots=0.2, annotator="bert", annotators="anna,bert", overlap=1.0)
    assert (others.controls != queue.controls).any()
    made = {}
    while not session.finished:
        if queue.controls[session.position]:
            made[session.picture.sha256] = digest(f"control {session.position}")
            session.reveal(session.position, made[session.picture.sha256])
        session.decide(ACCEPT)
    assert session.counts.accepted == 50
    events = read_reviews(dst)["anna"]
    assert {event.output_sha256 for event in events if event.control} == set(made.values())
    session = open_session(honeypots=0.2, controls=made)
    assert session.finished
    session.undo()
    assert session.counts.accepted == 49
    session = open_session(honeypots=0.2)  # without what was made: they are revealed one by one
    assert session.counts.accepted == 39 + int(queue.controls[49])
    control = int(queue.controls.nonzero()[0][0])
    session.reveal(control, made[queue.picture(control).sha256])
    assert session.verdict(control).decided.action == "accept"
    assert session.counts.accepted == 40 + int(queue.controls[49])


def test_a_control_must_be_made_first(open_session):
    session = open_session(honeypots=0.2)
    session.go(int(session.queue.controls.nonzero()[0][0]))
    with pytest.raises(ValueError, match="not revealed"):
        session.decide(ACCEPT)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"overlap": 0.2}, "--overlap needs to know"),
        ({"annotators": "bert,carla"}, "anna is not among --annotators bert,carla"),
        ({"annotator": "../anna"}, "cannot name a file"),
        ({"annotator": ADJUDICATOR}, "give --disputed instead"),
        ({"annotator": None, "disputed": True, "honeypots": 0.1}, "--disputed and --honeypots exclude each other"),
        ({"disputed": True}, "--disputed and --annotator exclude each other"),
        ({"port": 8080}, "give --serve, too"),
        ({"honeypots": 0.9}, "less than or equal to 0.5"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, said):
    with pytest.raises(ValidationError, match=said):
        ReviewOptions(**{"dst": tmp_path, "annotator": "anna", **options})


def test_who_is_nobody_must_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "DOMAIN\\anna")
    with pytest.raises(ValidationError, match="give --annotator"):
        ReviewOptions(dst=tmp_path)
    assert ReviewOptions(dst=tmp_path, disputed=True).name == ADJUDICATOR
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    assert ReviewOptions(dst=tmp_path).name == "anna"


def test_what_is_no_generated_set(tmp_path):
    with pytest.raises(ReviewError, match="no finished data set"):
        queue_of(tmp_path)
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest" / "part-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(ManifestError, match="cannot be read"):
        queue_of(tmp_path)


MOVES = ("accept", "reject", "page", "flag", "skip", "undo", "back", "forward", "restart")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.sampled_from(MOVES), max_size=40), seed=st.integers(0, 1000))
def test_whatever_is_done_the_disk_says_the_same(dst, open_session, moves, seed):
    """What the session shows is what others read from its file, and what one reads who starts again."""
    for path in (dst / "reviews").glob("*"):
        path.unlink()
    options = {"order": "random", "seed": seed, "sample": 12}
    session = open_session(**options)
    for move in moves:
        if move in ("accept", "reject"):
            session.decide(Decision(move))
        elif move == "page":
            session.decide_page(dict.fromkeys(session.undecided(5), ACCEPT))
        elif move == "restart":
            session = open_session(**options)
        else:
            getattr(session, move)()
        shown = {
            session.queue.picture(place).sha256: given.decided.action
            for place in range(12)
            if (given := session.verdict(place)).decided
        }
        assert shown == outcomes(dst)
        assert session.counts.accepted == list(shown.values()).count("accept")
        assert session.counts.left == 12 - len(shown)
    times = [event.time for event in read_reviews(dst)["anna"]]
    assert all(earlier <= later for earlier, later in pairwise(times))
    while session.undo():
        pass
    assert outcomes(dst) == {}
