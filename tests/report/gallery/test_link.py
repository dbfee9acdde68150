"""The state and its link, and small pure parts: values as people read them, the store of details."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

link = run_module("link.js")
state = run_module("state.js")
values = run_module("values.js")
details = run_module("details.js")
updates = run_module("updates.js")
keyboard = run_module("keyboard.js")
dom = run_module("dom.js")

ID, OTHER = "0123456789ab", "ba9876543210"
TEXT = st.text(max_size=40)
NUMBER = st.floats(-1e9, 1e9).map(lambda number: number + 0.0)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "query": TEXT,
        "sort": TEXT,
        "group": TEXT,
        "rows": TEXT,
        "columns": TEXT,
        "mean": TEXT,
        "success": TEXT,
        "measure": st.sampled_from(["share", "mean", "n"]),
        "order": TEXT,
        "x": TEXT,
        "y": TEXT,
        "colour": TEXT,
        "log": st.sampled_from(["none", "x", "y", "xy"]),
        "trend": st.booleans(),
        "view": st.sampled_from(["cards", "matrix", "plot", "compare", "timeline"]),
        "size": st.sampled_from(["s", "m", "l"]),
        "job": st.none() | st.just(ID),
        "frame": st.integers(0, 10**6),
        "compare": st.sampled_from([[], [ID], [ID, OTHER]]),
        "align": st.sampled_from(["start", "end", "offset"]),
        "offsets": st.dictionaries(st.sampled_from([ID, OTHER]), st.integers(-999, 999), max_size=2),
        "difference": st.booleans(),
        "speed": st.sampled_from([0.1, 0.25, 1, 2.5, 4]),
        "brush": st.none() | st.lists(NUMBER, min_size=4, max_size=4),
        "step": st.none() | NUMBER,
        "theme": st.sampled_from(["", "light", "dark"]),
    },
)


@settings(max_examples=30)
@given(STATES)
def test_a_link_says_the_whole_state(changes: dict[str, Any]) -> None:
    whole = {**link.call("fromHash", ""), **changes}
    if "" in (whole["x"], whole["y"]):
        whole["brush"] = None
    hash_ = link.call("toHash", whole)
    assert hash_ == "" or (hash_[0] == "#" and hash_.isascii() and not set(hash_) & set(" \"'\\`<>()"))
    assert link.call("fromHash", hash_) == whole


def test_links_are_readable_and_the_default_has_none() -> None:
    default = link.call("fromHash", "")
    assert link.call("toHash", default) == ""
    asked = {**default, "query": "return > 200 env:a&b", "job": ID, "frame": 12}
    assert link.call("toHash", asked) == f"#q=return+%3E+200+env:a%26b&job={ID}&frame=12"
    assert link.call("fromHash", f"job={ID}&frame=7")["frame"] == 7


@pytest.mark.parametrize(
    "text",
    [
        "#job=../../etc/passwd",
        "#job=0123456789AB",
        "#view=evil&size=xxl&align=middle&theme=pink",
        "#frame=-1",
        "#frame=1e9",
        "#frame=",
        "#speed=fast",
        "#speed=",
        "#step=Infinity",
        "#step=0x",
        "#brush=1,2,3",
        "#brush=1,2,3,",
        "#brush=1,2,3,4",
        "#compare=a,b,<img>",
        "#offsets=__proto__:3,constructor:1,:2",
        "#__proto__=1&constructor=2&toString=x",
        "#####&&==&=x&%=%",
        "#q",
    ],
)
def test_what_a_link_says_badly_is_the_default(text: str) -> None:
    assert link.call("fromHash", text) == link.call("fromHash", "")


def test_what_a_link_says_is_bounded() -> None:
    many = ",".join(f"{number:012x}" for number in range(20))
    read = link.call("fromHash", f"#q={'x' * 5000}&speed=99&compare={many},{many}&step=1e300&group={'g' * 500}")
    assert (len(read["query"]), read["speed"], read["step"], len(read["group"])) == (1000, 4, 1e15, 110)
    assert read["compare"] == [f"{number:012x}" for number in range(6)]
    assert link.call("fromHash", "#q=100%25+of+%E0%A4+it")["query"] == "100%25+of+%E0%A4+it"
    # A lone half of a character cannot be in an address.
    assert link.evaluate(r'exports.toHash({...exports.fromHash(""), query: "a\ud800b"})') == "#q=a%EF%BF%BDb"


def test_listeners_hear_of_changes_and_of_nothing_else() -> None:
    script = """(() => {
      const heard = [], state = exports.createState({query: "a"});
      const stop = state.subscribe((now, changed) => heard.push([now.query, now.compare, [...changed]]));
      state.set({query: "a", compare: [], offsets: {}, brush: null});
      state.set({query: "b", unknown: 1});
      state.set(({compare}) => ({compare: [...compare, "x"], brush: [0, 1, 2, 3]}));
      state.set({brush: [0, 1, 2, 3]});
      stop();
      state.set({query: "c"});
      return [heard, state.get().query, Object.isFrozen(state.get()), "unknown" in state.get()];
    })()"""
    assert state.evaluate(script) == [[["b", [], ["query"]], ["b", ["x"], ["compare", "brush"]]], "c", True, False]


def test_back_undoes_what_the_steps_changed_and_keeps_what_was_selected_since() -> None:
    address = run_module("address.js")
    before = link.call("fromHash", "#view=matrix&sort=name")
    steps = [["view"], ["view", "query"], ["job"]]

    def restored(left: Any, reached: Any) -> set[str]:
        return set(address.call("restored", before, left, reached))

    assert restored(steps, steps[:2]) == {"job", "frame"}
    assert restored(steps[:2], steps) == {"job", "frame"}, "forward"
    assert restored(steps, steps[:1]) == {"job", "frame", "view", "query"}
    assert restored(steps, steps) == set()
    assert address.call("restored", before, steps, steps[:1])["view"] == "matrix"
    # An address that somebody typed is taken whole, but for the colours.
    assert restored(steps, None) == set(before) - {"theme"}
    assert address.call("restored", {**before, "theme": "dark"}, steps, None)["theme"] == "dark"


def test_six_jobs_are_the_most_that_are_compared() -> None:
    six = list("abcdef")
    assert state.call("toggleCompared", six, "g") == six
    assert state.call("toggleCompared", six, "b") == list("acdef")
    assert state.call("toggleCompared", ["a"], "b") == ["a", "b"]


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("writeValue", 200.5, "200.5"),
        ("writeValue", 0.123456, "0.12346"),
        ("writeValue", 4096, "4096"),
        ("writeValue", -1200000, "-1,200,000"),
        ("writeValue", 12345.678, "12,346"),
        ("writeValue", 0.00001234, "1.23e-5"),
        ("writeValue", 1234567.5, "1.23e+6"),
        ("writeValue", True, "true"),
        ("writeValue", None, ""),
        ("writeBytes", 0, "0 B"),
        ("writeBytes", 999, "999 B"),
        ("writeBytes", 1234, "1.2 kB"),
        ("writeBytes", 999_600, "1.0 MB"),
        ("writeBytes", 123_456_789, "123 MB"),
        ("writeDuration", 8, "8.0 s"),
        ("writeDuration", 59.96, "1:00"),
        ("writeDuration", 3725, "1:02:05"),
        ("readNumber", "10k", 10_000),
        ("readNumber", "2.5MB", 2_500_000),
        ("readNumber", "-1e-3", -0.001),
        ("readNumber", ".5", 0.5),
        ("readNumber", " 20 MB ", 20_000_000),
        ("readNumber", "1.5M", 1_500_000),
        ("readNumber", "20 M", None),
        ("readNumber", "", None),
        ("readNumber", "1e999", None),
        ("readNumber", "12px", None),
        ("readNumber", "", None),
        ("readTime", "2025-13-40", None),
        ("readTime", "today", None),
    ],
)
def test_values_are_read_and_written(function: str, value: Any, expected: Any) -> None:
    assert values.call(function, value) == expected


def test_a_day_is_its_seconds() -> None:
    day = values.call("readTime", "2025-11-20")
    assert (
        values.call("writeDate", day[0]) == "2025-11-20 00:00"
        and values.call("writeDate", day[1]) == "2025-11-20 23:59"
    )
    assert values.call("writeTime", 1000, 1030) == "just now"
    assert values.call("writeTime", 1000, 1000 + 7500) == "2 h ago"
    month = values.call("readTime", "2024-02")
    assert values.call("writeDate", month[1]) == "2024-02-29 23:59"


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("./run-1/episode%203.mp4", True),
        ("../videos/a.mp4", True),
        ("./index.files/0123456789ab.js", True),
        ("javascript:alert(1)", False),
        ("https://example.org/a.mp4", False),
        ("//example.org/a.mp4", False),
        ("/etc/passwd", False),
        ("data:text/html,x", False),
        ("./a\\b.mp4", False),
        (".\t./a.mp4", False),
        ("./a b.mp4", False),
        ("", False),
        (None, False),
        (["./a"], False),
    ],
)
def test_only_relative_urls_are_loaded(url: Any, is_safe: bool) -> None:
    assert dom.call("safeUrl", url) == (url if is_safe else "")


def test_only_images_of_pixels_are_shown_from_the_data() -> None:
    for url in ("data:image/jpeg;base64,/9j+4A==", "data:image/png;base64,iVBO"):
        assert dom.call("safeImage", url) == url
    for bad in ("data:image/svg+xml;base64,AAAA", "data:text/html;base64,AAAA", "data:image/png,x", "./a.png", None):
        assert dom.call("safeImage", bad) == ""


def test_the_store_keeps_what_was_used_last_within_its_weight() -> None:
    script = """(() => {
      const store = exports.createCache(10);
      store.put("a", 1, 4); store.put("b", 2, 4); store.get("a"); store.put("c", 3, 4);
      const first = store.keys();
      store.put("c", 4, 4); store.put("huge", 5, 99);
      return [first, store.keys(), store.get("huge"), store.get("a") === undefined];
    })()"""
    assert details.evaluate(script) == [["a", "c"], ["huge"], 5, True]


# The jobs' files are loaded by a function that the test calls back itself. mini-racer runs what promises wait for
# between two evaluations.
DETAILS = """(globalThis.loads = [], globalThis.got = [],
  globalThis.details = exports.createDetails("./f/", (url, done) => loads.push([url, done])),
  globalThis.ask = id => details(id).then(one => got.push([id, one.n]), error => got.push([id, error.message])),
  globalThis.arrive = (id, n) => { const place = loads.findIndex(([url]) => url === `./f/${id}.js`);
    const [[, done]] = loads.splice(place, 1); if (n !== null) details.received(id, {n}); done(n !== null); }, 0)"""


def test_nothing_is_loaded_while_it_is_held() -> None:
    details.evaluate(f"({DETAILS}, details.hold(true), ask('a'), 0)")
    assert details.evaluate("loads.length") == 0
    details.evaluate("(details.hold(false), 0)")
    assert details.evaluate("loads.map(([url]) => url)") == ["./f/a.js"]


def test_details_are_loaded_once_the_last_asked_first_and_what_nobody_waits_for_not_at_all() -> None:
    def run(script: str) -> Any:
        details.evaluate(f"({script}, 0)")
        return details.evaluate("[loads.map(([url]) => url), got]")

    details.evaluate(DETAILS)
    names = [f"{n}" for n in range(10)]
    loads, _ = run(f"{json.dumps(names)}.forEach(ask), ask('0'), details.forget('1'), details.forget('0')")
    assert loads == [f"./f/{n}.js" for n in (9, 8, 7, 6, 5, 4)], "six at once"
    loads, got = run("arrive('9', 90), arrive('8', null)")
    assert loads[-2:] == ["./f/3.js", "./f/2.js"]
    # The other one who asked for 0 still waits.
    assert got == [
        ["1", "no longer wanted"],
        ["9", 90],
        ["8", "its file in the folder beside this page cannot be read"],
    ]
    loads, got = run("[7, 6, 5, 4, 3, 2].forEach(n => arrive(String(n), n)), ask('9'), ask('1')")
    assert loads == ["./f/1.js", "./f/0.js"] or loads == ["./f/0.js", "./f/1.js"]
    assert ["9", 90] in got[3:], "known, and loaded no second time"
    # What nobody asked for is not taken.
    _, got = run("details.received('99', {n: 1}), arrive('0', 5), ask('99')")
    assert got[-2:] == [["0", 5], ["0", 5]]
    assert details.evaluate("loads.map(([url]) => url)") == ["./f/1.js", "./f/99.js"]


@pytest.mark.parametrize(
    ("latest", "offer"),
    [
        ({"generated": 5, "jobs": 2, "digest": "a"}, ""),
        ({"generated": 9, "jobs": 2, "digest": "a"}, ""),
        ({"generated": 9, "jobs": 14, "digest": "b"}, "12 new jobs"),
        ({"generated": 9, "jobs": 3, "digest": "b"}, "1 new job"),
        ({"generated": 9, "jobs": 2, "digest": "b"}, "changed"),
        ({"generated": 9, "jobs": 1, "digest": "b"}, "changed"),
        ({}, ""),
        (None, ""),
    ],
)
def test_an_open_page_offers_what_is_new(latest: Any, offer: str) -> None:
    assert updates.call("offerOf", {"generated": 5, "digest": "a", "jobs": [1, 2]}, latest) == offer


def test_a_key_goes_to_the_last_who_wants_it_and_not_out_of_text_fields() -> None:
    script = """((element, pressed) => {
      const heard = [];
      let open = true;
      const ends = [exports.register("x", "first", () => heard.push(1)),
        exports.register(["x", "Space", "ArrowLeft", "Ctrl+a", "Shift+Enter", "?"], "second",
          () => heard.push(2), () => open)];
      const press = (key, more) => exports.press({key, target: element, preventDefault() {}, ...more});
      for (const [key, more] of pressed) press(key, more);
      open = false;
      press("x", {});
      ends[0]();
      press("x", {});
      const left = exports.registered().length;
      ends[1]();
      return [heard, left];
    })"""
    keys = [["x", {}], [" ", {}], ["ArrowLeft", {}], ["a", {"ctrlKey": True}], ["a", {}], ["Enter", {"shiftKey": True}]]
    keys += [["?", {"shiftKey": True}], ["x", {"defaultPrevented": True}], ["x", {"isComposing": True}]]

    def heard(element: dict[str, Any] | None) -> Any:
        return keyboard.evaluate(f"{script}({json.dumps(element)}, {json.dumps(keys)})")[0]

    assert heard(None) == [2, 2, 2, 2, 2, 2, 1]
    assert heard({"tagName": "INPUT", "type": "text"}) == heard({"tagName": "TEXTAREA"}) == []
    assert heard({"tagName": "INPUT", "type": "range"}) == [2, 2, 2, 2, 2, 1], "a slider moves by arrows"
    assert heard({"tagName": "BUTTON"}) == [2, 2, 2, 2, 2, 1], "a button is pressed by Space"
