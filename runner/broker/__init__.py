"""The broker: effects in, answers out, with alpaca-py's TradingClient in between.

Everything that is peculiar to alpaca-py is tamed inside this package, and nothing of it leaks out:
its retries, missing timeouts, floats, exceptions and imports. Importing these modules imports
neither alpaca-py nor requests; making a `Gateway` does.
"""
