//! The command line.

mod schedule;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::check::Format;
use crate::config::Flags;
use crate::tools::Shape;

pub use schedule::ScheduleCommand;

/// An event-sourced platform for conversations: bots in BASIC, every turn an event.
#[derive(Debug, Parser)]
#[command(
    name = "botserver",
    version,
    max_term_width = 80,
    propagate_version = true,
    after_help = "Example:\n  botserver serve\n  botserver check bots\n  botserver doctor"
)]
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
    #[command(after_help = "Example:\n  botserver serve\n  botserver serve --port 9000 --data /srv/bots")]
    Serve {
        #[command(flatten)]
        flags: Flags,
    },

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

    /// Print what a language model is told of the tools of scripts and packages
    #[command(
        after_help = "Example:\n  botserver tools shop.gbai\n  botserver tools --shape openai book.bas"
    )]
    Tools {
        /// Scripts, packages, or folders of packages
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "mcp")]
        shape: Shape,
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
    #[command(subcommand, after_help = "Example:\n  botserver projections list")]
    Projections(ProjectionsCommand),

    /// Look after the event log
    #[command(subcommand, after_help = "Example:\n  botserver log verify")]
    Log(LogCommand),

    /// Look after the stream to Kafka
    #[command(
        subcommand,
        after_help = "Example:\n  botserver stream init\n  botserver stream status"
    )]
    Stream(StreamCommand),

    /// Look after the tables that bots declare
    #[command(
        subcommand,
        after_help = "Example:\n  botserver tables plan store\n  botserver tables apply store"
    )]
    Tables(TablesCommand),

    /// See, pause, resume and start what scripts of a bot do by the clock
    #[command(
        subcommand,
        after_help = "Example:\n  botserver schedule list shop\n  botserver schedule pause shop report"
    )]
    Schedule(ScheduleCommand),

    /// Erase what is known of a person
    #[command(subcommand, after_help = "Example:\n  botserver gdpr erase ana@example.org")]
    Gdpr(GdprCommand),

    /// Manage API tokens
    #[command(subcommand, after_help = "Example:\n  botserver token issue --name reports")]
    Token(TokenCommand),

    /// Show, check and explain the configuration
    #[command(subcommand, after_help = "Example:\n  botserver config explain server.port")]
    Config(ConfigCommand),

    /// Look for what stands in the server's way, and say how to mend it
    ///
    /// Looks at configuration, files, ports, database, packages and projections, beside a running server or without
    /// one, and changes nothing. Exits with 1 when there is a problem.
    #[command(after_help = "Example:\n  botserver doctor\n  botserver doctor --format json")]
    Doctor {
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        #[command(flatten)]
        flags: Flags,
    },

    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  botserver completions bash > /etc/bash_completion.d/botserver\n  \
                      botserver completions fish > ~/.config/fish/completions/botserver.fish"
    )]
    Completions { shell: Shell },

    /// Print the manual page, or write one for every verb
    #[command(after_help = "Example:\n  botserver man | man -l -\n  botserver man /usr/local/share/man/man1")]
    Man {
        /// The folder to write the pages to
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

impl Command {
    /// What the command line sets, for the verbs that read the configuration; nothing for the others.
    pub fn flags(&self) -> Option<&Flags> {
        match self {
            Command::Check { .. }
            | Command::Tools { .. }
            | Command::Run { .. }
            | Command::Completions { .. }
            | Command::Man { .. } => None,
            Command::Serve { flags }
            | Command::Doctor { flags, .. }
            | Command::Projections(
                ProjectionsCommand::List { flags }
                | ProjectionsCommand::Rebuild { flags, .. }
                | ProjectionsCommand::Rollback { flags, .. }
                | ProjectionsCommand::Certificates { flags, .. }
                | ProjectionsCommand::Parked { flags, .. }
                | ProjectionsCommand::Retry { flags, .. }
                | ProjectionsCommand::Skip { flags, .. },
            )
            | Command::Log(LogCommand::Verify { flags })
            | Command::Stream(StreamCommand::Init { flags } | StreamCommand::Status { flags })
            | Command::Tables(TablesCommand::Plan { flags, .. } | TablesCommand::Apply { flags, .. })
            | Command::Schedule(
                ScheduleCommand::List { flags, .. }
                | ScheduleCommand::Pause { flags, .. }
                | ScheduleCommand::Resume { flags, .. }
                | ScheduleCommand::Run { flags, .. },
            )
            | Command::Gdpr(GdprCommand::Erase { flags, .. })
            | Command::Token(TokenCommand::Issue { flags, .. })
            | Command::Config(
                ConfigCommand::Print { flags, .. }
                | ConfigCommand::Check { flags, .. }
                | ConfigCommand::Explain { flags, .. },
            ) => Some(flags),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum TablesCommand {
    /// What is declared and not done: it waits for a start, or would lose something
    #[command(after_help = "Example:\n  botserver tables plan store")]
    Plan {
        bot: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Make the tables what the bot's scripts declare, whatever that loses
    ///
    /// Drops fields that are not declared any more with what they hold, changes kinds and keys. Exits with 1 when rows
    /// stand against a change; it is not made then. Tables that no script declares any more stay.
    #[command(after_help = "Example:\n  botserver tables apply store")]
    Apply {
        bot: String,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, Subcommand)]
pub enum GdprCommand {
    /// Erase a person, for good
    ///
    /// Ends their sessions, deletes the rows of bots' tables that are about them, what bots remember of them and the
    /// states of their runs, and destroys the keys of whatever else was stored of them, so that nobody can read it.
    /// Other processes forget within a minute. Repeated, it finishes what was interrupted.
    #[command(after_help = "Example:\n  botserver gdpr erase ana@example.org\n  \
                      botserver gdpr erase 0195fbbd-4d2c-7a31-9c3e-6f2b8f1d7a55 --yes")]
    Erase {
        /// A login, or the id of a user
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Every projection, how far it is and what stops it
    #[command(after_help = "Example:\n  botserver projections list")]
    List {
        #[command(flatten)]
        flags: Flags,
    },
    /// Fold the whole log again into one projection, beside the rows that are read
    ///
    /// Compares the new rows with the live ones and has them read. One that was interrupted goes on where it stopped.
    #[command(after_help = "Example:\n  botserver projections rebuild conversation")]
    Rebuild {
        name: String,
        /// Events looked through in a second, at most; spares a busy server
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        /// Compare only, and leave what is read as it is
        #[arg(long)]
        no_switch: bool,
        /// Begin from nothing, whatever an interrupted rebuild left
        #[arg(long)]
        restart: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have the rows read again that were live before the last switch
    #[command(after_help = "Example:\n  botserver projections rollback conversation")]
    Rollback {
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// What rebuilds found when they compared, newest first
    #[command(after_help = "Example:\n  botserver projections certificates conversation")]
    Certificates {
        /// Only this projection's
        name: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Events that cannot be folded, and those that wait behind them
    #[command(after_help = "Example:\n  botserver projections parked conversation")]
    Parked {
        /// Only this projection's
        name: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have parked events tried at once
    ///
    /// A running server tries them by itself with growing pauses, and a starting one at once.
    #[command(after_help = "Example:\n  botserver projections retry conversation")]
    Retry {
        name: String,
        /// Only the events of this ordering key, as `projections parked` shows it
        key: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Pass a parked event over for good, and let go on what waits behind it
    ///
    /// The event stays in the log. That it was skipped, and why, is an event of the log too.
    #[command(
        after_help = "Example:\n  botserver projections skip conversation --position 4711 --reason obsolete"
    )]
    Skip {
        name: String,
        /// Where the event stands in the log
        #[arg(long, value_name = "N")]
        position: i64,
        /// Why, without personal data
        #[arg(long, value_name = "WHY")]
        reason: String,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Read everything again and recompute what it promises
    #[command(after_help = "Example:\n  botserver log verify")]
    Verify {
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// Make the topics, and say who may read them
    ///
    /// Partitions, retention and readers are those of the configuration. Topics that are there stay as they are.
    #[command(after_help = "Example:\n  botserver stream init --kafka kafka.example.org:9092")]
    Init {
        #[command(flatten)]
        flags: Flags,
    },
    /// How far the stream is, what stops it, and where histories parted
    #[command(after_help = "Example:\n  botserver stream status")]
    Status {
        #[command(flatten)]
        flags: Flags,
    },
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
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration in force and where each value came from
    #[command(
        after_help = "Example:\n  botserver config print\n  botserver config print --default > botserver.toml"
    )]
    Print {
        /// Print the commented defaults instead
        #[arg(long)]
        default: bool,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        #[command(flatten)]
        flags: Flags,
    },
    /// Check the configuration; a line for each mistake, and exit code 78
    #[command(
        after_help = "Example:\n  botserver config check\n  botserver config check /etc/botserver.toml"
    )]
    Check {
        /// The file to check, instead of the one in force
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Explain a setting, or list those of a section
    #[command(
        after_help = "Example:\n  botserver config explain server.port\n  botserver config explain database"
    )]
    Explain {
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        flags: Flags,
    },
}
