"""The runbook language: YAML text to a checked, typed runbook.

Read the pipeline in this order: `source` (text and positions), `loader` (located tree), `shape`
(scalars read by their declared kind), `schema` (the JSON Schema, written from the same
declarations), `check` (names, references, types) and `runbook` (what the machine is given).
"""
