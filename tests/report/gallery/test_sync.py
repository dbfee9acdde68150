"""Which frame of each video of a comparison is shown, and how the deck keeps them in step; in V8, no browser."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

SYNC = run_module("sync.js")
DECK = run_module("deck.js")


def clip(frames: int, fps: tuple[int, int] = (30, 1)) -> dict[str, Any]:
    return {"frames": frames, "fps": list(fps)}


def shown(clips: list[dict[str, Any]], position: int, *plan: Any) -> list[tuple[int, str]]:
    return [(each["frame"], each["phase"]) for each in all_shown_at(SYNC.call("planOf", clips, *plan), position)]


def all_shown_at(plan: dict[str, Any], position: int) -> list[dict[str, Any]]:
    return [SYNC.call("shownAt", track, position) for track in plan["tracks"]]


def test_aligned_at_the_start_all_show_the_same_index_whatever_their_rates() -> None:
    clips = [clip(100), clip(80, (60, 1)), clip(300, (30000, 1001))]
    assert shown(clips, 57) == [(57, "during")] * 3


def test_a_clip_that_has_ended_holds_its_last_frame_and_one_that_has_not_begun_its_first() -> None:
    clips = [clip(10), clip(4)]
    assert shown(clips, 7) == [(7, "during"), (3, "after")]
    assert shown(clips, 2, "end") == [(2, "during"), (0, "before")]


def test_aligned_at_the_end_the_last_frames_meet() -> None:
    clips = [clip(10), clip(4), clip(7)]
    assert shown(clips, 9, "end") == [(9, "during"), (3, "during"), (6, "during")]


def test_offsets_move_each_clip_and_the_earliest_begins_at_position_0() -> None:
    clips = [clip(10), clip(10), clip(10)]
    assert shown(clips, 0, "offset", [0, 3, -2]) == [(0, "before"), (0, "before"), (0, "during")]
    assert shown(clips, 6, "offset", [0, 3, -2]) == [(4, "during"), (1, "during"), (6, "during")]
    assert SYNC.call("planOf", clips, "offset", [0, 3, -2])["count"] == 15


def test_second_for_second_a_slower_video_holds_each_frame_over_several_of_the_fastest() -> None:
    clips = [clip(60, (60, 1)), clip(30, (30, 1))]
    assert [shown(clips, k, "start", [], "time")[1][0] for k in range(6)] == [0, 0, 1, 1, 2, 2]
    assert SYNC.call("planOf", clips, "start", [], "time")["count"] == 60


rates = st.sampled_from([(30, 1), (60, 1), (24000, 1001), (30000, 1001), (25, 2), (1, 100), (1000, 1)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9_999_999), rates)
def test_the_time_of_a_frame_lies_inside_of_it_for_any_rate(frame: int, rate: tuple[int, int]) -> None:
    made = clip(10_000_000, rate)
    seconds = SYNC.call("timeOf", frame, SYNC.call("rateOf", made))
    # By exact fractions: farther than a quarter of a frame from both neighbours.
    place = Fraction(seconds) * Fraction(*rate)
    assert frame + Fraction(1, 4) < place < frame + Fraction(3, 4)
    assert SYNC.call("frameAtTime", seconds, made) == frame


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 500), rates), min_size=1, max_size=6),
    st.sampled_from(["start", "end", "offset"]),
    st.lists(st.integers(-200, 200), min_size=6, max_size=6),
    st.sampled_from(["frames", "time"]),
    st.data(),
)
def test_every_frame_has_a_position_that_shows_it_and_no_position_shows_a_frame_that_is_not_there(
    made: list[tuple[int, tuple[int, int]]], align: str, offsets: list[int], clock: str, data: st.DataObject
) -> None:
    clips = [clip(frames, rate) for frames, rate in made]
    plan = SYNC.call("planOf", clips, align, offsets, clock)
    index = data.draw(st.integers(0, len(clips) - 1))
    frame = data.draw(st.integers(0, made[index][0] - 1))
    position = SYNC.call("positionOf", plan, index, frame)
    assert 0 <= position < plan["count"]
    each = SYNC.call("shownAt", plan["tracks"][index], position)
    assert each["frame"] == frame
    for place in (0, plan["count"] - 1):
        for (frames, _), there in zip(made, all_shown_at(plan, place), strict=True):
            assert 0 <= there["frame"] < frames


@pytest.mark.parametrize(
    ("from_", "direction", "to"), [(1, 1, 1.5), (1, -1, 0.75), (4, 1, 4), (0.1, -1, 0.1), (1.2, 1, 1.5)]
)
def test_speeds_go_up_and_down_in_steps_and_stop_at_both_ends(from_: float, direction: int, to: float) -> None:
    assert SYNC.call("nextSpeed", from_, direction) == to


def test_a_speed_from_a_link_is_bounded() -> None:
    assert [SYNC.call("boundedSpeed", value) for value in (0.01, 9, -1, "x", None)] == [0.1, 4, 1, 1, 1]


# A browser of which each video starts late, runs by a clock of its own, and tells the time by whole frames.
SIMULATION = """
globalThis.simulate = async (clips, plan, {drifts, delays, seconds, speed, hitch, position}) => {
  let time = 0;
  const queue = [];
  const videos = clips.map((clip, i) => {
    let [at, factor, begins, asleep] = [0.5, 0, Infinity, 0];
    const rate = plan.tracks[i].rate;
    return {
      moves: true, labels: [],
      show(frame) { [at, factor, begins] = [frame + 0.5, 0, Infinity]; return Promise.resolve(); },
      play(rate) { if (begins === Infinity) begins = time + delays[i]; factor = rate; },
      pause() { begins = Infinity; },
      at: () => Math.floor(at),
      label(frame, phase) { this.frame = frame; this.phase = phase; },
      pass(dt) {
        if (hitch && hitch.clip === i && time > hitch.from && time < hitch.to) return;
        if (time >= begins) at = Math.min(clip.frames, at + dt / 1000 * rate * factor * drifts[i]);
      },
      exact: () => at,
    };
  });
  const deck = exports.createDeck({now: () => time, nextTick: (callback) => queue.push(callback), changed() {}});
  deck.setSpeed(speed);
  await deck.load(videos, plan, position || 0);
  deck.play();
  let worst = 0;
  let [loops, before] = [0, 0];
  while (time < seconds * 1000) {
    for (const callback of queue.splice(0)) callback();
    for (let i = 0; i < 30; i += 1) await Promise.resolve();
    // The screen's pictures do not come quite evenly.
    const dt = 16 + (Math.floor(time * 7) % 5);
    for (const video of videos) video.pass(dt);
    time += dt;
    if (deck.position() < before) loops += 1;
    before = deck.position();
    const places = videos.map((video, i) => plan.tracks[i].start + Math.floor(video.exact()) / plan.tracks[i].ratio)
      .filter((place, i) => videos[i].phase === "during" && videos[i].exact() < clips[i].frames - 1);
    if (time > 1500) worst = Math.max(worst, ...places.map((place) => Math.max(...places) - place));
  }
  const frames = videos.map((video) => Math.floor(video.exact()));
  globalThis.result = {worst, loops, position: deck.position(), frames};
};
"""


def simulate(clips: list[dict[str, Any]], plan: tuple[Any, ...] = (), **world: Any) -> dict[str, Any]:
    made = SYNC.call("planOf", clips, *plan)
    world = {"drifts": [1] * len(clips), "delays": [0] * len(clips), "seconds": 60, "speed": 1, "hitch": None, **world}
    DECK.evaluate(f"(() => {{ {SIMULATION} }})()")
    # What is awaited has all happened when the call returns: nothing there waits for a real clock.
    DECK.evaluate(f"(globalThis.simulate(...{json.dumps([clips, made, world])}), 0)")
    result: dict[str, Any] = DECK.evaluate("globalThis.result")
    return result


def test_videos_whose_clocks_differ_stay_within_a_frame_for_a_minute() -> None:
    result = simulate([clip(9000)] * 3, drifts=[1, 1.03, 0.97], delays=[0, 40, 120])
    assert result["worst"] <= 1
    assert math.isclose(result["position"], 60 * 30, rel_tol=0.06)


@pytest.mark.parametrize("speed", [0.1, 0.5, 1.5])
def test_other_rates_and_speeds_are_frame_for_frame_too(speed: float) -> None:
    clips = [clip(9000), clip(9000, (60, 1)), clip(9000, (24000, 1001))]
    result = simulate(clips, drifts=[1.01, 0.99, 1], delays=[80, 0, 30], speed=speed)
    assert result["worst"] <= 1
    assert math.isclose(result["position"], 60 * 30 * speed, rel_tol=0.06)


def test_all_wait_for_a_video_that_stops_for_a_while() -> None:
    result = simulate([clip(9000)] * 2, hitch={"clip": 1, "from": 10_000, "to": 15_000})
    assert result["worst"] <= 5
    assert math.isclose(result["position"], 55 * 30, rel_tol=0.03)


def test_a_rate_that_browsers_refuse_is_shown_frame_after_frame() -> None:
    clips = [clip(9000, (10, 1)), clip(9000, (1000, 1))]
    result = simulate(clips, seconds=20, speed=0.5)
    assert result["worst"] == 0
    assert math.isclose(result["position"], 20 * 10 * 0.5, rel_tol=0.05)


def test_the_short_one_holds_its_last_frame_while_the_long_one_goes_on_and_all_begin_again() -> None:
    result = simulate([clip(90), clip(30)], seconds=2, delays=[50, 0])
    assert 45 < result["position"] < 62
    assert result["frames"][1] == 29
    assert simulate([clip(90), clip(30)], seconds=20)["loops"] == 6


def test_aligned_at_the_end_the_short_one_waits_for_its_turn_and_both_end_together() -> None:
    early = simulate([clip(900), clip(30)], ("end",), seconds=1, position=850)
    assert early["frames"][1] < 15
    late = simulate([clip(900), clip(30)], ("end",), seconds=1.5, position=850)
    assert abs(late["frames"][0] - 870 - late["frames"][1]) <= 1
