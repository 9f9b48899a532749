//! `botserver schedule`.

use clap::Subcommand;

use crate::config::Flags;

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Every schedule of a bot: when it is due next, and when its script was started last
    #[command(after_help = "Example:\n  botserver schedule list shop")]
    List {
        bot: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have a schedule start nothing until it is resumed
    #[command(after_help = "Example:\n  botserver schedule pause shop report")]
    Pause {
        bot: String,
        /// Its id, or the name of a script that has no other
        schedule: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have a paused schedule start its script again
    ///
    /// What was due while it was paused is over.
    #[command(after_help = "Example:\n  botserver schedule resume shop report")]
    Resume {
        bot: String,
        /// Its id, or the name of a script that has no other
        schedule: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Have a schedule's script started now, beside its times
    #[command(after_help = "Example:\n  botserver schedule run shop report")]
    Run {
        bot: String,
        /// Its id, or the name of a script that has no other
        schedule: String,
        #[command(flatten)]
        flags: Flags,
    },
}
