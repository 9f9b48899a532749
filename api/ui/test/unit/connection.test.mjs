// The state machine of the connection: what it does after which event.

import assert from "node:assert/strict";
import { test } from "node:test";
import { advanced, initialConnection } from "../../assets/js/connection.js";

const CREDENTIAL = "11111111-1111-4111-8111-111111111111.secret";

/** Feeds events one after another; gives the last state and the effects of the last event. */
function after(...events) {
  return events.reduce(
    ({ state }, event) => advanced(state, { now: 0, chance: 0.5, ...event }),
    { state: initialConnection(), effects: [] },
  );
}

const toReady = [
  { type: "started" },
  { type: "authenticated", credential: CREDENTIAL },
  { type: "opened" },
  { type: "greeted", now: 1_000 },
];
const kinds = ({ effects }) => effects.map((effect) => effect.type);

test("a_start_authenticates_opens_and_shows_the_credential_in_the_first_frame", () => {
  assert.deepEqual(kinds(after(toReady[0])), ["authenticate"]);
  assert.deepEqual(kinds(after(...toReady.slice(0, 2))), ["open"]);
  assert.deepEqual(after(...toReady.slice(0, 3)).effects, [{ type: "authenticateSocket", credential: CREDENTIAL }]);
  assert.equal(after(...toReady).state.phase, "ready");
});

test("a_lost_connection_is_opened_again_without_asking_who_the_visitor_is", () => {
  const lost = after(...toReady, { type: "closed", code: 1006, now: 2_000 });
  assert.deepEqual(lost.effects, [{ type: "wait", delayMs: 375 }]);
  assert.deepEqual(kinds(after(...toReady, { type: "closed", code: 1006 }, { type: "elapsed" })), ["open"]);
});

test("waits_double_up_to_thirty_seconds_and_differ_by_chance", () => {
  const failing = (count) => Array.from({ length: count }, () => [{ type: "closed", code: 1006 }, { type: "elapsed" }]).flat();
  const waitOf = (count, chance) =>
    after(...toReady.slice(0, 2), ...failing(count), { type: "closed", code: 1006, chance }).effects[0].delayMs;
  assert.deepEqual([0, 1, 2, 3, 10, 50].map((count) => waitOf(count, 1)), [500, 1_000, 2_000, 4_000, 30_000, 30_000]);
  assert.equal(waitOf(10, 0), 15_000);
});

test("only_a_connection_that_lasted_ends_the_row_of_failures", () => {
  const closedAt = (now) => after(...toReady, { type: "closed", code: 1013, now: 1_100 }, { type: "elapsed" }, { type: "opened" },
    { type: "greeted", now: 2_000 }, { type: "closed", code: 1013, now }).state.failures;
  assert.equal(closedAt(2_500), 2);
  assert.equal(closedAt(60_000), 1);
});

test("a_restarting_server_is_returned_to_spread_over_seconds", () => {
  const waits = [0, 0.5, 1].map((chance) => after(...toReady, { type: "closed", code: 1012, now: 9_000, chance }).effects[0].delayMs);
  assert.deepEqual(waits, [250, 1_500, 3_000]);
});

test("a_refused_credential_is_dropped_and_asked_for_once", () => {
  const refused = after(...toReady.slice(0, 3), { type: "closed", code: 4401 });
  assert.deepEqual(refused.effects, [{ type: "forget", credential: CREDENTIAL }, { type: "authenticate", credential: null }]);
  const again = after(...toReady.slice(0, 3), { type: "closed", code: 4401 }, { type: "authenticated", credential: "new" },
    { type: "opened" }, { type: "closed", code: 4401 });
  assert.equal(again.state.phase, "stopped");
  assert.equal(again.state.problem.kind, "refused");
});

test("a_person_can_start_again_what_has_stopped", () => {
  const stopped = [{ type: "started" }, { type: "notAuthenticated", status: 404 }];
  assert.equal(after(...stopped).state.problem.kind, "unknownBot");
  assert.deepEqual(kinds(after(...stopped, { type: "elapsed" })), []);
  assert.deepEqual(kinds(after(...stopped, { type: "askedAgain" })), ["authenticate"]);
});

test("too_many_requests_wait_as_long_as_the_server_says_and_the_network_does_not_shorten_it", () => {
  const told = [{ type: "started" }, { type: "notAuthenticated", status: 429, retryAfterMs: 12_000 }];
  assert.deepEqual(after(...told).effects, [{ type: "wait", delayMs: 12_000 }]);
  assert.equal(after(...told).state.problem.seconds, 12);
  assert.deepEqual(kinds(after(...told, { type: "returned", stale: true })), []);
  assert.deepEqual(kinds(after(...told, { type: "elapsed" })), ["authenticate"]);
  const closed = after(...toReady, { type: "closed", code: 4429 });
  assert.equal(closed.state.problem.kind, "tooMany");
  assert.ok(closed.effects[0].delayMs >= 30_000);
});

test("a_server_that_is_away_is_asked_again", () => {
  for (const status of [0, 500, 503]) {
    const away = after({ type: "started" }, { type: "notAuthenticated", status });
    assert.equal(away.state.problem.kind, "away");
    assert.deepEqual(kinds(away), ["wait"]);
  }
});

test("a_return_of_the_network_ends_a_wait_and_renews_a_connection_that_may_be_dead", () => {
  const waiting = [...toReady, { type: "closed", code: 1006 }];
  assert.deepEqual(kinds(after(...waiting, { type: "returned", stale: false })), ["open"]);
  assert.deepEqual(kinds(after(...toReady, { type: "returned", stale: true })), ["close", "open"]);
  assert.deepEqual(kinds(after(...toReady, { type: "returned", stale: false })), []);
});

test("a_silent_connection_is_given_up", () => {
  for (const events of [toReady.slice(0, 2), toReady.slice(0, 3), toReady]) {
    assert.deepEqual(kinds(after(...events, { type: "stalled" })), ["close", "wait"]);
  }
});

test("events_that_do_not_fit_change_nothing", () => {
  const ready = after(...toReady).state;
  for (const type of ["started", "authenticated", "opened", "greeted", "elapsed", "askedAgain", "unheardOf"]) {
    assert.deepEqual(advanced(ready, { type, now: 0, chance: 0 }), { state: ready, effects: [] });
  }
});
