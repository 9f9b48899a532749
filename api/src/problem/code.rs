//! The list of problem codes, from which docs/errors.md is made.

use std::fmt::Write;

/// A kind of problem that a client can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable, `noun_reason`.
    pub name: &'static str,
    pub status: u16,
    pub title: &'static str,
    /// What to do about it.
    pub meaning: &'static str,
}

const fn code(name: &'static str, status: u16, title: &'static str, meaning: &'static str) -> Code {
    Code {
        name,
        status,
        title,
        meaning,
    }
}

/// By status, then by name. A test compares it with what `commands` refuses with.
pub const CODES: &[Code] = &[
    code(
        "body_malformed",
        400,
        "Body is not JSON",
        "`errors` says at which line and column the text stops being JSON.",
    ),
    code(
        "idempotency_key_invalid",
        400,
        "Idempotency key is not valid",
        "Send one `Idempotency-Key` of 1 to 255 visible ASCII characters.",
    ),
    code(
        "query_invalid",
        400,
        "Query is not valid",
        "A parameter of the address is missing or malformed.",
    ),
    code(
        "request_malformed",
        400,
        "Request is malformed",
        "The request breaks a rule of the protocol.",
    ),
    code(
        "unauthenticated",
        401,
        "Credential is missing or not valid",
        "Send `Authorization: Bearer` with a token that is neither expired nor revoked. Which of these it was is not told.",
    ),
    code(
        "forbidden",
        403,
        "Permission is missing",
        "The token is good but lacks the permission named in `detail`.",
    ),
    code(
        "bot_not_found",
        404,
        "Bot not found",
        "No bot of this organisation has the id or name.",
    ),
    code(
        "conversation_not_found",
        404,
        "Conversation not found",
        "No conversation of this organisation has the id.",
    ),
    code(
        "drive_file_not_found",
        404,
        "File not found",
        "The bot's drive has no file of this id, or it was erased.",
    ),
    code(
        "file_not_found",
        404,
        "File not found",
        "The session has no file of this id, or nobody sent it within an hour and it was discarded.",
    ),
    code(
        "not_found",
        404,
        "Not found",
        "Nothing has this address. A malformed id answers so, too.",
    ),
    code(
        "form_not_found",
        404,
        "Form not found",
        "No script of the bot says `ON FORM SUBMIT` with this name.",
    ),
    code(
        "organisation_not_found",
        404,
        "Organisation not found",
        "No organisation has the id.",
    ),
    code(
        "reply_not_found",
        404,
        "Reply not found",
        "The bot said nothing of this id in the session.",
    ),
    code(
        "run_not_found",
        404,
        "Run not found",
        "No run of this organisation has the id.",
    ),
    code(
        "schedule_not_found",
        404,
        "Schedule not found",
        "No schedule of this organisation has the id.",
    ),
    code(
        "session_not_found",
        404,
        "Session not found",
        "No session of this organisation has the id.",
    ),
    code(
        "switcher_not_found",
        404,
        "Switch not found",
        "The session has no switch of this id.",
    ),
    code(
        "token_not_found",
        404,
        "Token not found",
        "No token of this organisation has the id.",
    ),
    code(
        "tool_not_found",
        404,
        "Tool not found",
        "The bot has no script of this name that says what it is for.",
    ),
    code(
        "user_not_found",
        404,
        "User not found",
        "No user of this organisation has the id.",
    ),
    code(
        "webhook_not_found",
        404,
        "Webhook not found",
        "No script of the bot says `WEBHOOK` with this name.",
    ),
    code(
        "method_not_allowed",
        405,
        "Method is not allowed",
        "`Allow` lists the methods of this address.",
    ),
    code(
        "request_timeout",
        408,
        "Request took too long to arrive",
        "Send the body without pauses.",
    ),
    code(
        "bot_exists",
        409,
        "Bot exists already",
        "Use another idempotency key for another bot.",
    ),
    code(
        "bot_name_taken",
        409,
        "Bot name is taken",
        "Choose another name, or retire the bot that has it.",
    ),
    code("bot_paused", 409, "Bot is paused", "Resume the bot first."),
    code("bot_retired", 409, "Bot is retired", "A retired bot stays so."),
    code(
        "contended",
        409,
        "Too many changes at once",
        "Others changed the same thing again and again. Repeat after `Retry-After`.",
    ),
    code(
        "conversation_exists",
        409,
        "Conversation exists already",
        "Nothing to do.",
    ),
    code(
        "conversation_ended",
        409,
        "Conversation has ended",
        "A new turn begins another one.",
    ),
    code(
        "conversation_not_waiting",
        409,
        "Conversation waits for nobody",
        "Somebody else has it, or nobody was asked for.",
    ),
    code(
        "conversation_with_bot",
        409,
        "The bot answers in the conversation",
        "Take the conversation over first.",
    ),
    code(
        "drive_files_too_many",
        409,
        "Too many files",
        "Remove files of the bot's drive first.",
    ),
    code(
        "drive_full",
        409,
        "Drive is full",
        "Remove files of the bot's drive first, or have the operator raise `limits.drive_bytes_max`.",
    ),
    code(
        "file_attached",
        409,
        "File belongs to another message",
        "A file is sent once. Upload it again to send it again.",
    ),
    code("file_exists", 409, "File exists already", "Nothing to do."),
    code(
        "idempotency_key_reused",
        409,
        "Idempotency key was used for another request",
        "A key stands for one request: method, address and body.",
    ),
    code(
        "organisation_exists",
        409,
        "Organisation exists already",
        "Nothing to do.",
    ),
    code(
        "session_ended",
        409,
        "Session has ended",
        "Start another session.",
    ),
    code("session_exists", 409, "Session exists already", "Nothing to do."),
    code(
        "taken",
        409,
        "Something of this name exists",
        "A name that must be unique belongs to something else.",
    ),
    code("token_exists", 409, "Token exists already", "Nothing to do."),
    code(
        "too_many_notes",
        409,
        "Conversation has too many notes",
        "A conversation has at most 100 notes.",
    ),
    code(
        "too_many_tags",
        409,
        "Conversation has too many tags",
        "A conversation has at most 20 tags.",
    ),
    code(
        "user_deactivated",
        409,
        "Account is switched off",
        "Nothing is taken from the person until the account is switched on again.",
    ),
    code(
        "user_erased",
        409,
        "Person was erased",
        "Nothing of theirs is taken any more.",
    ),
    code(
        "user_is_visitor",
        409,
        "User is a visitor",
        "A visitor has no account.",
    ),
    code(
        "user_login_taken",
        409,
        "Login is taken",
        "Somebody of the organisation has it, perhaps with an account that is switched off.",
    ),
    code(
        "user_registered",
        409,
        "User is registered already",
        "Nothing to do.",
    ),
    code(
        "file_erased",
        410,
        "File was erased",
        "The person whose file it was has been erased.",
    ),
    code(
        "file_lost",
        410,
        "Content of the file is lost",
        "The storage does not have it any more. The server's log names the file.",
    ),
    code("body_too_large", 413, "Body is too large", "Send less at once."),
    code(
        "drive_file_too_large",
        413,
        "File is too large",
        "A file of a drive has at most 64 MiB.",
    ),
    code(
        "file_too_large",
        413,
        "File is too large",
        "`detail` says how large a file may be.",
    ),
    code(
        "session_files_too_large",
        413,
        "Session has too many files",
        "The files of a session are limited together. `detail` says how much room is left.",
    ),
    code(
        "address_too_long",
        414,
        "Address is too long",
        "Shorten path and query.",
    ),
    code(
        "media_type_unsupported",
        415,
        "Media type is not supported",
        "Send `Content-Type: application/json`, uncompressed, in UTF-8.",
    ),
    code(
        "attendant_name_invalid",
        422,
        "Name is not valid",
        "1 to 200 characters on one line.",
    ),
    code(
        "body_invalid",
        422,
        "Body is not valid",
        "`errors` says which field is missing, unknown or of the wrong kind.",
    ),
    code(
        "bot_name_invalid",
        422,
        "Bot name is not valid",
        "1 to 64 characters of a-z, 0-9, - and _, beginning with a letter or digit.",
    ),
    code(
        "bot_name_reserved",
        422,
        "Bot name is reserved",
        "The server itself uses this address.",
    ),
    code(
        "drive_path",
        422,
        "Path is not valid",
        "A path is relative to the drive, with `/` between folders, and leads nowhere else. `detail` says what is wrong.",
    ),
    code(
        "field_invalid",
        422,
        "Field is not valid",
        "`errors` says which field and why.",
    ),
    code(
        "label_invalid",
        422,
        "Department or tag is not valid",
        "1 to 40 letters, digits, spaces and `- _ . &`.",
    ),
    code("note_invalid", 422, "Note is not valid", "1 to 4000 characters."),
    code(
        "organisation_name_invalid",
        422,
        "Organisation name is not valid",
        "`detail` says what a name may be.",
    ),
    code(
        "reason_invalid",
        422,
        "Reason is not valid",
        "At most 2000 characters.",
    ),
    code(
        "tool_arguments_invalid",
        422,
        "Arguments are not the tool's",
        "`detail` says which parameter is unknown or of another kind.",
    ),
    code(
        "token_expiry_invalid",
        422,
        "Expiry is not valid",
        "A token must expire after it is issued.",
    ),
    code(
        "token_name_invalid",
        422,
        "Token name is not valid",
        "1 to 200 characters.",
    ),
    code(
        "skip_reason_invalid",
        422,
        "Reason is not valid",
        "1 to 500 characters.",
    ),
    code(
        "token_without_permission",
        422,
        "Token has no permission",
        "Name at least one permission.",
    ),
    code(
        "user_login_invalid",
        422,
        "Login is not valid",
        "3 to 254 characters, none of them a space or a control character.",
    ),
    code(
        "user_name_invalid",
        422,
        "Name is not valid",
        "1 to 200 characters.",
    ),
    code(
        "upgrade_required",
        426,
        "WebSocket is required",
        "Ask for an upgrade to WebSocket.",
    ),
    code(
        "too_many_requests",
        429,
        "Too many requests",
        "Wait for `Retry-After` seconds.",
    ),
    code(
        "headers_too_large",
        431,
        "Headers are too large",
        "Send fewer or shorter headers.",
    ),
    code(
        "script_failed",
        500,
        "Script failed",
        "The bot's script broke; what broke is in the run that `detail` names.",
    ),
    code(
        "unexpected",
        500,
        "Unexpected error",
        "A fault of the server. `instance` finds it in the server's log.",
    ),
    code(
        "answer_timeout",
        503,
        "Answer took too long",
        "It may or may not have been done: repeat with the same idempotency key.",
    ),
    code(
        "not_ready",
        503,
        "Server is not ready",
        "It starts, shuts down, or lacks something: see `detail`, and `errors` with `?verbose`.",
    ),
    code(
        "overloaded",
        503,
        "Too many commands wait",
        "Nothing was done. Repeat after `Retry-After` with the same idempotency key.",
    ),
    code(
        "storage_unavailable",
        503,
        "Storage is not available",
        "Files cannot be kept or read for the moment. Repeat after `Retry-After`.",
    ),
    code(
        "unavailable",
        503,
        "Temporarily unavailable",
        "The event log cannot be reached. Repeat after `Retry-After` with the same idempotency key.",
    ),
];

/// docs/errors.md.
pub fn error_table() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every error is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status` and\n\
         `code`, where useful `detail` and `errors`, and as `instance` the correlation id under which the server logged\n\
         the request. Programs look at `code`. Generated from `api/src/problem/code.rs`.\n\n\
         | Status | `code` | Title | What to do |\n|---|---|---|---|\n",
    );
    for Code {
        name,
        status,
        title,
        meaning,
    } in CODES
    {
        writeln!(text, "| {status} | `{name}` | {title} | {meaning} |")
            .expect("writing to a string succeeds");
    }
    text
}
