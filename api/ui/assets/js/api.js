// What the page asks over HTTP: what the bot looks like and who the visitor is, before it opens its socket; and
// files, to and fro.

// Longer than any healthy server takes; a fetch without it may wait for minutes.
const ANSWER_WITHIN_MS = 15_000;

/** An answer other than success. Status 0 means that there was no answer. */
export class Refusal extends Error {
  constructor({ status, code = null, detail = null, retryAfterMs = 0 }) {
    super("the server did not answer as wanted");
    Object.assign(this, { status, code, detail, retryAfterMs });
  }
}

/** The bot named by the first part of the page's path, or null at the root. */
export function botInPath(path) {
  const name = path.split("/")[1] ?? "";
  try {
    return name === "" ? null : decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** The configuration of a bot; of the default one when `bot` is null. */
export const botConfiguration = (bot) => answerOf("/api/bot/config", { bot_name: bot });

/** A session of the bot: the one of the credential if the server still knows it, else a new one. */
export async function session(bot, credential) {
  const answer = await answerOf("/api/auth", { bot_name: bot, session_id: credential });
  if (typeof answer.session_id !== "string") throw new Refusal({ status: 0 });
  return answer;
}

async function answerOf(path, parameters) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null));
  let response;
  try {
    response = await fetch(`${path}?${query}`, {
      headers: { accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new Refusal({ status: 0 });
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null && typeof body === "object") return body;
  throw new Refusal({
    // A success that cannot be read comes from something between the page and the server.
    status: response.ok ? 0 : response.status,
    code: body?.code ?? null,
    detail: body?.detail ?? null,
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
  });
}

/**
 * Uploads a file to the session of the credential; promises `{file_id, name, media_type, bytes}`.
 * `fetch` tells nothing of what is on its way, so this is the older way to ask.
 */
export function uploadFile(credential, file, { onProgress, signal }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const request = new XMLHttpRequest();
  request.open("POST", `${filesOf(credential)}?${new URLSearchParams({ name: file.name })}`);
  request.setRequestHeader("authorization", `Bearer ${credential}`);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => total > 0 && onProgress(loaded / total));
  request.addEventListener("load", () => {
    const { status, response } = request;
    if (status === 201 && typeof response?.file_id === "string") return resolve(response);
    reject(new Refusal({ status: status === 201 ? 0 : status, code: response?.code ?? null, detail: response?.detail ?? null }));
  });
  for (const end of ["error", "abort"]) request.addEventListener(end, () => reject(new Refusal({ status: 0 })));
  signal.addEventListener("abort", () => request.abort());
  request.send(file);
  return promise;
}

/** The content of a file of the session. */
export async function fileContent(credential, { file_id: fileId }) {
  const headers = { authorization: `Bearer ${credential}` };
  const response = await fetch(`${filesOf(credential)}/${encodeURIComponent(fileId)}`, { headers }).catch(() => null);
  if (!response?.ok) throw new Refusal({ status: response?.status ?? 0 });
  return response.blob();
}

/** Says what the visitor thinks of a reply: `good`, `bad`, or null to take it back. */
export async function rateReply(credential, replyId, rating) {
  const response = await fetch(`/api/v1/sessions/${encodeURIComponent(credential.split(".")[0])}/replies/${encodeURIComponent(replyId)}/rate`, {
    method: "POST",
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ rating }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).catch(() => null);
  if (!response?.ok) throw new Refusal({ status: response?.status ?? 0 });
}

const filesOf = (credential) => `/api/v1/sessions/${encodeURIComponent(credential.split(".")[0])}/files`;

/** `Retry-After` is a number of seconds or a date. */
function retryAfterMs(value) {
  if (value === null) return 0;
  const seconds = Number(value);
  const delayMs = Number.isFinite(seconds) ? seconds * 1000 : new Date(value) - Date.now();
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0;
}
