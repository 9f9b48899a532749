// The transcript: order, and nothing shown twice or lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../../assets/js/layout.js";
import { messageOf } from "../../assets/js/suggestions.js";
import * as transcripts from "../../assets/js/transcript.js";

const AT = "2026-03-01T10:00:00Z";
const reply = (position, content, more = {}) => ({ message_type: 2, is_complete: true, content, position, at: AT, ...more });
const own = (position, messageId, content, more = {}) => ({ message_type: 1, content, position, message_id: messageId, turn_id: `turn-${messageId}`, at: AT, ...more });
const written = (messageId, content = messageId) => (transcript) => transcripts.withOutgoing(transcript, { messageId, content, at: AT });
const received = (messageId) => (transcript) => transcripts.withReceived(transcript, { message_id: messageId, turn_id: `turn-${messageId}` });
const framed = (frame) => (transcript) => transcripts.withFrame(transcript, frame);

const after = (...steps) => steps.reduce((transcript, step) => step(transcript), transcripts.emptyTranscript());
const said = ({ entries }) => entries.map(({ content, state }) => (state === null ? content : `${content} (${state})`));

test("a_message_goes_from_sending_to_received_to_answered", () => {
  assert.deepEqual(said(after(written("a"))), ["a (sending)"]);
  assert.deepEqual(said(after(written("a"), received("a"))), ["a (received)"]);
  const answered = (transcript) => transcripts.withAnswered(transcript, "turn-a");
  assert.deepEqual(said(after(written("a"), received("a"), answered)), ["a (answered)"]);
});

test("a_reply_answers_the_turn_it_names_and_those_before_and_no_later_one", () => {
  const steps = [written("a"), received("a"), written("b"), received("b"), framed(reply(9, "to a", { in_reply_to: "turn-a" }))];
  assert.deepEqual(said(after(...steps)), ["a (answered)", "b (received)", "to a"]);
});

test("a_frame_not_above_the_highest_position_is_ignored", () => {
  const steps = [framed(reply(5, "five")), framed(reply(5, "five again")), framed(reply(4, "four")), framed(reply(6, "six"))];
  assert.deepEqual(said(after(...steps)), ["five", "six"]);
  assert.equal(after(...steps).position, 6);
});

test("an_own_turn_that_comes_back_is_shown_once", () => {
  const expected = ["a (answered)", "hello"];
  assert.deepEqual(said(after(written("a"), received("a"), framed(own(4, "a", "a")), framed(reply(5, "hello")))), expected);
  assert.deepEqual(said(after(written("a"), framed(own(4, "a", "a")), framed(reply(5, "hello")), received("a"))), expected);
  const byTurn = own(4, undefined, "a", { turn_id: "turn-a" });
  assert.deepEqual(said(after(written("a"), received("a"), framed(byTurn), framed(reply(5, "hello")))), expected);
});

test("turns_of_another_tab_appear_in_their_place", () => {
  assert.deepEqual(said(after(framed(own(4, "x", "elsewhere")), framed(reply(5, "hello")))), ["elsewhere (answered)", "hello"]);
});

test("what_was_missed_stands_above_what_is_not_sent_yet", () => {
  const steps = [framed(reply(3, "greeting")), written("a"), written("b"), framed(reply(4, "missed")), framed(own(5, "a", "a")), framed(reply(6, "to a"))];
  assert.deepEqual(said(after(...steps)), ["greeting", "missed", "a (answered)", "to a", "b (sending)"]);
});

test("a_reply_that_overtakes_the_confirmation_ends_up_below_its_question", () => {
  const steps = [written("a"), framed(reply(6, "to a", { in_reply_to: "turn-a" })), received("a")];
  assert.deepEqual(after(...steps).entries.map((entry) => entry.content), ["a", "to a"]);
});

test("a_confirmation_does_not_move_the_position", () => {
  assert.equal(after(written("a"), received("a")).position, 0);
});

test("a_failed_message_can_be_tried_again_or_taken_back", () => {
  const failed = after(written("a"), (transcript) => transcripts.withFailed(transcript, "a", "too long"));
  assert.equal(failed.entries[0].reason, "too long");
  assert.deepEqual(said(transcripts.withRetry(failed, "a")), ["a (sending)"]);
  assert.deepEqual(said(transcripts.withoutUnsent(failed, "a")), []);
  const kept = after(written("a"), received("a"));
  assert.deepEqual(said(transcripts.withoutUnsent(kept, "a")), ["a (received)"]);
});

const part = (content, token = "s1") => framed({ message_type: 2, is_complete: false, stream_token: token, content });

test("parts_of_a_stream_grow_one_message_which_keeps_its_identity", () => {
  const growing = after(part("Hel"), part("lo"));
  assert.deepEqual(said(growing), ["Hello"]);
  assert.equal(growing.entries[0].streaming, true);
  for (const last of ["Hello there", " there"]) {
    const whole = transcripts.withFrame(growing, reply(7, last, { stream_token: "s1" }));
    assert.deepEqual(said(whole), ["Hello there"]);
    assert.equal(whole.entries[0].key, growing.entries[0].key);
    assert.equal(whole.entries[0].streaming, false);
  }
});

