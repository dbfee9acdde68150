"""Marks in the page: kept where the browser keeps things, exported, imported and merged; hostile ones are ignored."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from daddy_encode.cli.main import COMMANDS, group
from daddy_encode.report.marks import parse_marks
from tests.report.gallery.javascript import run_module

MARKS = run_module("marks.js")
# A browser's storage that can be made to refuse.
STORAGE = """
const makeStorage = (items = {}) => ({
  items, refuses: false,
  getItem(key) {
    if (this.refuses) throw new Error("SecurityError");
    return key in this.items ? this.items[key] : null;
  },
  setItem(key, value) { if (this.refuses) throw new Error("QuotaExceededError"); this.items[key] = value; },
  removeItem(key) { delete this.items[key]; },
});
const jobs = [{id: "1", job: "run/a"}, {id: "2", job: "run/b"}, {id: "3", job: "__proto__"}];
"""


def run(script: str) -> Any:
    return MARKS.evaluate(f"(() => {{ {STORAGE} {script} }})()")


def test_a_mark_is_kept_and_found_by_the_next_page() -> None:
    assert run("""
      const storage = makeStorage();
      const marks = exports.createMarks(storage, "/a", jobs, "spool");
      marks.set("1", {mark: "good"});
      marks.set("1", {star: true});
      marks.set("3", {mark: "bad", note: " two\\nlines "});
      marks.set("nobody", {mark: "bad"});
      const next = exports.createMarks(storage, "/a", jobs, "spool");
      const other = exports.createMarks(storage, "/b", jobs, "spool");
      const keys = Object.keys(storage.items);
      return [next.get("1"), next.get("2"), next.get("3"), other.get("1"), next.isKept(), keys.length];
    """) == [
        {"mark": "good", "star": True, "note": ""},
        {"mark": None, "star": False, "note": ""},
        {"mark": "bad", "star": False, "note": "two lines"},
        {"mark": None, "star": False, "note": ""},
        True,
        1,
    ]


def test_what_is_taken_back_leaves_nothing_behind() -> None:
    assert run("""
      const storage = makeStorage();
      const marks = exports.createMarks(storage, "/a", jobs);
      marks.set("1", {mark: "good", star: true});
      marks.set("1", {mark: null, star: false});
      return [storage.items, [...marks.all()].length];
    """) == [{}, 0]


def test_two_tabs_do_not_overwrite_each_other() -> None:
    assert run("""
      const storage = makeStorage();
      const one = exports.createMarks(storage, "/a", jobs);
      const two = exports.createMarks(storage, "/a", jobs);
      let told = 0;
      two.subscribe(() => { told += 1; });
      one.set("1", {mark: "good"});
      two.set("2", {mark: "bad"});
      two.refresh();
      return [two.get("1").mark, exports.createMarks(storage, "/a", jobs).get("2").mark, told];
    """) == ["good", "bad", 2]


@pytest.mark.parametrize("storage", ["null", "Object.assign(makeStorage(), {refuses: true})"])
def test_without_storage_marks_last_as_long_as_the_page_which_says_so(storage: str) -> None:
    assert run(f"""
      const marks = exports.createMarks({storage}, "/a", jobs);
      marks.set("1", {{mark: "good"}});
      marks.set("2", {{star: true}});
      return [marks.get("1").mark, marks.get("2").star, marks.isKept()];
    """) == ["good", True, False]


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "not JSON",
        "[]",
        '{"version": 2, "marks": [{"job": "run/a", "mark": "good"}]}',
        '{"version": 1, "marks": {"job": "run/a"}}',
        '{"version": 1, "marks": [null, 7, "x", [], {"job": 7}, {"job": "", "mark": "good"}]}',
        '{"version": 1, "marks": [{"job": "run/a", "mark": "BAD"}]}',
        '{"version": 1, "marks": [{"job": "run/a", "mark": {"toString": 1}, "star": "yes", "note": ["x"]}]}',
    ],
)
def test_what_others_have_stored_is_ignored(stored: str) -> None:
    assert run(f"""
      const marks = exports.createMarks(makeStorage({{"daddy-encode marks /a": {json.dumps(stored)}}}), "/a", jobs);
      const before = marks.get("1");
      marks.set("1", {{mark: "good"}});
      return [before, marks.get("1").mark];
    """) == [{"mark": None, "star": False, "note": ""}, "good"]


def test_what_is_exported_is_what_the_commands_read() -> None:
    text = run("""
      const marks = exports.createMarks(makeStorage(), "/a", jobs, "my <spool>");
      marks.set("2", {mark: "bad"});
      marks.set("3", {star: true, note: "say \\"hi\\" \\u2028 \\ud800"});
      marks.set("1", {mark: "good", note: "x".repeat(5000)});
      return marks.export();
    """)
    read = {mark.job: mark for mark in parse_marks(text.encode(), "marks.json")}
    assert list(read) == ["__proto__", "run/a", "run/b"]
    assert (read["run/b"].mark, read["run/b"].star, read["run/b"].note) == ("bad", False, "")
    assert (read["__proto__"].mark, read["__proto__"].star) == (None, True)
    assert read["__proto__"].note.startswith('say "hi"')
    assert len(read["run/a"].note) == 2000
    assert json.loads(text)["root"] == "my <spool>"
    assert parse_marks(run('return exports.createMarks(null, "", jobs).export();').encode(), "marks.json") == []


def test_the_commands_that_are_named_are_those_that_take_the_file() -> None:
    context = click.Context(group)
    commands = {name: group.get_command(context, name) for name in COMMANDS}
    taking = {
        name for name, command in commands.items() if command and any("--from" in of.opts for of in command.params)
    }
    assert set(MARKS.evaluate("exports.COMMANDS")) == taking


def test_a_mark_is_said_in_words() -> None:
    assert MARKS.call("inWords", {"mark": "bad", "star": True, "note": "fell"}) == "marked bad, starred, note “fell”"
    assert MARKS.evaluate("exports.inWords(exports.NO_MARK)") == ""


def test_a_file_may_say_more_digits_of_a_recording_than_the_page_knows() -> None:
    text = json.dumps({"version": 1, "marks": [{"job": "run/a", "mark": "bad", "source": "0123456789abcdef" * 4}]})
    found, exported = run(f"""
      const marks = exports.createMarks(null, "", [{{id: "1", job: "run/a", source: "0123456789abcdef"}}]);
      marks.import({json.dumps(text)});
      return [marks.get("1"), marks.export()];
    """)
    assert found["mark"] == "bad", "it is of this recording"
    assert found["source"] == parse_marks(exported.encode(), "marks.json")[0].source == "0123456789abcdef"


def test_a_mark_says_of_which_recording_it_is_also_when_another_is_there() -> None:
    exported, merged = run("""
      const storage = makeStorage();
      const page = (source) => exports.createMarks(storage, "/a", [{id: "1", job: "run/a", source}, jobs[1]]);
      page("0123456789abcdef").set("1", {mark: "bad"});
      const later = page("fedcba9876543210");
      later.set("2", {mark: "good"});
      const before = later.export();
      later.set("1", {star: true});
      const other = page("0000000000000000");
      other.import(before);
      const merged = other.export();
      other.import('{"version": 1, "marks": [{"job": "run/a", "star": true, "source": "x"}]}');
      return [before, [merged, other.export()]];
    """)
    sources = [
        {mark.job: mark.source for mark in parse_marks(text.encode(), "marks.json")} for text in (exported, *merged)
    ]
    assert sources[0] == {"run/a": "0123456789abcdef", "run/b": ""}
    # An imported mark comes first, with what it is of; what does not say is of the recording that is shown.
    assert sources[1:] == [{"run/a": "0123456789abcdef", "run/b": ""}, {"run/a": "", "run/b": ""}]


OLD, NEW = "0123456789abcdef", "fedcba9876543210"
PAGES = f"""
  const storage = makeStorage();
  const page = (source) => exports.createMarks(storage, "/a", [{{id: "1", job: "run/a", source}}, jobs[1]]);
  const [older, newer] = ["{OLD}", "{NEW}"];
