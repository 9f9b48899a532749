//! GraphQL over HTTP: typed, paged, authorised reads. Commands are REST, so there are no mutations.
//!
//! 1. A document is measured before the library validates it, and its cost before it is executed.
//! 2. One request is answered from one moment of the read models, of the token's organisation only.
//! 3. Every error has a code; none quotes a statement or a cause.
//! 4. A noun of another organisation looks like one that does not exist.
//!
//! `async-graphql-axum` is not used: it answers every request with 200 and one media type, and lets mutations pass
//! with GET.

mod asking;
mod bot;
mod conversation;
mod error;
mod extent;
mod guard;
mod loaders;
mod nesting;
mod node;
mod order;
mod organisation;
mod outcome;
mod paging;
mod parameters;
mod projection;
mod refusal;
mod run;
mod scalar;
mod session;
mod turn;

use async_graphql::{EmptyMutation, EmptySubscription, MergedObject, Schema, SchemaBuilder, ServerError};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;

use self::asking::{Asking, tokens};
use self::error::{Codes, coded};
use self::loaders::loaders;
use self::outcome::Media;
use self::paging::{List, Stretch};
use self::parameters::Parameters;
use self::refusal::Refusal;
use crate::address::ClientAddress;
use crate::{Edge, GraphqlLimits, Problem};

/// What can be asked.
#[derive(MergedObject, Default)]
pub(crate) struct Query(
    organisation::OrganisationQuery,
    bot::BotQuery,
    session::SessionQuery,
    conversation::ConversationQuery,
    run::RunQuery,
    projection::ProjectionQuery,
    node::NodeQuery,
);

/// The schema with its limits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Graphql {
    schema: Schema<Query, EmptyMutation, EmptySubscription>,
    depth_max: usize,
}

impl Graphql {
    pub fn new(limits: &GraphqlLimits) -> Self {
        let mut schema = builder().extension(Codes {
            complexity_max: limits.complexity_max,
        });
        if !limits.introspection {
            // What a schema keeps to itself, suggestions must not tell.
            schema = schema.disable_introspection().disable_suggestions();
        }
        Self {
            schema: schema.finish(),
            depth_max: limits.depth_max,
        }
    }

    /// Answers one well-formed request.
    async fn execute(
        &self,
        asked: Parameters,
        queries_only: bool,
        edge: &Edge,
        caller: Caller,
    ) -> Result<async_graphql::Response, Refusal> {
        let refuse = |message: String, code| {
            Ok(async_graphql::Response::from_errors(vec![coded(
                ServerError::new(message, None),
                code,
            )]))
        };
        if let Err(too_much) = nesting::check_text(&asked.query) {
            return refuse(too_much.to_string(), too_much.code());
        }
        let mut request = asked.into_request();
        let (variables, name) = (request.variables.clone(), request.operation_name.clone());
        // What does not parse, the library finds again and says where.
        let Ok(document) = request.parsed_query() else {
            return Ok(self.schema.execute(request).await);
        };
        if let Err(too_much) = extent::check_document(document, self.depth_max) {
            return refuse(too_much.to_string(), too_much.code());
        }
        let Some(operation) = extent::selected(document, name.as_deref()) else {
            return Ok(self.schema.execute(request).await);
        };
        if queries_only && !extent::is_query(operation) {
            return Err(Refusal::NotAQuery);
        }
        let tokens = tokens(document, operation, &variables);
        let order = order::order_of(document, operation);
        let asking = Asking::new(edge.clone(), caller.context, caller.address, tokens);
        let request = request.data(loaders(asking.clone())).data(asking);
        let mut response = self.schema.execute(request).await;
        order.arrange(&mut response.data);
        Ok(response)
    }
}

/// The types, with what the library does not say of its own.
fn builder() -> SchemaBuilder<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query::default(), EmptyMutation, EmptySubscription)
        .override_output_type_description::<Stretch<organisation::Organisation>>("A page of organisations.")
        .override_output_type_description::<List<bot::Bot>>("A page of bots.")
        .override_output_type_description::<List<session::Session>>("A page of sessions.")
        .override_output_type_description::<List<conversation::Conversation>>("A page of conversations.")
        .override_output_type_description::<Stretch<turn::Turn>>("A page of what was said.")
        .override_output_type_description::<List<run::Run>>("A page of runs.")
}

/// Who asks.
struct Caller {
    context: commands::Context,
    address: ClientAddress,
}

/// `GET` and `POST /graphql`. The guard has put `commands::Context` into the extensions of the request, unless
/// it is a WebSocket upgrade without an `Authorization` header, which is not served.
pub(crate) async fn handle(State(edge): State<Edge>, request: Request) -> Response {
    let Some(context) = request.extensions().get::<commands::Context>().cloned() else {
        return Problem::new("unauthenticated").into_response();
    };
    let address = request
        .extensions()
        .get::<ClientAddress>()
        .copied()
        .unwrap_or(ClientAddress::UNKNOWN);
    let media = match Media::accepted(request.headers()) {
        Ok(media) => media,
        Err(refusal) => return outcome::refused(Media::Json, refusal),
    };
    let answered = match asked(&edge, request).await {
        Ok((asked, queries_only)) => {
            edge.graphql
                .execute(asked, queries_only, &edge, Caller { context, address })
                .await
        }
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(executed) => outcome::answer(media, executed),
        Err(refusal) => outcome::refused(media, refusal),
    }
}

/// What is asked, and whether only a query may be.
async fn asked(edge: &Edge, request: Request) -> Result<(Parameters, bool), Refusal> {
    if request.method() != Method::POST {
        return Ok((
            Parameters::from_query_string(request.uri().query().unwrap_or_default())?,
            true,
        ));
    }
    let (parts, body) = request.into_parts();
    let body = read(edge, body).await?;
    Ok((Parameters::from_body(&parts.headers, &body)?, false))
}

async fn read(edge: &Edge, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let limits = &edge.settings.limits;
    tokio::time::timeout(limits.body_within, to_bytes(body, limits.body_bytes_max))
        .await
        .map_err(|_| Refusal::TooSlow)?
        .map_err(|_| Refusal::TooLarge)
}

#[cfg(test)]
mod tests;
