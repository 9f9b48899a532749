// What the browser keeps for the visitor: the credential and the draft of each bot, the theme, and
// the messages of this tab that the server has not confirmed yet.
//
// Storage can be forbidden or full. The page then works with what it holds in memory.

const PREFIX = "botserver.";

/** A drawer of text values over one of the browser's storages. */
function drawer(open) {
  const memory = new Map();
  const storage = () => {
    try {
      return open();
    } catch {
      return null;
    }
  };
  return {
    read(name) {
      try {
        return storage()?.getItem(PREFIX + name) ?? memory.get(name) ?? null;
      } catch {
        return memory.get(name) ?? null;
      }
    },
    write(name, value) {
      memory.set(name, value);
      try {
        storage()?.setItem(PREFIX + name, value);
      } catch {
        // Kept in memory only.
      }
    },
    remove(name) {
      memory.delete(name);
      try {
        storage()?.removeItem(PREFIX + name);
      } catch {
        // It was never stored.
      }
    },
  };
}

const lasting = drawer(() => globalThis.localStorage);
// Per tab: two tabs must not both send what one of them wrote.
const ofThisTab = drawer(() => globalThis.sessionStorage);

/** What is kept for one bot. */
export function storageOf(bot) {
  const credentialName = `credential.${bot}`;
  const draftName = `draft.${bot}`;
  const seenName = `seen.${bot}`;
  const unsentName = `unsent.${bot}`;
  return {
    credential: () => lasting.read(credentialName),
    keepCredential: (credential) => lasting.write(credentialName, credential),
    /** Another tab may have a newer credential by now: only the refused one is dropped. */
    dropCredential(refused) {
      if (lasting.read(credentialName) === refused) lasting.remove(credentialName);
    },
    /** The position up to which the visitor has seen the session's messages; 0 for another session. */
    seen(sessionId) {
      const [session, position] = (lasting.read(seenName) ?? "").split(" ");
      return session === sessionId ? Number(position) || 0 : 0;
    },
    keepSeen: (sessionId, position) => lasting.write(seenName, `${sessionId} ${position}`),
    draft: () => lasting.read(draftName) ?? "",
    keepDraft(draft) {
      if (draft === "") lasting.remove(draftName);
      else lasting.write(draftName, draft);
    },
    unsent: () => parsedList(ofThisTab.read(unsentName)),
    keepUnsent(entries) {
      if (entries.length === 0) ofThisTab.remove(unsentName);
      else ofThisTab.write(unsentName, JSON.stringify(entries));
    },
  };
}

export const storedTheme = () => lasting.read("theme");
export const keepTheme = (theme) => (theme === "system" ? lasting.remove("theme") : lasting.write("theme", theme));

function parsedList(text) {
  try {
    const list = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
