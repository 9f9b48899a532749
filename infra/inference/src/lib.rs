//! Embeddings and reranking by libtorch: models of Hugging Face folders, loaded on the CPU or on GPUs, served by the
//! OpenAI protocol.
//!
//! A request's way: `http` parses it and says who asks → `model` reads its texts into tokens → `engine` puts them into
//! the queue of the model's device → `scheduler` takes from the queues what runs next → `encoder` computes it.

pub mod cli;
pub mod config;
pub mod encoder;
pub mod engine;
pub mod folder;
pub mod http;
pub mod logging;
pub mod measures;
pub mod model;
pub mod scheduler;
pub mod serve;
pub mod settings;
pub mod torch;
pub mod traces;
