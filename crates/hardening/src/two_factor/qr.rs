//! QR codes (ISO/IEC 18004): as a PNG, and drawn with characters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fast_qr::qr::QRBuilder;
use fast_qr::{ECL, QRCode};

use crate::secret::Secret;

/// The light border a reader needs, in modules.
const QUIET: usize = 4;
/// The edge of a module in the image, in pixels.
const SCALE: usize = 5;

/// More than the largest QR code holds: 2,953 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct TooLong;

/// A square of dark and light modules, border included.
pub struct QrCode {
    dark: Vec<bool>,
    size: usize,
}

impl QrCode {
    /// The smallest code that holds the text. On a screen nothing gets dirty: the lowest level of error correction
    /// gives the largest modules.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn of(text: &Secret<String>) -> Result<Self, TooLong> {
        let code: QRCode =
            QRBuilder::new(text.expose().as_bytes()).ecl(ECL::L).build().map_err(|_| TooLong)?;
        let size = code.size + 2 * QUIET;
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.size);
        let dark = (0..size * size)
            .map(|at| match (inside(at / size), inside(at % size)) {
                (Some(row), Some(column)) => code[row][column].value(),
                _ => false,
            })
            .collect();
        Ok(Self { dark, size })
    }

    /// `data:image/png;base64,…`: grey, one bit a pixel.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn to_png_data_uri(&self) -> Secret<String> {
        let side = self.size * SCALE;
        let mut image = Vec::new();
        let edge = u32::try_from(side).expect("a QR code has at most 185 modules");
        let mut encoder = png::Encoder::new(&mut image, edge, edge);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let rows: Vec<u8> = (0..side).flat_map(|y| self.packed_row(y / SCALE)).collect();
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows));
        written.expect("writing to memory does not fail");
        Secret::new(format!("data:image/png;base64,{}", STANDARD.encode(image)))
    }

    /// A row of pixels, light ones as 1, eight to a byte.
    fn packed_row(&self, row: usize) -> Vec<u8> {
        let side = self.size * SCALE;
        (0..side.div_ceil(8))
            .map(|byte| {
                (0..8).fold(0, |bits, bit| {
                    let x = byte * 8 + bit;
                    let light = x < side && !self.is_dark(row, x / SCALE);
                    bits << 1 | u8::from(light)
                })
            })
            .collect()
    }

    fn is_dark(&self, row: usize, column: usize) -> bool {
        row < self.size && self.dark[row * self.size + column]
    }

    /// Drawn with half blocks, two rows a line. With `colours`, black on white whatever the terminal's own are;
    /// without, light is drawn and dark left out, as fits the usual dark background.
    pub fn to_terminal(&self, colours: bool) -> Secret<String> {
        let mut drawn = String::with_capacity(self.size * self.size * 2);
        for row in (0..self.size).step_by(2) {
            if colours {
                drawn.push_str("\u{1b}[30;107m");
            }
            for column in 0..self.size {
                // Below the last row is border, too.
                let (upper, lower) = (self.is_dark(row, column), self.is_dark(row + 1, column));
                let (drawn_above, drawn_below) = if colours { (upper, lower) } else { (!upper, !lower) };
                drawn.push(match (drawn_above, drawn_below) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            drawn.push_str(if colours { "\u{1b}[0m\n" } else { "\n" });
        }
        Secret::new(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> (QrCode, Secret<String>) {
        let text = Secret::new(
            "otpauth://totp/SignUpFlow:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=SignUpFlow"
                .to_owned(),
        );
        (QrCode::of(&text).expect("it fits"), text)
    }

    /// Read by another library (`rqrr`).
    fn read(side: usize, light: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if light(x, y) { 255 } else { 0 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
        image.detect_grids().first().expect("a QR code").decode().expect("a sound one").1
    }

    #[test]
    fn the_png_is_read_by_an_independent_reader() {
        let (code, text) = code();
        let uri = code.to_png_data_uri();
        let image = STANDARD
            .decode(uri.expose().strip_prefix("data:image/png;base64,").expect("PNG"))
            .expect("Base64");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(image));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("of this size")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        let side = usize::try_from(info.width).expect("small");
        assert_eq!(info.width, info.height);
        assert_eq!(read(side, |x, y| pixels[y * side + x] > 127), *text.expose());
    }

    #[test]
    fn what_the_terminal_shows_is_read_too() {
        let (code, text) = code();
        for colours in [false, true] {
            let drawn = code.to_terminal(colours);
            assert_eq!(drawn.expose().contains('\u{1b}'), colours);
            let rows: Vec<Vec<char>> = drawn
                .expose()
                .lines()
                .map(|line| line.replace("\u{1b}[30;107m", "").replace("\u{1b}[0m", "").chars().collect())
                .collect();
            let side = rows[0].len();
            let light = |x: usize, y: usize| {
                let (x, y) = (x / 4, y / 4);
                let character = rows.get(y / 2).map_or(' ', |row| row[x]);
                let drawn = if y % 2 == 0 {
                    matches!(character, '█' | '▀')
                } else {
                    matches!(character, '█' | '▄')
                };
                drawn != colours
            };
            assert_eq!(read(side * 4, light), *text.expose());
        }
    }

    #[test]
    fn the_longest_text_fits_and_one_more_byte_does_not() {
        assert!(QrCode::of(&Secret::new("a".repeat(2_953))).is_ok());
        assert_eq!(QrCode::of(&Secret::new("a".repeat(2_954))).err(), Some(TooLong));
    }
}
