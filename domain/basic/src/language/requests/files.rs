//! Files of the bot's drive. Paths are relative to it.

use super::{Word, clause, flag, name, request, value};
use crate::language::requests::Takes;

pub(super) const WORDS: &[Word] = &[
    request(
        "READ",
        &[],
        "text = READ \"rules.txt\"",
        "The text of a file, or its rows or lines.",
        (1, 1),
        &[name("AS")],
    ),
    request(
        "WRITE",
        &[],
        "WRITE \"notes.txt\", \"Berth 7 is free.\"",
        "Writes a file: texts as they are, other values as JSON.",
        (1, 2),
        &[clause("TO", Takes::Value), flag("APPEND"), name("AS")],
    ),
    request(
        "CREATE FILE",
        &[],
        "CREATE FILE \"notes.txt\" WITH \"Berth 7 is free.\"",
        "Makes a file that is not there yet.",
        (1, 2),
        &[value("WITH")],
    ),
    request(
        "COPY",
        &[],
        "COPY \"rules.txt\" TO \"old/rules.txt\"",
        "Copies a file.",
        (2, 2),
        &[],
    )
    .separated_by("TO"),
    request(
        "MOVE",
        &[],
        "MOVE \"rules.txt\" TO \"old/rules.txt\"",
        "Moves a file.",
        (2, 2),
        &[],
    )
    .separated_by("TO"),
    request(
        "DELETE FILE",
        &[],
        "DELETE FILE \"notes.txt\"",
        "Deletes a file.",
        (1, 1),
        &[],
    ),
    request(
        "LIST",
        &[],
        "files = LIST \"invoices/\" FILTER \"*.pdf\" RECURSIVE",
        "The files of a folder, with name, size and date; where a text is wanted, a file is its name: \"invoices/\" + file.",
        (1, 1),
        &[value("FILTER"), flag("RECURSIVE")],
    ),
    request(
        "COMPRESS",
        &[],
        "path = COMPRESS files, \"invoices.zip\"",
        "Packs files into an archive.",
        (2, 2),
        &[],
    )
    .separated_by("TO"),
    request(
        "EXTRACT",
        &[],
        "files = EXTRACT \"invoices.zip\", \"invoices/\"",
        "Unpacks an archive.",
        (1, 2),
        &[],
    )
    .separated_by("TO"),
    request(
        "UPLOAD",
        &[],
        "stored = UPLOAD photo TO \"photos/\" AS \"boat.png\"",
        "Keeps what the person sent, or what an address gives, as a file.",
        (1, 3),
        &[value("TO"), value("AS")],
    ),
    request(
        "DOWNLOAD",
        &[],
        "path = DOWNLOAD \"https://example.org/tides.csv\"",
        "Fetches what an address gives into a file.",
        (1, 2),
        &[clause("AS", Takes::Name), value("TO")],
    ),
    request(
        "GENERATE PDF",
        &[],
        "file = GENERATE PDF \"invoice.html\", data, \"invoices/7.pdf\"",
        "Makes a PDF from a template with {{name}} in it.",
        (1, 3),
        &[value("WITH TEMPLATE"), value("DATA"), value("WITH DATA")],
    ),
    request(
        "MERGE PDF",
        &[],
        "file = MERGE PDF files, \"all.pdf\"",
        "Puts PDF files one behind the other.",
        (2, 2),
        &[],
    ),
    request(
        "CREATE SITE",
        &[],
        "CREATE SITE \"regatta\", \"templates/plain\", \"A page about our regatta\"",
        "Has a language model make a small website.",
        (1, 4),
        &[value("WITH TEMPLATE"), value("USING PROMPT")],
    ),
    request(
        "CONVERT",
        &[],
        "file = CONVERT \"offer.docx\" TO \"offer.pdf\"",
        "Turns a file into another format.",
        (2, 2),
        &[],
    )
    .separated_by("TO"),
    request(
        "USER DRIVE",
        &[],
        "files = USER DRIVE \"list\", \"/\"",
        "Works with the person's own files.",
        (1, 3),
        &[],
    ),
];
