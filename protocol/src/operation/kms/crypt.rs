//! Encryption with symmetric CMKs, and data keys.

use crate::message::{Bytes, messages};

messages! {
    /// Encrypts up to 4,096 bytes.
    Encrypt {
        field key_id: String             = "KeyId"             Clear  "Id or alias/<name> of the key.";
        payload plaintext                = "Plaintext"         Tagged "1 to 4,096 bytes.";
        field context: Option<String>    = "EncryptionContext" Clear  "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A ciphertext.
    Encrypted {
        payload ciphertext   = "CiphertextBlob" Tagged "The ciphertext; it names its key and version.";
        field key_id: String = "KeyId"          Clear  "Id of the key.";
    }
    /// Decrypts what Encrypt or GenerateDataKey made.
    Decrypt {
        payload ciphertext                   = "CiphertextBlob"    Tagged "The ciphertext.";
        field context: Option<String>        = "EncryptionContext" Clear  "The context given at encryption.";
        field expected_key: Option<String>   = "ExpectedKeyId"     Clear  "Refuses a ciphertext of another key.";
        field public_key: Option<String> = "EncryptionPublicKey" Clear "RSA-2048 or SM2 public key in PEM: the plaintext of the reply is encrypted under it.";
        field algorithm: Option<String> = "EncryptionAlgorithm" Clear "How: SM2 (C1C3C2; when absent), SM2_C1C3C2_ASN1, RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256.";
    }
    /// A plaintext.
    Decrypted {
        field key_id: String = "KeyId"     Clear  "Id of the key.";
        payload plaintext    = "Plaintext" Tagged "The plaintext.";
    }
    /// Makes a data key: once in clear for use, once encrypted for keeping.
    GenerateDataKey {
        field key_id: String            = "KeyId"             Clear "Id or alias/<name> of the key.";
        field key_spec: Option<String>  = "KeySpec"           Clear "AES_128 or AES_256.";
        field length: Option<i64>       = "NumberOfBytes"     Clear "1 to 1,024; takes precedence over KeySpec.";
        field context: Option<String>   = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
        field public_key: Option<String> = "EncryptionPublicKey" Clear "RSA-2048 or SM2 public key in PEM: the plaintext of the reply is encrypted under it.";
        field algorithm: Option<String> = "EncryptionAlgorithm" Clear "How: SM2 (C1C3C2; when absent), SM2_C1C3C2_ASN1, RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256.";
    }
    /// A data key.
    GeneratedDataKey {
        field key_id: String    = "KeyId"          Clear  "Id of the CMK.";
        payload plaintext       = "Plaintext"      Tagged "The data key; wipe it after use.";
        field ciphertext: Bytes = "CiphertextBlob" Tagged "The data key encrypted; Decrypt opens it.";
        field tag_code: i64     = "TagCode"        Clear  "0: tags were set.";
        field tag_message: String = "TagMsg"       Clear  "Why tags were not set.";
    }
    /// Encrypts anew, under another key, context or version, without showing the plaintext.
    ReEncrypt {
        payload ciphertext = "CiphertextBlob" Tagged "The ciphertext.";
        field destination: Option<String> = "DestinationKeyId" Clear "Id or alias/<name> of the new key; the same key when absent.";
        field source_context: Option<String> = "SourceEncryptionContext" Clear "The context given at encryption.";
        field destination_context: Option<String> = "DestinationEncryptionContext" Clear "The context of the new ciphertext.";
    }
    /// A new ciphertext.
    ReEncrypted {
        payload ciphertext          = "CiphertextBlob" Tagged "The ciphertext: the old one, where nothing had to change.";
        field key_id: String        = "KeyId"          Clear  "Id of the key that it is under now.";
        field source_key_id: String = "SourceKeyId"    Clear  "Id of the key that it was under.";
        field changed: bool         = "ReEncrypted"    Clear  "false where key, version and context were right already.";
    }
    /// Makes a data key for later: encrypted only.
    GenerateDataKeyWithoutPlaintext {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field key_spec: Option<String>  = "KeySpec"       Clear "AES_128 or AES_256.";
        field length: Option<i64>       = "NumberOfBytes" Clear "1 to 1,024; takes precedence over KeySpec.";
        field context: Option<String> = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A data key, encrypted.
    GeneratedCiphertext {
        field key_id: String = "KeyId"          Clear  "Id of the CMK.";
        payload ciphertext   = "CiphertextBlob" Tagged "The data key encrypted; Decrypt opens it.";
    }
    /// Makes a data key pair: the private key once in clear for use, once encrypted for keeping.
    GenerateDataKeyPair {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field spec: String = "KeyPairSpec" Clear "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384 or SM2.";
        field context: Option<String> = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A data key pair.
    GeneratedDataKeyPair {
        field key_id: String    = "KeyId"                    Clear  "Id of the CMK.";
        field spec: String      = "KeyPairSpec"              Clear  "What the pair is.";
        field public_key: Bytes = "PublicKey"                Clear  "SubjectPublicKeyInfo (RFC 5280) in DER.";
        payload plaintext       = "PrivateKeyPlaintext"      Tagged "The private key, PKCS #8 (RFC 5958) in DER; wipe it after use.";
        field ciphertext: Bytes = "PrivateKeyCiphertextBlob" Tagged "The private key encrypted; Decrypt opens it.";
    }
    /// Makes a data key pair for later: the private key encrypted only.
    GenerateDataKeyPairWithoutPlaintext {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field spec: String = "KeyPairSpec" Clear "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384 or SM2.";
        field context: Option<String> = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A data key pair, its private key encrypted.
    GeneratedDataKeyPairCiphertext {
        field key_id: String    = "KeyId"                    Clear  "Id of the CMK.";
        field spec: String      = "KeyPairSpec"              Clear  "What the pair is.";
        field public_key: Bytes = "PublicKey"                Clear  "SubjectPublicKeyInfo (RFC 5280) in DER.";
        payload ciphertext      = "PrivateKeyCiphertextBlob" Tagged "The private key encrypted; Decrypt opens it.";
    }
    /// Encrypts a data key that comes with its hash, which is checked.
    EncryptDataKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        payload plaintext = "Plaintext" Tagged "The data key, then its SHA-256 (SM3 where the CMK is SM4).";
        field length: i64 = "DataKeyLength" Clear "Bytes of the data key without its hash, 1 to 1,024.";
        field context: Option<String> = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// An encrypted data key.
    EncryptedDataKey {
        field key_id: String = "KeyId"          Clear  "Id of the CMK.";
        payload ciphertext   = "CiphertextBlob" Tagged "The data key encrypted; DecryptDataKey and Decrypt open it.";
        field length: i64    = "DataKeyLength"  Clear  "Bytes of the data key.";
    }
    /// Decrypts a data key of a known length.
    DecryptDataKey {
        payload ciphertext = "CiphertextBlob" Tagged "The encrypted data key.";
        field length: i64 = "DataKeyLength" Clear "Bytes of the data key, 1 to 1,024; a data key of another length is refused.";
        field context: Option<String> = "EncryptionContext" Clear "The context given at encryption.";
        field expected_key: Option<String> = "ExpectedKeyId" Clear "Refuses a ciphertext of another key.";
    }
    /// A data key.
    DecryptedDataKey {
        field key_id: String = "KeyId"         Clear  "Id of the CMK.";
        payload plaintext    = "Plaintext"     Tagged "The data key; wipe it after use.";
        field length: i64    = "DataKeyLength" Clear  "Bytes of the data key.";
    }
}
