//! The e-mail addresses of adopted people: one canonical form each, computed here and nowhere else.

use std::collections::BTreeMap;

use hardening::email::EmailAddress;

use super::records::{Kind, Record};
use crate::sql::database::Exclusive;
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::statement::Sql;

pub(super) const ADDRESSES: Sql =
    Sql::same("SELECT id, email FROM people WHERE email IS NOT NULL AND email <> '' ORDER BY id");
const INSERT: Sql = Sql::same(
    "INSERT INTO person_emails (canonical, person_id) VALUES ($1, $2) ON CONFLICT (canonical) DO NOTHING",
);
/// How many are named one by one.
const NAMED: usize = 20;

/// Who signs in by what.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Canonical form → id and address of each who has it.
    by_canonical: BTreeMap<String, Vec<(String, String)>>,
    /// Id and what stands in place of an address.
    unusable: Vec<(String, String)>,
}

impl Addresses {
    pub(super) fn of(rows: &[Row]) -> Result<Self, SqlError> {
        let mut addresses = Self::default();
        for row in rows {
            let (id, email) = (row.text("id")?, row.text("email")?);
            match EmailAddress::parse(&email) {
                Ok(parsed) => addresses.by_canonical.entry(parsed.canonical).or_default().push((id, email)),
                Err(_) => addresses.unusable.push((id, email)),
            }
        }
        Ok(addresses)
    }

    /// A sentence for each address that several people have.
    pub(super) fn problems(&self) -> Vec<String> {
        let shared: Vec<_> = self.by_canonical.values().filter(|people| people.len() > 1).collect();
        let mut all: Vec<String> = shared
            .iter()
            .take(NAMED)
            .map(|people| {
                let each: Vec<_> = people.iter().map(|(id, email)| format!("{email} ({id})")).collect();
                format!(
                    "one e-mail address stands for several people, and must stand for one: {}",
                    each.join(", ")
                )
            })
            .collect();
        if shared.len() > NAMED {
            all.push(format!("… and {} more addresses that several people share", shared.len() - NAMED));
        }
        all
    }

    pub(super) fn notes(&self, version: i64) -> Vec<Record> {
        let note =
            |(id, email): &(String, String)| Record::new(version, Kind::AddressUnusable, "people", id, email);
        self.unusable.iter().take(NAMED).map(note).collect()
    }

    pub(super) async fn store(&self, transaction: &mut Exclusive) -> Result<(), SqlError> {
        for (canonical, people) in &self.by_canonical {
            for (id, _) in people {
                transaction.run(INSERT, vec![canonical.as_str().into(), id.as_str().into()]).await?;
            }
        }
        Ok(())
    }
}
