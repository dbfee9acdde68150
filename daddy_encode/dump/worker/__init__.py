"""The worker process: compresses and writes what the rollout hands over, and owns the recording's directory."""
