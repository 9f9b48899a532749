// Light or dark: by the system until the visitor chooses; and the colours that a bot brings along. From one
// colour of any lightness come a fill, the ink on that fill and a colour for text and borders, each with
// enough contrast on the page's background: by WCAG 2.2, (lighter + 0.05) / (darker + 0.05) of luminance.

import { keepTheme, storedTheme } from "./storage.js";

const THEMES = ["system", "light", "dark"];
// The backgrounds that accents must stand out from: `--bubble` of tokens.css in dark, `--background` in light.
const LIGHT_BACKGROUND = [243, 244, 247];
const DARK_BACKGROUND = [36, 40, 46];

export function currentTheme() {
  const stored = storedTheme();
  return THEMES.includes(stored) ? stored : "system";
}

export const themeAfter = (theme) => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];

export function applyTheme(theme) {
  keepTheme(theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Takes over the colours of a bot; a colour that cannot be understood leaves the page's own. */
export function applyColours({ color1, color2 } = {}) {
  const style = document.documentElement.style;
  const accent = understood(color1);
  if (accent) {
    for (const [name, background] of [["light", LIGHT_BACKGROUND], ["dark", DARK_BACKGROUND]]) {
      const { fill, ink, text } = accentOn(accent, background);
      style.setProperty(`--accent-${name}`, fill);
      style.setProperty(`--accent-ink-${name}`, ink);
      style.setProperty(`--accent-text-${name}`, text);
    }
  }
  const avatar = understood(color2) ?? accent;
  if (avatar) {
    style.setProperty("--avatar", css(avatar));
    style.setProperty("--avatar-ink", css(inkOn(avatar)));
  }
}

/** Names such as `navy` and other notations are left to the browser to turn into numbers. */
function understood(text) {
  if (typeof text !== "string" || text.trim() === "") return null;
  const parsed = parsedColour(text.trim());
  if (parsed || !CSS.supports("color", text)) return parsed;
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = text;
  return parsedColour(canvas.fillStyle);
}

const WHITE = [255, 255, 255];
const INK = [17, 19, 23];
const TEXT_CONTRAST = 4.5;
// A filled bubble has text of its own; its edge need only be seen.
const FILL_CONTRAST = 1.6;

/** `#rgb`, `#rrggbb` (with or without alpha) or `rgb(r, g, b)` as three numbers; anything else is null. */
export function parsedColour(text) {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text)?.[1];
  if (hex && (hex.length === 3 || hex.length === 4)) return [0, 1, 2].map((index) => parseInt(hex[index].repeat(2), 16));
  if (hex && (hex.length === 6 || hex.length === 8)) return [0, 2, 4].map((index) => parseInt(hex.slice(index, index + 2), 16));
  const parts = /^rgba?\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})/i.exec(text);
  return parts ? parts.slice(1, 4).map((part) => Math.min(255, Number(part))) : null;
}

/** From 1 (the same) to 21 (black on white). */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** `{fill, ink, text}` as CSS colours for an accent on a background. */
export function accentOn(colour, background) {
  const away = luminance(background) > 0.2 ? INK : WHITE;
  const fill = movedUntil(colour, away, (candidate) => contrast(candidate, background) >= FILL_CONTRAST);
  const text = movedUntil(colour, away, (candidate) => contrast(candidate, background) >= TEXT_CONTRAST);
  return { fill: css(fill), ink: css(inkOn(fill)), text: css(text) };
}

/** White where it can be read, else near-black: one of the two always can. */
const inkOn = (fill) => (contrast(WHITE, fill) >= TEXT_CONTRAST ? WHITE : INK);

const css = (colour) => `rgb(${colour.join(" ")})`;

/** Makes the colour lighter or darker, keeping its hue, until it is good enough. */
function movedUntil(colour, target, isGood) {
  const { hue, saturation, lightness } = hueOf(colour);
  const end = target === WHITE ? 1 : 0;
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = share === 0 ? colour : ofHue(hue, saturation, lightness + (end - lightness) * share);
    if (isGood(candidate)) return candidate;
  }
  return target;
}

function hueOf(colour) {
  const [red, green, blue] = colour.map((part) => part / 255);
  const [least, most] = [Math.min(red, green, blue), Math.max(red, green, blue)];
  const [spread, lightness] = [most - least, (most + least) / 2];
  if (spread === 0) return { hue: 0, saturation: 0, lightness };
  const sector = most === red ? (green - blue) / spread : most === green ? (blue - red) / spread + 2 : (red - green) / spread + 4;
  return { hue: sector * 60, saturation: spread / (1 - Math.abs(2 * lightness - 1)), lightness };
}

function ofHue(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const place = (offset + hue / 30 + 12) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  });
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
