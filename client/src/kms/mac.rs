//! Message authentication codes.

use coffer_protocol::message::Bytes;
use coffer_protocol::operation::kms::{GenerateMac, VerifyMac};

use super::call::{calls, public};
use crate::KeyName;

calls! {
    /// Makes a message authentication code over 1 to 4,096 bytes. `algorithm` is `HMAC_SHA_256`, `HMAC_SHA_384`,
    /// `HMAC_SHA_512` or `HMAC_SM3`, as the key's spec is; the code has 32, 48, 64 or 32 bytes.
    ///
    /// Refused with `InvalidKeyUsage`, `CmkDisabled`, `CmkArchived`, `KeyPendingDelete`.
    generate_mac(key: &KeyName, algorithm: &str, message: &[u8]) -> Vec<u8>
        = GenerateMac { key_id: key.to_field(), algorithm: algorithm.to_owned() }, message
        => |_, payload| public(payload);

    /// Tells whether a message authentication code is right; algorithms as for [`super::Kms::generate_mac`].
    ///
    /// Refused as making one is, except that an archived key verifies.
    verify_mac(key: &KeyName, algorithm: &str, message: &[u8], mac: &[u8]) -> bool
        = VerifyMac {
            key_id: key.to_field(), algorithm: algorithm.to_owned(), mac: Bytes(mac.to_vec())
        }, message => |verified, _| verified.valid;
}
