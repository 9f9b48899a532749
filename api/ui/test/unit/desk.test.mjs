// Who answers, what is switched on, and the chips of tools: the pure parts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { controlWords } from "../../assets/js/desk/control_bar.js";
import { rowsOf } from "../../assets/js/layout.js";
import { messageOf } from "../../assets/js/suggestions.js";
import { setUpIn } from "../../assets/js/desk/switchers.js";
import * as transcripts from "../../assets/js/transcript.js";

test("who_answers_is_said_by_name_where_it_is_known", () => {
  assert.equal(controlWords({ control: "bot" }), null);
  assert.equal(controlWords({ control: "something new" }), null);
  assert.deepEqual(controlWords({ control: "human", attendant: "Ana" }), { name: "withNamed", values: { name: "Ana" } });
  assert.deepEqual(controlWords({ control: "human", attendant: " " }), { name: "withHuman" });
  assert.deepEqual(controlWords({ control: "waiting_for_human", attendant: null }), { name: "waitingForHuman" });
  assert.deepEqual(controlWords({ control: "paused" }), { name: "controlPaused" });
});

test("a_set_up_that_cannot_be_read_is_none", () => {
  for (const data of [null, {}, { switchers: "x", context_name: 7 }, { switchers: [null, { id: 7 }, {}], context_name: " " }]) {
    assert.deepEqual(setUpIn(data), { context: null, switchers: [] });
  }
  const read = setUpIn({ context_name: "prices", switchers: [{ id: "tables", label: "", active: true }, { id: "b", label: "B", active: "yes" }] });
  assert.deepEqual(read, { context: "prices", switchers: [{ id: "tables", label: "tables", active: true }, { id: "b", label: "B", active: false }] });
});

test("the_chip_of_a_tool_says_its_text_and_calls_the_tool", () => {
  const chip = { text: "Book a berth", context: null, action: { type: "invoke_tool", tool: "book", params: { nights: 2 } } };
  assert.deepEqual(messageOf(chip), { content: "Book a berth", contextName: null, messageType: 6, tool: "book", params: { nights: 2 } });
});

test("bot_and_person_are_groups_of_their_own", () => {
  const frame = (position, attendant) => ({ content: "x", message_type: 2, position, attendant, at: "2026-01-01T00:00:00Z" });
  const heard = [frame(1), frame(2, "Ana"), frame(3, "Ana"), frame(4, "Ben")].reduce(transcripts.withFrame, transcripts.emptyTranscript());
  const rows = rowsOf(heard.entries).filter((row) => row.kind === "message");
  assert.deepEqual(rows.map(({ first }) => first), [true, true, false, true]);
  assert.deepEqual(rows.map(({ entry }) => entry.attendant), [null, "Ana", "Ana", "Ben"]);
});
