//! The composition root: configuration, local services, command line. The only crate that knows every other.

pub mod administration;
mod changes;
pub mod check;
pub mod cli;
pub mod config;
pub mod database;
mod descriptors;
pub mod doctor;
mod files;
mod first_start;
pub mod logging;
pub mod manual;
pub mod measures;
mod mount;
pub mod packages;
pub mod parked;
pub mod rebuild;
pub mod serve;
mod settings;
pub mod stream;
mod system;
pub mod tables;
pub mod terminal;
pub mod tools;
mod traces;
