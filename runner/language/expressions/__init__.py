"""Expressions: `=floor(steps.acct.equity * 0.5% / 2)`, conditions, and `${…}` inside text.

`parse` reads one, `infer` types it before the run, `assignable` says whether the result fits a
place, `evaluate` computes it. Pure: no clock, no files, no loops, bounded cost.
"""

from runner.language.expressions.evaluate import (
    AbsentError,
    Evaluation,
    EvaluationError,
    constant,
    evaluate,
)
from runner.language.expressions.explain import explain
from runner.language.expressions.functions import FUNCTIONS, Function
from runner.language.expressions.grid import on_grid, round_to_grid, tick
from runner.language.expressions.infer import Known, Missing, Scope, expect_boolean, infer
from runner.language.expressions.parser import parse
from runner.language.expressions.rules import Misfit, assignable, describe
from runner.language.expressions.syntax import Expression, Reference
from runner.language.expressions.templates import (
    Template,
    Text,
    check_template,
    evaluate_template,
    parse_template,
)

__all__ = [
    "FUNCTIONS",
    "AbsentError",
    "Evaluation",
    "EvaluationError",
    "Expression",
    "Function",
    "Known",
    "Misfit",
    "Missing",
    "Reference",
    "Scope",
    "Template",
    "Text",
    "assignable",
    "check_template",
    "constant",
    "describe",
    "evaluate",
    "evaluate_template",
    "expect_boolean",
    "explain",
    "infer",
    "on_grid",
    "parse",
    "parse_template",
    "round_to_grid",
    "tick",
]
