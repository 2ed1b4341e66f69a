"""Overlays as records of the manifest."""

from maskaug.core.manifest import FaceRecord, face_record
from maskaug.masktheface_wrapper import Overlay


def overlay_record(overlay: Overlay) -> FaceRecord:
    """A face and the mask it wears."""
    return FaceRecord(
        **face_record(overlay.face),
        kind=overlay.params.kind,
        template=overlay.params.template,
        parameters=overlay.params.model_dump_json(),
        yaw=overlay.pose.yaw,
        pitch=overlay.pose.pitch,
        roll=overlay.pose.roll,
        quality=overlay.quality,
        reasons=list(overlay.reasons),
    )
