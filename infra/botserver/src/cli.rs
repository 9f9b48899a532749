//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::check::Format;

/// An event-sourced platform for conversations: bots in BASIC, every turn an event.
#[derive(Debug, Parser)]
#[command(name = "botserver", version, max_term_width = 80, propagate_version = true)]
pub struct Cli {
    /// Configuration file (else BOTSERVER_CONFIG, ./botserver.toml, the user's folder)
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server; needs no configuration
    #[command(after_help = "Example:\n  botserver serve\n  BOTSERVER_SERVER_PORT=9000 botserver serve")]
    Serve,

    /// Check scripts and packages; exits with 1 when one has an error
    #[command(
        after_help = "Example:\n  botserver check shop.gbai\n  botserver check --format json start.bas"
    )]
    Check {
        /// Scripts, packages, or folders of packages
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },

    /// Run a script in the terminal
    #[command(
        after_help = "Example:\n  botserver run start.bas\n  printf 'yes\\n3\\n' | botserver run start.bas"
    )]
    Run {
        #[arg(value_name = "FILE.bas")]
        script: PathBuf,
        /// Seed of the script's random numbers; the same seed gives the same run
        #[arg(long)]
        seed: Option<u64>,
    },

    /// Look at and rebuild what is read
    #[command(subcommand)]
    Projections(ProjectionsCommand),

    /// Look after the event log
    #[command(subcommand)]
    Log(LogCommand),

    /// Manage API tokens
    #[command(subcommand)]
    Token(TokenCommand),

    /// Show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Every projection, how far it is and what stops it
    List,
    /// Fold the whole log again into one projection
    Rebuild { name: String },
}

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Read everything again and recompute what it promises
    Verify,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Issue a token and print it, this once
    #[command(after_help = "Example:\n  botserver token issue --name reports --permission run.read")]
    Issue {
        #[arg(long)]
        name: String,
        /// A permission such as bot.read, repeated for several; none means all
        #[arg(long = "permission", value_name = "NOUN.VERB")]
        permissions: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration in force and where each value came from
    Print {
        /// Print the commented defaults instead
        #[arg(long)]
        default: bool,
    },
}
