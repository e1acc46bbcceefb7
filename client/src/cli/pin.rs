//! PINs from a file, a pipe, or somebody's keyboard; never from the command line.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::{Zeroize, Zeroizing};

use super::input;

/// Fewest bytes of a PIN.
const SHORTEST: usize = 4;
/// Most bytes of a PIN.
const LONGEST: usize = 255;

/// The PIN in the first line of a file.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<SecretSlice<u8>> {
    let named = || format!("the PIN in {}", path.display());
    first_line(std::fs::File::open(path).with_context(named)?).with_context(named)
}

/// Asks for the PIN twice at a terminal, and reads one line elsewhere.
pub(crate) fn ask(whose: &str) -> anyhow::Result<SecretSlice<u8>> {
    if !io::stdin().is_terminal() {
        return first_line(input::standard()?)
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

fn first_line(input: impl Read) -> anyhow::Result<SecretSlice<u8>> {
    checked(input::read_line(input, LONGEST + 2)?)
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
            let pin = first_line(text.as_bytes()).unwrap();
            assert_eq!(pin.expose_secret(), b"1234", "{text:?}");
        }
    }

    #[test]
    fn short_and_long_pins_are_refused() {
        assert!(first_line("123\n".as_bytes()).is_err());
        assert!(first_line("x".repeat(256).as_bytes()).is_err());
        assert!(first_line("x".repeat(255).as_bytes()).is_ok());
    }
}
