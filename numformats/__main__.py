"""`python -m numformats` is the command `numformats`."""

from numformats.cli import main

main()
