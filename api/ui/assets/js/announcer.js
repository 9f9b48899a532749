// Tells people who listen to the page what came in. A live region of its own, because the transcript
// itself changes far too often (streams, states, times) to be read out.

// A whole history at once is not read out, only its last message.
const READ_AT_ONCE_MAX = 3;
const LENGTH_MAX = 600;

export function createAnnouncer(region) {
  return {
    /** Reads out messages: `{author, text}` in order. */
    messages(messages) {
      const read = messages.length > READ_AT_ONCE_MAX ? messages.slice(-1) : messages;
      for (const { author, text } of read) say(region, `${author}: ${text.slice(0, LENGTH_MAX)}`);
    },
    say: (text) => say(region, text),
  };
}

function say(region, text) {
  const line = document.createElement("p");
  line.textContent = text;
  region.append(line);
  while (region.childElementCount > READ_AT_ONCE_MAX) region.firstElementChild.remove();
}
