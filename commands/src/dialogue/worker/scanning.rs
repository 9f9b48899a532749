//! Pictures of QR codes, read for the question that waits for one.

use bytes::BytesMut;
use domain::FileId;
use domain::conversation::Turn;
use domain::file::{AttachedFile, File};
use futures::TryStreamExt;
use tokio::sync::Semaphore;

use super::Worker;
use crate::blobs::opened;
use crate::qr_code::{self, PICTURE_BYTES_MAX};
use crate::{BlobError, CommandError};

/// Pictures that are looked at together, in the whole process: each can take the memory of a large photograph.
static LOOKING: Semaphore = Semaphore::const_new(2);

impl Worker {
    /// What the turn's pictures say; nothing where none can be read, so that the question is asked again.
    pub(super) async fn scanned(&self, turn: &Turn) -> Result<String, CommandError> {
        let is_picture =
            |file: &&AttachedFile| file.media_type.starts_with("image/") && file.bytes <= PICTURE_BYTES_MAX;
        for file in turn.attached().iter().filter(is_picture) {
            let Ok(_turn) = LOOKING.acquire().await else {
                break;
            };
            let Some(picture) = self.picture(file.file_id).await? else {
                continue;
            };
            // A decoder that panics has read nothing.
            let found = tokio::task::spawn_blocking(move || qr_code::read(&picture)).await;
            if let Ok(Some(text)) = found {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// A file's content; None when it was erased or is lost.
    async fn picture(&self, file: FileId) -> Result<Option<BytesMut>, CommandError> {
        let found = self
            .shared
            .executor
            .load_fresh::<File>(self.context.tenant, file)
            .await?;
        let Some(reference) = found.state.upload().and_then(|upload| upload.content.clear()) else {
            return Ok(None);
        };
        let read = async {
            let content = opened(&*self.shared.blobs, reference).await?;
            let append = |mut all: BytesMut, piece: bytes::Bytes| async move {
                all.extend_from_slice(&piece);
                Ok::<_, BlobError>(all)
            };
            content.try_fold(BytesMut::new(), append).await
        };
        match read.await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.lost() => {
                tracing::error!(file.id = %file, error = %error, "the content of a file is lost");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
