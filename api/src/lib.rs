//! The edge: HTTP, GraphQL and WebSocket. The only place that knows a wire type.
//!
//! A request passes the layers (address, correlation, limits, headers, problems), then the guard of its route's
//! access class, then a handler that translates, asks [`commands::Commands`] or a reader once, and translates back.

mod address;
mod answer;
mod asked;
mod assets;
mod edge;
mod graphql;
mod guard;
mod health;
mod layers;
mod openapi;
mod pages;
mod presence;
mod problem;
mod rate;
mod rest;
mod route;
mod routes;
mod settings;
mod socket;
mod visit;
mod webhook;

pub use edge::Edge;
pub use health::{Check, Health};
pub use ipnet::IpNet;
pub use openapi::document;
pub use presence::{PresenceError, SharedPresence, Told};
pub use problem::{CODES, Code, Problem, error_table};
pub use rate::SharedCounts;
pub use route::{Access, Route};
pub use routes::{probes_router, router, routes};
pub use settings::{GraphqlLimits, Limits, Settings};
