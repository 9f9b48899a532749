// How a transcript is laid out in rows: day separators, the mark before what is unread, and groups of
// messages by one author within a short time. Pure.

// Messages further apart than this start a new group with its own time below.
const GROUP_MS = 5 * 60_000;

/**
 * Rows from top to bottom: `{kind: "day", key, at}`, `{kind: "unread", key}` and
 * `{kind: "message", key, entry, first, last}` with the place in its group.
 * Days are those of the browser's time zone. Messages without text and files have no row.
 */
export function rowsOf(entries, unreadFrom = null) {
  const shown = entries.filter(isShown);
  const rows = [];
  let day = null;
  for (const [index, entry] of shown.entries()) {
    const itsDay = dayOf(entry);
    const newDay = itsDay !== null && itsDay !== day;
    if (newDay) {
      rows.push({ kind: "day", key: `day:${itsDay}`, at: new Date(entry.at) });
      day = itsDay;
    }
    const isUnreadFrom = entry.key === unreadFrom;
    if (isUnreadFrom) rows.push({ kind: "unread", key: "unread" });
    const first = newDay || isUnreadFrom || !isOneGroup(shown[index - 1], entry);
    const next = shown[index + 1];
    const last = next === undefined || next.key === unreadFrom || startsDay(next, day) || !isOneGroup(entry, next);
    rows.push({ kind: "message", key: entry.key, entry, first, last });
  }
  return rows;
}

export const isShown = (entry) => entry.erased || entry.masked || entry.files.length > 0 || entry.content.trim() !== "";

const startsDay = (entry, day) => dayOf(entry) !== null && dayOf(entry) !== day;

function isOneGroup(one, next) {
  if (one === undefined || one.author !== next.author || one.attendant !== next.attendant || one.author === "notice") return false;
  if (one.at === null || next.at === null) return true;
  return Math.abs(new Date(next.at) - new Date(one.at)) <= GROUP_MS;
}

function dayOf(entry) {
  if (entry.at === null) return null;
  const at = new Date(entry.at);
  return `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`;
}
