// Carries out what connection.js decides: holds the socket and the timer.
// Everything that is hard to get right is in connection.js; here is only the touching of the world.

import { advanced, initialConnection } from "./connection.js";

// From opening the socket to the server's first frame; the server itself allows 5 s for ours.
const GREETED_WITHIN_MS = 15_000;
// Away for longer than this, the socket may be dead without either side knowing.
const LOOK_AGAIN_AFTER_MS = 120_000;

/**
 * Starts nothing yet. `authenticate(credential)` promises a credential or fails with a `Refusal`;
 * `bot()` is known once it has; `position()` is the highest one seen.
 */
export function createTransport({ bot, authenticate, position, onState, onFrame, onInterrupted, onForgotten }) {
  let state = initialConnection();
  let socket = null;
  let timer = null;

  function happen(event) {
    const before = state;
    const next = advanced(state, { now: Date.now(), chance: Math.random(), ...event });
    state = next.state;
    if (before.phase === "ready" && state.phase !== "ready") onInterrupted();
    for (const effect of next.effects) EFFECTS[effect.type](effect);
    if (state !== before) onState(state);
  }

  const EFFECTS = {
    async authenticate({ credential }) {
      setTimer(null);
      happen(await authenticate(credential).then(
        (given) => ({ type: "authenticated", credential: given }),
        (refusal) => {
          // Not an answer of the server but a mistake of ours: it must be seen where mistakes are.
          if (refusal.status === undefined) reportError(refusal);
          const { status = 0, code, detail, retryAfterMs } = refusal;
          return { type: "notAuthenticated", status, code, detail, retryAfterMs };
        },
      ));
    },
    forget: ({ credential }) => onForgotten(credential),
    open() {
      setTimer(GREETED_WITHIN_MS, "stalled");
      open();
    },
    close() {
      const closing = socket;
      socket = null;
      closing?.close(1000);
    },
    authenticateSocket: ({ credential }) => send({ type: "auth", session_id: credential, resume_after: position() }),
    wait: ({ delayMs }) => setTimer(delayMs, "elapsed"),
  };

  function open() {
    const address = new URL(`/ws/${encodeURIComponent(bot())}`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(address);
    socket = opened;
    // What an earlier socket still says is of no interest.
    const ofThisSocket = (handle) => (event) => socket === opened && handle(event);
    opened.addEventListener("open", ofThisSocket(() => happen({ type: "opened" })));
    opened.addEventListener("message", ofThisSocket(({ data }) => hear(data)));
    opened.addEventListener("close", ofThisSocket(({ code }) => {
      socket = null;
      setTimer(null);
      happen({ type: "closed", code });
    }));
  }

  function hear(data) {
    const frame = parsedFrame(data);
    if (frame === null) return;
    if (frame.type === "connected") {
      setTimer(null);
      onFrame(frame);
      happen({ type: "greeted" });
    } else {
      onFrame(frame);
    }
  }

  function send(frame) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(frame));
    return true;
  }

  function setTimer(delayMs, type) {
    clearTimeout(timer);
    timer = delayMs === null ? null : setTimeout(() => happen({ type }), delayMs);
  }

  watchReturn((stale) => happen({ type: "returned", stale }));
  return {
    start: () => happen({ type: "started" }),
    send: (frame) => state.phase === "ready" && send(frame),
    stalled: () => happen({ type: "stalled" }),
    askAgain: () => happen({ type: "askedAgain" }),
  };
}

/** Calls when a retry is worth it at once; with `true` when the socket may be dead without knowing. */
function watchReturn(onReturn) {
  let hiddenAt = Date.now();
  addEventListener("online", () => onReturn(true));
  addEventListener("pageshow", (event) => event.persisted && onReturn(true));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else onReturn(Date.now() - hiddenAt >= LOOK_AGAIN_AFTER_MS);
  });
}

function parsedFrame(data) {
  try {
    const frame = JSON.parse(data);
    return frame !== null && typeof frame === "object" ? frame : null;
  } catch {
    return null;
  }
}
