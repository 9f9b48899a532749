//! The one list of routes, from which the router, the tests of access and the OpenAPI document are made.

mod bots;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use domain::Permission;
use http::Method;

use crate::guard::guard;
use crate::health::Fine;
use crate::rest::{bot, conversation, file, organisation, run, session, token, user};
use crate::route::{Parameter, Route};
use crate::visit::{BotConfiguration, Visitor};
use crate::{Edge, Problem, assets, graphql, health, layers, openapi, pages, socket, visit, webhook};

/// Every route there is.
pub fn routes() -> Vec<Route> {
    let mut routes = commands();
    routes.extend(bots::automation());
    routes.extend(bots::drives());
    routes.extend(visitors());
    routes.extend(scripts());
    routes.extend(probes());
    routes.extend(pages());
    routes
}

fn commands() -> Vec<Route> {
    use Permission::{BotCreate, BotPause, BotRetire};
    use Permission::{ConversationControl, ConversationEnd, ConversationReply, ConversationWrite};
    use Permission::{OrganisationRename, RunCancel, SessionEnd, SessionStart, TokenIssue, TokenRevoke};
    use Permission::{UserDeactivate, UserRegister, UserRename};
    let post = Method::POST;
    let delete = Method::DELETE;
    vec![
        Route::command(
            post.clone(),
            "/api/v1/organisation/rename",
            "rename_organisation",
            "Gives the token's organisation another name",
            OrganisationRename,
            organisation::rename,
        )
        .takes::<organisation::OrganisationName>(),
        Route::command(
            post.clone(),
            "/api/v1/users",
            "register_user",
            "Gives an account to somebody new",
            UserRegister,
            user::register,
        )
        .takes::<user::Account>()
        .answers::<user::RegisteredUser>(201),
        Route::command(
            post.clone(),
            "/api/v1/users/{user_id}/register",
            "register_visitor",
            "Gives an account to a visitor, who keeps what they said",
            UserRegister,
            user::register_visitor,
        )
        .takes::<user::Account>(),
        Route::command(
            post.clone(),
            "/api/v1/users/{user_id}/rename",
            "rename_user",
            "Gives a person with an account another name",
            UserRename,
            user::rename,
        )
        .takes::<user::PersonName>(),
        Route::command(
            post.clone(),
            "/api/v1/users/{user_id}/deactivate",
            "deactivate_user",
            "Switches an account off; its login stays taken",
            UserDeactivate,
            user::deactivate,
        ),
        Route::command(
            post.clone(),
            "/api/v1/users/{user_id}/reactivate",
            "reactivate_user",
            "Switches an account on again",
            UserDeactivate,
            user::reactivate,
        ),
        Route::command(
            post.clone(),
            "/api/v1/bots",
            "create_bot",
            "Creates a bot",
            BotCreate,
            bot::create,
        )
        .takes::<bot::NewBot>()
        .answers::<bot::CreatedBot>(201),
        Route::command(
            post.clone(),
            "/api/v1/bots/{bot_id}/pause",
            "pause_bot",
            "Turns visitors away until the bot is resumed",
            BotPause,
            bot::pause,
        ),
        Route::command(
            post.clone(),
            "/api/v1/bots/{bot_id}/resume",
            "resume_bot",
            "Lets visitors in again",
            BotPause,
            bot::resume,
        ),
        Route::command(
            delete.clone(),
            "/api/v1/bots/{bot_id}",
            "retire_bot",
            "Ends the bot for good and frees its name",
            BotRetire,
            bot::retire,
        ),
        Route::command(
            post.clone(),
            "/api/v1/sessions",
            "start_session",
            "Starts a session with a bot",
            SessionStart,
            session::start,
        )
        .takes::<session::NewSession>()
        .answers::<session::StartedSession>(201),
        Route::command(
            post.clone(),
            "/api/v1/sessions/{session_id}/end",
            "end_session",
            "Ends a session and its conversation",
            SessionEnd,
            session::end,
        ),
        Route::command(
            post.clone(),
            "/api/v1/sessions/{session_id}/turns",
            "post_turn",
            "Takes a message of a person; durable when answered",
            ConversationWrite,
            session::receive_turn,
        )
        .takes::<session::Turn>()
        .answers::<session::ReceivedTurn>(202),
        Route::command(
            post.clone(),
            "/api/v1/conversations/{conversation_id}/end",
            "end_conversation",
            "Ends a conversation",
            ConversationEnd,
            conversation::end,
        ),
        Route::command(
            post.clone(),
            "/api/v1/conversations/{conversation_id}/control",
            "control_conversation",
            "Says who answers in a conversation: the bot, a person, or nobody",
            ConversationControl,
            conversation::control,
        )
        .takes::<conversation::NewControl>(),
        Route::command(
            post.clone(),
            "/api/v1/conversations/{conversation_id}/replies",
            "reply",
            "Answers in the bot's place, and takes over a conversation that waits",
            ConversationReply,
            conversation::reply,
        )
        .takes::<conversation::NewReply>()
        .answers::<conversation::GivenReply>(201),
        Route::command(
            post.clone(),
            "/api/v1/runs/{run_id}/cancel",
            "cancel_run",
            "Cancels a run",
            RunCancel,
            run::cancel,
        ),
        Route::command(
            post,
            "/api/v1/tokens",
            "issue_token",
            "Issues an API token",
            TokenIssue,
            token::issue,
        )
        .takes::<token::NewToken>()
        .answers::<token::IssuedToken>(201),
        Route::command(
            delete,
            "/api/v1/tokens/{token_id}",
            "revoke_token",
            "Revokes an API token",
            TokenRevoke,
            token::revoke,
        ),
    ]
}

