// What was said, in order: pure functions from a transcript and something that happened to the next one.
//
// 1. The server's log decides: a committed message is known by its `position`, and a position not above
//    the highest one seen is ignored, so that nothing is shown twice.
// 2. Messages of this tab that the server has not confirmed stand below everything committed, in the
//    order in which they were written. They are known by `messageId` until the log names them.
// 3. Only frames that carry a message move `position`: a `received` event may overtake messages of the
//    log that are still on their way.
// 4. Entries are never changed in place: the same object means the same picture.

export const MESSAGE_TYPE = { visitor: 1, bot: 2, tool: 6, system: 7 };

/** `typing` holds the turns that the bot works on; null stands for one that was not named. */
export const emptyTranscript = () => ({ entries: [], position: 0, typing: [], interrupted: [] });

/**
 * A message that the visitor just wrote: `{messageId, content, files?, secret?, at, contextName?, messageType?, tool?, params?}`.
 * What is secret is not shown, not even before the server masks it.
 */
export function withOutgoing(transcript, { messageId, content, files = [], secret = false, at, contextName = null, messageType = MESSAGE_TYPE.visitor, tool = null, params = null }) {
  const entry = { ...blank("visitor", `m:${messageId}`), messageId, content, files, masked: secret, at, contextName, messageType, tool, params, state: "sending" };
  return { ...transcript, entries: [...transcript.entries, entry] };
}

/** The server has committed a message of this tab. */
export function withReceived(transcript, { message_id: messageId, turn_id: turnId = null }) {
  const index = transcript.entries.findIndex((entry) => entry.messageId === messageId);
  if (index < 0) return transcript;
  const entry = transcript.entries[index];
  const state = isUnsent(entry) ? "received" : entry.state;
  const entries = replaced(transcript.entries, index, { ...entry, turnId: turnId ?? entry.turnId, state, reason: null });
  return { ...transcript, entries: beforeItsReplies(entries, index) };
}

/** A frame with a message: a turn of the visitor, a reply, or a part of a reply. */
export function withFrame(transcript, frame) {
  if (frame === null || typeof frame !== "object" || typeof frame.content !== "string") return transcript;
  if (frame.is_complete === false) return withDelta(transcript, frame);
  const position = Number.isSafeInteger(frame.position) ? frame.position : null;
  if (position !== null && position <= transcript.position) return transcript;
  const seen = position === null ? transcript : { ...transcript, position };
  return frame.message_type === MESSAGE_TYPE.visitor || frame.message_type === MESSAGE_TYPE.tool
    ? withOwnTurn(seen, frame, position)
    : withReply(seen, frame, position);
}

/** The run has finished a turn, even if it said nothing. */
export function withAnswered(transcript, turnId) {
  const typing = transcript.typing.filter((turn) => turn !== null && turn !== turnId);
  return { ...transcript, typing, entries: answeredUpTo(transcript.entries, turnId) };
}

/** What a turn says is a secret: it is no longer shown, nor kept. */
export function withMasked(transcript, turnId) {
  const entries = transcript.entries.map((entry) => (isSameTurn(entry, null, turnId) ? { ...entry, masked: true, content: "" } : entry));
  return { ...transcript, entries };
}

/** What the visitor thinks of a reply: `good`, `bad`, or null for nothing. */
export function withRating(transcript, replyId, rating) {
  const entries = transcript.entries.map((entry) => (replyId !== null && entry.replyId === replyId ? { ...entry, rating: ratingIn(rating) } : entry));
  return { ...transcript, entries };
}

/** `retryable`: whether the same again may fare better. */
export function withFailed(transcript, messageId, reason, retryable = true) {
  return changed(transcript, messageId, (entry) => (entry.state === "sending" ? { ...entry, state: "failed", reason, retryable } : entry));
}

export const withRetry = (transcript, messageId) =>
  changed(transcript, messageId, (entry) => (entry.state === "failed" ? { ...entry, state: "sending", reason: null } : entry));

/** Without a message that the visitor takes back before it was sent. */
export const withoutUnsent = (transcript, messageId) => ({
  ...transcript,
  entries: transcript.entries.filter((entry) => !(entry.messageId === messageId && isUnsent(entry))),
});

