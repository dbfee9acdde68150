"""Many encoders on one file server, in virtual time: next to nothing is encoded twice, and few claims are refused."""

from __future__ import annotations

from tests.benchmarks.claims_simulation import Scene, simulate


def test_encoders_that_start_together_encode_next_to_nothing_twice_though_one_is_killed() -> None:
    scene = Scene(encoders=8, jobs=48, killed=1, lease=20.0, seed=10)
    simulated = simulate(scene)
    assert simulated.published == scene.jobs
    assert simulated.double_work < 0.005
    assert simulated.lost > 0, "the one that was killed worked on something"
    assert simulated.refused < 5 * scene.jobs, "each job in turn, right behind each other, would be refused more often"


def test_neither_do_clients_that_know_a_status_for_a_minute_whatever_is_opened() -> None:
    scene = Scene(encoders=6, jobs=24, killed=1, lease=20.0, seed=10, opening_asks=False, acregmin=60.0)
    simulated = simulate(scene)
    assert simulated.published == scene.jobs
    assert simulated.double_work < 0.005
    assert simulated.lost > 0


def test_the_simulation_sees_work_done_twice_where_a_client_keeps_that_a_name_was_not_there() -> None:
    scene = Scene(encoders=4, jobs=16, seed=10, killed=0, opening_asks=False, negative=30.0)
    assert simulate(scene).double_work > 0.02


def test_the_same_seed_gives_the_same_run() -> None:
    scene = Scene(encoders=3, jobs=6, killed=1, lease=20.0)
    assert simulate(scene) == simulate(scene)
