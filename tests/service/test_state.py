"""The state of a job: a pure function, over all that can be seen of one."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daddy_encode.encoding.settings import make_settings, plan
from daddy_encode.service.snapshot import JobSnapshot
from daddy_encode.service.state import GRACE_SECONDS, State, classify
from daddy_encode.spool.manifest import Manifest
from daddy_encode.spool.receipt import OutputRecord, Receipt, Source

MANIFEST = Manifest(frames=3, width=4, height=4)
WANTED = plan(make_settings(video="mp4"), MANIFEST)


def receipt(*, error: str | None = None, manifest: str | None = "digest", mtime_ns: int = 7, crf: int = 20) -> Receipt:
    settings = plan(make_settings(video="mp4", crf=crf), MANIFEST)["mp4"]
    output = OutputRecord(
        path="job.mp4",
        type="MP4",
        format="mp4",
        frames=3,
        fps=30,
        encode_seconds=0.1,
        bytes=9,
        sha256="",
        width=4,
        height=4,
        settings=msgspec.to_builtins(settings),
    )
    source = Source(
        frames=3,
        width=4,
        height=4,
        sha256="frames",
        listing_sha256="",
        manifest_sha256=manifest,
        directory_mtime_ns=mtime_ns,
    )
    return Receipt(
        job="job",
        source=source,
        outputs=[] if error else [output],
        ffmpeg="9",
        ffmpeg_build="",
        host="node",
        error=error,
        finished=1.0,
    )


def snapshot(**changes: Any) -> JobSnapshot:
    """A job whose three frames and manifest are there, and nothing else."""
    values: dict[str, Any] = {
        "frames": 3,
        "has_manifest": True,
        "manifest": MANIFEST,
        "manifest_sha256": "digest",
        "manifest_error": None,
        "receipt": None,
        "outputs": frozenset(),
        "mtime_ns": 7,
    }
    return JobSnapshot(**{**values, **changes})


NO_MANIFEST: dict[str, Any] = {"has_manifest": False, "manifest": None, "manifest_sha256": None}
THERE: frozenset[Any] = frozenset({"mp4"})
DONE = {"receipt": receipt(), "outputs": THERE}


@pytest.mark.parametrize(
    ("what", "given", "state"),
    [
        ({}, {}, State.READY),
        ({}, {"claimed": True}, State.CLAIMED),
        # Writing.
        (NO_MANIFEST, {}, State.WRITING),
        (NO_MANIFEST, {"unchanged_seconds": 1e9}, State.WRITING),
        ({**NO_MANIFEST, "frames": 0}, {"settle": 1.0, "unchanged_seconds": 1e9}, State.WRITING),
        # Abandoned, only for whoever gave a settle time.
        (NO_MANIFEST, {"settle": 60.0, "unchanged_seconds": 59.9}, State.WRITING),
        (NO_MANIFEST, {"settle": 60.0, "unchanged_seconds": 60.0}, State.ABANDONED),
        (NO_MANIFEST, {"settle": 60.0, "unchanged_seconds": 60.0, "claimed": True}, State.CLAIMED),
        # Waiting: for frames that were promised, for a manifest that does not open.
        ({"frames": 2}, {}, State.WAITING),
        ({"frames": 2}, {"unchanged_seconds": GRACE_SECONDS - 1}, State.WAITING),
        ({"frames": 4}, {}, State.WAITING),
        ({"frames": 2}, {"unchanged_seconds": GRACE_SECONDS}, State.READY),
        ({"manifest": None, "manifest_sha256": None}, {"unchanged_seconds": 1e9}, State.WAITING),
        # A manifest that cannot be used: an attempt says why.
        ({"manifest": None, "manifest_sha256": None, "manifest_error": "bad"}, {}, State.READY),
        # Done.
        (DONE, {}, State.DONE),
        (DONE, {"claimed": True, "retry_failed": True}, State.DONE),
        ({**DONE, "receipt": receipt(crf=30)}, {}, State.READY),
        ({**DONE, "receipt": receipt(crf=30)}, {"wanted": None}, State.DONE),
        ({**DONE, "outputs": frozenset()}, {}, State.READY),
        ({**DONE, "outputs": frozenset()}, {"wanted": None}, State.READY),
        ({**DONE, "mtime_ns": 8}, {}, State.READY),
        ({**DONE, "manifest_sha256": "another"}, {}, State.READY),
        ({**DONE, "manifest": None, "manifest_sha256": None}, {}, State.WAITING),
        ({**DONE, **NO_MANIFEST}, {}, State.WRITING),
        ({**DONE, **NO_MANIFEST, "receipt": receipt(manifest=None)}, {}, State.DONE),
        # Done, and its frames removed since, to save space.
        ({**DONE, "frames": 0, "mtime_ns": 8}, {}, State.DONE),
        ({**DONE, "frames": 0, "mtime_ns": 8, "outputs": frozenset()}, {}, State.WAITING),
        ({**DONE, "frames": 0, "mtime_ns": 8, "manifest_sha256": "another"}, {}, State.WAITING),
        # Failed.
        ({"receipt": receipt(error="why")}, {}, State.FAILED),
        ({"receipt": receipt(error="why"), "frames": 2}, {}, State.FAILED),
        ({"receipt": receipt(error="why")}, {"retry_failed": True}, State.READY),
        ({"receipt": receipt(error="why")}, {"claimed": True}, State.CLAIMED),
        ({"receipt": receipt(error="why"), "mtime_ns": 8}, {}, State.READY),
        ({"receipt": receipt(error="why"), "manifest_sha256": "corrected"}, {}, State.READY),
        ({"receipt": receipt(error="why", manifest=None), **NO_MANIFEST}, {}, State.FAILED),
        ({"receipt": receipt(error="why", manifest=None), **NO_MANIFEST, "mtime_ns": 8}, {}, State.WRITING),
    ],
)
def test_each_thing_that_can_be_seen_has_its_state(what: dict[str, Any], given: dict[str, Any], state: State) -> None:
    assert classify(snapshot(**what), **{"wanted": WANTED, **given}) is state


RECEIPTS = [
    None,
    *itertools.starmap(
        lambda error, manifest, mtime_ns, crf: receipt(error=error, manifest=manifest, mtime_ns=mtime_ns, crf=crf),
        itertools.product([None, "why"], [None, "digest", "another"], [7, 8], [20, 30]),
    ),
]
SNAPSHOTS = st.builds(
    snapshot,
    frames=st.integers(0, 5),
    has_manifest=st.booleans(),
    receipt=st.sampled_from(RECEIPTS),
    outputs=st.sampled_from([frozenset(), THERE, frozenset({"mp4", "gif"})]),
    mtime_ns=st.sampled_from([7, 8]),
).flatmap(
    lambda one: (
        st.just(one) if one.has_manifest else st.just(msgspec.structs.replace(one, manifest=None, manifest_sha256=None))
    )
)


@given(
    what=SNAPSHOTS,
    claimed=st.booleans(),
    unchanged=st.floats(0, 1000),
    settle=st.none() | st.floats(1, 500),
    retry=st.booleans(),
)
def test_whatever_is_seen_a_job_is_never_encoded_short_or_in_a_loop(
    what: JobSnapshot, claimed: bool, unchanged: float, settle: float | None, retry: bool
) -> None:
    state = classify(
        what, wanted=WANTED, claimed=claimed, unchanged_seconds=unchanged, settle=settle, retry_failed=retry
    )
    failed = what.receipt is not None and what.receipt.error is not None
    if state is State.READY and what.manifest is not None:
        assert what.frames == what.manifest.frames or unchanged >= GRACE_SECONDS
    if state is State.ABANDONED:
        assert settle is not None and unchanged >= settle and not what.has_manifest
    if state is State.DONE:
        assert not failed and "mp4" in what.outputs
        assert what.receipt is not None
        # Where frames and manifest are gone, the receipt is all that says what was there.
        if what.frames or what.has_manifest:
            assert what.receipt.source.manifest_sha256 == what.manifest_sha256
    if state is State.FAILED:
        assert failed and not retry
    if claimed:
        assert state in (State.CLAIMED, State.DONE)
    else:
        assert state is not State.CLAIMED
    # What is done or failed as it is stays so, however long it is looked at.
    if state in (State.DONE, State.FAILED):
        later = classify(
            what, wanted=WANTED, claimed=claimed, unchanged_seconds=unchanged + 1e6, settle=settle, retry_failed=retry
        )
        assert later is state
