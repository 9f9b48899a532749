// A file of a message: a picture is shown, anything else is named; a click saves it.
//
// The content needs the session's credential, which must stand in no address: it is fetched, and shown from memory.

import { element, icon } from "./element.js";

// What every browser shows, and no document with scripts. A larger one is shown when it is asked for.
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
const SHOWN_BYTES_MAX = 5 * 1024 * 1024;

/** `contentOf(file)` promises a blob, or fails with a `Refusal`; asked again only after it failed. */
export function createFileView(file, { text, size, contentOf, announce }) {
  const name = element("bdi", { class: "file-name", text: file.name });
  const note = element("span", { class: "file-size", text: size(file.bytes) });
  const verb = element("span", { class: "visually-hidden", text: `${text("saveFile")} ` });
  const node = element("button", { class: "file", type: "button", title: text("saveFile"), onclick: save }, icon("file"), element("span", { class: "file-words" }, verb, name, note));
  let address = null;

  function addressOf() {
    address ??= contentOf(file).then(URL.createObjectURL, (refusal) => {
      address = null;
      throw refusal;
    });
    return address;
  }

  async function save() {
    try {
      element("a", { href: await addressOf(), download: file.name }).click();
    } catch {
      note.textContent = text("fileAway");
      announce(text("fileAway"));
    }
  }

  async function showPicture() {
    // Its name stands beside it, and what it shows nobody has said.
    const picture = element("img", { class: "file-picture", alt: "" });
    try {
      picture.src = await addressOf();
      await picture.decode();
      node.classList.add("file-shown");
      node.prepend(picture);
    } catch {
      // It stays a name that can be saved.
    }
  }

  if (PICTURES.includes(file.media_type) && file.bytes <= SHOWN_BYTES_MAX) showPicture();
  return node;
}
