//! Answers that name something by a code: languages, colours, postal codes, addresses of pages, UUIDs.

/// Codes of ISO 639-1 with the names in English, Portuguese, Spanish and the language itself.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("ar", &["arabic", "árabe", "arabe", "العربية"]),
    ("bg", &["bulgarian", "búlgaro", "bulgaro", "български"]),
    ("bn", &["bengali", "bengalês", "bengalí", "বাংলা"]),
    ("ca", &["catalan", "catalão", "catalán", "català"]),
    ("cs", &["czech", "tcheco", "checo", "čeština"]),
    ("da", &["danish", "dinamarquês", "danés", "dansk"]),
    (
        "de",
        &["german", "alemão", "alemao", "alemán", "aleman", "deutsch"],
    ),
    ("el", &["greek", "grego", "griego", "ελληνικά"]),
    ("en", &["english", "inglês", "ingles", "inglés"]),
    ("es", &["spanish", "espanhol", "español", "espanol", "castellano"]),
    ("et", &["estonian", "estoniano", "estonio", "eesti"]),
    ("fa", &["persian", "farsi", "persa", "فارسی"]),
    ("fi", &["finnish", "finlandês", "finlandés", "finés", "suomi"]),
    (
        "fr",
        &["french", "francês", "frances", "francés", "français", "francais"],
    ),
    ("he", &["hebrew", "hebraico", "hebreo", "עברית"]),
    ("hi", &["hindi", "hindú", "हिन्दी"]),
    ("hr", &["croatian", "croata", "hrvatski"]),
    ("hu", &["hungarian", "húngaro", "hungaro", "magyar"]),
    (
        "id",
        &["indonesian", "indonésio", "indonesio", "bahasa indonesia"],
    ),
    ("it", &["italian", "italiano"]),
    ("ja", &["japanese", "japonês", "japones", "japonés", "日本語"]),
    ("ko", &["korean", "coreano", "한국어"]),
    ("lt", &["lithuanian", "lituano", "lietuvių"]),
    ("lv", &["latvian", "letão", "letón", "latviešu"]),
    ("ms", &["malay", "malaio", "malayo", "bahasa melayu"]),
    (
        "nl",
        &[
            "dutch",
            "holandês",
            "neerlandês",
            "holandés",
            "neerlandés",
            "nederlands",
        ],
    ),
    ("no", &["norwegian", "norueguês", "noruego", "norsk"]),
    ("pl", &["polish", "polonês", "polaco", "polski"]),
    ("pt", &["portuguese", "português", "portugues", "portugués"]),
    ("ro", &["romanian", "romeno", "rumano", "română"]),
    ("ru", &["russian", "russo", "ruso", "русский"]),
    ("sk", &["slovak", "eslovaco", "slovenčina"]),
    ("sl", &["slovenian", "esloveno", "slovenščina"]),
    ("sr", &["serbian", "sérvio", "serbio", "српски"]),
    ("sv", &["swedish", "sueco", "svenska"]),
    ("sw", &["swahili", "suaíli", "suajili", "kiswahili"]),
    ("th", &["thai", "tailandês", "tailandés", "ไทย"]),
    ("tr", &["turkish", "turco", "türkçe"]),
    ("uk", &["ukrainian", "ucraniano", "українська"]),
    ("ur", &["urdu", "اردو"]),
    ("vi", &["vietnamese", "vietnamita", "tiếng việt"]),
    (
        "zh",
        &["chinese", "mandarin", "chinês", "chino", "mandarim", "中文"],
    ),
];

/// The code of a language by its code, with or without a region, or by its name.
pub(super) fn language(text: &str) -> Option<&'static str> {
    let text = text.trim_end_matches(['.', '!']).to_lowercase();
    let code = text.split(['-', '_']).next().unwrap_or_default();
    LANGUAGES
        .iter()
        .find(|(known, names)| *known == code || names.contains(&text.as_str()))
        .map(|(known, _)| *known)
}

const COLORS: &[(&str, &[&str])] = &[
    ("#000000", &["black", "preto", "negro"]),
    ("#ffffff", &["white", "branco", "blanco"]),
    ("#ff0000", &["red", "vermelho", "rojo"]),
    ("#008000", &["green", "verde"]),
    ("#0000ff", &["blue", "azul"]),
    ("#ffff00", &["yellow", "amarelo", "amarillo"]),
    ("#ffa500", &["orange", "laranja", "naranja"]),
    ("#800080", &["purple", "roxo", "morado"]),
    ("#ffc0cb", &["pink", "rosa"]),
    ("#a52a2a", &["brown", "marrom", "castanho", "marrón", "marron"]),
    ("#808080", &["gray", "grey", "cinza", "gris"]),
    ("#00ffff", &["cyan", "ciano", "cian"]),
    ("#ff00ff", &["magenta"]),
];

/// `#rrggbb` in small letters, from that, from `#rgb`, from `rgb(r, g, b)`, or from a name (the values of
/// CSS) in English, Portuguese or Spanish.
pub(super) fn color(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    if let Some((code, _)) = COLORS.iter().find(|(_, names)| names.contains(&text.as_str())) {
        return Some((*code).to_owned());
    }
    if let Some(parts) = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        let parts: Vec<u8> = parts
            .split(',')
            .map(|part| part.trim().parse().ok())
            .collect::<Option<_>>()?;
        let [red, green, blue] = parts.as_slice() else {
            return None;
        };
        return Some(format!("#{red:02x}{green:02x}{blue:02x}"));
    }
    let digits = text
        .strip_prefix('#')
        .or(text.strip_prefix("0x"))
        .unwrap_or(&text);
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        3 => Some(digits.chars().fold("#".to_owned(), |mut code, digit| {
            code.extend([digit, digit]);
            code
        })),
        6 => Some(format!("#{digits}")),
        _ => None,
    }
}

/// In capitals; a CEP of Brazil, which has eight digits, as `01310-100`.
pub(super) fn postal_code(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '.');
    let code: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    if !text.chars().all(allowed) || !(3..=10).contains(&code.len()) || digits == 0 {
        return None;
    }
    if code.len() == 8 && digits == 8 {
        return Some(format!("{}-{}", &code[..5], &code[5..]));
    }
    // Elsewhere spaces and hyphens belong to the code: SW1A 1AA, 10001-0001.
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(words.join(" ").to_uppercase())
}

/// An address of the web, with its scheme; `https://` where none was written.
pub(super) fn url(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None => ("https".to_owned(), text),
    };
    if !matches!(scheme.as_str(), "http" | "https")
        || text.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // What stands before @ would be a password, or a trick.
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let named = host.split('.').all(label) && (host.contains('.') || host == "localhost");
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok());
    // 2,048: what browsers and crawlers take for certain.
    let good = named && numbered && text.len() <= 2048;
    good.then(|| format!("{scheme}://{}{path}", authority.to_lowercase()))
}

/// In small letters, with hyphens, whether it was written with hyphens, in braces, or neither.
pub(super) fn uuid(text: &str) -> Option<String> {
    let text = text
        .trim_start_matches("urn:uuid:")
        .trim_matches(['{', '}'])
        .to_lowercase();
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let groups = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    let hyphenated = groups.join("-");
    (!text.contains('-') || text == hyphenated).then_some(hyphenated)
}
