//! Files of any size through `coffer encrypt --envelope` and `coffer decrypt`, in the memory of one segment.

use std::fs::File;
use std::io::{self, Read, Write};

use coffer_client::envelope::{self, Error, MAGIC, SEGMENT};
use coffer_client::kms::Kms;
use coffer_client::{Context, KeyName};
use zeroize::Zeroizing;

use super::Problem;
use super::progress::Bar;
use super::sink::Sink;

/// Whether the input begins as an envelope.
pub(super) fn is_envelope(beginning: &[u8]) -> bool {
    beginning.starts_with(&MAGIC)
}

/// Encrypts a whole input.
pub(super) fn encrypt(
    kms: &mut Kms,
    key: &KeyName,
    context: &Context,
    mut input: File,
    sink: Sink,
) -> Result<(), Problem> {
    let mut bar = Bar::over("Encrypting", &input, &sink);
    let mut writer = envelope::encrypt(kms, key, context, sink).map_err(problem)?;
    let mut buffer = Zeroizing::new(vec![0; SEGMENT as usize]);
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                writer.write_all(&buffer[..length])?;
                bar.add(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(problem(Error::Reading(error))),
        }
    }
    drop(bar);
    Ok(writer.finish().map_err(problem)?.finish()?)
}

/// Decrypts a whole input, whose first bytes were read already; a segment is written when it was found to be authentic.
pub(super) fn decrypt(
    kms: &mut Kms,
    key: Option<&KeyName>,
    context: &Context,
    (beginning, input): (&[u8], File),
    mut sink: Sink,
) -> Result<(), Problem> {
    let mut bar = Bar::over("Decrypting", &input, &sink);
    let mut reader =
        envelope::decrypt(kms, key, context, beginning.chain(input)).map_err(problem)?;
    let mut written = 0_u64;
    loop {
        match reader.next_segment() {
            Ok(None) => break,
            Ok(Some(plaintext)) => {
                sink.write_all(plaintext)?;
                written += plaintext.len() as u64;
                bar.add(plaintext.len());
            }
            Err(error) => {
                bar.clear();
                return Err(incomplete(error, &sink, written));
            }
        }
    }
    drop(bar);
    Ok(sink.finish()?)
}

/// Says what became of the plaintext before the error.
fn incomplete(error: Error, sink: &Sink, written: u64) -> Problem {
    let fate = match sink {
        Sink::Whole(_) => "no file was written".to_owned(),
        Sink::Standard(_) | Sink::Direct(_) if written == 0 => "nothing was written".to_owned(),
        Sink::Standard(_) | Sink::Direct(_) => {
            format!("the {written} bytes written so far are authentic, but they are not the whole")
        }
    };
    match problem(error) {
        Problem::Local(error) => Problem::Local(anyhow::anyhow!("{error:#}; {fate}")),
        other => other,
    }
}

/// Refusals of the KMS keep their code.
pub(super) fn problem(error: Error) -> Problem {
    match error {
        Error::Kms(error) => Problem::Calling(error),
        Error::Writing(error) => error.into(),
        error => Problem::Local(error.into()),
    }
}
