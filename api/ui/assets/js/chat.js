// Puts the page together: the connection, the transcript and what is shown of them.

import { createAnnouncer } from "./announcer.js";
import { botConfiguration, botInPath, fileContent, rateReply, Refusal, session, uploadFile } from "./api.js";
import { createAttachments } from "./attachments.js";
import { createComposer } from "./composer.js";
import { createDelivery, newMessageId } from "./delivery.js";
import { byId, icon } from "./element.js";
import { createEmbedding } from "./embedding.js";
import { createHeader } from "./header.js";
import { isShown } from "./layout.js";
import { createPanel, panelOf } from "./panel.js";
import { createScrollKeeper } from "./scroll_keeper.js";
import { storageOf } from "./storage.js";
import { createSuggestions } from "./suggestions.js";
import { chosenLanguage, clockIn, directionOf, sizeIn, textsIn } from "./texts.js";
import { applyColours } from "./theme.js";
import * as transcripts from "./transcript.js";
import { createTranscriptView } from "./transcript_view.js";
import { createTransport } from "./transport.js";

// A greeting usually opens a conversation; until it may have come, the page does not say "empty".
const GREETING_WITHIN_MS = 800;
// Nobody waits for an answer longer.
const TYPING_MS = 120_000;
const DESK_AGAIN_MS = 2_000;
// A tab may come back days later; what was written so long ago is not sent unasked.
const UNSENT_FRESH_MS = 3_600_000;

const wanted = navigator.languages ?? [navigator.language];
const { language, locale } = chosenLanguage(wanted);
const text = await textsIn(language);
const announcer = createAnnouncer(byId("announcer"));

let bot = { bot_name: botInPath(location.pathname), title: botInPath(location.pathname) ?? text("bot"), theme: {} };
let configured = false;
let storage = null;
let sessionId = null;
let connection = { phase: "idle", problem: null, failures: 0 };
let transcript = transcripts.emptyTranscript();
let settled = false;
let unreadFrom = null;
// What an earlier visit has seen of the session, or 0; and what is kept of this one.
let seenBefore = 0;
let seenKept = 0;
let frameRequested = false;
let typingTimer = null;
let desk = null;
let atDesk = {};

const transport = createTransport({
  bot: () => bot.bot_name,
  authenticate,
  position: () => transcript.position,
  onState: connectionChanged,
  onFrame: hear,
  onInterrupted() {
    delivery.interrupted();
    change(transcripts.withInterruption(transcript));
  },
  onForgotten: (credential) => storage?.dropCredential(credential),
});
const delivery = createDelivery({
  send: transport.send,
  onStalled: transport.stalled,
  onFailed: (messageId) => change(transcripts.withFailed(transcript, messageId, text("reasonUnanswered"))),
});
const header = createHeader(text, announcer.say);
const panel = createPanel(text, transport.askAgain);
const embedding = createEmbedding({ onShown });
const isWatched = () => !document.hidden && embedding.isOpened();
// Until the history is there, what is at the end is not yet what was said last.
const scrolling = createScrollKeeper({ text, isWatched: () => settled && isWatched(), onSeen: seenAll });
const suggestions = createSuggestions(text, say);
const size = sizeIn(locale);
const attachments = createAttachments({
  text,
  size,
  upload,
  reasonOf: ({ status, code, detail }) => (status === 0 ? text("reasonAway") : reasonOf({ code, message: detail })),
  notify: (words) => composer.notify(words),
  announce: announcer.say,
  onChanged: () => composer.attachmentsChanged(),
});
const composer = createComposer({
  text,
  attachments,
  onSend: say,
  onDraft: (draft) => storage?.keepDraft(draft),
});
const transcriptView = createTranscriptView({
  text,
  clock: clockIn(locale),
  size,
  contentOf: (file) => fileContent(storage.credential(), file),
  botTitle: () => bot.title,
  announce: announcer.say,
  onRetry(messageId) {
    change(transcripts.withRetry(transcript, messageId));
    deliverUnsent();
  },
  onRate: rate,
  onEdit(messageId) {
    const entry = transcript.entries.find((one) => one.messageId === messageId);
    change(transcripts.withoutUnsent(transcript, messageId));
    composer.putBack(entry);
  },
});

