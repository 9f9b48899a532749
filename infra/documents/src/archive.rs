//! Archives: ZIP, within bounds of what they unpack to.

use std::io::{Cursor, Read as _, Write as _};

use basic::Refusal;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::tags::Tags;
use crate::{too_large, unreadable};

/// Files of one archive.
pub const ENTRIES_MAX: usize = 500;
/// What an archive unpacks to, its files together.
pub const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// A file in an archive. Its name is whatever the archive says: who writes it somewhere checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Packs files into an archive, in their order.
pub fn pack(entries: &[Entry]) -> Result<Vec<u8>, Refusal> {
    let failed = |_| too_large("the archive cannot be written");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for entry in entries {
        writer.start_file(entry.name.as_str(), options).map_err(failed)?;
        writer
            .write_all(&entry.bytes)
            .map_err(|_| too_large("the archive cannot be written"))?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner())
}

/// The files of an archive. Folders are left out, links refused, and what unpacks to more than it may is not unpacked on.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Entry>, Refusal> {
    let mut archive = opened(bytes)?;
    if archive.len() > ENTRIES_MAX {
        return Err(too_large("an archive has at most 500 files"));
    }
    let mut entries = Vec::new();
    let mut left = UNPACKED_BYTES_MAX;
    for at in 0..archive.len() {
        let file = archive
            .by_index(at)
            .map_err(|_| unreadable("a file of the archive is packed or sealed in a way that is not read"))?;
        if file.is_dir() {
            continue;
        }
        if file.is_symlink() {
            return Err(Refusal::mistake("archive_refused", "the archive holds a link"));
        }
        let name = file
            .name()
            .map_err(|_| unreadable("a name in the archive is damaged"))?
            .into_owned();
        let mut bytes = Vec::new();
        // What it says of its size is not believed.
        file.take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| unreadable("the archive is damaged"))?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| too_large("the archive unpacks to more than 64 MiB"))?;
        entries.push(Entry { name, bytes });
    }
    Ok(entries)
}

/// One file of an archive, of at most so many bytes.
pub(crate) fn part(bytes: &[u8], name: &str, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
    let mut archive = opened(bytes)?;
    let file = archive
        .by_name(name)
        .map_err(|_| unreadable(format!("the document has no {name}")))?;
    let mut part = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut part)
        .map_err(|_| unreadable("the document is damaged"))?;
    if part.len() as u64 > bytes_max {
        return Err(too_large("the document unpacks to more than is read"));
    }
    Ok(part)
}

/// Whether the parts of an archive unpack to no more than this, and none has a tag that is not read: each is unpacked, to
/// nowhere.
pub(crate) fn check_parts(bytes: &[u8], bytes_max: u64) -> Result<(), Refusal> {
    let mut archive = opened(bytes)?;
    let mut left = bytes_max;
    for at in 0..archive.len() {
        let file = archive
            .by_index(at)
            .map_err(|_| unreadable("the document is damaged"))?;
        let mut tags = Tags::default();
        let read = std::io::copy(&mut file.take(left + 1), &mut tags)
            .map_err(|_| unreadable("the document is damaged"))?;
        tags.check()?;
        left = left
            .checked_sub(read)
            .ok_or_else(|| too_large("the document unpacks to more than is read"))?;
    }
    Ok(())
}

fn opened(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Refusal> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable("the file is no archive, or a damaged one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, bytes: &[u8]) -> Entry {
        Entry {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let entries = [
            entry("a.txt", b"one"),
            entry("b/c.txt", b""),
            entry("é.bin", &[0, 255]),
        ];
        let packed = pack(&entries).expect("packed");
        assert_eq!(unpack(&packed).expect("unpacked"), entries);
        assert_eq!(
            unpack(&packed[..packed.len() - 9]).expect_err("cut").code,
            "document_unreadable"
        );
        assert_eq!(unpack(b"").expect_err("nothing").code, "document_unreadable");
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let zeros = vec![0; 40 << 20];
        let packed = pack(&[entry("a", &zeros), entry("b", &zeros)]).expect("packed");
        assert!(packed.len() < 1 << 20);
        assert_eq!(unpack(&packed).expect_err("too much").code, "document_too_large");
        assert!(check_parts(&packed, 79 << 20).is_err());
        assert!(check_parts(&packed, 80 << 20).is_ok());
        let many: Vec<Entry> = (0..=ENTRIES_MAX).map(|n| entry(&n.to_string(), b"")).collect();
        let packed = pack(&many).expect("packed");
        assert_eq!(unpack(&packed).expect_err("too many").code, "document_too_large");
    }
}