export const withTyping = (transcript, turnId = null) =>
  transcript.typing.includes(turnId) ? transcript : { ...transcript, typing: [...transcript.typing, turnId] };

export const withoutTyping = (transcript) => ({ ...transcript, typing: [] });

/** Whether to show that the bot works: not beside words that are just being written. */
export const isTyping = ({ typing, entries }) => typing.length > 0 && !entries.some((entry) => entry.streaming);

/** The connection broke: parts of replies that were on their way are void, the log brings the whole. */
export function withInterruption(transcript) {
  const broken = transcript.entries.filter((entry) => entry.streaming).map((entry) => entry.streamToken);
  return {
    ...transcript,
    typing: [],
    entries: transcript.entries.filter((entry) => !entry.streaming),
    interrupted: [...transcript.interrupted, ...broken],
  };
}

/** Another session: its log starts anew; what was written and not sent goes along. */
export const restarted = (transcript) => ({ ...emptyTranscript(), entries: transcript.entries.filter(isUnsent) });

export const isUnsent = (entry) => entry.state === "sending" || entry.state === "failed";

export const unsentOf = (transcript) => transcript.entries.filter(isUnsent);

/** The chips to show: those of the latest reply that has any, until the visitor says something. */
export function suggestionsOf(transcript) {
  for (const entry of transcript.entries.toReversed()) {
    if (entry.author === "visitor") return [];
    if (entry.suggestions.length > 0) return entry.suggestions;
  }
  return [];
}

/** Whether the bot asks for a secret, and the visitor has said nothing since. */
export function asksSecret(transcript) {
  const last = transcript.entries.findLast((entry) => entry.author !== "notice");
  return last !== undefined && last.author === "bot" && last.asksSecret;
}

function withOwnTurn(transcript, frame, position) {
  const messageId = frame.message_id ?? null;
  const turnId = frame.turn_id ?? null;
  const index = transcript.entries.findIndex((entry) => isSameTurn(entry, messageId, turnId));
  if (index < 0) {
    const key = `m:${messageId ?? turnId ?? position}`;
    const entry = { ...blank("visitor", key), messageId, turnId, position, content: frame.content, files: filesIn(frame.files), erased: frame.erased === true, masked: frame.masked === true, at: momentOf(frame), state: "received" };
    return { ...transcript, entries: inserted(transcript.entries, entry) };
  }
  const entry = transcript.entries[index];
  const state = isUnsent(entry) ? "received" : entry.state;
  const known = { ...entry, messageId: entry.messageId ?? messageId, turnId: turnId ?? entry.turnId, position, state, reason: null, at: momentOf(frame) ?? entry.at };
  const without = transcript.entries.toSpliced(index, 1);
  // Sent long ago and confirmed only now: the log has put it before what is still unsent.
  const entries = isUnsent(entry) ? inserted(without, known) : replaced(transcript.entries, index, known);
  return { ...transcript, entries };
}

function withReply(transcript, frame, position) {
  const token = frame.stream_token ?? null;
  const index = token === null ? -1 : transcript.entries.findIndex((entry) => entry.streamToken === token);
  const begun = index < 0 ? null : transcript.entries[index];
  const entry = {
    ...(begun ?? blank(frame.message_type === MESSAGE_TYPE.system ? "notice" : "bot", `p:${position ?? `${token}:${transcript.entries.length}`}`)),
    position,
    content: begun?.streaming ? wholeOf(begun.content, frame.content) : frame.content,
    erased: frame.erased === true,
    at: momentOf(frame),
    turnId: frame.turn_id ?? null,
    inReplyTo: frame.in_reply_to ?? null,
    files: filesIn(frame.files),
    suggestions: suggestionsIn(frame.suggestions),
    asksSecret: frame.asks_secret === true,
    attendant: frame.attendant || null,
    replyId: frame.reply_id ?? null,
    rating: ratingIn(frame.rating),
    streaming: false,
    streamToken: token,
  };
  const placed = begun ? replaced(transcript.entries, index, entry) : inserted(transcript.entries, entry);
  // A named turn is worked on until it is answered, however much is said to it.
  const typing = transcript.typing.filter((turn) => turn !== null);
  return { ...transcript, typing, entries: answeredBy(placed, entry) };
}

