//! QR codes in pictures that people send.
//!
//! A picture is a stranger's bytes: its size in memory is bounded before it is decoded, and it is looked at in the
//! sizes in which telephones read codes, however large the photograph.

use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{GrayImage, ImageReader, Limits};
use rqrr::PreparedImage;

/// A larger file is not looked at.
pub(crate) const PICTURE_BYTES_MAX: u64 = 32 << 20;

/// Width and height that are decoded at most, and the memory of that: a photograph of 48 megapixels fits.
const SIDE_MAX: u32 = 10_000;
const MEMORY_MAX: u64 = 256 << 20;

/// The longer side of what is searched, in pixels: small first, which also takes out the noise of a photograph.
const SEARCHED: [u32; 2] = [1_000, 2_500];

/// What the first readable QR code (not Micro QR) in a picture says: PNG, JPEG, WebP, GIF or BMP, in either polarity. None when there is
/// none, or no picture.
pub(crate) fn read(picture: &[u8]) -> Option<String> {
    let grey = decoded(picture)?;
    let longer = grey.width().max(grey.height());
    let sizes = SEARCHED
        .into_iter()
        .filter(|size| *size < longer)
        .chain((longer <= SEARCHED[1]).then_some(longer));
    for size in sizes {
        let mut searched = if size == longer {
            grey.clone()
        } else {
            let of = |side: u32| (u64::from(side) * u64::from(size) / u64::from(longer)).max(1) as u32;
            imageops::resize(&grey, of(grey.width()), of(grey.height()), FilterType::Triangle)
        };
        if let Some(text) = search(&searched) {
            return Some(text);
        }
        imageops::invert(&mut searched);
        if let Some(text) = search(&searched) {
            return Some(text);
        }
    }
    None
}

fn decoded(picture: &[u8]) -> Option<GrayImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = ImageReader::new(Cursor::new(picture))
        .with_guessed_format()
        .ok()?;
    reader.limits(limits);
    Some(reader.decode().ok()?.into_luma8())
}

fn search(grey: &GrayImage) -> Option<String> {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let pixels = grey.as_raw();
    let mut prepared = PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let read = |grid: &rqrr::Grid<_>| grid.decode().ok().map(|(_, text)| text);
    prepared.detect_grids().iter().find_map(read)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::imageops::{self, FilterType};
    use image::{DynamicImage, GrayImage, ImageFormat, Luma};
    use qrcode::{Color, QrCode};

    use super::read;

    const PIXELS: u32 = 6;

    fn drawn(text: &str) -> GrayImage {
        let code = QrCode::new(text).expect("it is short enough");
        let side = code.width() as u32 + 8;
        let colours = code.to_colors();
        GrayImage::from_fn(side * PIXELS, side * PIXELS, |x, y| {
            let (column, row) = ((x / PIXELS).wrapping_sub(4), (y / PIXELS).wrapping_sub(4));
            let inside = column < side - 8 && row < side - 8;
            let dark = inside && colours[(row * (side - 8) + column) as usize] == Color::Dark;
            Luma([if dark { 0 } else { 255 }])
        })
    }

    fn encoded(grey: GrayImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(grey)
            .into_rgb8()
            .write_to(&mut bytes, format)
            .expect("the format can be written");
        bytes.into_inner()
    }

    #[test]
    fn a_code_is_read_from_every_format() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::WebP,
            ImageFormat::Bmp,
        ] {
            let picture = encoded(drawn("https://example.org/tickets/42?seat=ä7"), format);
            assert_eq!(
                read(&picture).as_deref(),
                Some("https://example.org/tickets/42?seat=ä7"),
                "{format:?}"
            );
        }
    }

    #[test]
    fn turned_inverted_and_in_a_corner_of_a_large_photograph() {
        let code = drawn("table 12");
        let mut inverted = code.clone();
        imageops::invert(&mut inverted);
        let mut photograph =
            GrayImage::from_fn(4_000, 3_000, |x, y| Luma([(150 + (x * 7 + y * 13) % 60) as u8]));
        let large = imageops::resize(&code, 900, 900, FilterType::Triangle);
        imageops::overlay(&mut photograph, &large, 2_700, 1_700);
        for (what, picture) in [
            ("turned", imageops::rotate90(&code)),
            ("inverted", inverted),
            ("photograph", photograph),
        ] {
            assert_eq!(
                read(&encoded(picture, ImageFormat::Jpeg)).as_deref(),
                Some("table 12"),
                "{what}"
            );
        }
    }

    #[test]
    fn what_is_no_picture_or_has_no_code_says_nothing() {
        let empty = encoded(GrayImage::from_pixel(300, 200, Luma([255])), ImageFormat::Png);
        let code = encoded(drawn("cut"), ImageFormat::Png);
        for bytes in [&b"not a picture"[..], &[], &empty, &code[..code.len() / 3]] {
            assert_eq!(read(bytes), None);
        }
    }

    /// A few bytes that claim to be 65,535 by 65,535 pixels.
    #[test]
    fn a_picture_that_claims_to_be_huge_is_not_decoded() {
        let mut bytes = encoded(drawn("small"), ImageFormat::Png);
        for side in [16, 20] {
            bytes[side..side + 4].copy_from_slice(&65_535_u32.to_be_bytes());
        }
        assert_eq!(read(&bytes), None);
    }
}
