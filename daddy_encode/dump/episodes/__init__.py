"""Recording the episodes of an environment, of whatever library: which ones, where each goes, what its manifest says.

One environment: an `EpisodeRecorder`, told of each `reset` and `step`. Several that step together: a `TiledRecorder`,
all of them in each picture, or `SeparateRecorders`, one recording each. One environment with several agents: an
`AgentRecorder`. `record_settings` makes what they share.
"""

from __future__ import annotations

from daddy_encode.dump.episodes.agents import AgentRecorder
from daddy_encode.dump.episodes.recorder import EpisodeRecorder
from daddy_encode.dump.episodes.settings import NO_IMAGES, RecordSettings, Trigger, facts_of, record_settings
from daddy_encode.dump.episodes.vector import SeparateRecorders, TiledRecorder

__all__ = [
    "NO_IMAGES",
    "AgentRecorder",
    "EpisodeRecorder",
    "RecordSettings",
    "SeparateRecorders",
    "TiledRecorder",
    "Trigger",
    "facts_of",
    "record_settings",
]
