"""Label Studio: a task a picture, an annotation for each annotator; and the labelling interface that shows them.

The format is that of https://labelstud.io/guide/task_format; an export as JSON is read, not one as JSON-MIN or CSV.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from maskaug.augment.reviews.log import ReviewError
from maskaug.review_ui.exchange.judged import Exported, Judged, judged
from maskaug.review_ui.view.words import readable

TASKS, INTERFACE = "tasks.json", "interface.xml"
_FLAG, _BY_SCORE = "flagged", "by_score"


def write_label_studio(exported: Exported) -> Mapping[str, bytes]:
    """Two files of a folder: the tasks to import, and the labelling interface to paste into the project's settings."""
    tasks = [
        _task(exported, picture.output, picture.sha256, list(exported.told(picture))) for picture in exported.pictures
    ]
    return {
        TASKS: json.dumps(tasks, allow_nan=False).encode(),
        INTERFACE: _interface(exported.reasons).encode(),
    }


def _task(
    exported: Exported, output: str, sha256: str, told: Sequence[tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    annotations = [
        {
            "result": list(_results(name, values)),
            "lead_time": values["looked_ms"] / 1000,
            **({"created_at": values["time"]} if values["time"] else {}),
        }
        for name, values in told
    ]
    data = {"image": exported.prefix + quote(output), "output": output, "output_sha256": sha256}
    return {"data": data, "annotations": annotations}


def _results(annotator: str, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    marks = [mark for mark, is_set in ((_FLAG, told["flagged"]), (_BY_SCORE, told["auto"])) if is_set]
    for name, chosen in (("decision", [told["decision"]]), ("reason", [told["reason"]]), ("marks", marks)):
        if any(chosen):
            yield {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": chosen}}
    for name, text in (("annotator", annotator), ("time", told["time"])):
        if text:
            yield {"from_name": name, "to_name": "image", "type": "textarea", "value": {"text": [text]}}


def _interface(reasons: Sequence[str]) -> str:
    def choices(name: str, values: Sequence[str], more: str) -> list[str]:
        made = [f"    <Choice value={quoteattr(readable(value))} alias={quoteattr(value)}/>" for value in values]
        return [f'  <Choices name="{name}" toName="image" {more}>', *made, "  </Choices>"]

    when = 'visibleWhen="choice-selected" whenTagName="decision" whenChoiceValue="reject"'
    lines = [
        "<View>",
        '  <Image name="image" value="$image" zoom="true"/>',
        *choices("decision", ("accept", "reject"), 'choice="single" required="true" showInline="true"'),
        *choices("reason", reasons, f'choice="single" showInline="true" {when}'),
        *choices("marks", (_FLAG, _BY_SCORE), 'choice="multiple" showInline="true"'),
        '  <Header value="Of decisions that were imported: who decided, and when"/>',
        '  <TextArea name="annotator" toName="image" maxSubmissions="1"/>',
        '  <TextArea name="time" toName="image" maxSubmissions="1"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def read_label_studio(tasks: Sequence[Any], name: str) -> list[Judged]:
    """What the annotations of each task say; skipped ones and drafts say nothing.

    Who decided is what the field ``annotator`` says, and else who submitted it.

    Raises:
        ReviewError: it is no such file.
    """
    found = []
    try:
        for number, task in enumerate(tasks, 1):
            where = f"{name}, task {task.get('id') or number}"
            data = task["data"]
            about = {"output": data.get("output", ""), "output_sha256": data.get("output_sha256", "")}
            for annotation in task["annotations"]:
                if not annotation.get("was_cancelled"):
                    found.append(judged(where, {**about, **_values(annotation)}))
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ReviewError(f"{name} is no export of Label Studio as JSON; JSON-MIN and CSV are not read") from error
    return found


def _values(annotation: Mapping[str, Any]) -> dict[str, object]:
    said: dict[str, list[str]] = {}
    for result in annotation["result"]:
        value = result["value"]
        said[result["from_name"]] = value.get("choices") or _lines(value.get("text") or [])
    marks = said.get("marks", [])
    first = {key: (said.get(key) or [""])[0] for key in ("decision", "reason", "annotator", "time")}
    return {
        **first,
        "annotator": first["annotator"] or _submitter(annotation.get("completed_by")),
        "time": first["time"] or annotation.get("created_at"),
        "flagged": _FLAG in marks,
        "auto": _BY_SCORE in marks,
        "looked_ms": round(1000 * (annotation.get("lead_time") or 0)),
    }


def _lines(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def _submitter(completed_by: object) -> str:
    """A user's address or number, as Label Studio tells it."""
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or completed_by.get("id") or "")
    return "" if completed_by is None else str(completed_by)