document.documentElement.lang = locale;
document.documentElement.dir = directionOf(wanted);
byId("skip-link").textContent = text("skip");
byId("typing-text").textContent = text("typing", { name: bot.title });
header.showBot(bot);
createCloseButton();
addEventListener("keydown", leaveOnEscape);
if (bot.bot_name !== null) openStorage();
composer.listen();
document.addEventListener("visibilitychange", () => frameRequested && show());
if (!embedding.embedded) composer.focus();
transport.start();

/** Who the bot is (asked once), then who the visitor is: the credential of their session. */
async function authenticate(refusedOrKnown) {
  const configuration = configure();
  if (bot.bot_name === null) await configuration;
  const credential = refusedOrKnown ?? storage.credential();
  const [, answer] = await Promise.all([configuration, sessionOf(credential)]);
  storage.keepCredential(answer.session_id);
  enterSession(answer.session_id.split(".")[0]);
  return answer.session_id;
}

/** A stored credential that the server will not even look at must not lock the visitor out. */
async function sessionOf(credential) {
  try {
    return await session(bot.bot_name, credential);
  } catch (refusal) {
    const isRefused = credential !== null && refusal.status >= 400 && refusal.status < 500;
    if (!isRefused || refusal.status === 404 || refusal.status === 429) throw refusal;
    storage.dropCredential(credential);
    return session(bot.bot_name, null);
  }
}

/** Without its configuration a bot whose name is known can still be talked to. */
async function configure() {
  if (configured) return;
  try {
    const { title, ...rest } = await botConfiguration(bot.bot_name);
    bot = { ...bot, ...rest, bot_name: rest.bot_name ?? bot.bot_name };
    bot.title = title || bot.bot_name;
    configured = true;
  } catch (refusal) {
    if (bot.bot_name === null || refusal.status === 404) throw refusal;
    return;
  }
  if (bot.bot_name === null) throw new Refusal({ status: 0 });
  showBot();
  if (storage === null) openStorage();
}

function showBot() {
  header.showBot(bot);
  applyColours(bot.theme);
  byId("typing-text").textContent = text("typing", { name: bot.title });
  if (typeof bot.language === "string" && /^[a-z]{2,3}(-[\w-]+)?$/i.test(bot.language)) byId("transcript").lang = bot.language;
  showTitle();
}

/** What earlier visits left: the draft, and what this tab wrote that the server may not have. */
function openStorage() {
  storage = storageOf(bot.bot_name);
  composer.restore(storage.draft());
  for (const entry of storage.unsent()) {
    if (typeof entry?.messageId !== "string" || typeof entry.content !== "string") continue;
    transcript = transcripts.withOutgoing(transcript, entry);
    const isOld = Date.now() - new Date(entry.at) > UNSENT_FRESH_MS;
    if (entry.state === "failed" || isOld) transcript = transcripts.withFailed(transcript, entry.messageId, entry.reason);
  }
  change(transcript);
}

/** Shown at once; what the server did not take is as it was. */
async function rate({ replyId, rating: before }, rating) {
  change(transcripts.withRating(transcript, replyId, rating));
  announcer.say(text(rating === null ? "rateTaken" : "rateThanks"));
  try {
    await rateReply(storage.credential(), replyId, rating);
  } catch {
    change(transcripts.withRating(transcript, replyId, before));
    composer.notify(text("rateAway"));
  }
}

/** Files need a session. */
async function upload(file, progress) {
  if (storage?.credential() == null) throw new Refusal({ status: 0 });
  return uploadFile(storage.credential(), file, progress);
}

