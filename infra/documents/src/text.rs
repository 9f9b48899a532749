//! Texts in the encodings that files come in.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of a file: by its mark, else as UTF-8, else in the encoding of western Windows, which every byte is read in.
pub fn text(bytes: &[u8]) -> String {
    if let Some(rest) = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        return String::from_utf8_lossy(rest).into_owned();
    }
    if bytes.starts_with(&[0xFF, 0xFE]) {
        return UTF_16LE.decode_with_bom_removal(bytes).0.into_owned();
    }
    if bytes.starts_with(&[0xFE, 0xFF]) {
        return UTF_16BE.decode_with_bom_removal(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_told() {
        let utf16: Vec<u8> = [0xFEFF_u16]
            .into_iter()
            .chain("é€".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in ["é€".as_bytes(), "\u{feff}é€".as_bytes(), &[0xE9, 0x80], &utf16] {
            assert_eq!(text(bytes), "é€", "{bytes:?}");
        }
        assert_eq!(text(b""), "");
    }
}
