"""`python -m runner` is `runbook`."""

from runner.cli import main

main()
