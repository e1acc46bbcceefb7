//! PINs from a file, a pipe, or somebody's keyboard; never from the command line.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::{Zeroize, Zeroizing};

/// Fewest bytes of a PIN.
const SHORTEST: usize = 4;
/// Most bytes of a PIN.
const LONGEST: usize = 255;

/// The PIN in the first line of a file.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<SecretSlice<u8>> {
    let named = || format!("the PIN in {}", path.display());
    let file = std::fs::File::open(path).with_context(named)?;
    read_line(&mut io::BufReader::with_capacity(1, file)).with_context(named)
}

/// Asks for the PIN twice at a terminal, and reads one line elsewhere.
pub(crate) fn ask(whose: &str) -> anyhow::Result<SecretSlice<u8>> {
    let input = io::stdin();
    if !input.is_terminal() {
        return read_line(&mut input.lock())
            .with_context(|| format!("{whose} from standard input"));
    }
    let first = prompt(&format!("{whose}: "))?;
    let second = prompt(&format!("{whose} again: "))?;
    if first.expose_secret() != second.expose_secret() {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(first)
}

fn prompt(text: &str) -> anyhow::Result<SecretSlice<u8>> {
    let pin = rpassword::prompt_password(text).context("cannot ask at the terminal")?;
    checked(Zeroizing::new(pin.into_bytes()))
}

/// Reads byte by byte into a buffer that never moves, so that no copy of the PIN is left behind.
fn read_line(input: &mut impl BufRead) -> anyhow::Result<SecretSlice<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 2));
    for byte in input.bytes().take(LONGEST + 2) {
        match byte? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    checked(line)
}

fn checked(mut pin: Zeroizing<Vec<u8>>) -> anyhow::Result<SecretSlice<u8>> {
    if !(SHORTEST..=LONGEST).contains(&pin.len()) {
        bail!("a PIN has {SHORTEST} to {LONGEST} bytes");
    }
    let exact = SecretSlice::from(pin.to_vec());
    pin.zeroize();
    Ok(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_first_line_without_its_end() {
        for text in ["1234", "1234\n", "1234\r\n", "1234\nmore"] {
            let pin = read_line(&mut text.as_bytes()).unwrap();
            assert_eq!(pin.expose_secret(), b"1234", "{text:?}");
        }
    }

    #[test]
    fn two_pins_may_come_in_two_lines() {
        let mut input = "12345678\n4321\n".as_bytes();
        assert_eq!(read_line(&mut input).unwrap().expose_secret(), b"12345678");
        assert_eq!(read_line(&mut input).unwrap().expose_secret(), b"4321");
    }

    #[test]
    fn short_and_long_pins_are_refused() {
        assert!(read_line(&mut "123\n".as_bytes()).is_err());
        assert!(read_line(&mut "x".repeat(256).as_bytes()).is_err());
        assert!(read_line(&mut "x".repeat(255).as_bytes()).is_ok());
    }
}
