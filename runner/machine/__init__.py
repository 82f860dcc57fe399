"""The machine: a runbook in, effects out, outcomes in, a result out. Pure.

Read `interpreter` for the order of operations, `run` for how effects are asked for, `judging` and
`sending` for how an order passes its guards and is sent once, `resolving` for how its fate is found
out, `replacing` for how it is changed, `following` for how orders are awaited and cancelled,
`settling` for what a resume begins with, and `safe_stop` for how every run ends.
"""

from runner.machine.interpreter import carry_out, every_step, stop_only
from runner.machine.result import Result
from runner.machine.run import Run, Say, Steps

__all__ = ["Result", "Run", "Say", "Steps", "carry_out", "every_step", "stop_only"]