fn visitors() -> Vec<Route> {
    const BOT_NAME: Parameter = Parameter::text(
        "bot_name",
        "Name of a bot of the default organisation; the default bot without it",
    );
    const CREDENTIAL: Parameter = Parameter::text("session_id", "Credential of the session to resume");
    vec![
        Route::get(
            "/api/auth",
            "visit",
            "Resumes a visitor's session, or lets a new visitor in",
            visit::authenticate,
        )
        .tag("visitors")
        .query(&[BOT_NAME, CREDENTIAL])
        .answers::<Visitor>(200),
        Route::get(
            "/api/bot/config",
            "bot_configuration",
            "What a page shows of a bot",
            visit::configuration,
        )
        .tag("visitors")
        .query(&[BOT_NAME])
        .answers::<BotConfiguration>(200),
        Route::socket(
            "/ws/{bot}",
            "open_socket",
            "The web chat's socket",
            socket::handle,
        )
        .query(&[CREDENTIAL]),
        Route::socket(
            "/ws",
            "open_socket_of_named_bot",
            "The same, with the bot in the query",
            socket::handle,
        )
        .query(&[BOT_NAME, CREDENTIAL]),
        Route::of_session(
            Method::POST,
            file::UPLOAD,
            "upload_file",
            "Takes a file in, to be sent with a message",
            Permission::ConversationWrite,
            file::upload,
        )
        .query(const { &[Parameter::text("name", "What the file is called")] })
        .takes_file()
        .answers::<file::UploadedFile>(201),
        Route::of_session(
            Method::GET,
            "/api/v1/sessions/{session_id}/files/{file_id}",
            "download_file",
            "A file of the session",
            Permission::ConversationRead,
            file::download,
        )
        .answers_file(),
        Route::session_command(
            Method::POST,
            "/api/v1/sessions/{session_id}/replies/{reply_id}/rate",
            "rate_reply",
            "Says what the person thinks of a reply",
            Permission::ConversationWrite,
            session::rate_reply,
        )
        .takes::<session::NewRating>(),
        Route::get(
            "/graphql",
            "query",
            "Answers a GraphQL query, or opens a socket of graphql-transport-ws",
            graphql::handle,
        )
        .graphql(),
        Route::new(
            Method::POST,
            "/graphql",
            "query_by_post",
            "Answers a GraphQL query",
            graphql::handle,
        )
        .graphql(),
    ]
}

/// What scripts of bots answer.
fn scripts() -> Vec<Route> {
    let webhook = |method: Method, operation| {
        Route::new(
            method,
            "/api/{bot}/webhook/{*endpoint}",
            operation,
            "What the bot's script for this webhook returns",
            webhook::webhook,
        )
        .tag("scripts")
        .answers_other("application/json")
    };
    vec![
        webhook(Method::GET, "get_webhook"),
        webhook(Method::POST, "post_webhook"),
        webhook(Method::PUT, "put_webhook"),
        webhook(Method::PATCH, "patch_webhook"),
        webhook(Method::DELETE, "delete_webhook"),
        Route::new(
            Method::POST,
            "/api/{bot}/form/{name}",
            "submit_form",
            "Gives what was filled in to the bot's script for this form",
            webhook::form,
        )
        .tag("scripts")
        .answers_other("application/json"),
    ]
}

fn probes() -> Vec<Route> {
    vec![
        Route::get("/livez", "live", "The process answers", health::live)
            .tag("probes")
            .answers::<Fine>(200),
        Route::get("/readyz", "ready", "Requests can be served", health::ready)
            .tag("probes")
            .query(const { &[Parameter::text("verbose", "Name what was checked")] })
            .answers::<Fine>(200),
        Route::get("/startupz", "started", "The server has started", health::startup)
            .tag("probes")
            .answers::<Fine>(200),
        Route::get(
            "/metrics",
            "metrics",
            "Measures in the Prometheus text format",
            health::metrics,
        )
        .tag("probes")
        .answers_other("text/plain"),
    ]
}

fn pages() -> Vec<Route> {
    vec![
        Route::get("/openapi.json", "openapi", "This document", openapi::serve)
            .tag("pages")
            .answers_other("application/json")
            .compressed(),
        Route::get("/", "home", "The default bot's chat", pages::home)
            .answers_other("text/html")
            .compressed(),
        Route::get("/{bot}", "chat", "A bot's chat", pages::bot)
            .answers_other("text/html")
            .compressed(),
        Route::get(
            "/graphiql",
            "graphiql",
            "A page to try GraphQL queries and subscriptions with",
            pages::graphiql,
        )
        .answers_other("text/html")
        .compressed(),
        Route::get(
            "/embed.js",
            "embed",
            "The script that puts a bot's chat on a page elsewhere",
            pages::embed,
        )
        .answers_other("text/javascript")
        .compressed(),
        Route::get(
            "/assets/{*path}",
            "asset",
            "A file of the chat page",
            assets::asset,
        )
        .answers_other("application/octet-stream")
        .compressed(),
    ]
}

/// The whole edge: every route of the list behind its guard, and the layers around them.
pub fn router(edge: Edge) -> Router {
    router_of(routes(), edge)
}

/// The probes alone, for a process that serves nothing else.
pub fn probes_router(edge: Edge) -> Router {
    router_of(probes(), edge)
}

fn router_of(routes: Vec<Route>, edge: Edge) -> Router {
    let settings = Arc::clone(&edge.settings);
    let mut router = Router::new();
    for route in routes {
        let door = from_fn_with_state((edge.clone(), route.access), guard);
        router = router.route(route.path, route.handler.route_layer(door));
    }
    let router = router
        .fallback(async || Problem::new("not_found"))
        .with_state(edge);
    layers::dress(router, &settings)
}
