//! botserver.
