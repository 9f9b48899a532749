//! How wide the letters of the standard fonts are. Every reader of PDF has these fonts, so they are not embedded; they have
//! the letters of western Europe.

use encoding_rs::WINDOWS_1252;

/// From the space to `~`, in thousandths of the size: Helvetica.
const PLAIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// Helvetica-Bold.
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

/// A text in the encoding of the fonts. What they do not have is a question mark.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        let (letter, _, missing) = WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
        match letter.as_ref() {
            [byte] if !missing && *byte >= 32 => bytes.push(*byte),
            _ if c.is_whitespace() => bytes.push(b' '),
            _ => bytes.push(b'?'),
        }
    }
    bytes
}

/// The width of encoded text, in points.
pub(super) fn width(bytes: &[u8], bold: bool, size: f32) -> f32 {
    let of = |byte: &u8| f32::from(thousandths(*byte, bold));
    bytes.iter().map(of).sum::<f32>() * size / 1000.0
}

fn thousandths(byte: u8, bold: bool) -> u16 {
    let widths = if bold { &BOLD } else { &PLAIN };
    // A letter with an accent is as wide as the letter.
    let base = match byte {
        32..=126 => byte,
        0x80 | 0x83 | 0xA2..=0xA5 | 0xA7 | 0xB6 => b'0',
        0x85 | 0x89 | 0x97 | 0x99 | 0xA9 | 0xAE | 0xC6 => return 1000,
        0x8C | 0x9C | 0xE6 => return 944,
        0x91..=0x94 | 0xAA | 0xB0 | 0xB2..=0xB4 | 0xB8..=0xBA => return 365,
        0x95 => return 350,
        0x8A => b'S',
        0x9A => b's',
        0x8E => b'Z',
        0x9E => b'z',
        0x9F | 0xDD => b'Y',
        0xA0 => b' ',
        0xC0..=0xC5 => b'A',
        0xC7 => b'C',
        0xC8..=0xCB => b'E',
        0xCC..=0xCF => b'I',
        0xD0 => b'D',
        0xD1 => b'N',
        0xD2..=0xD6 | 0xD8 => b'O',
        0xD9..=0xDC => b'U',
        0xDE => b'P',
        0xDF => b'b',
        0xE0..=0xE5 => b'a',
        0xE7 => b'c',
        0xE8..=0xEB => b'e',
        0xEC..=0xEF => b'i',
        0xF0 | 0xF2..=0xF6 | 0xF8 => b'o',
        0xF1 => b'n',
        0xF9..=0xFC => b'u',
        0xFD | 0xFF => b'y',
        0xFE => b'p',
        _ => b'+',
    };
    widths[usize::from(base) - 32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_wide_as_their_letters() {
        assert_eq!(encoded("aé€\u{4e2d}\u{2003}"), [b'a', 0xE9, 0x80, b'?', b' ']);
        assert!((width(&encoded("Hello"), false, 10.0) - 22.78).abs() < 0.01);
        assert!((width(&encoded("é"), true, 10.0) - width(b"e", true, 10.0)).abs() < f32::EPSILON);
        for byte in 32..=255 {
            assert!(width(&[byte], false, 1.0) > 0.0);
        }
    }
}
