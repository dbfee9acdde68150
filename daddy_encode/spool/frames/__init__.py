"""Names of frames: what a listing of a directory says about its numbered PNGs. Pure."""

from daddy_encode.spool.frames.find import (
    count_frames,
    described,
    find_sequences,
    find_several,
    frame_sequence,
    group_pngs,
)
from daddy_encode.spool.frames.names import frame_name, frame_path, is_frame_name, is_own_name
from daddy_encode.spool.frames.sequence import FrameSequence, Numbering

__all__ = [
    "FrameSequence",
    "Numbering",
    "count_frames",
    "described",
    "find_sequences",
    "find_several",
    "frame_name",
    "frame_path",
    "frame_sequence",
    "group_pngs",
    "is_frame_name",
    "is_own_name",
]
