//! Blobs: large values beside the log, on `object_store`. Here as files below a folder.
//!
//! What is kept is sealed by whoever keeps it; this crate moves bytes.

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{BlobError, Blobs};
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

/// Blobs as files. A file appears whole or not at all.
#[derive(Debug)]
pub struct Files {
    store: LocalFileSystem,
}

impl Files {
    /// Keeps blobs below `folder`, which is made where it is missing.
    pub fn open(folder: &Path) -> Result<Files, BlobError> {
        std::fs::create_dir_all(folder).map_err(BlobError::unavailable)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?;
        Ok(Files {
            store: store.with_automatic_cleanup(true),
        })
    }
}

#[async_trait]
impl Blobs for Files {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), BlobError> {
        self.store
            .put(&self::key(key)?, bytes.into())
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError> {
        let found = self.store.get(&self::key(key)?).await.map_err(failed)?;
        Ok(found.bytes().await.map_err(failed)?.into())
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        match self.store.delete(&self::key(key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, DateTime<Utc>)>, BlobError> {
        let prefix = key(prefix)?;
        self.store
            .list(Some(&prefix))
            .map_ok(|found| (found.location.to_string(), found.last_modified))
            .try_collect()
            .await
            .map_err(failed)
    }
}

fn key(text: &str) -> Result<Key, BlobError> {
    Key::parse(text).map_err(BlobError::unavailable)
}

fn failed(error: object_store::Error) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::Missing,
        other => BlobError::unavailable(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_put_is_found_listed_and_gone_when_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(&folder.path().join("blobs")).expect("the folder is made");
        files.put("a/runs/1", vec![1, 2, 3]).await.expect("kept");
        files.put("a/runs/1", vec![4]).await.expect("kept anew");
        files.put("b/runs/2", vec![5]).await.expect("kept");
        assert_eq!(files.get("a/runs/1").await.expect("found"), [4]);
        let listed: Vec<String> = files
            .list("a/runs")
            .await
            .expect("listed")
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert_eq!(listed, ["a/runs/1"]);
        files.delete("a/runs/1").await.expect("deleted");
        files
            .delete("a/runs/1")
            .await
            .expect("deleting what is gone is no error");
        assert!(matches!(files.get("a/runs/1").await, Err(BlobError::Missing)));
        assert!(files.list("c/runs").await.expect("listed").is_empty());
    }

    #[tokio::test]
    async fn a_key_does_not_lead_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(&folder.path().join("blobs")).expect("the folder is made");
        for key in ["../secret", "a/../../secret", "/../secret"] {
            let put = files.put(key, vec![1]).await;
            assert!(put.is_err(), "{key}");
        }
        assert!(!folder.path().join("secret").exists());
    }
}
