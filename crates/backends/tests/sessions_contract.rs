//! The contract of session stores, and what the one that writes through to SQL promises besides.

#[path = "sessions_common/mod.rs"]
mod bench;
#[path = "sessions_common/write_through.rs"]
mod write_through;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use backends::embedded::SqlAttemptJournal;
use backends::memory::sessions::MemorySessions;
use hardening::session::SessionStore;
use testkit::contracts::{journal, sessions};

use bench::SqlBench;

struct MemoryBench {
    store: Arc<MemorySessions>,
    people: AtomicU64,
}

#[async_trait]
impl sessions::SessionBench for MemoryBench {
    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }

    async fn person(&self) -> String {
        format!("person_{}", self.people.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    sessions::all(&MemoryBench { store: Arc::default(), people: AtomicU64::new(0) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writing_through_to_sqlite_keeps_the_contract() {
    sessions::all(&SqlBench::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writing_through_to_postgres_keeps_the_contract() {
    sessions::all(&SqlBench::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_in_sqlite_keeps_the_contract() {
    journal::all(Arc::new(SqlAttemptJournal::new(SqlBench::sqlite().await.database()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_in_postgres_keeps_the_contract() {
    journal::all(Arc::new(SqlAttemptJournal::new(SqlBench::postgres().await.database()))).await;
}
