"""Makes the harness's fixtures known to every acceptance test."""

from acceptance.harness import run_plan

__all__ = ["run_plan"]