test("a_broken_stream_is_void_until_the_log_brings_the_whole", () => {
  const broken = transcripts.withInterruption(after(part("Hel")));
  assert.deepEqual(said(broken), []);
  const resumed = [part("lo"), framed(reply(7, "Hello there", { stream_token: "s1" })), part("late")].reduce((transcript, step) => step(transcript), broken);
  assert.deepEqual(said(resumed), ["Hello there"]);
});

test("two_streams_do_not_mix", () => {
  assert.deepEqual(said(after(part("a", "s1"), part("x", "s2"), part("b", "s1"))), ["ab", "x"]);
});

test("a_reply_brings_its_files", () => {
  const file = { file_id: "f1", name: "receipt.pdf", media_type: "application/pdf", bytes: 70 };
  const told = after(framed(reply(3, "", { files: [file, { name: "without an id" }] })));
  assert.deepEqual(told.entries.at(-1).files, [file]);
});

test("chips_belong_to_the_latest_reply_that_has_any_until_the_visitor_speaks", () => {
  const chips = { suggestions: [{ text: "Yes" }, { text: "" }, null, { text: "No", action: '{"type":"send_message","message":"no!"}' }] };
  const offered = after(framed(reply(3, "Well?", chips)), framed(reply(4, "Take your time.")));
  assert.deepEqual(transcripts.suggestionsOf(offered).map(({ text }) => text), ["Yes", "No"]);
  assert.deepEqual(transcripts.suggestionsOf(written("a")(offered)), []);
  assert.deepEqual(transcripts.suggestionsOf(transcripts.withFrame(offered, own(5, "x", "from another tab"))), []);
});

test("a_chip_says_what_its_action_means", () => {
  const chip = (action, context = null) => messageOf({ text: "Label", context, action });
  assert.deepEqual(chip(null, "sales"), { content: "Label", contextName: "sales", messageType: 1 });
  assert.equal(chip({ type: "send_message", message: "words" }).content, "words");
  assert.deepEqual(chip({ type: "select_context", context: "support" }), { content: "Label", contextName: "support", messageType: 1 });
  assert.deepEqual(chip({ type: "invoke_tool", tool: "refund" }), { content: "Label", contextName: null, messageType: 6, tool: "refund", params: null });
  assert.equal(chip({ type: "send_message", message: 5 }).content, "Label");
  assert.equal(chip({ type: "unheard of" }).content, "Label");
});

test("the_bot_works_on_a_named_turn_until_it_is_answered", () => {
  const typing = (turnId) => (transcript) => transcripts.withTyping(transcript, turnId);
  const works = (...steps) => transcripts.isTyping(after(written("a"), received("a"), ...steps));
  const answered = (transcript) => transcripts.withAnswered(transcript, "turn-a");
  assert.equal(works(typing("turn-a")), true);
  assert.equal(works(typing("turn-a"), framed(reply(5, "one", { in_reply_to: "turn-a" }))), true);
  assert.equal(works(typing("turn-a"), answered), false);
  assert.equal(works(typing("turn-a"), typing("turn-b"), answered), true);
  assert.equal(works(typing(undefined), framed(reply(5, "one"))), false);
  assert.equal(works(typing("turn-a"), part("Hel")), false);
  assert.equal(works(typing("turn-a"), transcripts.withInterruption), false);
});

test("an_erased_message_keeps_its_place", () => {
  const rows = rowsOf(after(framed(own(4, "x", "", { erased: true }))).entries);
  assert.deepEqual(rows.map(({ kind }) => kind), ["day", "message"]);
});

test("a_secret_answer_is_neither_shown_nor_kept", () => {
  const told = after(framed(own(4, "x", "hunter2", { turn_id: "turn-a" })), (transcript) => transcripts.withMasked(transcript, "turn-a"));
  assert.equal(JSON.stringify(told).includes("hunter2"), false);
  assert.equal(told.entries[0].masked, true);
  const history = after(framed(own(4, "x", "", { masked: true })));
  assert.deepEqual(rowsOf(history.entries).map(({ kind }) => kind), ["day", "message"]);
});

test("frames_that_are_no_messages_change_nothing", () => {
  const before = after(framed(reply(3, "hello")));
  for (const frame of [null, 5, "text", {}, { content: 5, position: 9 }, { content: null }]) {
    assert.equal(transcripts.withFrame(before, frame), before);
  }
});

test("another_session_begins_anew_and_keeps_what_was_not_sent", () => {
  const next = transcripts.restarted(after(framed(reply(3, "old")), written("a"), received("a"), written("b")));
  assert.deepEqual(said(next), ["b (sending)"]);
  assert.equal(next.position, 0);
});

test("rows_are_parted_by_days_and_grouped_by_author_and_time", () => {
  const entries = after(
    framed(reply(1, "monday", { at: "2026-03-02T12:00:00" })),
    framed(reply(2, "still monday", { at: "2026-03-02T12:01:00" })),
    framed(reply(3, "much later", { at: "2026-03-02T13:00:00" })),
    framed(reply(4, "", { at: "2026-03-03T11:00:00" })),
    framed(reply(5, "tuesday", { at: "2026-03-03T12:00:00" })),
  ).entries;
  const rows = rowsOf(entries, "p:5").map(({ kind, entry, first, last }) => (kind === "message" ? `${entry.content}${first ? " first" : ""}${last ? " last" : ""}` : kind));
  assert.deepEqual(rows, ["day", "monday first", "still monday last", "much later first last", "day", "unread", "tuesday first last"]);
});
