"""A client that is not Python: Alpaca's own JavaScript package, over HTTP and the stream.

Skipped where node and npm are missing, or where the package cannot be fetched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from runner.sim import Exchange, FlowingClock, default_scenario, serve

PACKAGE = "@alpacahq/alpaca-trade-api@4.0.2"
SCRIPT = Path(__file__).with_name("sim_client.mjs")
INSTALL = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, beside the package that it needs."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    try:
        done = subprocess.run(
            [*INSTALL, "--prefix", str(folder), PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the package registry does not answer")
    if done.returncode != 0:
        pytest.skip(f"the package cannot be installed: {done.stderr[-200:]}")
    return Path(shutil.copy(SCRIPT, folder))


def test_alpacas_javascript_client_trades_and_is_told_of_it(program: Path) -> None:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start, 2)) as served:
        done = subprocess.run(
            ["node", program.name, served.url],
            cwd=program.parent,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["streams"] == ["trade_updates"]
    assert (seen["cash"], seen["open"], seen["status"]) == ("100000", True, "pending_new")
    assert seen["updates"] == ["pending_new", "new", "fill"]
    assert (float(seen["filled"]["qty"]), seen["filled"]["order"]) == (2, "from-node")
    assert seen["sameOrder"] is True
    assert seen["positions"] == [["AAPL", "2"]]
    assert seen["refused"]["status"] == 422
