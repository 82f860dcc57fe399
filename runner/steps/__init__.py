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
    close_all,
    confirm,
    day_trading,
    list_orders,
    market,
    notify,
    order_state,
    position,
    quote,
    replace,
    submit,
    target,
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
        list_orders.ACTION,
        quote.ACTION,
        submit.ACTION,
        target.ACTION,
        await_fill.ACTION,
        replace.ACTION,
        cancel.CANCEL_ORDER,
        cancel.CANCEL_ALL,
        close.ACTION,
        close_all.ACTION,
        waiting.ACTION,
        confirm.ACTION,
        notify.ACTION,
    )
}
