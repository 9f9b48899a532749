// How the page stays connected: a state machine without clock, network or chance of its own.
//
// `advanced(state, event)` gives the next state and the effects to carry out; transport.js is the shell
// that carries them out. Moments (`now`, milliseconds) and chance (`chance`, 0 to 1) come in with events.
//
// Phases: idle → authenticating → opening → greeting → ready, and from any of these to waiting (a retry is
// set) or stopped (only a person can retry).
//
// 1. At most one socket is wanted at any time; `close` always precedes a second `open`.
// 2. A refused credential is dropped once; refused again without a stable connection between means stopped.
// 3. Retries of one after another failed connection wait longer and longer, up to RETRY_LONGEST_MS.
// 4. Told to wait because of too many requests, only time or a person ends the wait, not the network.

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;
// A restarting server is usually back within seconds; spread so that its visitors do not come all at once.
const RESTART_SPREAD_MS = 3_000;
// After close code 4429, which says nothing about how long to wait.
const TOO_MANY_WAIT_MS = 30_000;
// A connection that lasted this long ends a row of failures.
const STABLE_AFTER_MS = 5_000;

export const CLOSED = { unauthenticated: 4401, tooMany: 4429, restarting: 1012 };

export const initialConnection = () => ({
  phase: "idle",
  credential: null,
  failures: 0,
  renewed: false,
  readyAt: null,
  retryAt: null,
  problem: null,
});

/** What happens next: `{state, effects}`. An event that does not fit the phase changes nothing. */
export function advanced(state, event) {
  const step = STEPS[event.type];
  return step?.(state, event) ?? { state, effects: [] };
}

const STEPS = {
  started: (state) => (state.phase === "idle" ? authenticating(state) : null),
  authenticated: (state, { credential }) => (state.phase === "authenticating" ? opening({ ...state, credential }, []) : null),
  notAuthenticated: (state, event) => (state.phase === "authenticating" ? afterRefusal(state, event) : null),
  opened(state) {
    if (state.phase !== "opening") return null;
    return { state: { ...state, phase: "greeting" }, effects: [{ type: "authenticateSocket", credential: state.credential }] };
  },
  greeted(state, { now }) {
    if (state.phase !== "greeting") return null;
    return { state: { ...state, phase: "ready", readyAt: now, retryAt: null, problem: null }, effects: [] };
  },
  closed: (state, event) => (hasSocket(state) ? afterClose(state, event) : null),
  // The socket says nothing any more: a connection that takes too long, or a message not confirmed in time.
  stalled(state, event) {
    if (!hasSocket(state)) return null;
    const next = afterClose(state, { ...event, code: null });
    return { state: next.state, effects: [{ type: "close" }, ...next.effects] };
  },
  elapsed: (state) => (state.phase === "waiting" ? again(state) : null),
  // The network came back, or the page is looked at again; `stale` when the socket may be dead by now.
  returned(state, { stale }) {
    if (state.phase === "waiting" && state.problem?.kind !== "tooMany") return again(state);
    if (state.phase !== "ready" || !stale) return null;
    return opening({ ...state, readyAt: null }, [{ type: "close" }]);
  },
  askedAgain(state) {
    if (state.phase !== "waiting" && state.phase !== "stopped") return null;
    return again({ ...state, failures: 0, renewed: false });
  },
};

const hasSocket = ({ phase }) => phase === "opening" || phase === "greeting" || phase === "ready";

const authenticating = (state) => ({
  state: { ...state, phase: "authenticating", retryAt: null },
  effects: [{ type: "authenticate", credential: state.credential }],
});

const opening = (state, before) => ({
  state: { ...state, phase: "opening", retryAt: null },
  effects: [...before, { type: "open" }],
});

/** A credential that was accepted once is tried on the socket at once; the answer tells if it still holds. */
const again = (state) =>
  state.credential === null || state.problem?.at === "authentication" ? authenticating(state) : opening(state, []);

function afterRefusal(state, { status, code = null, detail = null, retryAfterMs = 0, now, chance }) {
  const at = "authentication";
  if (status === 404) return stopped(state, { kind: "unknownBot", at, code, detail });
  if (status === 429) {
    const delayMs = Math.max(retryAfterMs, backOffMs(state.failures, chance));
    return waiting(state, delayMs, now, { kind: "tooMany", at, code, detail });
  }
  if (status >= 400 && status < 500) return stopped(state, { kind: "refused", at, code, detail });
  const delayMs = Math.max(retryAfterMs, backOffMs(state.failures, chance));
  return waiting(state, delayMs, now, { kind: "away", at, code, detail });
}

function afterClose(state, { code, now, chance }) {
  const stable = state.readyAt !== null && now - state.readyAt >= STABLE_AFTER_MS;
  const rested = stable ? { ...state, failures: 0, renewed: false } : state;
  const at = "socket";
  if (code === CLOSED.unauthenticated) {
    return rested.renewed ? stopped(rested, { kind: "refused", at, code }) : withoutCredential(rested);
  }
  if (code === CLOSED.tooMany) {
    return waiting(rested, TOO_MANY_WAIT_MS * (1 + chance / 4), now, { kind: "tooMany", at, code });
  }
  const spreadMs = code === CLOSED.restarting ? RESTART_SPREAD_MS * chance : 0;
  return waiting(rested, Math.max(spreadMs, backOffMs(rested.failures, chance)), now, { kind: "away", at, code });
}

function withoutCredential(state) {
  const next = authenticating({ ...state, credential: null, renewed: true, readyAt: null });
  return { state: next.state, effects: [{ type: "forget", credential: state.credential }, ...next.effects] };
}

const waiting = (state, delayMs, now, problem) => ({
  state: {
    ...state,
    phase: "waiting",
    failures: state.failures + 1,
    readyAt: null,
    retryAt: now + delayMs,
    problem: { ...problem, seconds: Math.ceil(delayMs / 1000) },
  },
  effects: [{ type: "wait", delayMs }],
});

const stopped = (state, problem) => ({
  state: { ...state, phase: "stopped", readyAt: null, retryAt: null, problem },
  effects: [],
});

/** Half of the doubled wait is certain, half is chance. */
function backOffMs(failures, chance) {
  const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** failures);
  return longest / 2 + (longest / 2) * chance;
}
