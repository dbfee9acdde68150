"""The built-in environment of `debug_rollout.py`: needs only numpy; knows nothing about dumps and encoders."""