"""


def test_what_was_said_of_an_earlier_recording_is_not_said_of_the_one_that_is_shown() -> None:
    before, counts, exported = run(f"""{PAGES}
      page(older).set("1", {{mark: "bad", star: true, note: "fell"}});
      const marks = page(newer);
      return [marks.get("1"), marks.counts(), marks.export()];
    """)
    assert before["earlier"] == {"mark": "bad", "star": True, "note": "fell", "source": OLD}
    assert (before["mark"], before["star"], before["note"]) == (None, False, "")
    assert counts == {"good": 0, "bad": 0, "star": 0, "note": 0, "jobs": 0, "earlier": 1, "elsewhere": 0}
    (mark,) = parse_marks(exported.encode(), "marks.json")
    assert (mark.mark, mark.source) == ("bad", OLD), "kept, as what it is"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"note": "re-recorded, fixed"}, {"note": "re-recorded, fixed", "source": NEW}),
        ({"star": True}, {"star": True, "source": NEW}),
        ({"mark": "good"}, {"mark": "good", "source": NEW}),
        ({"mark": None, "star": False, "note": ""}, None),
    ],
)
def test_a_note_on_a_new_recording_is_no_word_on_the_earlier_one(
    patch: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    for call in ('set("1"', 'setAll(["1"]'):
        exported = run(f"""{PAGES}
          page(older).set("1", {{mark: "bad", star: true, note: "fell"}});
          page(newer).{call}, {json.dumps(patch)});
          return page(newer).export();
        """)
        assert json.loads(exported)["marks"] == ([{"job": "run/a", **expected}] if expected else [])


def test_a_mark_of_no_known_recording_becomes_none_of_this_one_by_a_note() -> None:
    noted, starred, marked, fresh = run(f"""{PAGES}
      const begin = () => page(newer).import('{{"version": 1, "marks": [{{"job": "run/a", "mark": "bad"}}]}}');
      const answers = [];
      for (const patch of [{{note: "x"}}, {{star: true}}, {{mark: "bad"}}]) {{
        begin();
        page(newer).set("1", patch);
        answers.push(page(newer).get("1"));
        page(newer).set("1", {{mark: null, star: false, note: ""}});
      }}
      page(newer).set("1", {{note: "x"}});
      return [...answers, page(newer).get("1")];
    """)
    assert noted == {"mark": "bad", "star": False, "note": "x"}
    assert starred == {"mark": "bad", "star": True, "note": ""}
    assert (marked["mark"], marked["source"], fresh["source"]) == ("bad", NEW, NEW)


def test_marks_of_two_recordings_are_not_merged() -> None:
    told, kept, other, back = run(f"""{PAGES}
      page(older).set("1", {{mark: "bad", note: "fell"}});
      const file = page(older).export();
      page(newer).set("1", {{star: true}});
      const told = page(newer).import(file);
      const kept = page(newer).get("1");
      const other = page("0000000000000000");
      other.import(file);
      return [told, kept, other.get("1"), page(older).get("1")];
    """)
    assert told == {"read": 1, "changed": 0, "earlier": 1, "elsewhere": 0}
    assert kept == {"mark": None, "star": True, "note": "", "source": NEW}
    # Neither is of the third recording: the file is followed.
    assert other["earlier"] == back == {"mark": "bad", "star": False, "note": "fell", "source": OLD}


def test_a_mark_of_no_known_recording_does_not_take_away_which_one_is_marked() -> None:
    file = json.dumps({"version": 1, "marks": [{"job": "run/a", "mark": "bad", "note": "theirs"}]})
    merged, again, third = run(f"""{PAGES}
      page(newer).set("1", {{mark: "good", note: "mine"}});
      page(newer).import({json.dumps(file)});
      const [merged, again] = [page(newer).get("1"), page(newer).import({json.dumps(file)})];
      const third = page("0000000000000000");
      third.import({json.dumps(file)});
      return [merged, again, third.get("1")];
    """)
    assert merged == {"mark": "bad", "star": False, "note": "mine / theirs", "source": NEW}
    assert again["changed"] == 0
    # It is seen as one of the recording that is shown: with an earlier mark of another it is not mixed.
    assert third == {"mark": "bad", "star": False, "note": "theirs"}


STATEMENTS: list[dict[str, Any]] = [{"mark": "bad"}, {"mark": "good"}, {"star": True}, {"note": "n"}]


@pytest.mark.parametrize("shown", [NEW, OLD, "0000000000000000"])
@pytest.mark.parametrize("theirs", STATEMENTS, ids=lambda of: "-".join(of))
@pytest.mark.parametrize("mine", STATEMENTS, ids=lambda of: "-".join(of))
def test_no_import_loses_of_what_recording_a_mark_is(mine: dict[str, Any], theirs: dict[str, Any], shown: str) -> None:
    def merged(own: str, others: str) -> dict[str, Any]:
        files = [
            json.dumps({"version": 1, "marks": [{"job": "run/a", **what, **({"source": source} if source else {})}]})
            for what, source in ((mine, own), (theirs, others))
        ]
        exported, told = run(f"""
          const marks = exports.createMarks(null, "/a", [{{id: "1", job: "run/a", source: "{shown}"}}]);
          const told = {json.dumps(files)}.map((file) => marks.import(file));
          return [marks.export(), told[1]];
        """)
        (mark,) = json.loads(exported)["marks"]
        del mark["job"]
        assert told["earlier"] == int(mark.get("source", others or shown) != shown or bool(others and others != shown))
        return dict(mark)

    both = {**mine, **theirs}
    assert merged("", "") == both
    assert merged(NEW, NEW) == {**both, "source": NEW}
    # One that does not say is of the recording that is shown, whichever of the two it is.
    if shown == NEW:
        assert merged(NEW, "") == merged("", NEW) == {**both, "source": NEW}
    else:
        assert (merged(NEW, ""), merged("", NEW)) == (theirs, mine)
    # Of two recordings nothing is mixed: that of the one that is shown stays, else the file is followed.
    kept = {**mine, "source": OLD} if shown == OLD else {**theirs, "source": NEW}
    assert merged(OLD, NEW) == kept


def test_an_import_is_merged_and_says_what_was_news() -> None:
    file = {
        "version": 1,
        "marks": [
            {"job": "run/a", "mark": "bad", "note": "theirs"},
            {"job": "run/b", "star": True},
            {"job": "gone", "mark": "good"},
        ],
    }
    told, one, two, again, elsewhere, kept = run(f"""
      const storage = makeStorage();
      const marks = exports.createMarks(storage, "/a", jobs);
      marks.set("1", {{mark: "good", star: true, note: "mine"}});
      marks.set("2", {{mark: "bad"}});
      const text = "\\ufeff" + {json.dumps(json.dumps(file))};
      const told = marks.import(text);
      const again = marks.import(text);
      const next = exports.createMarks(storage, "/a", jobs);
      return [told, marks.get("1"), marks.get("2"), again, marks.counts(), next.all()];
    """)
    assert told == {"read": 3, "changed": 3, "earlier": 0, "elsewhere": 1}
    assert one == {"mark": "bad", "star": True, "note": "mine / theirs"}
    assert two == {"mark": "bad", "star": True, "note": ""}
    assert again == {"read": 3, "changed": 0, "earlier": 0, "elsewhere": 1}
    assert elsewhere == {"good": 0, "bad": 2, "star": 2, "note": 1, "jobs": 2, "earlier": 0, "elsewhere": 1}
    assert kept["gone"]["mark"] == "good", "for the next export"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 3, "marks": []}', '{"version": 1}'])
def test_a_file_that_is_none_is_refused_in_a_sentence(text: str) -> None:
    said = run(f"""
      const marks = exports.createMarks(makeStorage(), "/a", jobs);
      marks.set("1", {{mark: "good"}});
      try {{
        return marks.import({json.dumps(text)});
      }} catch (error) {{
        return [error.message, marks.get("1").mark];
      }}
    """)
    assert said[0].startswith("This ")
    assert said[0].endswith(".")
    assert said[1] == "good"


def test_many_are_marked_at_once_and_that_can_be_undone() -> None:
    assert run("""
      const marks = exports.createMarks(makeStorage(), "/a", jobs);
      marks.set("1", {note: "stays"});
      const before = marks.all();
      marks.setAll(["1", "2", "nobody"], {mark: "bad"});
      const during = [marks.get("1"), marks.get("2")];
      marks.restore(before);
      return [during, marks.get("1"), marks.get("2").mark];
    """) == [
        [{"mark": "bad", "star": False, "note": "stays"}, {"mark": "bad", "star": False, "note": ""}],
        {"mark": None, "star": False, "note": "stays"},
        None,
    ]
