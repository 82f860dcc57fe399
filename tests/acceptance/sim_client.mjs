// Drives the exchange with Alpaca's own JavaScript client: HTTP and the trade updates.
// Prints one JSON object of what it saw. Usage: node sim_client.mjs http://127.0.0.1:PORT

import { streaming, trading } from "@alpacahq/alpaca-trade-api";

const base = process.argv[2];
const keys = { keyId: "k", secret: "s" };
const configuration = new trading.Configuration({ ...keys, basePath: base, timeoutMs: 5000 });
const orders = new trading.OrdersApi(configuration);
const seen = { updates: [] };

const stream = new streaming.TradingStream({
  credentials: keys,
  url: base.replace("http", "ws") + "/stream",
  reconnect: false,
});
const listening = new Promise((resolve, reject) => {
  stream.on(streaming.EVENT.SUBSCRIPTION, resolve);
  stream.on(streaming.EVENT.CLIENT_ERROR, reject);
});
const filled = new Promise((resolve) => {
  stream.onTradeUpdate((update) => {
    seen.updates.push(update.event);
    if (update.event === "fill") resolve(update);
  });
});
stream.subscribeTradeUpdates();
stream.connect();
seen.streams = await listening;

const account = await new trading.AccountsApi(configuration).getAccount();
seen.cash = account.cash;
seen.open = (await new trading.ClockApi(configuration).legacyClock()).isOpen;
const order = await orders.postOrder({
  postOrderRequest: {
    symbol: "AAPL", qty: "2", side: "buy", type: "market", timeInForce: "day",
    clientOrderId: "from-node",
  },
});
seen.status = order.status;
const update = await filled;
seen.filled = { qty: update.qty, order: update.order.clientOrderId ?? update.order.client_order_id };
const found = await orders.getOrderByClientOrderId({ clientOrderId: "from-node" });
seen.sameOrder = found.id === order.id && found.status === "filled";
const positions = await new trading.PositionsApi(configuration).getAllOpenPositions();
seen.positions = positions.map((position) => [position.symbol, position.qty]);

try {
  await orders.postOrder({
    postOrderRequest: {
      symbol: "AAPL", qty: "1", side: "buy", type: "market", timeInForce: "day",
      clientOrderId: "from-node",
    },
  });
} catch (error) {
  seen.refused = { status: error.status ?? error.response?.status, message: String(error.message) };
}

stream.disconnect();
console.log(JSON.stringify(seen));
process.exit(0);
