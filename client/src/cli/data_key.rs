//! `coffer data-key`: keys for use outside, kept encrypted under a CMK.

use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use coffer_client::KeyName;
use coffer_client::kms::Kms;
use coffer_protocol::operation::kms::{
    GenerateDataKey, GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext,
    GenerateDataKeyWithoutPlaintext,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::crypt::{context_of, parse_pair};
use super::key::with_key;
use super::request::call_with;
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
    #[arg(long, value_name = "BYTES", conflicts_with = "spec", value_parser = clap::value_parser!(i64).range(1..=1024))]
    length: Option<i64>,
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
    Secret(String),
    Pair(String),
}

/// A data key, as far as it is known.
struct Made {
    key_id: String,
    plaintext: Option<Zeroizing<Vec<u8>>>,
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
        Ok(arguments.make(kms, key, context.to_json())?)
    })?;
    if arguments.json {
        return print(&made);
    }
    for (path, bytes, mode) in [
        (
            &arguments.plaintext,
            made.plaintext.as_ref().map(|bytes| bytes.as_slice()),
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
    let clear = made.plaintext.as_ref().map(|bytes| Zeroizing::new(Base64::encode_string(bytes)));
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
        context: Option<String>,
    ) -> Result<Made, coffer_client::Error> {
        let key_id = key.as_str().to_owned();
        let is_shown = self.json || self.plaintext.is_some();
        match (&self.spec, is_shown) {
            (Spec::Secret(spec), true) => {
                let request = GenerateDataKey {
                    key_id,
                    key_spec: Some(spec.clone()),
                    length: self.length,
                    context,
                    public_key: None,
                    algorithm: None,
                };
                let reply = call_with(kms, &request, &[])?;
                let encrypted = reply.meta.ciphertext.0;
                let plaintext = Some(reply.payload);
                Ok(Made { key_id: reply.meta.key_id, plaintext, encrypted, public_key: None })
            }
            (Spec::Secret(spec), false) => {
                let key_spec = Some(spec.clone());
                let length = self.length;
                let request = GenerateDataKeyWithoutPlaintext { key_id, key_spec, length, context };
                let reply = call_with(kms, &request, &[])?;
                let encrypted = reply.payload.to_vec();
                Ok(Made { key_id: reply.meta.key_id, plaintext: None, encrypted, public_key: None })
            }
            (Spec::Pair(spec), true) => {
                let request = GenerateDataKeyPair { key_id, spec: spec.clone(), context };
                let reply = call_with(kms, &request, &[])?;
                Ok(Made {
                    key_id: reply.meta.key_id,
                    plaintext: Some(reply.payload),
                    encrypted: reply.meta.ciphertext.0,
                    public_key: Some(reply.meta.public_key.0),
                })
            }
            (Spec::Pair(spec), false) => {
                let spec = spec.clone();
                let request = GenerateDataKeyPairWithoutPlaintext { key_id, spec, context };
                let reply = call_with(kms, &request, &[])?;
                Ok(Made {
                    key_id: reply.meta.key_id,
                    plaintext: None,
                    encrypted: reply.payload.to_vec(),
                    public_key: Some(reply.meta.public_key.0),
                })
            }
        }
    }
}

fn parse_spec(text: &str) -> Result<Spec, String> {
    const SECRETS: [&str; 2] = ["AES_128", "AES_256"];
    const PAIRS: [&str; 6] =
        ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "SM2"];
    let find = |names: &[&'static str]| {
        names.iter().find(|name| name.eq_ignore_ascii_case(text)).map(|name| (*name).to_owned())
    };
    find(&SECRETS)
        .map(Spec::Secret)
        .or_else(|| find(&PAIRS).map(Spec::Pair))
        .ok_or_else(|| format!("one of {}, {}", SECRETS.join(", "), PAIRS.join(", ")))
}
