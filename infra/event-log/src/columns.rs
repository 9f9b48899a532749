//! Columns: a batch turned on its side, as arrays for one statement.

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use crate::batch::SealedCommand;

/// By command, by event and by claim; events and claims name their command by its number, from 1.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    tenants: Vec<Uuid>,
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    expected: Vec<Option<i64>>,
    leases: Vec<Option<i64>>,
    command_ids: Vec<Option<Uuid>>,
    digests: Vec<&'a [u8]>,
    ordering_keys: Vec<&'a str>,
    slices: Vec<i16>,
    metadata: Vec<&'a str>,
    answers: Vec<String>,
    counts: Vec<i32>,
    event_of: Vec<i32>,
    event_nth: Vec<i32>,
    event_ids: Vec<Uuid>,
    event_types: Vec<&'a str>,
    event_versions: Vec<String>,
    payloads: Vec<&'a str>,
    claim_of: Vec<i32>,
    claim_kinds: Vec<&'a str>,
    claim_hashes: Vec<&'a [u8]>,
    claim_leavers: Vec<Option<&'a str>>,
    claim_takers: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(commands: &[&'a SealedCommand]) -> Columns<'a> {
        let mut columns = Columns::default();
        for (ordinal, command) in (1..).zip(commands) {
            columns.push(ordinal, command);
        }
        columns
    }

    fn push(&mut self, ordinal: i32, command: &'a SealedCommand) {
        self.tenants.push(command.tenant);
        self.types.push(&command.stream.aggregate_type);
        self.ids.push(&command.stream.aggregate_id);
        self.expected.push(command.expected_version);
        self.leases.push(command.lease_epoch);
        self.command_ids.push(command.command_id);
        self.digests.push(&command.digest);
        self.ordering_keys.push(&command.ordering_key);
        self.slices.push(command.slice.cast_signed());
        self.metadata.push(&command.metadata);
        self.answers.push(command.answer.to_string());
        let before = self.event_of.len();
        for (nth, event) in (1..).zip(&command.events) {
            self.event_of.push(ordinal);
            self.event_nth.push(nth);
            self.event_ids.push(event.event_id);
            self.event_types.push(&event.event_type);
            self.event_versions.push(event.event_version.to_string());
            self.payloads.push(&event.payload);
        }
        let count = self.event_of.len() - before;
        self.counts
            .push(i32::try_from(count).expect("a command has at most a thousand events"));
        for claim in &command.claims {
            self.claim_of.push(ordinal);
            self.claim_kinds.push(claim.kind);
            self.claim_hashes.push(&claim.hash);
            self.claim_leavers.push(claim.leaver.as_deref());
            self.claim_takers.push(claim.taker.as_deref());
        }
    }

    /// The append of a whole batch.
    pub(crate) fn append(self) -> Query<'a, Postgres, PgArguments> {
        let query = sqlx::query(
            "select * from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
             $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
        )
        .bind(self.tenants)
        .bind(self.types)
        .bind(self.ids)
        .bind(self.expected)
        .bind(self.leases)
        .bind(self.command_ids)
        .bind(self.digests)
        .bind(self.ordering_keys)
        .bind(self.slices)
        .bind(self.metadata)
        .bind(self.answers)
        .bind(self.counts);
        query
            .bind(self.event_of)
            .bind(self.event_nth)
            .bind(self.event_ids)
            .bind(self.event_types)
            .bind(self.event_versions)
            .bind(self.payloads)
            .bind(self.claim_of)
            .bind(self.claim_kinds)
            .bind(self.claim_hashes)
            .bind(self.claim_leavers)
            .bind(self.claim_takers)
    }

    /// The append of the first command within a transaction of another role: the tenant is the transaction's.
    pub(crate) fn joined(self) -> Query<'a, Postgres, PgArguments> {
        let query = sqlx::query(
            "select * from log.append_joined($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        )
        .bind(self.types.first().copied())
        .bind(self.ids.first().copied())
        .bind(self.expected.first().copied().flatten())
        .bind(self.leases.first().copied().flatten())
        .bind(self.command_ids.first().copied().flatten())
        .bind(self.digests.first().copied())
        .bind(self.ordering_keys.first().copied())
        .bind(self.slices.first().copied())
        .bind(self.metadata.first().copied())
        .bind(self.answers.into_iter().next())
        .bind(self.counts.first().copied());
        query
            .bind(self.event_of)
            .bind(self.event_nth)
            .bind(self.event_ids)
            .bind(self.event_types)
            .bind(self.event_versions)
            .bind(self.payloads)
            .bind(self.claim_of)
            .bind(self.claim_kinds)
            .bind(self.claim_hashes)
            .bind(self.claim_leavers)
            .bind(self.claim_takers)
    }
}
