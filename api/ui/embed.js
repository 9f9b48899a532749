// Puts a bot's chat on any page: a button in a corner and, once it is pressed, the chat in a frame of its own.
//
//   <script src="https://bots.example.org/embed.js" data-bot="harbour" async></script>
//
// data-bot        the bot; without it the server's default one
// data-position   "left" or "right"; without it where lines end in the page's script
// data-colour     of the button: any CSS colour
// data-label      what the button is called, instead of "Chat"
//
// 1. Nothing global is left behind, and no style leaks either way: everything lives in a shadow root.
// 2. A page has at most one chat; what is included again does nothing.
// 3. The page's policy has to allow the server's origin in `script-src` and `frame-src`, and nothing else: styles
//    are set through objects that policies do not forbid.
// 4. Between page and frame go only the messages below, and each side looks at who sent one:
//    from the frame `ready`, `close`, `unread {count}`; to the frame `shown {opened, focus}`.

(() => {
  const script = document.currentScript ?? document.querySelector('script[src*="/embed.js"]');
  const { bot = "", position, colour, label } = script.dataset;
  const MARK = "data-botserver-chat";
  const CHANNEL = "botserver.chat";
  const address = new URL(`/${encodeURIComponent(bot)}?embed=1`, script.src);
  const PHONE = "(max-width: 30rem), (max-height: 26rem)";

  const TEXTS = {
    en: { chat: "Chat", open: "Open {chat}", close: "Close {chat}", unread: "{count} unread" },
    pt: { chat: "Chat", open: "Abrir {chat}", close: "Fechar {chat}", unread: "{count} não lidas" },
  };
  const wanted = [document.documentElement.lang, ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  const texts = TEXTS[wanted.find((tag) => tag in TEXTS) ?? "en"];
  const name = label || texts.chat;

  const STYLE = `
    :host { all: initial !important; }
    @media print { :host { display: none !important; } }
    * { box-sizing: border-box; }
    .launcher {
      position: fixed; z-index: 2147483001; inset-block-end: calc(16px + env(safe-area-inset-bottom)); inset-inline-end: 16px;
      display: grid; place-items: center; width: 56px; height: 56px; padding: 0;
      border: 2px solid transparent; border-radius: 50%; background: var(--colour); color: var(--ink);
      box-shadow: 0 2px 12px rgb(0 0 0 / 28%); cursor: pointer;
    }
    .launcher:focus-visible { outline: 3px solid var(--colour); outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    .launcher svg { width: 28px; height: 28px; fill: none; stroke: currentcolor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .badge {
      position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 22px; padding: 0 6px;
      border-radius: 11px; background: #b3261e; color: #fff; font: 600 13px/22px system-ui, sans-serif; text-align: center;
    }
    .badge:empty { display: none; }
    .panel {
      position: fixed; z-index: 2147483000; inset-block-end: calc(84px + env(safe-area-inset-bottom)); inset-inline-end: 16px;
      width: min(400px, 100vw - 32px); height: min(680px, 100vh - 100px); height: min(680px, 100dvh - 100px);
      overflow: hidden; border: 1px solid rgb(128 128 128 / 40%); border-radius: 16px;
      background: Canvas; color-scheme: light dark; box-shadow: 0 8px 32px rgb(0 0 0 / 24%);
    }
    .panel[hidden] { display: none; }
    .left .launcher, .left .panel { right: auto; left: 16px; }
    .right .launcher, .right .panel { left: auto; right: 16px; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    @media ${PHONE} {
      .panel, .left .panel, .right .panel {
        inset: 0; width: 100%; height: 100vh; height: var(--seen, 100dvh); transform: translateY(var(--offset, 0));
        border: 0; border-radius: 0;
      }
      /* The frame has a button of its own to close it, once it is there. */
      .open.ready .launcher { display: none; }
    }`;
  const PATHS = {
    chat: "M7 4h10a4 4 0 0 1 4 4v6a4 4 0 0 1-4 4h-4.5L8 21v-3H7a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4zM8 9h8M8 13h5",
    close: "M6 6l12 12M18 6L6 18",
  };

  function start() {
    if (document.querySelector(`[${MARK}]`)) return;
    const host = document.createElement("div");
    host.setAttribute(MARK, bot);
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(createChat());
    document.body.append(host);
  }

  function createChat() {
    const chat = document.createElement("div");
    if (position === "left" || position === "right") chat.className = position;
    const { fill, ink } = colours(colour);
    chat.style.setProperty("--colour", fill);
    chat.style.setProperty("--ink", ink);

    const launcher = document.createElement("button");
    launcher.type = "button";
    launcher.className = "launcher";
    launcher.setAttribute("aria-controls", "panel");
    const drawing = drawn();
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.setAttribute("aria-hidden", "true");
    launcher.append(drawing.node, badge);

    const panel = document.createElement("div");
    panel.id = "panel";
    panel.className = "panel";
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", name);
    panel.hidden = true;
    chat.append(panel, launcher);

    let frame = null;
    let unread = 0;
    let opened = false;

    /** The frame stays when it is closed, so that it goes on to hear what the bot says. */
    function load() {
      if (frame !== null) return;
      frame = document.createElement("iframe");
      frame.title = name;
      frame.allow = "clipboard-write";
      frame.src = address.href;
      panel.append(frame);
    }

    function show(next, { focus }) {
      opened = next;
      if (opened) load();
      panel.hidden = !opened;
      chat.classList.toggle("open", opened);
      keepState(opened ? "open" : "closed");
      describe();
      tell({ event: "shown", opened, focus });
      if (!focus) return;
      if (opened) frame.focus();
      else launcher.focus();
    }

    function describe() {
      const action = (opened ? texts.close : texts.open).replace("{chat}", name);
      const words = unread > 0 && !opened ? `${action}, ${texts.unread.replace("{count}", unread)}` : action;
      launcher.setAttribute("aria-label", words);
      launcher.title = words;
      launcher.setAttribute("aria-expanded", String(opened));
      badge.textContent = unread > 0 && !opened ? (unread > 99 ? "99+" : unread) : "";
      drawing.show(opened ? "close" : "chat");
    }

    const tell = (message) => frame?.contentWindow?.postMessage({ channel: CHANNEL, ...message }, address.origin);

    addEventListener("message", ({ data, origin, source }) => {
      if (frame === null || source !== frame.contentWindow || origin !== address.origin || data?.channel !== CHANNEL) return;
      if (data.event === "ready") {
        chat.classList.add("ready");
        tell({ event: "shown", opened, focus: opened && isFocused(frame) });
      }
      if (data.event === "close") show(false, { focus: true });
      if (data.event === "unread" && Number.isSafeInteger(data.count)) {
        unread = Math.max(0, data.count);
        describe();
      }
    });
    launcher.addEventListener("click", () => show(!opened, { focus: true }));
    chat.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !opened) return;
      event.stopPropagation();
      show(false, { focus: true });
    });
    followKeyboard(panel);

    describe();
    const before = keptState();
    // On the next page of a site the conversation goes on; on a phone it would cover that page.
    if (before === "open" && !matchMedia(PHONE).matches) show(true, { focus: false });
    else if (before !== null) load();
    return chat;
  }

  const isFocused = (node) => node.getRootNode().activeElement === node;

  function drawn() {
    const SVG = "http://www.w3.org/2000/svg";
    const node = document.createElementNS(SVG, "svg");
    node.setAttribute("viewBox", "0 0 24 24");
    node.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    node.append(path);
    return { node, show: (icon) => path.setAttribute("d", PATHS[icon]) };
  }

  /** The button's colour and, for what is drawn on it, black or white, whichever is seen better. */
  function colours(wish) {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#2f5fdb";
    if (wish && CSS.supports("color", wish)) context.fillStyle = wish;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    const linear = [red, green, blue].map((part) => (part / 255) ** 2.2);
    const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    return { fill: `rgb(${red} ${green} ${blue})`, ink: luminance > 0.18 ? "#111317" : "#ffffff" };
  }

  /** A phone's keyboard covers a part of the page without making it smaller. */
  function followKeyboard(panel) {
    const seen = window.visualViewport;
    const follow = () => {
      panel.style.setProperty("--seen", `${seen.height}px`);
      panel.style.setProperty("--offset", `${seen.offsetTop}px`);
    };
    seen?.addEventListener("resize", follow);
    seen?.addEventListener("scroll", follow);
  }

  // Whether the chat was opened in this tab; storage may be forbidden.
  function keptState() {
    try {
      return sessionStorage.getItem(`${CHANNEL}.${bot}`);
    } catch {
      return null;
    }
  }

  function keepState(state) {
    try {
      sessionStorage.setItem(`${CHANNEL}.${bot}`, state);
    } catch {
      // Then the next page begins with the chat closed.
    }
  }

  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
