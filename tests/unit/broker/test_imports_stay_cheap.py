"""Each check runs in a process of its own, because an import cannot be undone."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_broker_package_imports_neither_the_sdk_nor_requests() -> None:
    run(
        "import sys, runner.broker.gateway, runner.broker.credentials\n"
        "heavy = {'alpaca', 'requests', 'urllib3', 'pydantic', 'pandas', 'dotenv'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )


def test_a_gateway_is_made_without_pandas_and_pandas_still_works_when_it_is_needed() -> None:
    run(
        """
import sys
from datetime import date
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import resolve

Gateway(resolve("http://127.0.0.1:1"), Credentials("k", "s"))
assert "alpaca.trading.client" in sys.modules
assert "pandas" not in sys.modules

from alpaca.trading.enums import CorporateActionType
from alpaca.trading.requests import GetCorporateAnnouncementsRequest

def announcements(until):
    return GetCorporateAnnouncementsRequest(
        ca_types=[CorporateActionType.SPLIT], since=date(2026, 1, 1), until=until
    )

assert announcements(date(2026, 2, 1)).until == date(2026, 2, 1)
try:
    announcements(date(2026, 6, 1))
except ValueError as error:
    assert "90 days" in str(error)
else:
    raise AssertionError("the range was not checked")

import pandas.core.frame
import pandas as pd
from pandas import DataFrame
assert pd.__spec__ is not None and pd.__file__
assert pd.DataFrame is DataFrame is pandas.core.frame.DataFrame
assert DataFrame({"a": [1, 2]}).a.sum() == 3
import alpaca.data
"""
    )


def test_pandas_is_the_real_one_for_everybody_who_imports_it_later() -> None:
    run(
        """
import sys
from runner.broker import sdk
sdk.load()
sdk.load()
assert "pandas" not in sys.modules
import pandas.core.frame
import pandas
assert type(pandas).__name__ == "module" and pandas.core.frame.DataFrame is pandas.DataFrame
import alpaca.trading.requests as requests
assert requests.pd.Timestamp is pandas.Timestamp
"""
    )


def test_a_pandas_that_is_loaded_already_is_left_alone() -> None:
    run(
        """
import types, sys
loaded = types.ModuleType("pandas")
sys.modules["pandas"] = loaded
from runner.broker import sdk
sdk.load()
import alpaca.trading.requests
assert alpaca.trading.requests.pd is loaded and sys.modules["pandas"] is loaded
"""
    )
