"""Episodes of an environment with several agents, each with its own rewards and its own end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daddy_encode.dump.episodes.recorder import EpisodeRecorder, Render
from daddy_encode.dump.episodes.values import add, all_over, as_flag, as_number, in_json


class AgentRecorder(EpisodeRecorder):
    """An `EpisodeRecorder` whose meta has `return`, `terminated` and `truncated` as dicts, by agent."""

    def start(self, name: str, step: int | None = None) -> None:
        """As `EpisodeRecorder` has it."""
        self._returns: dict[Any, Any] = {}
        self._ends: dict[str, dict[str, Any]] = {"terminated": {}, "truncated": {}}
        super().start(name, step)

    def _without_steps(self) -> dict[str, Any]:
        return {**super()._without_steps(), "return": {}, "terminated": {}, "truncated": {}}

    def step_agents(self, render: Render, rewards: Any, terminations: Any, truncations: Any, *, over: bool) -> None:
        """The environment made a step; see `EpisodeRecorder.step`. All by agent; what is no Mapping is nobody's.

        An agent that is gone keeps what it had.
        """
        self.count_step()
        facts: dict[str, Any] = {}
        if self.recording:
            add_rewards(self._returns, rewards)
            for ends, flags in zip(self._ends.values(), (terminations, truncations), strict=True):
                ends.update((str(agent), in_json(as_flag(flag))) for agent, flag in _items(flags))
            facts = {"return": {str(agent): in_json(total) for agent, total in self._returns.items()}}
            facts |= {name: dict(ends) for name, ends in self._ends.items()}
        by_name = {str(agent): in_json(reward) for agent, reward in _items(rewards)}
        self.add(by_name, terminated=None, truncated=None, over=over, facts=facts)
        self.capture(render)
        self.end_where_due()


def add_rewards(totals: dict[Any, Any], rewards: Any) -> None:
    """Add each agent's reward to its total."""
    for agent, reward in _items(rewards):
        number = as_number(reward)
        totals[agent] = add(totals[agent], number) if agent in totals else number


def agent_is_over(agent: Any, terminations: Any, truncations: Any) -> bool:
    """Whether this agent has terminated or been truncated."""
    return all_over(dict(_items(terminations)).get(agent), dict(_items(truncations)).get(agent))


def all_agents_over(agents: Any, terminations: Any, truncations: Any) -> bool:
    """Whether an episode is over: no agent is left, or each has terminated or been truncated."""
    if not isinstance(agents, (list, tuple)):
        agents = list(dict(_items(terminations)))
    return all(agent_is_over(agent, terminations, truncations) for agent in agents)


def _items(values: Any) -> list[tuple[Any, Any]]:
    return list(values.items()) if isinstance(values, Mapping) else []
