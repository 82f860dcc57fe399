"""Signing what the ledger vouches for, so that who can write the directory cannot rewrite it.

When a log is closed and its owner has a signing key, the ledger gets a `signed` record: an Ed25519
signature (RFC 8032) over the hash of the closing record. That hash stands for the log's name, its
number of records and its last hash, and by its chain for everything in the ledger before it. The
private key never gets into a log; keep it, or at least the public key, where the logs are not.

Needs `cryptography`, which is installed with `order-runbook[signing]`.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.audit.errors import AuditError
from runner.audit.records import HEX_DIGEST

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_VARIABLE: Final = "RUNBOOK_SIGNING_KEY"
KEY_NAME: Final = "signing-key.pem"
INSTALL: Final = "pip install 'order-runbook[signing]'"

_MOST_BYTES: Final = 10_000


class SigningError(AuditError):
    """A key cannot be used; the text says why and what to do."""


def key_place(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the private key is: `RUNBOOK_SIGNING_KEY`, else `order-runbook/signing-key.pem` in the
    user's configuration directory (XDG Base Directory Specification 0.8)."""
    if named := environment.get(KEY_VARIABLE):
        return Path(named)
    chosen = environment.get("XDG_CONFIG_HOME", "")
    home = Path(environment.get("HOME") or Path("~").expanduser())
    base = Path(chosen) if chosen and Path(chosen).is_absolute() else home / ".config"
    return base / "order-runbook" / KEY_NAME


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether logs are to be signed: a key is named, or lies in the usual place."""
    return bool(environment.get(KEY_VARIABLE)) or os.path.lexists(key_place(environment))


def make_key(path: Path) -> str:
    """Write a new private key, readable by its owner only, and return the public key.

    Raises `SigningError` when there is a file already, or it cannot be written.
    """
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError:
        raise _not_installed() from None
    key = ed25519.Ed25519PrivateKey.generate()
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, flags, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
    except FileExistsError:
        raise SigningError(
            f"{path} exists already. A signing key is never written over: what was signed with it "
            "could not be checked any more."
        ) from None
    except OSError as error:
        raise SigningError(f"The key {path} cannot be written: {error.strerror}.") from None
    return key.public_key().public_bytes_raw().hex()


def sign(closing: str, path: Path) -> tuple[str, str]:
    """The public key and the signature over the hash of a closing record, both in hexadecimal.

    Raises `SigningError` when the key cannot be read, or others may read it.
    """
    key = _private_key(path)
    return key.public_key().public_bytes_raw().hex(), key.sign(_message(closing)).hex()


def is_genuine(key: str, closing: str, signature: str) -> bool:
    """Whether a signature over the hash of a closing record was made with a key.

    Raises `SigningError` when `cryptography` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError:
        raise _not_installed() from None
    try:
        public = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), _message(closing))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_public_key(path: Path) -> str:
    """The public key in a file: 64 hexadecimal digits as `audit keygen` prints them, or a private
    key. Raises `SigningError` when it holds neither."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise SigningError(f"The key {path} cannot be read: {error.strerror}.") from None
    text = content.decode("ascii", "replace").strip()
    if HEX_DIGEST.fullmatch(text):
        return text
    return _private_key(path).public_key().public_bytes_raw().hex()


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )
    except ImportError:
        raise _not_installed() from None
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise SigningError(f"The key {path} cannot be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and os.name == "posix":
        raise SigningError(
            f"The key {path} is open to other users of this machine, so it proves nothing: "
            f"chmod 600 {shlex.quote(str(path))}, or make a new one."
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, AssertionError):
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SigningError(f"{path} holds no signing key as `runbook audit keygen` makes them.")
    return key


def _message(closing: str) -> bytes:
    # The first words keep the key's signatures apart from any other use of the same key.
    return b"order-runbook audit closing v1\n" + closing.encode("ascii")


def _not_installed() -> SigningError:
    return SigningError(f"Signatures need the package cryptography: {INSTALL}")
