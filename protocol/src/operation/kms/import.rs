//! Material that is brought in from outside.

use crate::message::{Bytes, messages};

messages! {
    /// Makes a key pair for wrapping the material of an EXTERNAL CMK, and the token that names it.
    GetParametersForImport {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field algorithm: String = "WrappingAlgorithm" Clear "RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, RSA_AES_KEY_WRAP_SHA_256 or SM2.";
        field spec: String = "WrappingKeySpec" Clear "RSA_2048, RSA_3072, RSA_4096, or SM2 for the algorithm SM2.";
    }
    /// What material is wrapped under.
    ImportParameters {
        field key_id: String    = "KeyId"             Clear  "Id of the key.";
        field token: Bytes      = "ImportToken"       Tagged "Goes with the material; for one import.";
        field public_key: Bytes = "PublicKey"         Clear  "SubjectPublicKeyInfo (RFC 5280) in DER.";
        field valid_to: i64     = "ParametersValidTo" Clear  "UNIX seconds; 24 hours from now.";
    }
    /// Imports the material of an EXTERNAL CMK: the first time any, later the same only.
    ImportKeyMaterial {
        payload material = "EncryptedKeyMaterial" Tagged "The material (for a pair: its private key in PKCS #8), wrapped; with EncryptedPrivateKey, an AES key of 16 or 32 bytes.";
        field token: Bytes = "ImportToken" Tagged "Of GetParametersForImport.";
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field valid_to: Option<i64> = "ValidTo" Clear "When the material expires, in UNIX seconds up to 2147443200; 0 or absent: never. Not for pairs.";
        field private_key: Option<Bytes> = "EncryptedPrivateKey" Tagged "For a pair: its PKCS #8, wrapped under the AES key with AES-KWP (RFC 5649).";
    }
    /// The material was imported.
    ImportedKeyMaterial {
        field key_state: String = "KeyState" Clear "Enabled, or the state that the key had when its material went.";
    }
    /// Erases the imported material of a CMK for good; the same can be imported again.
    DeleteImportedKeyMaterial {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
}
