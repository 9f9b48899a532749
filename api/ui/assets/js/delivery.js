// Sends what the visitor wrote and waits for the server's word that it has it.
//
// A message is sent again with the same id after a reconnection until it is confirmed; the server
// recognises the id. If confirmation stays away on a connection that seems alive, the connection is
// given up; after ATTEMPTS_MAX attempts the message counts as failed and the visitor decides.

// A commit takes milliseconds; ten seconds without a word means a dead socket or a drowning server.
const CONFIRMED_WITHIN_MS = 10_000;
const ATTEMPTS_MAX = 3;

export function createDelivery({ send, onStalled, onFailed }) {
  const timers = new Map();
  const disappointments = new Map();

  function deliver(entry, sessionId) {
    if (timers.has(entry.messageId)) return;
    const sent = send({
      session_id: sessionId,
      channel: "web",
      content: entry.content,
      message_type: entry.messageType,
      message_id: entry.messageId,
      timestamp: entry.at,
      ...(entry.files.length === 0 ? {} : { files: entry.files.map((file) => file.file_id) }),
      ...(entry.contextName === null ? {} : { context_name: entry.contextName }),
      ...(entry.tool ? { tool: entry.tool } : {}),
      ...(entry.params ? { params: entry.params } : {}),
    });
    if (sent) timers.set(entry.messageId, setTimeout(() => mayGoOn(entry.messageId) && onStalled(), CONFIRMED_WITHIN_MS));
  }

  /** Whether the message may be sent once more. */
  function mayGoOn(messageId) {
    clearTimeout(timers.get(messageId));
    timers.delete(messageId);
    const count = (disappointments.get(messageId) ?? 0) + 1;
    disappointments.set(messageId, count);
    if (count < ATTEMPTS_MAX) return true;
    settled(messageId);
    onFailed(messageId);
    return false;
  }

  /** Confirmed or refused: nothing more to wait for. */
  function settled(messageId) {
    clearTimeout(timers.get(messageId));
    timers.delete(messageId);
    disappointments.delete(messageId);
  }

  return {
    deliver,
    settled,
    /** The connection is gone. What was on its way goes out on the next, unless it is what breaks connections. */
    interrupted: () => [...timers.keys()].forEach(mayGoOn),
  };
}

/** A random UUID; `crypto.randomUUID` exists only on https and on this very machine. */
export function newMessageId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
