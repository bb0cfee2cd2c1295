//! Quotes that nothing inside can leave.

use std::fmt::Write;

/// Bytes of a name that is written without quotes.
const NAME_BYTES: usize = 48;

/// What strangers wrote: `u"…"`.
pub(super) fn stranger(text: &str, limit: usize) -> String {
    format!("u{}", quoted(text, limit))
}

/// Printable ASCII between quotes, at most `limit` bytes between them; three dots after the quote where it was cut.
pub(super) fn quoted(text: &str, limit: usize) -> String {
    let mut kept = String::from("\"");
    let mut cut = "";
    for char in text.chars() {
        let before = kept.len();
        push_escaped(&mut kept, char);
        // One byte is the opening quote's.
        if kept.len() > limit.saturating_add(1) {
            kept.truncate(before);
            cut = "...";
            break;
        }
    }
    format!("{kept}\"{cut}")
}

/// A name that code gave, as it is; anything else is a stranger's text.
pub(super) fn name(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.:*-".contains(&byte);
    let is_name = !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(plain);
    if is_name { text.to_owned() } else { stranger(text, NAME_BYTES) }
}

fn push_escaped(kept: &mut String, char: char) {
    // Angle brackets and pipes are how chat templates mark turns.
    let plain = (char.is_ascii_graphic() || char == ' ') && !matches!(char, '"' | '\\' | '<' | '>' | '|');
    if plain {
        kept.push(char);
        return;
    }
    for unit in char.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _written = write!(kept, "\\u{unit:04x}");
    }
}
