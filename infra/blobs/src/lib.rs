//! Blobs: large values beside the log, on `object_store`. Here as files below a folder.
//!
//! What is kept is sealed by whoever keeps it; this crate moves bytes.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use commands::{BlobError, BlobStream, BlobWriter, Blobs};
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};

/// Blobs as files. A file appears whole or not at all.
#[derive(Debug)]
pub struct Files {
    store: Arc<LocalFileSystem>,
}

impl Files {
    /// Keeps blobs below `folder`, which is made where it is missing.
    pub fn open(folder: &Path) -> Result<Files, BlobError> {
        std::fs::create_dir_all(folder).map_err(BlobError::unavailable)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?;
        Ok(Files {
            store: Arc::new(store.with_automatic_cleanup(true)),
        })
    }
}

/// Bytes of a part: the least that object stores take for any but the last.
const PART_BYTES: usize = 5 << 20;

/// A blob written part by part; a small one in one piece.
struct Parts {
    store: Arc<LocalFileSystem>,
    key: Key,
    waiting: BytesMut,
    upload: Option<Box<dyn MultipartUpload>>,
}

#[async_trait]
impl BlobWriter for Parts {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.waiting.extend_from_slice(&bytes);
        if self.waiting.len() >= PART_BYTES {
            let part = self.waiting.split().freeze();
            let upload = match &mut self.upload {
                Some(upload) => upload,
                None => {
                    let begun = self.store.put_multipart(&self.key).await.map_err(failed)?;
                    self.upload.insert(begun)
                }
            };
            upload.put_part(part.into()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), BlobError> {
        let rest = self.waiting.split().freeze();
        match self.upload.take() {
            None => self.store.put(&self.key, rest.into()).await.map(drop),
            Some(mut upload) => {
                upload.put_part(rest.into()).await.map_err(failed)?;
                upload.complete().await.map(drop)
            }
        }
        .map_err(failed)
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

    async fn writer(&self, key: &str) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(Parts {
            store: self.store.clone(),
            key: self::key(key)?,
            waiting: BytesMut::new(),
            upload: None,
        }))
    }

    async fn reader(&self, key: &str) -> Result<BlobStream, BlobError> {
        let found = self.store.get(&self::key(key)?).await.map_err(failed)?;
        Ok(found.into_stream().map_err(failed).boxed())
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
    async fn a_blob_is_there_once_its_writer_has_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(&folder.path().join("blobs")).expect("the folder is made");
        let piece = Bytes::from(vec![7; 1 << 20]);
        for pieces in [0, 1, 12] {
            let key = format!("a/{pieces}");
            let mut writer = files.writer(&key).await.expect("begun");
            for _ in 0..pieces {
                writer.write(piece.clone()).await.expect("written");
            }
            assert!(matches!(files.get(&key).await, Err(BlobError::Missing)));
            writer.finish().await.expect("finished");
            let read: Vec<Bytes> = files
                .reader(&key)
                .await
                .expect("found")
                .try_collect()
                .await
                .expect("read");
            assert_eq!(read.iter().map(Bytes::len).sum::<usize>(), pieces << 20);
        }
    }

    #[tokio::test]
    async fn a_writer_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(&folder.path().join("blobs")).expect("the folder is made");
        let mut writer = files.writer("a/1").await.expect("begun");
        for _ in 0..12 {
            writer
                .write(Bytes::from(vec![7; 1 << 20]))
                .await
                .expect("written");
        }
        drop(writer);
        assert!(files.list("a").await.expect("listed").is_empty());
        assert!(matches!(files.get("a/1").await, Err(BlobError::Missing)));
        let left = std::fs::read_dir(folder.path().join("blobs/a")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "a part lies around");
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
