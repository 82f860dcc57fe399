"""The audit log: records, hash chain, journal, ledger, verification, redaction, locks.

`docs/audit-format.md` is the format. Writing is `journal` (one run) and `ledger` (the directory);
reading is `log`; judging is `verify`. Nothing here decides anything about orders.
"""
