//! Rows of keys: read and made set-wise, wrapped; destroyed one by one.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{KeyName, KeyStore, Keys, Subject};
use crate::KeyringError;
use crate::envelope::{Secret, encrypt, joined, random};
use crate::marker::Class;

impl KeyStore {
    pub(super) async fn read_latest(
        &self,
        subjects: &[Subject],
    ) -> Result<Vec<(Subject, i32)>, KeyringError> {
        let (tenants, subjects): (Vec<Uuid>, Vec<Uuid>) = subjects.iter().copied().unzip();
        let rows: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(
            "select k.tenant_id, k.subject, max(k.incarnation)
               from unnest($1::uuid[], $2::uuid[]) as n(tenant, subject)
               join keys.subject_keys k on k.tenant_id = n.tenant and k.subject = n.subject
              group by k.tenant_id, k.subject",
        )
        .bind(tenants)
        .bind(subjects)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, subject, incarnation)| ((tenant, subject), incarnation))
            .collect())
    }

    pub(super) async fn read_subjects(
        &self,
        names: &BTreeSet<&KeyName>,
        keys: &mut Keys,
    ) -> Result<(), KeyringError> {
        let (mut tenants, mut subjects, mut incarnations) = (vec![], vec![], vec![]);
        for name in names {
            if let KeyName::Subject {
                tenant,
                subject,
                incarnation,
            } = name
            {
                tenants.push(*tenant);
                subjects.push(*subject);
                incarnations.push(*incarnation);
            }
        }
        if tenants.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Uuid, Uuid, i32, Option<Vec<u8>>)> = sqlx::query_as(
            "select k.tenant_id, k.subject, k.incarnation, k.wrapped
               from unnest($1::uuid[], $2::uuid[], $3::integer[]) as n(tenant, subject, incarnation)
               join keys.subject_keys k
                 on k.tenant_id = n.tenant and k.subject = n.subject and k.incarnation = n.incarnation",
        )
        .bind(tenants)
        .bind(subjects)
        .bind(incarnations)
        .fetch_all(&self.pool)
        .await?;
        for (tenant, subject, incarnation, wrapped) in rows {
            self.admit(
                KeyName::Subject {
                    tenant,
                    subject,
                    incarnation,
                },
                wrapped,
                keys,
            )?;
        }
        Ok(())
    }

    pub(super) async fn read_classes(
        &self,
        names: &BTreeSet<&KeyName>,
        keys: &mut Keys,
    ) -> Result<(), KeyringError> {
        let (mut tenants, mut classes, mut months) = (vec![], vec![], vec![]);
        for name in names {
            if let KeyName::Class { tenant, class, month } = name {
                tenants.push(*tenant);
                classes.push(class.name());
                months.push(month.as_str());
            }
        }
        if tenants.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Uuid, String, String, Option<Vec<u8>>)> = sqlx::query_as(
            "select k.tenant_id, k.class, k.month, k.wrapped
               from unnest($1::uuid[], $2::text[], $3::text[]) as n(tenant, class, month)
               join keys.class_keys k on k.tenant_id = n.tenant and k.class = n.class and k.month = n.month",
        )
        .bind(tenants)
        .bind(classes)
        .bind(months)
        .fetch_all(&self.pool)
        .await?;
        for (tenant, class, month, wrapped) in rows {
            let known = [Class::Conversation, Class::Identity]
                .into_iter()
                .find(|known| known.name() == class);
            let class = known.ok_or_else(|| KeyringError::KeyAltered {
                name: format!("class {class}"),
            })?;
            self.admit(KeyName::Class { tenant, class, month }, wrapped, keys)?;
        }
        Ok(())
    }

    pub(super) async fn make_subjects(&self, subjects: &[Subject]) -> Result<(), KeyringError> {
        let (tenants, people): (Vec<Uuid>, Vec<Uuid>) = subjects.iter().copied().unzip();
        let mut wrapped = Vec::with_capacity(subjects.len());
        for &(tenant, subject) in subjects {
            wrapped.push(self.new_key(&KeyName::Subject {
                tenant,
                subject,
                incarnation: 1,
            })?);
        }
        sqlx::query(
            "insert into keys.subject_keys (tenant_id, subject, incarnation, wrapped)
             select tenant, subject, 1, wrapped from unnest($1::uuid[], $2::uuid[], $3::bytea[])
               as n(tenant, subject, wrapped) order by tenant, subject
             on conflict do nothing",
        )
        .bind(tenants)
        .bind(people)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub(super) async fn make_classes(&self, names: &BTreeSet<KeyName>) -> Result<(), KeyringError> {
        let (mut tenants, mut classes, mut months, mut wrapped) = (vec![], vec![], vec![], vec![]);
        for name in names {
            if let KeyName::Class { tenant, class, month } = name {
                tenants.push(*tenant);
                classes.push(class.name());
                months.push(month.as_str());
                wrapped.push(self.new_key(name)?);
            }
        }
        sqlx::query(
            "insert into keys.class_keys (tenant_id, class, month, wrapped)
             select tenant, class, month, wrapped from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
               as n(tenant, class, month, wrapped) order by tenant, class, month
             on conflict do nothing",
        )
        .bind(tenants)
        .bind(classes)
        .bind(months)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub(crate) async fn erase_subject(&self, tenant: Uuid, subject: Uuid) -> Result<u64, KeyringError> {
        // A subject without a key gets an erased one: the fence stands even before the first value.
        sqlx::query(
            "insert into keys.subject_keys (tenant_id, subject, incarnation, erased_at)
             values ($1, $2, 1, clock_timestamp()) on conflict do nothing",
        )
        .bind(tenant)
        .bind(subject)
        .execute(&self.pool)
        .await?;
        let erased = sqlx::query(
            "update keys.subject_keys set wrapped = null, erased_at = clock_timestamp()
             where tenant_id = $1 and subject = $2 and wrapped is not null",
        )
        .bind(tenant)
        .bind(subject)
        .execute(&self.pool)
        .await?;
        self.forget_subject(tenant, subject);
        Ok(erased.rows_affected())
    }

    pub(crate) async fn readmit_subject(&self, tenant: Uuid, subject: Uuid) -> Result<(), KeyringError> {
        let Some((_, incarnation)) = self.read_latest(&[(tenant, subject)]).await?.pop() else {
            return Ok(());
        };
        let next = incarnation + 1;
        let wrapped = self.new_key(&KeyName::Subject {
            tenant,
            subject,
            incarnation: next,
        })?;
        sqlx::query(
            "insert into keys.subject_keys (tenant_id, subject, incarnation, wrapped)
             select $1, $2, $3, $4 from keys.subject_keys
              where tenant_id = $1 and subject = $2 and incarnation = $3 - 1 and wrapped is null
             on conflict do nothing",
        )
        .bind(tenant)
        .bind(subject)
        .bind(next)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        self.forget_subject(tenant, subject);
        Ok(())
    }

    pub(crate) async fn expire_class(
        &self,
        tenant: Uuid,
        class: Class,
        month: &str,
    ) -> Result<bool, KeyringError> {
        let expired = sqlx::query(
            "update keys.class_keys set wrapped = null, erased_at = clock_timestamp()
             where tenant_id = $1 and class = $2 and month = $3 and wrapped is not null",
        )
        .bind(tenant)
        .bind(class.name())
        .bind(month)
        .execute(&self.pool)
        .await?;
        self.cache().live.remove(&KeyName::Class {
            tenant,
            class,
            month: month.to_owned(),
        });
        Ok(expired.rows_affected() > 0)
    }

    fn new_key(&self, name: &KeyName) -> Result<Vec<u8>, KeyringError> {
        let secret = Secret::new(random()?);
        encrypt(&self.wrapping, &identity(name), secret.as_slice())
    }
}

/// What a wrapped key is the key of, as associated data: a row copied over another does not unwrap.
pub(super) fn identity(name: &KeyName) -> Vec<u8> {
    match name {
        KeyName::Subject {
            tenant,
            subject,
            incarnation,
        } => joined(&[
            b"botserver subject key 1",
            tenant.as_bytes(),
            subject.as_bytes(),
            &incarnation.to_be_bytes(),
        ]),
        KeyName::Class { tenant, class, month } => joined(&[
            b"botserver class key 1",
            tenant.as_bytes(),
            class.name().as_bytes(),
            month.as_bytes(),
        ]),
    }
}
