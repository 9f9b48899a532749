//! The kinds of answers and the names by which scripts ask for them.

use serde::{Deserialize, Serialize};

/// What kind of answer a HEAR accepts. Stored in programs: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HearKind {
    /// Anything, as it came.
    Text,
    /// A person's name.
    Name,
    /// A whole number.
    Integer,
    /// A number, with decimals or without.
    Number,
    /// Yes or no.
    Boolean,
    Email,
    Date,
    /// One of the options; anything else too when `open`.
    Menu {
        open: bool,
    },
    /// A time of day, as `HH:MM`.
    Time,
    /// An amount of money, as a number of two decimals at most.
    Money,
    /// A telephone number, as its digits.
    Phone,
    /// A postal code: letters and digits, of Brazil and elsewhere.
    PostalCode,
    /// A language, as its code of two letters.
    Language,
    /// The tax number of a person in Brazil, as its digits.
    Cpf,
    /// The tax number of a company in Brazil, without its separators.
    Cnpj,
    /// What a QR code says. A picture of one is read by the host, which answers with its text.
    QrCode,
    /// The name by which somebody signs in.
    Login,
    /// A file of any type.
    File,
    Image,
    Audio,
    Video,
    Document,
    /// The address of a page.
    Url,
    Uuid,
    /// A colour, as `#rrggbb`.
    Color,
    /// The number of a payment card, of which only the last digits remain.
    Card,
    /// A password, of eight characters or more.
    Password,
}

impl HearKind {
    /// What stands in events for a question of this kind. A name keeps its meaning for ever.
    pub fn name(self) -> &'static str {
        match self {
            HearKind::Text => "text",
            HearKind::Name => "name",
            HearKind::Integer => "integer",
            HearKind::Number => "number",
            HearKind::Boolean => "boolean",
            HearKind::Email => "email",
            HearKind::Date => "date",
            HearKind::Menu { .. } => "menu",
            HearKind::Time => "time",
            HearKind::Money => "money",
            HearKind::Phone => "phone",
            HearKind::PostalCode => "postal_code",
            HearKind::Language => "language",
            HearKind::Cpf => "cpf",
            HearKind::Cnpj => "cnpj",
            HearKind::QrCode => "qr_code",
            HearKind::Login => "login",
            HearKind::File => "file",
            HearKind::Image => "image",
            HearKind::Audio => "audio",
            HearKind::Video => "video",
            HearKind::Document => "document",
            HearKind::Url => "url",
            HearKind::Uuid => "uuid",
            HearKind::Color => "color",
            HearKind::Card => "card",
            HearKind::Password => "password",
        }
    }

    /// Whether the answer is to be masked wherever it is shown.
    pub fn is_secret(self) -> bool {
        matches!(self, HearKind::Card | HearKind::Password)
    }

    /// The kind of a [`HearKind::name`]; None for a menu, whose name says not everything, and for no name at all.
    pub fn of_name(name: &str) -> Option<HearKind> {
        TYPES
            .iter()
            .map(|(_, kind)| *kind)
            .find(|kind| kind.name() == name && !matches!(kind, HearKind::Menu { .. }))
    }

    /// The kind that HEAR … AS calls by this name, in capitals.
    pub(crate) fn named(name: &str) -> Option<HearKind> {
        TYPES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }

    /// Every name of a type.
    pub(crate) fn type_names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(name, _)| *name)
    }
}

const TYPES: &[(&str, HearKind)] = &[
    ("TEXT", HearKind::Text),
    ("STRING", HearKind::Text),
    ("NAME", HearKind::Name),
    ("INTEGER", HearKind::Integer),
    ("INT", HearKind::Integer),
    ("NUMBER", HearKind::Integer),
    ("FLOAT", HearKind::Number),
    ("DECIMAL", HearKind::Number),
    ("DOUBLE", HearKind::Number),
    ("BOOLEAN", HearKind::Boolean),
    ("BOOL", HearKind::Boolean),
    ("EMAIL", HearKind::Email),
    ("DATE", HearKind::Date),
    ("MENU", HearKind::Menu { open: false }),
    ("HOUR", HearKind::Time),
    ("TIME", HearKind::Time),
    ("MONEY", HearKind::Money),
    ("MOBILE", HearKind::Phone),
    ("PHONE", HearKind::Phone),
    ("TELEPHONE", HearKind::Phone),
    ("ZIPCODE", HearKind::PostalCode),
    ("CEP", HearKind::PostalCode),
    ("LANGUAGE", HearKind::Language),
    ("CPF", HearKind::Cpf),
    ("CNPJ", HearKind::Cnpj),
    ("QRCODE", HearKind::QrCode),
    ("LOGIN", HearKind::Login),
    ("FILE", HearKind::File),
    ("IMAGE", HearKind::Image),
    ("PHOTO", HearKind::Image),
    ("AUDIO", HearKind::Audio),
    ("VOICE", HearKind::Audio),
    ("VIDEO", HearKind::Video),
    ("DOCUMENT", HearKind::Document),
    ("PDF", HearKind::Document),
    ("URL", HearKind::Url),
    ("LINK", HearKind::Url),
    ("UUID", HearKind::Uuid),
    ("GUID", HearKind::Uuid),
    ("COLOR", HearKind::Color),
    ("COLOUR", HearKind::Color),
    ("HEX", HearKind::Color),
    ("CREDITCARD", HearKind::Card),
    ("CARD", HearKind::Card),
    ("PASSWORD", HearKind::Password),
    ("SECRET", HearKind::Password),
];
