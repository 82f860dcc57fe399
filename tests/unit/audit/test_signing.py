"""A closed log is signed where there is a key, and a proof of it stands alone."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from unit.audit.audit_sample import new_id, ticking, whole_run, write, write_whole

from runner.audit.closings import Trust
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.proof import Proof, ProofError, proof_of, read_proof, write_proof
from runner.audit.records import Rule
from runner.audit.signing import (
    KEY_VARIABLE,
    SigningError,
    is_genuine,
    key_place,
    make_key,
    read_public_key,
    sign,
)
from runner.audit.verify import verify, verify_ledger, verify_proof

RUN = new_id()
HASH = "a" * 64


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The public key of a key that is configured."""
    place = tmp_path / "keys" / "mine.pem"
    monkeypatch.setenv(KEY_VARIABLE, str(place))
    return make_key(place)


def another_key(tmp_path: Path) -> str:
    return make_key(tmp_path / "keys" / "another.pem")


def demand(*keys: str) -> Trust:
    return Trust(frozenset(keys), demanded=True)


def rules_broken(path: Path, trust: Trust) -> set[Rule]:
    return {finding.rule for report in verify(path, trust) for finding in report.findings}


# ------------------------------------------------------------------------------- the key


def test_a_key_is_for_its_owner_only_and_never_written_over(tmp_path: Path) -> None:
    place = tmp_path / "new" / "key.pem"
    public = make_key(place)
    assert len(bytes.fromhex(public)) == 32
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    before = place.read_bytes()
    with pytest.raises(SigningError, match="never written over"):
        make_key(place)
    assert place.read_bytes() == before


