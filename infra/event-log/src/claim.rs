//! Claims of a command as the append wants them: one row per key, the key hashed.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{Claim, EventLogError, Keyring};

/// What a command does to one key: leaves it, takes it, or hands it from one owner to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedClaim {
    pub kind: &'static str,
    pub hash: [u8; 32],
    pub leaver: Option<String>,
    pub taker: Option<String>,
}

/// Who leaves a key, and who takes it.
type Owners<'a> = (Option<&'a str>, Option<&'a str>);

/// Hashes the keys and joins what a command says of the same key: it releases first, then takes.
pub(crate) fn seal_claims(
    keyring: &Keyring,
    tenant: Uuid,
    claims: &[Claim],
) -> Result<Vec<SealedClaim>, EventLogError> {
    let mut by_key: BTreeMap<(&'static str, [u8; 32]), Owners<'_>> = BTreeMap::new();
    for claim in claims {
        let (kind, hash, owner, taken) = match claim {
            Claim::Take { kind, key, owner } => (*kind, keyring.hash(tenant, kind, key), owner, true),
            Claim::Release { kind, key, owner } => (*kind, keyring.hash(tenant, kind, key), owner, false),
            Claim::Leave { kind, hash, owner } => (*kind, *hash, owner, false),
        };
        let (leaver, taker) = by_key.entry((kind, hash)).or_default();
        let place = if taken { taker } else { leaver };
        if place.is_some_and(|other| other != owner) {
            return Err(EventLogError::Invalid(format!(
                "two owners take or release one {kind}"
            )));
        }
        *place = Some(owner);
    }
    let sealed = by_key
        .into_iter()
        .map(|((kind, hash), (leaver, taker))| SealedClaim {
            kind,
            hash,
            leaver: leaver.map(str::to_owned),
            taker: taker.map(str::to_owned),
        });
    Ok(sealed.collect())
}
