//! Signatures, decryption with pairs, message authentication codes, shared secrets.

use crate::message::{Bytes, messages};

messages! {
    /// Tells the public key of an asymmetric CMK.
    GetPublicKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// A public key.
    PublicKey {
        field key_id: String    = "KeyId"        Clear "Id of the key.";
        field public_key: Bytes = "PublicKey"    Clear "SubjectPublicKeyInfo (RFC 5280) in DER.";
        field pem: String       = "PublicKeyPem" Clear "The same in PEM.";
    }
    /// Signs a message or its digest.
    SignByAsymmetricKey {
        field algorithm: String            = "Algorithm"   Clear  "SM2DSA, ECC_P256_R1, ECC_P384_R1, RSA_PSS_SHA_256/384/512 or RSA_PKCS1_SHA_256/384/512.";
        payload message                    = "Message"     Tagged "Up to 4,096 bytes, or the digest.";
        field key_id: String               = "KeyId"       Clear  "Id or alias/<name> of the key.";
        field message_type: Option<String> = "MessageType" Clear  "RAW (when absent) or DIGEST.";
    }
    /// A signature.
    Signed {
        payload signature = "Signature" Tagged "DER for SM2 and ECDSA, raw for RSA.";
    }
    /// Verifies a signature.
    VerifyByAsymmetricKey {
        field key_id: String               = "KeyId"          Clear  "Id or alias/<name> of the key.";
        field signature: Bytes             = "SignatureValue" Tagged "The signature.";
        payload message                    = "Message"        Tagged "Up to 4,096 bytes, or the digest.";
        field algorithm: String            = "Algorithm"      Clear  "As it was signed.";
        field message_type: Option<String> = "MessageType"    Clear  "RAW (when absent) or DIGEST.";
    }
    /// Whether a signature is right; a wrong one is a successful call.
    Verified {
        field valid: bool = "SignatureValid" Clear "true or false.";
    }
    /// Decrypts with an RSA key.
    AsymmetricRsaDecrypt {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        payload ciphertext = "Ciphertext" Tagged "The ciphertext, as long as the modulus.";
        field algorithm: String = "Algorithm" Clear "RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256.";
    }
    /// Decrypts with an SM2 key.
    AsymmetricSm2Decrypt {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        payload ciphertext = "Ciphertext" Tagged "C1C3C2 in ASN.1 (GM/T 0009), up to 256 bytes.";
    }
    /// A plaintext.
    AsymmetricDecrypted {
        field key_id: String = "KeyId"     Clear  "Id of the key.";
        payload plaintext    = "Plaintext" Tagged "The plaintext.";
    }
    /// Makes a message authentication code.
    GenerateMac {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        payload message = "Message" Tagged "1 to 4,096 bytes.";
        field algorithm: String = "MacAlgorithm" Clear "HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512 or HMAC_SM3, as the key's spec is.";
    }
    /// A message authentication code.
    GeneratedMac {
        field key_id: String    = "KeyId"        Clear  "Id of the key.";
        payload mac             = "Mac"          Tagged "The code.";
        field algorithm: String = "MacAlgorithm" Clear  "How it was made.";
    }
    /// Checks a message authentication code.
    VerifyMac {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        payload message = "Message" Tagged "1 to 4,096 bytes.";
        field algorithm: String = "MacAlgorithm" Clear "As it was made.";
        field mac: Bytes = "Mac" Tagged "The code.";
    }
    /// Whether a code is right; a wrong one is a successful call.
    VerifiedMac {
        field key_id: String    = "KeyId"        Clear "Id of the key.";
        field valid: bool       = "MacValid"     Clear "true or false.";
        field algorithm: String = "MacAlgorithm" Clear "How it was checked.";
    }
    /// Derives a secret shared with the holder of another key, by ECDH (SP 800-56A).
    DeriveSharedSecret {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field algorithm: String = "KeyAgreementAlgorithm" Clear "ECDH.";
        field public_key: Bytes = "PublicKey" Clear "The other's SubjectPublicKeyInfo in DER, on the curve of the key.";
    }
    /// A shared secret: the x coordinate, to be put through a key derivation function.
    DerivedSharedSecret {
        field key_id: String    = "KeyId"                 Clear  "Id of the key.";
        payload secret          = "SharedSecret"          Tagged "The secret; wipe it after use.";
        field algorithm: String = "KeyAgreementAlgorithm" Clear  "How it was derived.";
        field origin: String    = "KeyOrigin"             Clear  "TENCENT_KMS (generated here) or EXTERNAL (imported).";
    }
}
