//! Users as read: visitors, and people with an account, whose login and name stay sealed in the table.

mod questions;
mod store;

use chrono::{DateTime, Utc};
use domain::user::{User, UserEvent};
use domain::{Aggregate, OrganisationId, Personal, UserId};
use event_log::{RecordedEvent, StreamTypes};
use sqlx::PgConnection;

pub use questions::UserFilter;

use crate::column::stored_word;
use crate::fold::{FoldError, Projection, Rows, decoded, sealed, stream_key};
use crate::listing;

/// The projection's name.
pub const NAME: &str = "user";
const TABLE: &str = "users";

#[derive(Debug, Clone, PartialEq)]
pub struct UserRow {
    pub id: UserId,
    pub organisation_id: OrganisationId,
    /// None for a visitor.
    pub account: Option<Account>,
    /// When they first came.
    pub created_at: DateTime<Utc>,
}

/// What somebody has who registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// In lower case.
    pub login: Personal<String>,
    pub name: Personal<String>,
    /// False while it is switched off.
    pub active: bool,
    pub registered_at: DateTime<Utc>,
}

stored_word! {
    /// Whether somebody has an account.
    UserKind { Visitor = "visitor", Member = "member" }
}

impl UserRow {
    pub fn kind(&self) -> UserKind {
        match self.account {
            Some(_) => UserKind::Member,
            None => UserKind::Visitor,
        }
    }
}

pub(crate) struct Users;

impl Projection for Users {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(User::TYPE)];
    const VERSION: i32 = 1;
    type Key = UserId;
    type Row = UserRow;

    fn key(event: &RecordedEvent) -> Result<Option<UserId>, FoldError> {
        stream_key(event, User::TYPE)
    }

    fn apply(row: &mut Option<UserRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        match decoded::<UserEvent>(event)? {
            UserEvent::Admitted {} => *row = Some(come(event)?),
            UserEvent::Registered { login, name } => {
                sealed(event, &login)?;
                sealed(event, &name)?;
                let row = match row {
                    Some(row) => row,
                    // Not everybody who registers was a visitor before.
                    None => row.insert(come(event)?),
                };
                row.account = Some(Account {
                    login,
                    name,
                    active: true,
                    registered_at: event.recorded_at,
                });
            }
            UserEvent::Renamed { name } => {
                sealed(event, &name)?;
                account(row)?.name = name;
            }
            UserEvent::Deactivated {} => account(row)?.active = false,
            UserEvent::Reactivated {} => account(row)?.active = true,
            // Login and name are erased with their keys; that somebody was there stays.
            UserEvent::Erased { .. } => {
                if let Some(account) = row.as_mut().and_then(|row| row.account.as_mut()) {
                    account.active = false;
                }
            }
            UserEvent::RowsErased(_) | UserEvent::LoginReleased { .. } => {}
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[UserId]) -> Result<Rows<Self>, sqlx::Error> {
        listing::load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        store::store(connection, rows).await
    }
}

fn come(event: &RecordedEvent) -> Result<UserRow, FoldError> {
    Ok(UserRow {
        id: Users::key(event)?.ok_or(FoldError::StreamId)?,
        organisation_id: OrganisationId(event.tenant),
        account: None,
        created_at: event.recorded_at,
    })
}

fn account(row: &mut Option<UserRow>) -> Result<&mut Account, FoldError> {
    row.as_mut()
        .and_then(|row| row.account.as_mut())
        .ok_or(FoldError::Unbegun)
}

#[cfg(test)]
mod tests;
