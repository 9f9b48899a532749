// The words of the page in the visitor's language; each language is one file in `texts/`.

// Only the language in use is fetched.
const LANGUAGES = {
  en: async () => (await import("./texts/en.js")).english,
  pt: async () => (await import("./texts/pt.js")).portuguese,
};

/** The first of the wanted languages that there are texts for, else English. */
export function chosenLanguage(wanted) {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (language in LANGUAGES) return { language, locale: tag };
  }
  return { language: "en", locale: "en" };
}

// The scripts that run from right to left.
const LEFTWARD = ["Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"];

/**
 * The direction of the page, `rtl` or `ltr`: that of the visitor's own language, even if the page has no texts
 * in it. Most of what stands on the page is what people and bots say.
 */
export function directionOf([language]) {
  try {
    return LEFTWARD.includes(new Intl.Locale(language).maximize().script) ? "rtl" : "ltr";
  } catch {
    return "ltr";
  }
}

/**
 * Promises a function from the name of a text to the text, with `{name}` replaced by values.
 * With a `count` value the form of the text for that number is taken (`one`, `other`).
 */
export const textsIn = async (language) => wordsOf(await LANGUAGES[language](), language);

/** The same for texts that are at hand. */
export function wordsOf(texts, language) {
  const plural = new Intl.PluralRules(language);
  return (name, values = {}) => {
    const found = texts[name];
    const text = typeof found === "object" ? (found[plural.select(values.count)] ?? found.other) : found;
    return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
  };
}

/** How moments are written: the clock, the whole moment, and the day relative to today. */
export function clockIn(locale) {
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
  const date = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const dateOfOtherYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  return {
    time: (at) => time.format(at),
    moment: (at) => moment.format(at),
    day(at, now) {
      const days = Math.round((startOfDay(at) - startOfDay(now)) / 86_400_000);
      if (days === 0 || days === -1) return capitalised(relative.format(days, "day"), locale);
      return capitalised((at.getFullYear() === now.getFullYear() ? date : dateOfOtherYear).format(at), locale);
    },
  };
}

/** How sizes are written: in bytes, kB or MB of powers of ten. */
export function sizeIn(locale) {
  const unit = (name, digits) => new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
  const [bytes, kilobytes, megabytes] = [unit("byte", 0), unit("kilobyte", 0), unit("megabyte", 1)];
  return (count) => {
    if (count < 1_000) return bytes.format(count);
    return count < 999_500 ? kilobytes.format(count / 1_000) : megabytes.format(count / 1_000_000);
  };
}

const startOfDay = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
const capitalised = (text, locale) => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
