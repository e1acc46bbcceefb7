//! Files of any size under a key of the KMS: envelope encryption.
//!
//! A data key is made once for each file and encrypts it here, in segments; the file begins with the data key as the
//! KMS encrypted it. So a file is as long as it likes, its bytes do not pass the daemon, and moving it to another key
//! or version means to encrypt a hundred bytes anew. docs/envelope.md has the format.
//!
//! ```no_run
//! use std::fs::File;
//! use std::io::Write;
//!
//! use coffer_client::kms::Kms;
//! use coffer_client::{Context, KeyName, envelope};
//!
//! let (mut kms, context) = (Kms::connect("example")?, Context::from([("tenant", "7")]));
//! let file = File::create("secret.env")?;
//! let mut writer = envelope::encrypt(&mut kms, &KeyName::new("app"), &context, file)?;
//! writer.write_all(b"to be kept")?;
//! writer.finish()?;
//!
//! let mut reader = envelope::decrypt(&mut kms, None, &context, File::open("secret.env")?)?;
//! while let Some(plaintext) = reader.next_segment()? {
//!     println!("{} bytes", plaintext.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod header;
mod reader;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{Read, Write};

pub use error::Error;
pub use header::{Header, MAGIC, MAX_SEGMENT, MIN_SEGMENT, SEGMENT};
pub use reader::Reader;
pub use writer::Writer;

use crate::kms::{DataKeyLength, Destination, Kms};
use crate::{Context, KeyName};

/// Makes a data key under `key` and writes the header; what is written to the [`Writer`] is encrypted.
///
/// # Errors
///
/// [`Error::Kms`] where the KMS refuses, [`Error::Writing`] where the output does.
pub fn encrypt<W: Write>(
    kms: &mut Kms,
    key: &KeyName,
    context: &Context,
    output: W,
) -> Result<Writer<W>, Error> {
    let data_key = kms.generate_data_key(key, DataKeyLength::Aes256, context)?;
    let header = Header::new(SEGMENT, data_key.ciphertext)?;
    Writer::new(&header, &data_key.plaintext, output)
}

/// Reads the header and has the KMS decrypt the data key; the [`Reader`] gives the plaintext.
///
/// # Errors
///
/// [`Error::Kms`] where the KMS refuses, which for another context or, with `key`, another key, is an invalid
/// ciphertext or key id; what [`Header::read`] says of the header.
pub fn decrypt<R: Read>(
    kms: &mut Kms,
    key: Option<&KeyName>,
    context: &Context,
    mut input: R,
) -> Result<Reader<R>, Error> {
    let header = Header::read(&mut input)?;
    let data_key = match key {
        Some(key) => kms.decrypt_of(key, header.data_key(), context)?,
        None => kms.decrypt(header.data_key(), context)?,
    };
    Reader::new(&header, &data_key, input)
}

/// A header whose data key was encrypted anew.
#[derive(Clone, Debug)]
pub struct ReEncrypted {
    /// The header, in the place of which it goes.
    pub header: Header,
    /// Id of the key that it is under now.
    pub key_id: String,
    /// Id of the key that it was under.
    pub source_key_id: String,
    /// False where key, version and context were right already: the header is the old one.
    pub changed: bool,
}

/// Has the KMS encrypt the data key of a header anew. The segments stay as they are: the header's other fields, which
/// they are bound to, do not change.
///
/// # Errors
///
/// [`Error::Kms`] where the KMS refuses.
pub fn re_encrypt(
    kms: &mut Kms,
    header: &Header,
    context: &Context,
    destination: &Destination<'_>,
) -> Result<ReEncrypted, Error> {
    let done = kms.re_encrypt(header.data_key(), context, destination)?;
    Ok(ReEncrypted {
        header: header.with_data_key(done.ciphertext)?,
        key_id: done.key_id,
        source_key_id: done.source_key_id,
        changed: done.changed,
    })
}
