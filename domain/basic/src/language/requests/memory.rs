//! What is remembered: of a session, of a person, of a bot.

use super::{Word, request};

pub(super) const WORDS: &[Word] = &[
    request(
        "SET BOT MEMORY",
        &[],
        "SET BOT MEMORY \"opening\", \"9 to 17\"",
        "Remembers something for the bot, whoever talks to it.",
        (2, 2),
        &[],
    )
    .assigning(),
    request(
        "GET BOT MEMORY",
        &[],
        "opening = GET BOT MEMORY(\"opening\")",
        "What the bot remembers, or an empty text.",
        (1, 1),
        &[],
    ),
    request(
        "SET USER MEMORY",
        &[],
        "SET USER MEMORY \"berth\", 7",
        "Remembers something of the person, across sessions.",
        (2, 2),
        &[],
    )
    .assigning(),
    request(
        "GET USER MEMORY",
        &[],
        "berth = GET USER MEMORY(\"berth\")",
        "What is remembered of the person, or an empty text.",
        (1, 1),
        &[],
    ),
    request(
        "CLEAR USER MEMORY",
        &[],
        "CLEAR USER MEMORY",
        "Forgets one thing that is remembered of the person, or everything.",
        (0, 1),
        &[],
    ),
    request(
        "REMEMBER USER FACT",
        &[],
        "REMEMBER USER FACT \"sails a ketch\"",
        "Adds to what is known of the person.",
        (1, 1),
        &[],
    ),
    request(
        "GET USER FACTS",
        &[],
        "facts = GET USER FACTS()",
        "What is known of the person, as a list.",
        (0, 0),
        &[],
    ),
    request(
        "REMEMBER",
        &[],
        "REMEMBER \"berth\", 7, \"30 days\"",
        "Remembers something of the person, for a time or for good.",
        (2, 3),
        &[],
    )
    .assigning(),
    request(
        "RECALL",
        &[],
        "berth = RECALL \"berth\"",
        "What REMEMBER was given, or an empty text.",
        (1, 1),
        &[],
    ),
    request(
        "GET SESSION",
        &[],
        "step = GET SESSION \"step\"",
        "A variable of this session, or of another one whose id comes first.",
        (1, 2),
        &[],
    ),
    request(
        "SET SESSION",
        &[],
        "SET SESSION \"step\", 2",
        "Sets a variable of this session, or of another one whose id comes first.",
        (2, 3),
        &[],
    )
    .assigning(),
    request(
        "SEND TO SESSION",
        &[],
        "SEND TO SESSION other, \"Your table is free.\"",
        "Says something in another session of the bot.",
        (2, 2),
        &[],
    ),
    request(
        "CACHE SET",
        &["SET CACHE"],
        "CACHE SET \"rate\", 1.08, 3600",
        "Keeps something for a while, an hour unless seconds are given.",
        (2, 3),
        &[],
    ),
    request(
        "CACHE GET",
        &["GET CACHE"],
        "rate = CACHE GET \"rate\"",
        "What was kept, or null.",
        (1, 1),
        &[],
    ),
    request(
        "BOT SHARE MEMORY",
        &[],
        "BOT SHARE MEMORY \"opening\" WITH \"billing\"",
        "Lets another bot of the organisation remember the same.",
        (2, 2),
        &[],
    )
    .separated_by("WITH"),
    request(
        "BOT SYNC MEMORY FROM",
        &[],
        "BOT SYNC MEMORY FROM \"billing\"",
        "Takes over what another bot shares.",
        (1, 1),
        &[],
    ),
];
