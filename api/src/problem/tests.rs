//! Every error of a command has its status, and the list of codes is complete and in order.

use axum::response::IntoResponse;
use commands::{BotError, CommandError};
use domain::Permission;
use http::StatusCode;

use super::*;

#[track_caller]
fn check(error: CommandError, status: u16, code: &str) {
    let problem = Problem::from(error);
    assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
}

#[test]
fn each_error_of_a_command_has_its_status() {
    check(CommandError::Denied(Permission::BotCreate), 403, "forbidden");
    check(CommandError::Unauthenticated, 401, "unauthenticated");
    check(BotError::NotFound.into(), 404, "bot_not_found");
    check(BotError::Retired.into(), 409, "bot_retired");
    check(BotError::Name.into(), 422, "bot_name_invalid");
    check(
        CommandError::Invalid {
            field: "content",
            message: "empty".to_owned(),
        },
        422,
        "field_invalid",
    );
    check(
        CommandError::Taken {
            kind: "bot_name".to_owned(),
        },
        409,
        "bot_name_taken",
    );
    check(
        CommandError::Taken {
            kind: "login".to_owned(),
        },
        409,
        "user_login_taken",
    );
    check(
        CommandError::Taken {
            kind: "something new".to_owned(),
        },
        409,
        "taken",
    );
    check(CommandError::Mismatch, 409, "idempotency_key_reused");
    check(CommandError::Contended, 409, "contended");
    check(CommandError::Overloaded, 503, "overloaded");
    check(CommandError::Unexpected("secret".into()), 500, "unexpected");
}

#[test]
fn a_repeatable_problem_says_when() {
    for repeatable in [CommandError::Contended, CommandError::Overloaded] {
        let response = Problem::from(repeatable).into_response();
        assert_eq!(response.headers()["retry-after"], "1");
    }
}

#[test]
fn a_missing_credential_is_challenged() {
    let response = Problem::of_status(StatusCode::UNAUTHORIZED).into_response();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn an_unexpected_cause_is_not_shown() {
    let response = Problem::from(CommandError::Unexpected("password=hunter2".into())).into_response();
    let body = axum::body::to_bytes(response.into_body(), 4096)
        .await
        .expect("a body in memory is read");
    let text = String::from_utf8(body.to_vec()).expect("JSON is UTF-8");
    assert!(
        text.contains(r#""code":"unexpected""#) && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn codes_are_unique_and_ordered_by_status() {
    assert!(CODES.is_sorted_by_key(|code| code.status));
    let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CODES.len());
    for code in CODES {
        assert!((400..600).contains(&code.status), "{}", code.name);
    }
}

/// Reads the arms `=> "noun_reason",` of every `fn code` in `commands`.
#[test]
fn every_refusal_of_a_command_stands_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../commands/src");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(folder).expect("commands is beside api") {
        let path = entry.expect("the folder is readable").path();
        // What a memory or a drive refuses is told to scripts only.
        if path.ends_with("memory.rs") || path.ends_with("drive.rs") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (_, after) in text
            .match_indices("fn code(&self)")
            .map(|(at, _)| text.split_at(at))
        {
            let body = after.split("\n    }").next().unwrap_or_default();
            let words = body.split('"').skip(1).step_by(2);
            missing.extend(words.filter(|word| !known(word)).map(str::to_owned));
        }
        let written = text
            .split("code: \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        missing.extend(written.filter(|word| !known(word)).map(str::to_owned));
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn known(name: &str) -> bool {
    CODES.iter().any(|code| code.name == name)
}
