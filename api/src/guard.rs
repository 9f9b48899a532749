//! The door of every route: who is asking, and may they.
//!
//! A credential that is missing, unknown, expired or revoked is answered alike. Refused credentials are limited per
//! address; a good one always passes, so nobody is locked out by a neighbour.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use commands::{Actor, CommandError, Context, Credential, SessionError};
use domain::SessionId;
use domain::access::Denial;
use event_log::Origin;
use http::HeaderMap;
use http::header::{AUTHORIZATION, UPGRADE};
use uuid::Uuid;

use crate::address::ClientAddress;
use crate::layers::Correlation;
use crate::{Access, Edge, Problem};

/// Lets a request through as its route's access class says. Behind it, a [`Context`] is among the extensions of the
/// request, except where the class is open or the request proves itself later.
pub(crate) async fn guard(
    State((edge, access)): State<(Edge, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let permission = match access {
        Access::Open | Access::Visitor => return next.run(request).await,
        // A browser's socket cannot send the header: it proves itself in its first message.
        Access::Token if is_upgrade(request.headers()) && !request.headers().contains_key(AUTHORIZATION) => {
            return next.run(request).await;
        }
        Access::Token => None,
        Access::Permission(permission) | Access::Session(permission) => Some(permission),
    };
    let address = extension(&request).unwrap_or(ClientAddress::UNKNOWN);
    let correlation = extension(&request).unwrap_or(Correlation(Uuid::now_v7()));
    let credential = match access {
        Access::Session(_) => bearer(request.headers()).and_then(|text| text.parse::<Credential>().ok()),
        _ => None,
    };
    let context = match (credential, bearer(request.headers())) {
        (Some(credential), _) => match visitor(&edge, &credential, address, correlation).await {
            // Before anything is counted against the session of somebody else.
            Ok(_) if !names(request.uri().path(), credential.session) => {
                Err(CommandError::from(SessionError::NotFound).into())
            }
            other => other,
        },
        (None, Some(token)) => authenticate(&edge, token, address, correlation).await,
        (None, None) => Err(refused(&edge, address).await),
    };
    let context = match context {
        Ok(context) => context,
        Err(problem) => return problem.into_response(),
    };
    let tenant = context.tenant;
    // A visitor has no permissions, but the session that the path names.
    let needed = permission.filter(|_| !matches!(context.actor, Actor::Visitor { .. }));
    let response = match needed.map_or(Ok(()), |permission| context.actor.require(permission)) {
        Ok(()) => {
            request.extensions_mut().insert(context);
            next.run(request).await
        }
        Err(denied) => Problem::from(denied).into_response(),
    };
    if response
        .extensions()
        .get::<Problem>()
        .is_some_and(|problem| problem.code() == "forbidden")
    {
        edge.commands
            .denials()
            .count(tenant, Denial::Forbidden, address.0);
    }
    response
}

/// Who a token is, as the context of what they ask. Counts and limits failures.
pub(crate) async fn authenticate(
    edge: &Edge,
    token: &str,
    ClientAddress(address): ClientAddress,
    Correlation(correlation_id): Correlation,
) -> Result<Context, Problem> {
    match edge.commands.authenticate_token(token, Utc::now()).await {
        Ok((tenant, actor)) => {
            let origin = match &actor {
                Actor::Token { id, .. } => Some(Origin {
                    subject: id.0,
                    text: address.to_string(),
                }),
                Actor::System(_) | Actor::Visitor { .. } => None,
            };
            Ok(Context {
                tenant,
                actor,
                correlation_id,
                causation_id: None,
                origin,
                command: None,
            })
        }
        Err(CommandError::Unauthenticated) => Err(refused(edge, ClientAddress(address)).await),
        Err(error) => Err(error.into()),
    }
}

/// Who the holder of a session's credential is, as the context of what they ask. Counts and limits failures.
async fn visitor(
    edge: &Edge,
    credential: &Credential,
    address: ClientAddress,
    Correlation(correlation_id): Correlation,
) -> Result<Context, Problem> {
    let organisation = edge.settings.default_organisation;
    match edge.commands.authenticate_session(organisation, credential).await {
        Ok(visitor) => Ok(Context {
            correlation_id,
            ..visitor.context()
        }),
        Err(CommandError::Unauthenticated) => Err(refused(edge, address).await),
        Err(error) => Err(error.into()),
    }
}

/// Whether the path is one of this session's.
fn names(path: &str, session: SessionId) -> bool {
    let below = path.strip_prefix("/api/v1/sessions/").unwrap_or_default();
    below.split('/').next() == Some(session.to_string().as_str())
}

/// A credential did not do: counted for the compliance officer, and too many of one address are put off.
pub(crate) async fn refused(edge: &Edge, ClientAddress(address): ClientAddress) -> Problem {
    // Whose organisation was meant is only the caller's word.
    edge.commands.denials().count(
        edge.settings.default_organisation,
        Denial::Unauthenticated,
        address,
    );
    match edge.gates.failures.pass(address).await {
        Ok(_) => Problem::new("unauthenticated"),
        Err(too_many) => too_many,
    }
}

/// The token of exactly one `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    bearer_of(value.to_str().ok()?)
}

/// The token of the text `Bearer …`.
pub(crate) fn bearer_of(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// True for a request that wants to become a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// What a layer has found out about a request.
pub(crate) fn extension<T: Copy + Send + Sync + 'static>(request: &Request) -> Option<T> {
    request.extensions().get().copied()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&'static str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        assert_eq!(bearer(&headers), expected);
    }

    #[test]
    fn a_path_names_the_session_at_its_place_only() {
        let (own, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        assert!(names(&format!("/api/v1/sessions/{own}/files"), own));
        assert!(!names(&format!("/api/v1/sessions/{other}/files/{own}"), own));
        assert!(!names("/api/v1/sessions/", own));
    }

    #[test]
    fn only_one_bearer_token_counts() {
        check(&["Bearer abc"], Some("abc"));
        check(&["bearer  abc "], Some("abc"));
        check(&["Basic abc"], None);
        check(&["Bearer"], None);
        check(&["Bearer abc", "Bearer abc"], None);
        check(&[], None);
    }
}