def test_a_public_key_is_read_from_what_keygen_prints_or_from_the_private_key(
    tmp_path: Path,
) -> None:
    public = make_key(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_text(f"{public}\n")
    assert read_public_key(tmp_path / "key.pub") == public
    assert read_public_key(tmp_path / "key.pem") == public


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"a" * 63, b"-----BEGIN PRIVATE KEY-----"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "key"
    place.write_bytes(content)
    place.chmod(0o600)
    with pytest.raises(SigningError, match="no signing key"):
        read_public_key(place)
    with pytest.raises(SigningError, match="cannot be read"):
        read_public_key(tmp_path / "gone")


def test_a_private_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    place = tmp_path / "key.pem"
    make_key(place)
    place.chmod(0o640)
    with pytest.raises(SigningError, match="chmod 600"):
        sign(HASH, place)


def test_a_signature_is_genuine_for_its_key_and_its_closing_only(tmp_path: Path) -> None:
    public, signature = sign(HASH, _made(tmp_path))
    assert is_genuine(public, HASH, signature)
    assert not is_genuine(another_key(tmp_path), HASH, signature)
    assert not is_genuine(public, "b" * 64, signature)
    assert not is_genuine(public, HASH, "00" * 64)
    assert not is_genuine(public, HASH, "not hexadecimal")


def _made(tmp_path: Path) -> Path:
    make_key(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def test_the_usual_place_is_the_users_configuration_directory() -> None:
    name = "order-runbook/signing-key.pem"
    assert key_place({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c") / name
    assert key_place({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config") / name
    assert key_place({KEY_VARIABLE: "/k.pem", "HOME": "/h"}) == Path("/k.pem")


# ----------------------------------------------------------------------- a signed ledger


def test_each_closing_is_signed_and_no_secret_gets_into_the_ledger(
    tmp_path: Path, key: str
) -> None:
    path = write_whole(tmp_path / "audit")
    ledger = read_log(path.with_name("ledger.jsonl")).records
    opened, closed, signed = ledger
    assert (opened.type, closed.type, signed.type) == ("opened", "closed", "signed")
    assert (signed.run, signed.data["closing"], signed.data["key"]) == (RUN, closed.hash, key)
    private = (tmp_path / "keys" / "mine.pem").read_text().splitlines()[1]
    assert private not in path.with_name("ledger.jsonl").read_text()
    (report,) = verify(path, demand(key))
    assert (report.findings, report.notes) == ((), ())
    assert (report.signature, report.signed_by, report.tail_checked) == ("signed", key, True)


def test_without_a_trusted_key_a_signature_is_checked_but_whose_it_is_stays_open(
    tmp_path: Path, key: str
) -> None:
    (report,) = verify(write_whole(tmp_path / "audit"))
    assert (report.exit_code, report.signature) == (0, "unverified")
    assert key in report.notes[0]


def test_a_log_signed_by_another_hand_is_found(tmp_path: Path, key: str) -> None:
    path = write_whole(tmp_path / "audit")
    trusted = another_key(tmp_path)
    for trust in (demand(trusted), Trust(frozenset({trusted}))):
        (report,) = verify(path, trust)
        assert [finding.rule for finding in report.findings] == [Rule.SIGNATURE]
        assert "not the key that you trust" in report.findings[0].message
    assert rules_broken(path, demand(trusted, key)) == set()


def test_an_unsigned_log_is_found_where_a_signature_is_demanded(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "audit")
    trusted = another_key(tmp_path)
    assert rules_broken(path, demand(trusted)) == {Rule.SIGNATURE}
    (report,) = verify(path, Trust(frozenset({trusted})))
    assert (report.findings, report.notes) == ((), ("not signed: closed without a key",))
    assert verify(path)[0].notes == ()


def test_a_ledger_rewritten_with_right_hashes_is_found(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can write the directory can make every hash right again, but no signature."""
    directory = tmp_path / "audit"
    path = write_whole(directory)
    signed = read_log(directory / "ledger.jsonl").records[-1]
    path.unlink()
    (directory / "ledger.jsonl").unlink()
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    write(directory, whole_run(RUN)[:-2], RUN)  # the forged one lacks a record
    assert rules_broken(path, demand(key)) == {Rule.SIGNATURE}
    closing = read_log(directory / "ledger.jsonl").records[-1].hash
    ledger = Ledger(directory, wall=ticking())
    ledger.append("signed", {**signed.data, "closing": closing}, run=RUN)
    for trust in (demand(key), Trust()):
        (report,) = verify(path, trust)
        assert [finding.rule for finding in report.findings] == [Rule.SIGNATURE]
        assert "was not made with" in report.findings[0].message


def test_an_open_log_has_no_signature_to_miss(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "audit", whole_run(RUN)[:5], RUN, close=None)
    (report,) = verify(path, demand(key))
    assert (report.exit_code, report.signature) == (0, "")


def test_a_resumed_run_is_signed_again_and_its_last_closing_counts(
    tmp_path: Path, key: str
) -> None:
    directory = tmp_path / "audit"
    path = write(directory, whole_run(RUN)[:7], RUN, close=130)
    Ledger(directory, wall=ticking()).resumed(path, RUN)
    assert verify(path, demand(key))[0].signature == ""
    with Journal.reopen(path, wall=ticking()) as journal:
        for kind, data in whole_run(RUN)[7:]:
            journal.append(kind, data, step="steps[0]")
        Ledger(directory, wall=ticking()).closed(journal, 0)
    (report,) = verify(path, demand(key))
    assert (report.findings, report.signature) == ((), "signed")


def test_the_signature_on_an_earlier_closing_says_nothing_of_the_last(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "audit"
    path = write(directory, whole_run(RUN)[:7], RUN, close=130)
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    Ledger(directory, wall=ticking()).resumed(path, RUN)
    with Journal.reopen(path, wall=ticking()) as journal:
        for kind, data in whole_run(RUN)[7:]:
            journal.append(kind, data, step="steps[0]")
        Ledger(directory, wall=ticking()).closed(journal, 0)
    assert verify(path)[0].findings == ()
    (finding,) = verify(path, demand(key))[0].findings
    assert "without a signature" in finding.message
    _, ledger = verify_ledger(directory)
    assert proof_of(ledger or (), path.name).signed is None


@pytest.mark.parametrize("how", ["gone", "open to others", "not installed"])
def test_a_key_that_cannot_be_used_leaves_the_log_closed_and_says_so(
    tmp_path: Path,
    key: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "keys" / "mine.pem"
    if how == "gone":
        place.unlink()
    elif how == "open to others":
        place.chmod(0o644)
    else:
        monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    path = write_whole(tmp_path / "audit")
    assert "was closed, but not signed" in capsys.readouterr().err
    (report,) = verify(path)
    assert (report.exit_code, report.tail_checked) == (0, True)


def test_without_the_package_a_signature_is_said_to_be_unchecked(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "audit")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    (report,) = verify(path, Trust(frozenset({key})))
    assert (report.exit_code, report.signature) == (0, "unverified")
    assert "order-runbook[signing]" in report.notes[0]
    with pytest.raises(SigningError, match="order-runbook\\[signing\\]"):
        verify(path, demand(key))


# -------------------------------------------------------------------------------- proofs


def proof_file(path: Path) -> Path:
    """The proof of a log, written to a file elsewhere."""
    _, ledger = verify_ledger(path.parent)
    file = path.parent.parent / "run.proof.json"
    write_proof(proof_of(ledger or (), path.name), file)
    return file


def test_a_proof_proves_its_log_without_the_directory(tmp_path: Path, key: str) -> None:
    path = write_whole(tmp_path / "audit")
    proof = read_proof(proof_file(path))
    alone = tmp_path / "mail" / "attachment.txt"
    alone.parent.mkdir()
    path.rename(alone)
    report = verify_proof(alone, proof, demand(key))
    assert (report.findings, report.notes) == ((), ())
    assert (report.signature, report.tail_checked) == ("signed", True)


@pytest.mark.parametrize("change", ["cut", "changed", "swapped", "continued"])
def test_a_log_that_is_not_the_proven_one_does_not_fit_its_proof(
    tmp_path: Path, change: str
) -> None:
    path = write_whole(tmp_path / "audit")
    proof = read_proof(proof_file(path))
    content = path.read_bytes()
    if change == "cut":
        path.write_bytes(b"".join(content.splitlines(keepends=True)[:-1]))
    elif change == "changed":
        path.write_bytes(b"")
        path.unlink()
        script = [one for one in whole_run(RUN) if one[0] != "decision"]
        write(tmp_path / "forged", script, RUN).rename(path)
    elif change == "swapped":
        write_whole(tmp_path / "other", seed=3).rename(path)
    else:
        with Journal.reopen(path, wall=ticking()) as journal:
            journal.append("run.resumed", {"target": {"kind": "sim", "base_url": "http://x"}})
    report = verify_proof(path, proof)
    assert Rule.LEDGER in {finding.rule for finding in report.findings}


def test_an_open_log_cannot_be_proven(tmp_path: Path) -> None:
    path = write(tmp_path / "audit", whole_run(RUN)[:5], RUN, close=None)
    with pytest.raises(ProofError, match="is open"):
        proof_file(path)
    with pytest.raises(ProofError, match="does not name"):
        proof_of((), path.name)


def test_a_proof_is_never_written_over(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "audit")
    file = proof_file(path)
    before = file.read_bytes()
    with pytest.raises(ProofError, match="exists already"):
        proof_file(path)
    assert file.read_bytes() == before


def test_a_proof_that_was_changed_anywhere_is_refused(tmp_path: Path, key: str) -> None:
    file = proof_file(write_whole(tmp_path / "audit"))
    content = json.loads(file.read_bytes())
    for name in ("run", "log", "records", "head", "proof"):
        file.write_text(json.dumps(content | {name: "x"}))
        with pytest.raises(ProofError):
            read_proof(file)
    for place, record in enumerate(content["ledger"]):
        for name in record["data"]:
            changed = json.loads(json.dumps(content))
            changed["ledger"][place]["data"][name] = "x"
            file.write_text(json.dumps(changed))
            with pytest.raises(ProofError, match="changed or is damaged"):
                read_proof(file)


def test_a_proof_with_the_signature_on_another_log_is_refused(tmp_path: Path, key: str) -> None:
    proofs = []
    for seed in (1, 2):
        path = write_whole(tmp_path / "audit", seed)
        proofs.append(proof_of(verify_ledger(path.parent)[1] or (), path.name))
    file = tmp_path / "mixed.json"
    write_proof(Proof(proofs[0].closing, proofs[1].signed), file)
    with pytest.raises(ProofError, match="another closing record"):
        read_proof(file)


def test_a_proof_of_a_later_version_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text('{"proof": 2, "ledger": []}')
    with pytest.raises(ProofError, match="of version 2"):
        read_proof(file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b'"text"',
        b'{"proof": 2}',
        b'{"proof": 1}',
        b'{"proof": 1, "ledger": [1.5]}',
        b'{"proof": 1, "ledger": []}',
        b"[" * 100_000,
        b"{" + b" " * 2_000_000 + b"}",
    ],
    ids=lambda content: content[:24],
)
def test_a_file_that_is_no_proof_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(content)
    with pytest.raises(ProofError, match=r"proof|ledger|damaged"):
        read_proof(file)
