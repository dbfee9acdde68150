"""Which run a job belongs to, by the paths and the training steps of all jobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.report.gallery.javascript import run_module

RUNS = run_module("runs.js")
FACTS = run_module("facts.js")
Steps = dict[str, float | None]


def places(steps: Steps, key: str = "global_step") -> dict[str, dict[str, Any]]:
    """Where jobs are, each a path with its step, by their paths."""
    jobs = [
        {"id": str(number), "job": path, "meta": {"seed": number} | ({} if step is None else {key: step})}
        for number, (path, step) in enumerate(steps.items())
    ]
    found = RUNS.call("placesInRuns", jobs, "rollouts")
    return {path: found[str(number)] for number, path in enumerate(steps)}


def runs(steps: Steps, key: str = "global_step") -> list[str]:
    """The runs that there are; a run and what follows it are the path."""
    found = places(steps, key)
    for path, place in found.items():
        assert path == "/".join(part for part in (place["run"], place["name"]) if part != "rollouts")
    return sorted({place["run"] for place in found.values()})


def test_a_run_is_the_directory_above_its_jobs() -> None:
    deep: Steps = {
        f"{algo}/{env}/seed_{seed}/step_{step}": step
        for algo in ("ppo", "sac")
        for env in ("Ant", "Hopper")
        for seed in (0, 1)
        for step in (1000, 2000, 3000)
    }
    of_seeds = sorted({path.rsplit("/", 1)[0] for path in deep})
    assert len(of_seeds) == 8 and runs(deep) == of_seeds
    # Whatever the key is called, and where it has only begun, or nothing is known.
    assert runs(deep | {"sac/Ant/seed_2/step_1000": 1000}, "train.env-steps") == sorted([*of_seeds, "sac/Ant/seed_2"])
    assert runs(dict.fromkeys(deep)) == of_seeds
    flat: Steps = {f"run-{run}/ep-{number}": 10 * number for run in (1, 2) for number in range(4)}
    assert runs(flat) == ["run-1", "run-2"]
    assert runs({f"ep-{number}": number for number in range(4)}) == ["rollouts"]
    assert runs({"alone": None, "run-1/ep-0": 5}) == ["rollouts", "run-1"]
    assert runs({}) == []


def test_directories_of_one_step_each_belong_to_one_run() -> None:
    steps: Steps = {
        f"{run}/step_{step}/episode_{number}": step for run in "ab" for step in (1000, 2000) for number in (0, 1)
    }
    assert runs(steps) == ["a", "b"]
    # A run that has only begun, another without any step, and a directory that has rollouts of several steps.
    more: Steps = {"c/step_1000/episode_0": 1000, "a/step_3000/episode_0": 3000, "a/step_3000/episode_1": 3001}
    assert runs(steps | more) == ["a", "b", "c"]
    assert places(steps | {"a/step_1000/failed": None})["a/step_1000/failed"]["run"] == "a"
    # The page over one such run; names that say nothing are believed where there are several rollouts of each.
    assert runs({path[2:]: step for path, step in steps.items() if path[0] == "a"}) == ["rollouts"]
    assert runs({path.replace("step_", ""): step for path, step in steps.items()}) == ["a", "b"]
    assert runs({f"x/{path.replace('step_', 'e')}": step for path, step in steps.items()}) == ["x/a", "x/b"]
    cameras: Steps = {f"r/step_{step}/camera_{one}/ep": step for step in (1, 2) for one in (0, 1)}
    assert runs(cameras | {f"q{path[1:]}": step for path, step in cameras.items()}) == ["q", "r"]


def test_each_experiment_is_seen_for_itself() -> None:
    one: Steps = {f"one/run_{run}/step_{step}/e{n}": step for run in (0, 1) for step in (10, 20) for n in (0, 1)}
    two: Steps = {f"two/Ant/seed_{seed}/e{step}": step for seed in (0, 1) for step in (10, 20)}
    three: Steps = {f"three/a/b/e{n}": None for n in (0, 1)}
    assert runs(one | two | three) == ["one/run_0", "one/run_1", "three/a/b", "two/Ant/seed_0", "two/Ant/seed_1"]


@pytest.mark.parametrize("name", ["run_{}/last", "exp/run_{}/last", "algo/exp/seed_{}/last"])
def test_one_rollout_of_each_run_does_not_make_them_one(name: str) -> None:
    ends: Steps = {name.format(run): 1_000_000 + 448 * run for run in range(4)}
    assert len(runs(ends)) == 4


def test_each_level_of_directories_is_a_key_where_there_are_several() -> None:
    paths = ("x/ppo/Ant/e0", "x/sac/Ant/e0", "x/sac/Hopper/e1", "x/only")
    known = {path: dict(place["directories"]) for path, place in places(dict.fromkeys(paths)).items()}
    # "dir1" is the same for all, and "dir1/2/3" is the run.
    assert known == {
        "x/ppo/Ant/e0": {"dir2": "ppo", "dir3": "Ant", "dir1/2": "x/ppo"},
        "x/sac/Ant/e0": {"dir2": "sac", "dir3": "Ant", "dir1/2": "x/sac"},
        "x/sac/Hopper/e1": {"dir2": "sac", "dir3": "Hopper", "dir1/2": "x/sac"},
        "x/only": {},
    }
    assert {str(place["directories"]) for place in places(dict.fromkeys(("a/e0", "b/e1", "e2"))).values()} == {"[]"}
    # A job's own key of that name, or called run, can be asked for.
    facts = FACTS.evaluate(
        """exports.factsOf({id: "a", job: "x/y/e", state: "done", meta: {dir2: 5, run: "mine", "dir1/2": "z"}},
        {name: "e", run: "x/y", directories: [["dir2", "y"]]})"""
    )
    assert facts == {
        "name": "e",
        "run": "x/y",
        "dir2": "y",
        "state": "done",
        "meta.dir2": 5,
        "meta.run": "mine",
        "meta.dir1/2": "z",
    }
