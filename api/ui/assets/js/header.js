// The top of the page: who one talks to, whether the connection stands, and the switch of the theme.

import { byId, element, icon } from "./element.js";
import { applyTheme, currentTheme, themeAfter } from "./theme.js";

// Most breaks are over sooner than this and nobody needs to know of them.
const QUIET_MS = 1_500;

/** What the header says about the connection: `{tone, name, values}` of a text. Pure. */
export function statusOf(connection, { online, wasReady }) {
  const { phase, problem, failures } = connection;
  if (phase === "ready") return { tone: "good", name: "online" };
  if (phase === "stopped") return { tone: "bad", name: "stoppedStatus" };
  if (problem?.kind === "tooMany" && phase === "waiting") {
    return { tone: "busy", name: "tooManyStatus", values: { seconds: problem.seconds } };
  }
  if (!online && failures > 0) return { tone: "busy", name: "offline" };
  if (failures > 2) return { tone: "busy", name: "awayStatus" };
  return { tone: "busy", name: wasReady ? "reconnecting" : "connecting" };
}

export function createHeader(text, announce) {
  const status = byId("status");
  let wasReady = false;
  let timer = null;

  function showStatus({ tone, name, values }) {
    timer = null;
    const words = text(name, values);
    if (status.textContent === words) return;
    status.replaceChildren(element("span", { class: `dot dot-${tone}`, "aria-hidden": "true" }), words);
  }

  createThemeButton(text, announce);
  return {
    /** The bot's name and picture; a picture from another host is not fetched. */
    showBot({ title, theme = {} }) {
      byId("title").textContent = title;
      showAvatar(byId("avatar"), title, theme.logo);
    },
    showConnection(connection) {
      const next = statusOf(connection, { online: navigator.onLine, wasReady });
      const wasGood = status.querySelector(".dot-good") !== null;
      clearTimeout(timer);
      if (wasGood && next.tone === "busy") timer = setTimeout(() => showStatus(next), QUIET_MS);
      else showStatus(next);
      wasReady ||= connection.phase === "ready";
    },
  };
}

export function showAvatar(avatar, title, logo) {
  const initial = [...title.trim()][0]?.toLocaleUpperCase() ?? "?";
  avatar.replaceChildren(initial);
  if (typeof logo !== "string" || logo === "" || !isOurs(logo)) return;
  const image = element("img", { src: logo, alt: "" });
  image.addEventListener("load", () => avatar.replaceChildren(image));
}

function isOurs(address) {
  try {
    const url = new URL(address, location.href);
    return url.protocol === "data:" || url.origin === location.origin;
  } catch {
    return false;
  }
}

function createThemeButton(text, announce) {
  const button = byId("theme-button");
  const names = { system: "themeSystem", light: "themeLight", dark: "themeDark" };
  const show = (theme) => {
    const label = text(names[theme]);
    button.replaceChildren(icon(theme));
    button.setAttribute("aria-label", label);
    button.title = label;
    return label;
  };
  button.addEventListener("click", () => {
    const theme = themeAfter(currentTheme());
    applyTheme(theme);
    announce(show(theme));
  });
  show(currentTheme());
  button.hidden = false;
}
