//! Which paths there are in a drive.

use unicode_normalization::UnicodeNormalization as _;

use super::DriveError;

const PATH_CHARACTERS_MAX: usize = 512;
/// What file systems take as a name, which an archive may be unpacked to.
const PART_BYTES_MAX: usize = 255;

/// The path of a file as drives have it: relative, in composed characters, without `.` and empty parts. A first part that
/// is the package's folder of files is left out: `shop.gbdrive/prices.csv` is `prices.csv`.
pub fn drive_path(given: &str) -> Result<String, DriveError> {
    let path = folder_path(given)?;
    if path.is_empty() {
        return Err(DriveError::Path("is empty"));
    }
    if given.trim_end().ends_with('/') {
        return Err(DriveError::Path("names a folder, not a file"));
    }
    Ok(path)
}

/// The same for a folder, which may be the drive itself: an empty path.
pub fn folder_path(given: &str) -> Result<String, DriveError> {
    let composed: String = given.trim().nfc().collect();
    if composed.starts_with('/') && composed.len() > 1 {
        return Err(DriveError::Path("begins with /; paths are relative to the drive"));
    }
    if composed.chars().any(is_refused) {
        return Err(DriveError::Path("holds a character that paths do not have"));
    }
    let mut parts: Vec<&str> = composed
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.iter().any(|part| part.trim() == "..") {
        return Err(DriveError::Path("leads out of the drive with .."));
    }
    if parts.first().is_some_and(|part| is_drive_folder(part)) {
        parts.remove(0);
    }
    if parts.iter().any(|part| part.len() > PART_BYTES_MAX) {
        return Err(DriveError::Path("has a name in it of more than 255 bytes"));
    }
    let path = parts.join("/");
    if path.chars().count() > PATH_CHARACTERS_MAX {
        return Err(DriveError::Path("has more than 512 characters"));
    }
    Ok(path)
}

/// Whether a folder of a package holds files of its bot's drive.
pub fn is_drive_folder(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    matches!(ending.as_deref(), Some("gbdrive" | "gbdata"))
}

/// Control characters, marks that turn the reading direction, the other systems' separator.
fn is_refused(c: char) -> bool {
    c.is_control()
        || c == '\\'
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{FEFF}' | '\u{FFFC}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal as _;

    #[test]
    fn a_path_stays_in_the_drive() {
        for (given, path) in [
            ("a.txt", "a.txt"),
            ("./a//b/./c.txt", "a/b/c.txt"),
            ("Shop.gbdrive/prices.csv", "prices.csv"),
            ("shop.GBDATA/in/x.csv", "in/x.csv"),
            ("Cafe\u{301}.txt", "Caf\u{e9}.txt"),
            (" name with spaces .txt ", "name with spaces .txt"),
            ("...", "..."),
        ] {
            assert_eq!(drive_path(given).as_deref(), Ok(path), "{given}");
        }
        let long = "a/".repeat(300) + "b";
        for refused in [
            "",
            " ",
            ".",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../../b",
            "a/.. /b",
            "a\\b",
            "a\0b",
            "a\nb",
            "photo\u{202e}gpj.exe",
            "folder/",
            "x.gbdrive",
            &long,
            &"é".repeat(200),
        ] {
            assert_eq!(
                drive_path(refused).map_err(|error| error.code()),
                Err("drive_path"),
                "{refused:?}"
            );
        }
        assert_eq!(folder_path("/").as_deref(), Ok(""));
        assert_eq!(folder_path("in/").as_deref(), Ok("in"));
    }
}
