"""`python -m daddy_encode`: the same as the command `daddy-encode`."""

from daddy_encode.cli.main import main

main()
