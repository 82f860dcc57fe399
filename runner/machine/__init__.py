"""The machine: a runbook in, effects out, outcomes in, a result out. Pure.

Read `interpreter` for the order of operations, `run` for how effects are asked for, `sending` for
how an order is sent once, `following` for how orders are awaited and cancelled.
"""

from runner.machine.interpreter import carry_out, every_step
from runner.machine.result import Result
from runner.machine.run import Run, Say, Steps

__all__ = ["Result", "Run", "Say", "Steps", "carry_out", "every_step"]
