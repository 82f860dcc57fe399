"""The actions of the language, one family a file. `ACTIONS` is the registry."""

from __future__ import annotations

from runner.language.declare import Action
from runner.steps import (
    account,
    assertion,
    asset,
    await_fill,
    cancel,
    close,
    day_trading,
    market,
    order_state,
    position,
    quote,
    submit,
    waiting,
)

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        account.ACTION,
        day_trading.ACTION,
        assertion.ACTION,
        market.ACTION,
        asset.ACTION,
        position.ACTION,
        order_state.ACTION,
        quote.ACTION,
        submit.ACTION,
        await_fill.ACTION,
        cancel.CANCEL_ORDER,
        cancel.CANCEL_ALL,
        close.ACTION,
        waiting.ACTION,
    )
}