async function showDesk(told) {
  atDesk = { ...atDesk, ...told };
  if (!desk && told?.control?.control === "bot") return;
  desk ??= import("./desk/desk.js").then(({ createDesk }) =>
    createDesk({ language, announce: announcer.say, choose: transport.send }), () => {
    desk = null;
    setTimeout(showDesk, DESK_AGAIN_MS);
  });
  (await desk)?.show(atDesk, connection.phase === "ready");
}

function say({ content, files = [], contextName = null, messageType, tool = null, params = null }) {
  unreadFrom = null;
  scrolling.toEnd();
  change(transcripts.withOutgoing(transcript, { messageId: newMessageId(), content, files, secret: transcripts.asksSecret(transcript), contextName, messageType, tool, params, at: new Date().toISOString() }));
  deliverUnsent();
}

function deliverUnsent() {
  for (const entry of transcripts.unsentOf(transcript)) {
    if (entry.state === "sending") delivery.deliver(entry, sessionId);
  }
}

function connectionChanged(next) {
  const nowReady = next.phase === "ready" && connection.phase !== "ready";
  connection = next;
  header.showConnection(connection);
  if (desk) showDesk();
  if (nowReady) {
    deliverUnsent();
    setTimeout(() => {
      settled = true;
      show();
      scrolling.look();
    }, GREETING_WITHIN_MS);
  }
  show();
}

function hear(frame) {
  if (frame.type === "connected") {
    atDesk = {};
    return enterSession(frame.session_id);
  }
  if (EVENTS[frame.event]) return EVENTS[frame.event](frame.data ?? {});
  if (frame.event !== undefined || frame.type !== undefined) return;
  const next = transcripts.withFrame(transcript, frame);
  if (typeof frame.message_id === "string") delivery.settled(frame.message_id);
  change(next);
}

/** The transcript belongs to one session; another one begins with its own history. */
function enterSession(next) {
  if (sessionId !== null && sessionId !== next) {
    const hadMessages = transcript.position > 0;
    transcript = transcripts.restarted(transcript);
    if (hadMessages) composer.notify(text("newConversation"));
  }
  if (sessionId !== next) seenBefore = storage.seen(next);
  sessionId = next;
}

/** What came while nobody looked is unread: before the page was opened, or after it was. */
function unseenOf(fresh, seesNew) {
  if (settled) return seesNew ? [] : fresh;
  return seenBefore === 0 ? [] : fresh.filter(({ position }) => position !== null && position > seenBefore);
}

function seenAll() {
  if (settled && sessionId !== null && transcript.position !== seenKept) {
    seenKept = transcript.position;
    storage.keepSeen(sessionId, seenKept);
  }
  showTitle();
}

const EVENTS = {
  received(data) {
    delivery.settled(data.message_id);
    change(transcripts.withReceived(transcript, data));
  },
  typing(data) {
    change(transcripts.withTyping(transcript, data.turn_id));
    clearTimeout(typingTimer);
    typingTimer = setTimeout(() => change(transcripts.withoutTyping(transcript)), TYPING_MS);
  },
  rated: (data) => change(transcripts.withRating(transcript, data.reply_id ?? null, data.rating)),
  masked: (data) => change(transcripts.withMasked(transcript, data.turn_id)),
  left_to_human: () => change(transcripts.withoutTyping(transcript)),
  control: (control) => showDesk({ control }),
  set_up: (data) => showDesk({ set_up: data }),
  answered: (data) => change(transcripts.withAnswered(transcript, data.turn_id)),
  error(data) {
    const reason = reasonOf(data);
    if (typeof data.message_id !== "string") return composer.notify(reason);
    delivery.settled(data.message_id);
    change(transcripts.withFailed(transcript, data.message_id, reason, data.retryable !== false));
  },
  change_theme(data) {
    if (data.theme) showDesk({ theme: data.theme });
    applyColours(data);
    const title = data.title ?? data.logo_text;
    if (typeof title === "string" && title !== "") bot = { ...bot, title };
    bot = { ...bot, theme: { ...bot.theme, logo: data.logo ?? data.logo_url ?? bot.theme?.logo } };
    header.showBot(bot);
    showTitle();
  },
};

