//! Model folders.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct FolderError { pub file: String, pub problem: String }
