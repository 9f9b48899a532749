//! Commands over REST, one file per noun: translate, ask once, translate back.

pub(crate) mod bot;
pub(crate) mod conversation;
pub(crate) mod drive;
pub(crate) mod file;
pub(crate) mod organisation;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
