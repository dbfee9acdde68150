"""The rollout side: array -> PNG bytes -> a directory of frames. Never imports an encoder."""
