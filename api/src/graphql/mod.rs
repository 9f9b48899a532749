//! GraphQL: typed, paged, authorised reads over HTTP and, as they change, over sockets. Commands are REST, so there
//! are no mutations.
//!
//! 1. A document is measured before the library validates it, and its cost before it is executed.
//! 2. One request is answered from one moment of the read models, of the token's organisation only.
//! 3. Every error has a code; none quotes a statement or a cause.
//! 4. A noun of another organisation looks like one that does not exist.
//!
//! `async-graphql-axum` is not used: it answers every request with 200 and one media type, and lets mutations pass
//! with GET.

mod asking;
mod automation;
mod bot;
mod conversation;
mod drive;
mod error;
mod extent;
mod guard;
mod live;
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
mod set_up;
mod stream;
mod subscription;
mod turn;
mod user;

use async_graphql::parser::types::OperationType;
use async_graphql::{EmptyMutation, MergedObject, Response as Answer, Schema, SchemaBuilder, ServerError};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::stream::BoxStream;
use http::Method;

use self::asking::{Asking, tokens};
use self::error::{Codes, coded};
use self::loaders::loaders;
use self::order::Order;
use self::outcome::Media;
use self::paging::{List, Stretch};
use self::parameters::Parameters;
use self::refusal::Refusal;
use self::subscription::Subscription;
use crate::address::ClientAddress;
use crate::guard::{extension, is_upgrade};
use crate::{Edge, GraphqlLimits, Problem};

/// What can be asked.
#[derive(MergedObject, Default)]
pub(crate) struct Query(
    organisation::OrganisationQuery,
    user::UserQuery,
    bot::BotQuery,
    session::SessionQuery,
    conversation::ConversationQuery,
    run::RunQuery,
    projection::ProjectionQuery,
    stream::StreamQuery,
    node::NodeQuery,
);

/// The schema with its limits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Graphql {
    schema: Schema<Query, EmptyMutation, Subscription>,
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
    ) -> Result<Answer, Refusal> {
        match self.prepare(asked, edge, caller).await {
            Prepared::Answered(response) => Ok(*response),
            Prepared::Ready(ready) if queries_only && ready.kind != OperationType::Query => {
                Err(Refusal::NotAQuery)
            }
            Prepared::Ready(ready) if ready.kind == OperationType::Subscription => Ok(refused(
                "a subscription needs a socket of graphql-transport-ws",
                "SOCKET_REQUIRED",
            )),
            Prepared::Ready(ready) => Ok(self.answer(*ready).await),
        }
    }

    /// Answers one well-formed request that came over a socket.
    async fn open(&self, asked: Parameters, edge: &Edge, caller: Caller) -> Opened {
        match self.prepare(asked, edge, caller).await {
            Prepared::Answered(response) => Opened::Once(response),
            Prepared::Ready(ready) if ready.kind == OperationType::Subscription => {
                let Ready {
                    request,
                    order,
                    asking,
                    ..
                } = *ready;
                Opened::Stream {
                    answers: self.schema.execute_stream(request),
                    order,
                    asking,
                }
            }
            Prepared::Ready(ready) => Opened::Once(Box::new(self.answer(*ready).await)),
        }
    }

    async fn answer(&self, ready: Ready) -> Answer {
        let mut answer = self.schema.execute(ready.request).await;
        ready.order.arrange(&mut answer.data);
        answer
    }

    /// Measures a request before the library sees it.
    async fn prepare(&self, asked: Parameters, edge: &Edge, caller: Caller) -> Prepared {
        let answered = |answer| Prepared::Answered(Box::new(answer));
        if let Err(too_much) = nesting::check_text(&asked.query) {
            return answered(refused(too_much.to_string(), too_much.code()));
        }
        let mut request = asked.into_request();
        let (variables, name) = (request.variables.clone(), request.operation_name.clone());
        // What does not parse, the library finds again and says where.
        let Ok(document) = request.parsed_query() else {
            return answered(self.schema.execute(request).await);
        };
        if let Err(too_much) = extent::check_document(document, self.depth_max) {
            return answered(refused(too_much.to_string(), too_much.code()));
        }
        let Some(operation) = extent::selected(document, name.as_deref()) else {
            return answered(self.schema.execute(request).await);
        };
        let kind = operation.ty;
        if kind == OperationType::Subscription && !subscription::has_one_plain_root(operation) {
            let message = "a subscription asks for one field, by itself: no fragment around it, no directive";
            return answered(refused(message, "GRAPHQL_VALIDATION_FAILED"));
        }
        let tokens = tokens(document, operation, &variables);
        let order = order::order_of(document, operation);
        let asking = Asking::new(edge.clone(), caller.context, caller.address, tokens);
        let loaders = loaders(asking.clone());
        if kind == OperationType::Subscription {
            // Every answer is of another moment.
            loaders.enable_all_cache(false);
        }
        Prepared::Ready(Box::new(Ready {
            kind,
            request: request.data(loaders).data(asking.clone()),
            order,
            asking,
        }))
    }
}

/// What a request is found to be before it is executed.
enum Prepared {
    /// It is not executed: it asks too much, or is not valid.
    Answered(Box<Answer>),
    Ready(Box<Ready>),
}

struct Ready {
    kind: OperationType,
    request: async_graphql::Request,
    order: Order,
    asking: Asking,
}

/// What a request over a socket brings.
enum Opened {
    Once(Box<Answer>),
    /// Answers that come as things happen. Between them the asking has to rest.
    Stream {
        answers: BoxStream<'static, Answer>,
        order: Order,
        asking: Asking,
    },
}

fn refused(message: impl Into<String>, code: &'static str) -> Answer {
    Answer::from_errors(vec![coded(ServerError::new(message, None), code)])
}

/// The types, with what the library does not say of its own.
fn builder() -> SchemaBuilder<Query, EmptyMutation, Subscription> {
    Schema::build(Query::default(), EmptyMutation, Subscription)
        .override_output_type_description::<Stretch<organisation::Organisation>>("A page of organisations.")
        .override_output_type_description::<List<user::User>>("A page of people.")
        .override_output_type_description::<List<bot::Bot>>("A page of bots.")
        .override_output_type_description::<List<session::Session>>("A page of sessions.")
        .override_output_type_description::<List<conversation::Conversation>>("A page of conversations.")
        .override_output_type_description::<Stretch<turn::Turn>>("A page of what was said.")
        .override_output_type_description::<List<run::Run>>("A page of runs.")
        .override_output_type_description::<List<automation::Schedule>>("A page of schedules.")
        .override_output_type_description::<List<automation::Trigger>>("A page of what starts scripts.")
        .override_output_type_description::<List<drive::DriveFile>>("A page of files.")
        .override_output_type_description::<List<projection::ParkedEvent>>("A page of parked events.")
}

/// Who asks.
#[derive(Clone)]
struct Caller {
    context: commands::Context,
    address: ClientAddress,
}

/// `GET` and `POST /graphql`. The guard has put `commands::Context` into the extensions of the request, unless
/// it is a WebSocket upgrade without an `Authorization` header.
pub(crate) async fn handle(State(edge): State<Edge>, request: Request) -> Response {
    if request.method() == Method::GET && is_upgrade(request.headers()) {
        return live::open(edge, request).await;
    }
    let Some(context) = request.extensions().get::<commands::Context>().cloned() else {
        return Problem::new("unauthenticated").into_response();
    };
    let address = extension(&request).unwrap_or(ClientAddress::UNKNOWN);
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
        Ok(executed) => outcome::answer(media, &executed),
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
