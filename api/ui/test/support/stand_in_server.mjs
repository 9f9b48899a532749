// A stand-in for the real server, for tests only: serves the page as the real one does (same paths, same
// content-security policy) and speaks its wire, but keeps everything in memory and does on demand what a
// real server does rarely: lose a confirmation, restart, refuse a credential, answer slowly.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { WebSocketServer } from "ws";

const PAGE = fileURLToPath(new URL("../../", import.meta.url));
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
/** As the real server compresses its files for browsers: Brotli at its highest quality. */
export const compressed = (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
const packed = new Map();
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

export const BOT = { bot_name: "helper", title: "Helper", description: "Answers questions about orders.", theme: {}, language: "en" };

/** Starts a stand-in on a free port (or on `port`). */
export async function startStandIn({ bots = [BOT], port = 0 } = {}) {
  const server = new StandIn(bots);
  await server.listen(port);
  return server;
}

class StandIn {
  sessions = new Map();
  connections = new Set();
  /** Every client frame, as parsed, in the order of arrival. */
  heard = [];
  authCalls = [];
  /** Called with `(frame, connection)` instead of the usual confirmation when set. */
  onMessage = null;
  /** Called with `(request, response)`; a true answer means that it has answered. */
  onRequest = null;
  files = new Map();
  ratings = [];
  rates = true;
  fileBytesMax = 1_000_000;
  /** Whose pages may frame the chat. */
  embedOrigins = "*";
  position = 100;

  constructor(bots) {
    this.bots = bots;
    this.http = createServer((request, response) => this.answer(request, response));
    this.sockets = new WebSocketServer({ noServer: true });
    this.http.on("upgrade", (request, socket, head) =>
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.accept(ws)));
  }

  async listen(port) {
    await new Promise((resolve) => this.http.listen(port, "127.0.0.1", resolve));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  async stop() {
    for (const { ws } of this.connections) ws.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /** Stops listening, as a server that is away; what it knows is kept for `comeBack`. */
  async goAway() {
    await this.stop();
    this.connections.clear();
  }

  async comeBack() {
    this.http = createServer((request, response) => this.answer(request, response));
    this.http.on("upgrade", (request, socket, head) =>
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.accept(ws)));
    await this.listen(this.port);
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    if (this.onRequest?.(request, response)) return;
    if (url.pathname === "/api/auth") return this.answerAuth(url, response);
    if (url.pathname.startsWith("/api/v1/sessions/")) return this.answerFile(request, url, response);
    if (url.pathname === "/api/bot/config") return this.answerConfig(url, response);
    return this.answerPage(url, response);
  }

  /** The page itself and what belongs to it. */
  async answerPage(url, response) {
    const isFile = url.pathname.startsWith("/assets/") || url.pathname === "/embed.js";
    const path = isFile ? normalize(url.pathname) : "/chat.html";
    try {
      const body = await readFile(join(PAGE, path));
      response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "text/plain",
        "content-encoding": "br",
        "content-security-policy": isFile ? POLICY : `${POLICY} ${this.embedOrigins}`,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": path === "/embed.js" ? "cross-origin" : "same-origin",
        "x-content-type-options": "nosniff",
      });
      if (!packed.has(path)) packed.set(path, compressed(body));
      response.end(packed.get(path));
    } catch {
      response.writeHead(404).end();
    }
  }

  /** Takes a file in, or gives one out, for whoever has the session's credential. */
  async answerFile(request, url, response) {
    const [, , , , id, kind, fileId] = url.pathname.split("/");
    const session = this.sessions.get(id);
    if (!session || request.headers.authorization !== `Bearer ${session.credential}`) return problem(response, 401, "unauthenticated");
    if (kind === "replies") {
      this.ratings.push({ reply: fileId, ...JSON.parse(Buffer.concat(await request.toArray())) });
      return this.rates ? json(response, 200, { token: "t" }) : problem(response, 503, "unavailable");
    }
    if (request.method === "GET") {
      const file = this.files.get(fileId);
      if (!file) return problem(response, 404, "file_not_found");
      return response.writeHead(200, { "content-type": file.media_type }).end(file.content);
    }
    const content = Buffer.concat(await request.toArray());
    if (content.length > this.fileBytesMax) return problem(response, 413, "file_too_large");
    const name = url.searchParams.get("name");
    const media_type = name.endsWith(".png") ? "image/png" : "text/plain";
    const file = { file_id: randomUUID(), name, media_type, bytes: content.length };
    this.files.set(file.file_id, { ...file, content });
    json(response, 201, file);
  }

  answerConfig(url, response) {
    const name = url.searchParams.get("bot_name") ?? this.bots[0].bot_name;
    const bot = this.bots.find((one) => one.bot_name === name);
    if (bot) json(response, 200, bot);
    else problem(response, 404, "unknown_bot");
  }

  answerAuth(url, response) {
    const name = url.searchParams.get("bot_name");
    const credential = url.searchParams.get("session_id");
    this.authCalls.push({ name, credential });
    if (!this.bots.some((one) => one.bot_name === name)) return problem(response, 404, "unknown_bot");
    let session = [...this.sessions.values()].find((one) => one.credential === credential);
    if (!session) {
      const id = randomUUID();
      session = { id, credential: `${id}.secret${this.sessions.size}`, log: [], turns: new Map(), greeted: false };
      this.sessions.set(id, session);
    }
    json(response, 200, { user_id: "visitor", session_id: session.credential, bot_id: "bot", bot_name: name, status: "anonymous" });
  }

  accept(ws) {
    const connection = { ws, session: null };
    this.connections.add(connection);
    ws.on("close", () => this.connections.delete(connection));
    ws.on("message", (data) => {
      const frame = JSON.parse(data);
      this.heard.push(frame);
      if (frame.type === "auth") this.enter(connection, frame);
      else if (this.onMessage) this.onMessage(frame, connection);
      else this.commit(frame, connection);
    });
  }

  enter(connection, { session_id: credential, resume_after: after }) {
    const session = [...this.sessions.values()].find((one) => one.credential === credential);
    if (!session) return connection.ws.close(4401);
    connection.session = session;
    this.send(connection, { type: "connected", session_id: session.id, user_id: "visitor", bot_id: "bot", message: "connected", tools: [] });
    for (const frame of session.log) if (frame.position > after) this.send(connection, frame);
    if (!session.greeted && this.greeting) {
      session.greeted = true;
      this.reply(session, this.greeting);
    }
  }

  /** Commits a message once, however often it comes, and confirms it. */
  commit(frame, connection, { confirm = true } = {}) {
    const { session } = connection;
    let turn = session.turns.get(frame.message_id);
    if (!turn) {
      turn = { turn_id: randomUUID() };
      session.turns.set(frame.message_id, turn);
      const own = { ...this.envelope(session), message_type: frame.message_type, content: frame.content, message_id: frame.message_id, turn_id: turn.turn_id };
      if (frame.files) own.files = frame.files.map((id) => ({ ...this.files.get(id), content: undefined }));
      session.log.push(own);
      for (const other of this.connections) if (other !== connection && other.session === session) this.send(other, own);
    }
    if (confirm) this.send(connection, { event: "received", data: { message_id: frame.message_id, turn_id: turn.turn_id, token: "t" } });
    return turn;
  }

  /** A committed reply of the bot: text, or a frame's fields. */
  reply(session, what) {
    const fields = typeof what === "string" ? { content: what } : what;
    const frame = { ...this.envelope(session), message_type: 2, is_complete: true, suggestions: [], ...fields };
    session.log.push(frame);
    this.toAll(session, frame);
    return frame;
  }

  /** A frame to every connection of a session, without being kept. */
  toAll(session, frame) {
    for (const connection of this.connections) if (connection.session === session) this.send(connection, frame);
  }

  envelope(session) {
    this.position += 3;
    return { bot_id: "bot", user_id: "visitor", session_id: session.id, channel: "web", position: this.position, at: new Date().toISOString() };
  }

  send({ ws }, frame) {
    ws.send(JSON.stringify(frame));
  }

  closeAll(code) {
    for (const { ws } of this.connections) ws.close(code);
  }

  get onlySession() {
    return [...this.sessions.values()].at(-1);
  }

  messagesHeard() {
    return this.heard.filter((frame) => frame.type === undefined);
  }
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export function problem(response, status, code, headers = {}) {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers });
  response.end(JSON.stringify({ type: "about:blank", title: code, status, detail: code, code }));
}
