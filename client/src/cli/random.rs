//! `coffer random`: random bytes from the daemon.

use base64ct::{Base64, Encoding};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::target::Target;
use super::{Problem, output};

/// Most bytes of one request.
const CHUNK: usize = 1024;

/// Arguments of `coffer random`.
#[derive(Debug, clap::Args)]
pub(crate) struct RandomArguments {
    /// How many bytes
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    length: u32,
    /// Print them as hexadecimal digits
    #[arg(long, conflicts_with = "base64")]
    hex: bool,
    /// Print them as base64
    #[arg(long)]
    base64: bool,
    #[command(flatten)]
    target: Target,
}

/// Prints random bytes; raw ones unless asked otherwise.
pub(crate) fn run(arguments: &RandomArguments) -> Result<(), Problem> {
    if !arguments.hex && !arguments.base64 && output::is_terminal() {
        return Err(Problem::Usage("the bytes are binary: use --hex or --base64".to_owned()));
    }
    let length = usize::try_from(arguments.length).map_err(anyhow::Error::from)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    let mut kms = arguments.target.kms()?;
    while bytes.len() < length {
        let next = u16::try_from(CHUNK.min(length - bytes.len())).map_err(anyhow::Error::from)?;
        bytes.extend_from_slice(kms.generate_random(next)?.expose_secret());
    }
    if arguments.hex {
        output::text(&Zeroizing::new(hex(&bytes)))?;
    } else if arguments.base64 {
        output::text(&Zeroizing::new(Base64::encode_string(&bytes)))?;
    } else {
        output::bytes(&bytes)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0F));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal_is_lower_case_and_complete() {
        assert_eq!(super::hex(&[0, 0x1f, 0xa0, 0xff]), "001fa0ff");
    }
}
