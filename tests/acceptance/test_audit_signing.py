"""A run signs its log with its owner's key, and a proof stands without the directory."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from acceptance.harness import Ended, RunPlan, invoke, plan_of

CHECK = plan_of("  - check_account: {}")


@pytest.fixture
def signed(run_plan: RunPlan, tmp_path: Path) -> Ended:
    """A run that was carried out after its owner had made a key, in `audit-key.pub`."""
    made = invoke("audit", "keygen")
    assert made.exit_code == 0, made.stderr
    (tmp_path / "audit-key.pub").write_text(made.stdout)
    return run_plan(CHECK)


def said(ended: Ended) -> str:
    return " ".join((ended.stdout + ended.stderr).split())


def test_keygen_prints_the_public_key_and_keeps_the_private_one_for_its_owner(
    signed: Ended, tmp_path: Path
) -> None:
    private = tmp_path / "config" / "order-runbook" / "signing-key.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    public = (tmp_path / "audit-key.pub").read_text()
    assert len(bytes.fromhex(public.strip())) == 32
    before = private.read_bytes()
    again = invoke("audit", "keygen")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "never written over" in said(again)
    assert private.read_bytes() == before


def test_a_signed_run_is_verified_with_the_public_key(signed: Ended, tmp_path: Path) -> None:
    key = str(tmp_path / "audit-key.pub")
    for place in (str(signed.log), str(tmp_path / "audit")):
        ended = invoke("audit", "verify", place, "--key", key)
        assert ended.exit_code == 0, said(ended)
        assert "records, signed" in ended.stdout
    ended = invoke("audit", "verify", str(signed.log), "--json")
    (report,) = json.loads(ended.stdout)["reports"]
    assert report["signature"] == "signed"
    assert f"{report['signed_by']}\n" == Path(key).read_text()


def test_another_key_and_no_signature_are_9_and_no_key_is_2(
    signed: Ended, run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pub"
    other.write_text(invoke("audit", "keygen", "--out", str(tmp_path / "other.pem")).stdout)
    ended = invoke("audit", "verify", str(signed.log), "--key", str(other))
    assert ended.exit_code == 9
    assert "not the key that you trust" in said(ended)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    unsigned = run_plan(CHECK)
    ended = invoke("audit", "verify", str(unsigned.log), "--key", str(other))
    assert ended.exit_code == 9
    assert "closed without a signature" in said(ended)
    ended = invoke("audit", "verify", str(unsigned.log), "--key", str(tmp_path / "gone"))
    assert (ended.exit_code, ended.stdout) == (2, "")


def test_a_proof_outlives_its_directory(signed: Ended, tmp_path: Path) -> None:
    assert signed.log is not None
    proof, key = str(tmp_path / "proof.json"), str(tmp_path / "audit-key.pub")
    made = invoke("audit", "proof", str(signed.log), "-o", proof)
    assert made.exit_code == 0, said(made)
    assert "signed" in made.stderr
    content = signed.log.read_bytes()
    alone = tmp_path / "alone.jsonl"
    alone.write_bytes(content)
    check = ("audit", "verify", str(alone), "--proof", proof, "--key", key)
    assert invoke(*check).exit_code == 0
    lines = content.splitlines(keepends=True)
    for forged in (b"".join(lines[:-1]), content.replace(b"ACTIVE", b"CLOSED", 1), b""):
        alone.write_bytes(forged)
        ended = invoke(*check)
        assert ended.exit_code == 9, said(ended)
    alone.write_bytes(content)
    text = Path(proof).read_text()
    Path(proof).write_text(text.replace('"exit_code": 0', '"exit_code": 5'))
    ended = invoke(*check)
    assert ended.exit_code == 9
    assert "was changed or is damaged" in said(ended)


def test_a_proof_needs_a_whole_closed_log_and_a_new_file(signed: Ended, tmp_path: Path) -> None:
    assert signed.log is not None
    proof = tmp_path / "proof.json"
    assert invoke("audit", "proof", str(signed.log), "-o", str(proof)).exit_code == 0
    again = invoke("audit", "proof", str(signed.log), "-o", str(proof))
    assert (again.exit_code, "exists already" in said(again)) == (2, True)
    assert invoke("audit", "verify", "--proof", str(proof)).exit_code == 2
    signed.log.write_bytes(signed.log.read_bytes()[:-50])
    damaged = invoke("audit", "proof", str(signed.log), "-o", str(tmp_path / "second.json"))
    assert damaged.exit_code == 9
    assert not (tmp_path / "second.json").exists()
