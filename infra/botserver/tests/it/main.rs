//! The program as its users meet it: started, talked to, killed, started again.
#![expect(clippy::print_stdout, reason = "tests say which seed they ran with")]

mod automation;
mod broken_configurations;
mod browser;
mod chat;
mod command_line;
mod crash;
mod crowd;
mod descriptors;
mod doctor;
mod fairness;
mod ledger;
mod manual;
mod packages;
mod parked;
mod rebuilding;
mod samples;
mod secrecy;
mod server;
mod several;
mod streaming;
mod traces;
mod transcript;
