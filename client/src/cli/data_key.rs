//! `coffer data-key`: keys for use outside, kept encrypted under a CMK.

use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use coffer_client::kms::{DataKeyLength, Kms};
use coffer_client::{Context, KeyName};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::json;
use zeroize::Zeroizing;

use super::crypt::{context_of, parse_pair};
use super::key::with_key;
use super::target::Target;
use super::{Problem, file, output};

/// Arguments of `coffer data-key`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "`coffer decrypt` opens the encrypted key. Without --plaintext and --json nobody sees it in \
    clear before. Wipe it after use. `coffer encrypt --envelope` does all of this for a file."
)]
pub(crate) struct DataKeyArguments {
    /// Id or alias of the CMK that encrypts it
    #[arg(long)]
    key: String,
    /// AES_128 or AES_256 (when left out); for a pair its private key, as PKCS #8: RSA_2048, RSA_3072, RSA_4096,
    /// ECC_NIST_P256, ECC_NIST_P384 or SM2
    #[arg(long, value_parser = parse_spec, default_value = "AES_256", hide_default_value = true)]
    spec: Spec,
    /// Bytes of the key, 1 to 1,024, in place of --spec
    #[arg(long, value_name = "BYTES", conflicts_with = "spec", value_parser = clap::value_parser!(u16).range(1..=1024))]
    length: Option<u16>,
    /// A public fact that decryption needs again; may be repeated
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
    /// Write the encrypted key here
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    encrypted: Option<PathBuf>,
    /// Write the key in clear here
    #[arg(long, value_name = "FILE")]
    plaintext: Option<PathBuf>,
    /// Write the public key of a pair here, in DER
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Print it all as JSON, the key in clear too
    #[arg(long, conflicts_with_all = ["encrypted", "plaintext", "public_key"])]
    pub(crate) json: bool,
}

/// What is made.
#[derive(Clone, Debug)]
enum Spec {
    Secret(DataKeyLength),
    Pair(&'static str),
}

/// A data key, as far as it is known.
struct Made {
    key_id: String,
    plaintext: Option<SecretSlice<u8>>,
    encrypted: Vec<u8>,
    public_key: Option<Vec<u8>>,
}

/// Makes one.
pub(crate) fn run(arguments: &DataKeyArguments) -> Result<(), Problem> {
    if arguments.public_key.is_some() && matches!(arguments.spec, Spec::Secret(_)) {
        return Err(Problem::Usage("--public-key is for a pair: name it with --spec".to_owned()));
    }
    let context = context_of("--context", &arguments.context)?;
    let made = with_key(&arguments.target, &arguments.key, |kms, key| {
        Ok(arguments.make(kms, key, &context)?)
    })?;
    if arguments.json {
        return print(&made);
    }
    for (path, bytes, mode) in [
        (
            &arguments.plaintext,
            made.plaintext.as_ref().map(ExposeSecret::expose_secret),
            file::PRIVATE,
        ),
        (&arguments.public_key, made.public_key.as_deref(), file::PUBLIC),
        (&arguments.encrypted, Some(made.encrypted.as_slice()), file::PUBLIC),
    ] {
        if let (Some(path), Some(bytes)) = (path, bytes) {
            file::write(path, bytes, mode)?;
        }
    }
    Ok(())
}

fn print(made: &Made) -> Result<(), Problem> {
    let clear = made
        .plaintext
        .as_ref()
        .map(|bytes| Zeroizing::new(Base64::encode_string(bytes.expose_secret())));
    let public = made.public_key.as_ref().map(|bytes| Base64::encode_string(bytes));
    let mut object = json!({
        "KeyId": made.key_id,
        "CiphertextBlob": Base64::encode_string(&made.encrypted),
    });
    if let Some(public) = public {
        object["PublicKey"] = public.into();
    }
    if let Some(clear) = &clear {
        object["Plaintext"] = clear.as_str().into();
    }
    let printed = output::line(&object);
    super::action::wipe(&mut object);
    Ok(printed?)
}

impl DataKeyArguments {
    fn make(
        &self,
        kms: &mut Kms,
        key: &KeyName,
        context: &Context,
    ) -> Result<Made, coffer_client::Error> {
        let is_shown = self.json || self.plaintext.is_some();
        let (plaintext, encrypted, public_key) = match (self.what(), is_shown) {
            (Spec::Secret(length), true) => {
                let made = kms.generate_data_key(key, length, context)?;
                (Some(made.plaintext), made.ciphertext, None)
            }
            (Spec::Secret(length), false) => {
                (None, kms.generate_data_key_without_plaintext(key, length, context)?, None)
            }
            (Spec::Pair(spec), true) => {
                let made = kms.generate_data_key_pair(key, spec, context)?;
                (Some(made.private_key), made.ciphertext, Some(made.public_key))
            }
            (Spec::Pair(spec), false) => {
                let made = kms.generate_data_key_pair_without_plaintext(key, spec, context)?;
                (None, made.ciphertext, Some(made.public_key))
            }
        };
        let key_id = if self.json { kms.describe_key(key)?.key_id } else { String::new() };
        Ok(Made { key_id, plaintext, encrypted, public_key })
    }

    fn what(&self) -> Spec {
        match self.length {
            Some(length) => Spec::Secret(DataKeyLength::Bytes(length)),
            None => self.spec.clone(),
        }
    }
}

fn parse_spec(text: &str) -> Result<Spec, String> {
    const SPECS: [(&str, Spec); 8] = [
        ("AES_128", Spec::Secret(DataKeyLength::Aes128)),
        ("AES_256", Spec::Secret(DataKeyLength::Aes256)),
        ("RSA_2048", Spec::Pair("RSA_2048")),
        ("RSA_3072", Spec::Pair("RSA_3072")),
        ("RSA_4096", Spec::Pair("RSA_4096")),
        ("ECC_NIST_P256", Spec::Pair("ECC_NIST_P256")),
        ("ECC_NIST_P384", Spec::Pair("ECC_NIST_P384")),
        ("SM2", Spec::Pair("SM2")),
    ];
    let found = SPECS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, spec)| spec).ok_or_else(|| {
        let names = SPECS.map(|(name, _)| name);
        format!("one of {}", names.join(", "))
    })
}
