"""Names and numbers as a person reads them."""

from maskaug.review_ui.session.session import Counts, Decision

# What lowers a score, by the engine's names.
SCORE_WORDS = {
    "misplaced": "the landmarks do not lie on the face",
    "landmarks_unstable": "two estimates of the landmarks disagree",
    "mouth_hidden": "no mouth is visible where it should be",
    "nose_hidden": "no nostrils are visible",
    "something_before_face": "something is in front of the face",
    "too_dark": "the face is dark",
    "too_small": "the face is small",
    "out_of_frame": "much of the mask lies outside the picture",
    "extreme_pose": "the head is turned far to the side",
    "low_coverage": "the mask does not cover all it should",
}


def readable(name: str) -> str:
    """A name such as ``wrong_size`` as it is read."""
    return name.replace("_", " ")


def decision_text(decision: Decision) -> str:
    """A decision in words."""
    if decision.action == "accept":
        return "accepted"
    return f"rejected: {readable(decision.reason)}" if decision.reason else "rejected"


def pace_text(counts: Counts) -> str:
    """The pace and the time left: ``70 a minute, 12 min left``; empty until a pace is known."""
    return f"{counts.per_minute:.0f} a minute, {time_left_text(counts)} left" if counts.per_minute else ""


def time_left_text(counts: Counts) -> str:
    """The time that the rest takes: ``12 min``; empty until a pace is known."""
    seconds = counts.seconds_left
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
