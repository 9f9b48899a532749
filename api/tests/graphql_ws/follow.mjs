// Follows sessions with the public graphql-ws client: `node follow.mjs SOCKET_URL TOKEN SERVER_URL BOT_ID`. Starts
// sessions itself, is cut off in between, and goes on from the last cursor. Fails unless each is told once.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, server, botId] = process.argv.slice(2);
const query = `subscription ($bot: ID, $after: String) {
  sessionChanged(botId: $bot, after: $after) { cursor session { id state } } }`;

let socket;
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
  on: { connected: (opened) => (socket = opened) },
  keepAlive: 200,
});

async function start() {
  const answer = await fetch(`${server}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ bot_id: botId }),
  });
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
  return (await answer.json()).session_id;
}

const asked = client.iterate({ query: "{ __typename }" });
const { value } = await asked.next();
if (value.data?.__typename !== "Query") throw new Error(JSON.stringify(value));

const first = await start();
const before = client.iterate({ query, variables: { bot: botId, after: null } });
const live = before.next();
// Asked after the subscription, answered after it was begun.
await client.iterate({ query: "{ __typename }" }).next();
const second = await start();
const heard = await live;
let cursor = heard.value.data.sessionChanged.cursor;
const told = [heard.value.data.sessionChanged.session.id];
if (told[0] === first) {
  // The read model had not shown it when the subscription began.
  const next = await before.next();
  told.push(next.value.data.sessionChanged.session.id);
  cursor = next.value.data.sessionChanged.cursor;
}
if (told.at(-1) !== second) throw new Error(`not told of ${second}: ${told}`);
socket.terminate?.();

const missed = [await start(), await start()];
const after = client.iterate({ query, variables: { bot: botId, after: cursor } });
for (const id of missed) {
  const next = await after.next();
  if (next.value.data.sessionChanged.session.id !== id) throw new Error(`not ${id}: ${JSON.stringify(next.value)}`);
}

let refusal;
try {
  await client.iterate({ query: "subscription { nothing }" }).next();
} catch (error) {
  refusal = error;
}
if (refusal?.[0]?.extensions?.code !== "GRAPHQL_VALIDATION_FAILED") throw new Error(`${JSON.stringify(refusal)}`);
await client.dispose();
console.log("everything was told once");
process.exit(0);