/** The server's own words, unless the code is one that we can say in the visitor's language. */
function reasonOf({ code, message }) {
  if (/too_many|rate|throttl/.test(code ?? "")) return text("reasonTooMany");
  if (code === "session_files_too_large") return text("reasonFull");
  if (code === "file_too_large") return text("reasonTooLarge");
  if (/too_l(ong|arge)/.test(code ?? "")) return text("reasonTooLong");
  return typeof message === "string" && message !== "" ? message : text("reasonUnknown");
}

/** Takes over a transcript; it is drawn once per frame however much comes in. */
function change(next) {
  if (next !== transcript) keepUnsent(next);
  transcript = next;
  if (frameRequested) return;
  frameRequested = true;
  // Pages in the background get no animation frames, but their title counts what is new.
  if (!isWatched()) setTimeout(show);
  else requestAnimationFrame(show);
}

function keepUnsent(next) {
  const fields = ({ messageId, content, files, at, contextName, messageType, tool, params, state, reason }) =>
    ({ messageId, content, files, at, contextName, messageType, tool, params, state, reason });
  // A secret is not written down, not even for a moment: a reload loses what was not sent of it.
  storage?.keepUnsent(transcripts.unsentOf(next).filter((entry) => !entry.masked).map(fields));
}

function show() {
  frameRequested = false;
  const seesNew = scrolling.seesNew();
  const fresh = transcriptView.show(transcript, { unreadFrom, connected: connection.phase === "ready" });
  const unseen = unseenOf(fresh, seesNew);
  if (unseen.length > 0 && scrolling.unread() === 0 && (settled || unreadFrom === null)) {
    unreadFrom = unseen[0].key;
    transcriptView.show(transcript, { unreadFrom, connected: connection.phase === "ready" });
  }
  byId("typing").hidden = !transcripts.isTyping(transcript);
  suggestions.show(connection.phase === "stopped" ? [] : transcripts.suggestionsOf(transcript));
  const hasMessages = transcript.entries.some(isShown);
  const due = panelOf({ connection, hasMessages, settled });
  panel.show(due, { connection, bot });
  composer.offer(due !== "unknownBot");
  composer.hide(transcripts.asksSecret(transcript));
  scrolling.changed(unseen.length);
  if (!settled && unseen.length > 0) scrolling.toUnread();
  if (scrolling.seesNew()) seenAll();
  announcer.messages(fresh.map((reply) => ({ author: reply.attendant ?? bot.title, text: reply.text })));
  showTitle();
}

function showTitle() {
  const unread = scrolling.unread();
  document.title = unread > 0 ? `(${unread}) ${bot.title}` : bot.title;
  embedding.unread(unread);
}

/** The page around has opened or closed the chat. */
function onShown({ opened, focus }) {
  byId("close-button").hidden = false;
  if (frameRequested) show();
  // By then the frame has its size.
  if (opened) requestAnimationFrame(scrolling.unread() > 0 ? scrolling.toUnread : scrolling.look);
  if (opened && focus) byId(matchMedia("(pointer: fine)").matches ? "message" : "close-button").focus();
  showTitle();
}

function createCloseButton() {
  const button = byId("close-button");
  button.replaceChildren(icon("close"));
  button.setAttribute("aria-label", text("close"));
  button.title = text("close");
  button.addEventListener("click", embedding.close);
}

/** Escape leads out: from anywhere to the message field, or out of a frame. */
function leaveOnEscape(event) {
  if (event.key !== "Escape" || event.isComposing) return;
  if (embedding.embedded) embedding.close();
  else byId("message").focus();
}