function withDelta(transcript, frame) {
  const token = frame.stream_token ?? null;
  if (token === null || transcript.interrupted.includes(token)) return transcript;
  const index = transcript.entries.findIndex((entry) => entry.streamToken === token);
  if (index >= 0 && !transcript.entries[index].streaming) return transcript;
  if (index < 0) {
    if (frame.content === "") return transcript;
    const entry = { ...blank("bot", `s:${token}`), content: frame.content, at: momentOf(frame), streaming: true, streamToken: token };
    return { ...transcript, entries: inserted(transcript.entries, entry) };
  }
  const begun = transcript.entries[index];
  return { ...transcript, entries: replaced(transcript.entries, index, { ...begun, content: begun.content + frame.content }) };
}

/** The last frame of a stream holds the whole text or only what was missing. */
const wholeOf = (begun, last) => (last.startsWith(begun) ? last : begun + last);

/** A reply that names a turn answers it and those before; one that names none answers all so far. */
function answeredBy(entries, reply) {
  if (reply.author !== "bot") return entries;
  if (reply.inReplyTo !== null) return answeredUpTo(entries, reply.inReplyTo);
  const end = entries.indexOf(reply);
  return entries.map((entry, index) => (index < end && entry.state === "received" ? { ...entry, state: "answered" } : entry));
}

function answeredUpTo(entries, turn) {
  if (turn === null || turn === undefined) return entries;
  const last = entries.findLastIndex((entry) => isSameTurn(entry, turn, turn));
  return entries.map((entry, index) => {
    if (index > last || entry.author !== "visitor") return entry;
    // What was answered must have arrived, even if the word of it is still on its way.
    const arrived = entry.state === "received" || (index === last && isUnsent(entry));
    return arrived ? { ...entry, state: "answered", reason: null } : entry;
  });
}

/** A reply can overtake the confirmation of the turn it answers; the turn then moves up before it. */
function beforeItsReplies(entries, index) {
  const entry = entries[index];
  const isReply = (other) => other.author === "bot" && [entry.turnId, entry.messageId].some((id) => id !== null && id === other.inReplyTo);
  const first = entries.findIndex(isReply);
  if (first < 0 || first > index) return entries;
  return entries.toSpliced(index, 1).toSpliced(first, 0, entry);
}

/** Below everything committed, above the trailing messages that are not. */
function inserted(entries, entry) {
  const last = entries.findLastIndex((other) => !isUnsent(other));
  return entries.toSpliced(last + 1, 0, entry);
}

function changed(transcript, messageId, change) {
  const entries = transcript.entries.map((entry) => (entry.messageId === messageId ? change(entry) : entry));
  return { ...transcript, entries };
}

const replaced = (entries, index, entry) => entries.with(index, entry);

const isSameTurn = (entry, messageId, turnId) =>
  entry.author === "visitor" &&
  ((messageId !== null && entry.messageId === messageId) || (turnId !== null && entry.turnId === turnId));

const blank = (author, key) => ({
  key,
  author,
  content: "",
  files: [],
  erased: false,
  masked: false,
  at: null,
  position: null,
  messageId: null,
  turnId: null,
  inReplyTo: null,
  state: null,
  reason: null,
  retryable: true,
  suggestions: [],
  asksSecret: false,
  attendant: null,
  replyId: null,
  rating: null,
  streaming: false,
  streamToken: null,
});

const ratingIn = (rating) => (["good", "bad"].includes(rating) ? rating : null);

/** Files as `{file_id, name, media_type, bytes}`. */
function filesIn(list) {
  if (!Array.isArray(list)) return [];
  return list.filter((one) => typeof one?.file_id === "string" && typeof one.name === "string" && Number.isSafeInteger(one.bytes));
}

function momentOf(frame) {
  const at = new Date(frame.at ?? frame.timestamp ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** Suggestions as `{text, context, action}`; an action may come as an object or as JSON text. */
function suggestionsIn(list) {
  if (!Array.isArray(list)) return [];
  return list.filter((one) => typeof one?.text === "string" && one.text.trim() !== "").map((one) => ({
    text: one.text,
    context: typeof one.context === "string" ? one.context : null,
    action: actionIn(one.action),
  }));
}

function actionIn(action) {
  if (typeof action !== "string") return action ?? null;
  try {
    return JSON.parse(action);
  } catch {
    return null;
  }
}
