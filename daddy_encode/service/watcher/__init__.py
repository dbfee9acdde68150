"""The watcher: scan, attempt what is ready, sleep, again."""
