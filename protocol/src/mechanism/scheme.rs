//! The algorithms behind the mechanisms.

use super::Hash;

/// The algorithm behind a mechanism, with its fixed choices. The daemon computes by this alone.
///
/// Where a hash is optional, `None` means that the caller sends what is to be signed, hashed
/// already where the algorithm asks for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Makes an AES key.
    AesKeyGen,
    /// Makes a generic secret.
    GenericSecretKeyGen,
    /// Makes a secret for HMAC with this hash.
    HmacKeyGen(Hash),
    /// Makes a secret for HMAC with SHA-512/t.
    HmacSha512TKeyGen,
    /// Makes a secret for HKDF.
    HkdfKeyGen,
    /// Makes an RSA pair.
    RsaKeyPairGen,
    /// Makes a pair on a named curve.
    EcKeyPairGen,
    /// Makes a ChaCha20 key.
    ChaCha20KeyGen,
    /// AES over whole blocks, each for itself, SP 800-38A.
    AesEcb,
    /// AES-CCM, SP 800-38C.
    AesCcm,
    /// AES-CMAC, SP 800-38B.
    AesCmac,
    /// AES key wrap, RFC 3394.
    AesKeyWrap,
    /// AES key wrap with padding, RFC 5649.
    AesKeyWrapPad,
    /// ChaCha20-Poly1305, RFC 8439.
    ChaCha20Poly1305,
    /// AES-CBC over whole blocks, SP 800-38A.
    AesCbc,
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad,
    /// AES-CTR, SP 800-38A.
    AesCtr,
    /// AES-CBC with ciphertext stealing, CBC-CS1 of the addendum to SP 800-38A.
    AesCts,
    /// AES-CFB with segments of 8 bits, SP 800-38A.
    AesCfb8,
    /// AES-CFB with segments of 128 bits, SP 800-38A.
    AesCfb128,
    /// AES-OFB, SP 800-38A.
    AesOfb,
    /// XTS-AES, IEEE 1619.
    AesXts,
    /// Makes a key for XTS-AES.
    AesXtsKeyGen,
    /// ChaCha20 without authentication.
    ChaCha20,
    /// AES-GCM, SP 800-38D.
    AesGcm,
    /// RSASSA-PKCS1-v1_5 and RSAES-PKCS1-v1_5, RFC 8017; `None` signs data as it is.
    RsaPkcs1(Option<Hash>),
    /// RSA without padding.
    RsaRaw,
    /// RSAES-OAEP, RFC 8017.
    RsaOaep,
    /// An AES key under RSAES-OAEP, and the value under that by AES key wrap with padding.
    RsaAesKeyWrap,
    /// An AES key agreed on with a fresh pair, and the value under that by AES key wrap with padding.
    EcdhAesKeyWrap,
    /// The public half of a private key.
    PublicFromPrivate,
    /// RSASSA-PSS, RFC 8017.
    RsaPss(Option<Hash>),
    /// ECDSA, FIPS 186-5, with signatures r‖s.
    Ecdsa(Option<Hash>),
    /// EdDSA, RFC 8032.
    EdDsa,
    /// A digest.
    Digest(Hash),
    /// SHA-512/t, FIPS 180-4; the parameter has t.
    Sha512T,
    /// HMAC, FIPS 198-1.
    Hmac(Hash),
    /// HMAC with SHA-512/t; the parameter has t.
    HmacSha512T,
    /// HKDF, RFC 5869, that gives a key.
    Hkdf,
    /// HKDF that gives bytes which are no secret.
    HkdfData,
    /// Diffie-Hellman on an elliptic curve, SP 800-56A and RFC 7748, with or without a key derivation function.
    Ecdh,
    /// PBKDF2, RFC 8018.
    Pbkdf2,
    /// The base key and another, one behind the other.
    ConcatenateKeys,
    /// The base key, and bytes behind it.
    ConcatenateData,
    /// Bytes, and the base key behind them.
    ConcatenateBase,
    /// The base key and bytes, each bit of the one added to that of the other.
    XorData,
    /// Bits of the base key.
    ExtractBits,
    /// The digest of the base key.
    HashKey(Hash),
    /// The digest of the base key by SHA-512/t; the parameter has t.
    HashKeySha512T,
    /// Blocks encrypted with the base key, each for itself.
    AesEcbData,
    /// Blocks encrypted with the base key, chained.
    AesCbcData,
    /// Key derivation of SP 800-108.
    Kdf,
    /// The master secret of TLS 1.2, RFC 5246 section 8.1 or RFC 7627, from a premaster secret that begins with
    /// the version.
    TlsMaster,
    /// The same from a premaster secret of Diffie-Hellman.
    TlsMasterDh,
    /// The keys of a connection, RFC 5246 section 6.3.
    TlsKeys,
    /// Keys for other uses, RFC 5705.
    TlsKdf,
    /// The code at the end of a handshake, RFC 5246 section 7.4.9.
    TlsMac,
    /// SM2 signature, GB/T 32918.2, with signatures in DER; `Some(Sm3)` hashes the default
    /// identity and the message, `None` takes that hash.
    Sm2Dsa(Option<Hash>),
    /// SM2 encryption, GB/T 32918.4.
    Sm2Pke,
    /// SM4-GCM, RFC 8998.
    Sm4Gcm,
    /// What the KMS's Encrypt makes and its Decrypt takes: a ciphertext that names its key and version.
    CofferEnvelope,
}
