"""A declarative order-runbook executor for Alpaca."""

__version__ = "0.1.0"
