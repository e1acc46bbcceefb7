//! What goes to standard output: tables for people, JSON lines for machines, bytes as they are.

use std::io::{self, IsTerminal, Write};

use coffer_protocol::message::Message;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

/// Prints one JSON value as a line, at once; the text is wiped, because it may hold a plaintext.
pub(crate) fn line(value: &impl Serialize) -> io::Result<()> {
    let mut text = Zeroizing::new(serde_json::to_vec(value)?);
    text.push(b'\n');
    bytes(&text)
}

/// Prints a message as a line of JSON.
pub(crate) fn message<M: Message>(message: &M) -> io::Result<()> {
    line(&message.to_json(&[]))
}

/// Prints text and a line end.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}

/// Whether raw bytes would end on somebody's screen.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Prints rows under a heading; in a pipe, lines are as long as they are.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heading);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    text(&table.trim_fmt())
}

/// Prints the fields of a message, one a line.
pub(crate) fn fields<M: Message>(message: &M) -> io::Result<()> {
    let object = message.to_json(&[]);
    let width = M::FIELDS.iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in M::FIELDS {
        let value = match object.get(field.name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            Some(value) => plain(value),
        };
        if !value.is_empty() {
            text(&format!("{:width$}  {}", field.name, printable(&value)))?;
        }
    }
    Ok(())
}

/// Prints titles and values, one pair a line; a pair without a value is left out.
pub(crate) fn pairs(rows: &[(&str, String)]) -> io::Result<()> {
    let width = rows.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    for (title, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        text(&format!("{title:width$}  {}", printable(value)))?;
    }
    Ok(())
}

/// UNIX seconds as people read them (RFC 3339, UTC).
pub(crate) fn time(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) if seconds != 0 => time.to_string(),
        _ => String::from("-"),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text that others chose cannot steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn times_are_in_utc_and_zero_is_none() {
        assert_eq!(time(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(time(0), "-");
    }
}
