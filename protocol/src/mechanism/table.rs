//! The rows. Numbers and names are those of PKCS#11 3.1, appendix B, but for our own at the end.

use super::Cost::{Cheap, Slow};
use super::Function::{
    Decapsulate, Decrypt, Derive, Digest, Encapsulate, Encrypt, Generate, GenerateKeyPair, Sign,
    SignRecover, Unwrap, Verify, VerifyRecover, Wrap,
};
use super::Hash::{
    Sha1, Sha3_224, Sha3_256, Sha3_384, Sha3_512, Sha224, Sha256, Sha384, Sha512, Sha512_224,
    Sha512_256,
};
use super::Parts::{Gathered, Multi, Single};
use super::{
    Functions, KeySize, Mechanism, OutputLength as Out, ParameterShape as Shape, Scheme as S,
};
use crate::key_type::KeyType::{
    self, Aes, AesXts, ChaCha20, Ec, EcEdwards, EcMontgomery, GenericSecret, Hkdf, Hmac,
    HmacSha512T, Rsa,
};

/// Makes the constants of [`ckm`] and the rows of [`ALL`].
macro_rules! mechanisms {
    ($( $ckm:literal $name:ident $scheme:expr, $keys:expr, $size:expr, [$($function:ident)+]
        $parts:ident $shape:ident $output:ident $cost:ident; )*) => {
        /// The numbers of the mechanisms.
        #[expect(missing_docs, reason = "the names are those of PKCS#11")]
        pub mod ckm {
            $( pub const $name: u64 = $ckm; )*
        }

        /// Every mechanism, in the order of `C_GetMechanismList`.
        pub static ALL: &[Mechanism] = &[ $( Mechanism {
            ckm: ckm::$name,
            name: stringify!($name),
            scheme: $scheme,
            key_types: $keys,
            key_size: $size,
            functions: Functions::of(&[ $($function),+ ]),
            parts: $parts,
            parameter: Shape::$shape,
            output: Out::$output,
            cost: $cost,
        } ),* ];
    };
}

const NONE: &[KeyType] = &[];
const AES: &[KeyType] = &[Aes];
const CHACHA: &[KeyType] = &[ChaCha20];
const XTS: &[KeyType] = &[AesXts];
const EC: &[KeyType] = &[Ec];
const EDWARDS: &[KeyType] = &[EcEdwards];
const MONTGOMERY: &[KeyType] = &[EcMontgomery];
const AGREEMENT: &[KeyType] = &[Ec, EcMontgomery];
const GENERIC: &[KeyType] = &[GenericSecret];
const PAIRS: &[KeyType] = &[Rsa, Ec, EcEdwards, EcMontgomery];
const RSA: &[KeyType] = &[Rsa];
/// Whatever has a value that other keys can be made of.
const ANY_SECRET: &[KeyType] = &[
    GenericSecret,
    Aes,
    ChaCha20,
    Hkdf,
    Hmac(Sha1),
    Hmac(Sha224),
    Hmac(Sha256),
    Hmac(Sha384),
    Hmac(Sha512),
    Hmac(Sha512_224),
    Hmac(Sha512_256),
    HmacSha512T,
    Hmac(Sha3_224),
    Hmac(Sha3_256),
    Hmac(Sha3_384),
    Hmac(Sha3_512),
];

const NO_KEY: KeySize = KeySize::None;
const AES_SIZE: KeySize = KeySize::Bytes(16, 32);
/// Both keys together.
const XTS_SIZE: KeySize = KeySize::Bytes(32, 64);
const CHACHA_SIZE: KeySize = KeySize::Bits(256, 256);
/// PKCS#11 3.1 section 6.8 asks for bits here, unlike for AES.
const SECRET: KeySize = KeySize::Bits(112, 8192);
const MAC_NEW: KeySize = KeySize::Bytes(14, 1024);
const MAC: KeySize = KeySize::Bytes(1, 1024);
/// The master secret of TLS.
const MASTER: KeySize = KeySize::Bytes(48, 48);
/// Of the field (PKCS#11 3.1 section 6.3.2), also on the other two kinds of curve.
const CURVE: KeySize = KeySize::Bits(192, 521);
const SAFE_CURVE: KeySize = KeySize::Bits(255, 448);
const ANY_PAIR: KeySize = KeySize::Bits(192, 8192);
/// What is below 2048 is weak: [`crate::weak`] says what may be done with that.
const MODULUS: KeySize = KeySize::Bits(512, 8192);

mechanisms! {
//  CKM     name                       scheme                  key types                      key size  functions                      parts  param output     cost
    0x0350  CKM_GENERIC_SECRET_KEY_GEN S::GenericSecretKeyGen, &[GenericSecret],              SECRET,   [Generate]                     Single None  Key        Cheap;
    0x1080  CKM_AES_KEY_GEN            S::AesKeyGen,           AES,                           AES_SIZE, [Generate]                     Single None  Key        Cheap;
    0x4003  CKM_SHA_1_KEY_GEN          S::HmacKeyGen(Sha1),    &[Hmac(Sha1)],                 MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4004  CKM_SHA224_KEY_GEN         S::HmacKeyGen(Sha224),  &[Hmac(Sha224)],               MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4005  CKM_SHA256_KEY_GEN         S::HmacKeyGen(Sha256),  &[Hmac(Sha256)],               MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4006  CKM_SHA384_KEY_GEN         S::HmacKeyGen(Sha384),  &[Hmac(Sha384)],               MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4007  CKM_SHA512_KEY_GEN         S::HmacKeyGen(Sha512),  &[Hmac(Sha512)],               MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4008  CKM_SHA512_224_KEY_GEN     S::HmacKeyGen(Sha512_224), &[Hmac(Sha512_224)],          MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x4009  CKM_SHA512_256_KEY_GEN     S::HmacKeyGen(Sha512_256), &[Hmac(Sha512_256)],          MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x400a  CKM_SHA512_T_KEY_GEN       S::HmacSha512TKeyGen,   &[HmacSha512T],               MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x02b8  CKM_SHA3_224_KEY_GEN       S::HmacKeyGen(Sha3_224),   &[Hmac(Sha3_224)],            MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x02b3  CKM_SHA3_256_KEY_GEN       S::HmacKeyGen(Sha3_256),   &[Hmac(Sha3_256)],            MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x02c3  CKM_SHA3_384_KEY_GEN       S::HmacKeyGen(Sha3_384),   &[Hmac(Sha3_384)],            MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x02d3  CKM_SHA3_512_KEY_GEN       S::HmacKeyGen(Sha3_512),   &[Hmac(Sha3_512)],            MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x1225  CKM_CHACHA20_KEY_GEN       S::ChaCha20KeyGen,      CHACHA,                        CHACHA_SIZE, [Generate]                  Single None  Key        Cheap;
    0x402c  CKM_HKDF_KEY_GEN           S::HkdfKeyGen,          &[Hkdf],                       MAC_NEW,  [Generate]                     Single None  Key        Cheap;
    0x0000  CKM_RSA_PKCS_KEY_PAIR_GEN  S::RsaKeyPairGen,       RSA,                           MODULUS,  [GenerateKeyPair]              Single None  Key        Slow;
    0x1040  CKM_EC_KEY_PAIR_GEN        S::EcKeyPairGen,        EC,                            CURVE,    [GenerateKeyPair]              Single None  Key        Cheap;
    0x1055  CKM_EC_EDWARDS_KEY_PAIR_GEN S::EcKeyPairGen,       EDWARDS,                       SAFE_CURVE, [GenerateKeyPair]           Single None  Key        Cheap;
    0x1056  CKM_EC_MONTGOMERY_KEY_PAIR_GEN S::EcKeyPairGen,    MONTGOMERY,                    SAFE_CURVE, [GenerateKeyPair]           Single None  Key        Cheap;

    0x1081  CKM_AES_ECB                S::AesEcb,              AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  None  Same       Cheap;
    0x1082  CKM_AES_CBC                S::AesCbc,              AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x1085  CKM_AES_CBC_PAD            S::AesCbcPad,           AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Multi  Iv    Padded     Cheap;
    0x1086  CKM_AES_CTR                S::AesCtr,              AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Ctr   Same       Cheap;
    0x1087  CKM_AES_GCM                S::AesGcm,              AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Multi  Gcm   Tagged     Cheap;
    0x1088  CKM_AES_CCM                S::AesCcm,              AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Multi  Ccm   Tagged     Cheap;
    0x4021  CKM_CHACHA20_POLY1305      S::ChaCha20Poly1305,    CHACHA,                        CHACHA_SIZE, [Encrypt Decrypt Wrap Unwrap] Multi  ChaChaPoly Tagged Cheap;
    0x2109  CKM_AES_KEY_WRAP           S::AesKeyWrap,          AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Single WrapIv  Wrapped    Cheap;
    0x210a  CKM_AES_KEY_WRAP_PAD       S::AesKeyWrapPad,       AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Single PaddedWrapIv  Wrapped    Cheap;
    0x210b  CKM_AES_KEY_WRAP_KWP       S::AesKeyWrapPad,       AES,                           AES_SIZE, [Encrypt Decrypt Wrap Unwrap]  Single PaddedWrapIv  Wrapped    Cheap;
    0x108a  CKM_AES_CMAC               S::AesCmac,             AES,                           AES_SIZE, [Sign Verify]                  Multi  None  Code       Cheap;
    0x108b  CKM_AES_CMAC_GENERAL       S::AesCmac,             AES,                           AES_SIZE, [Sign Verify]                  Multi  MacLength Code   Cheap;

    0x0001  CKM_RSA_PKCS               S::RsaPkcs1(None),      RSA,                           MODULUS,  [Encrypt Decrypt Sign SignRecover Verify VerifyRecover Wrap Unwrap] Single None Modulus Slow;
    0x0003  CKM_RSA_X_509              S::RsaRaw,              RSA,                           MODULUS,  [Encrypt Decrypt Sign SignRecover Verify VerifyRecover] Single None Modulus Slow;
    0x0009  CKM_RSA_PKCS_OAEP          S::RsaOaep,             RSA,                           MODULUS,  [Encrypt Decrypt Wrap Unwrap]  Single Oaep  Modulus    Slow;
    0x1054  CKM_RSA_AES_KEY_WRAP       S::RsaAesKeyWrap,      RSA,                           MODULUS,  [Wrap Unwrap]                  Single RsaAes Enveloped  Slow;
    0x000d  CKM_RSA_PKCS_PSS           S::RsaPss(None),        RSA,                           MODULUS,  [Sign Verify]                  Single Pss   Modulus    Slow;
    0x0006  CKM_SHA1_RSA_PKCS          S::RsaPkcs1(Some(Sha1)),   RSA,                        MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0046  CKM_SHA224_RSA_PKCS        S::RsaPkcs1(Some(Sha224)), RSA,                        MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0040  CKM_SHA256_RSA_PKCS        S::RsaPkcs1(Some(Sha256)), RSA,                        MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0041  CKM_SHA384_RSA_PKCS        S::RsaPkcs1(Some(Sha384)), RSA,                        MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0042  CKM_SHA512_RSA_PKCS        S::RsaPkcs1(Some(Sha512)), RSA,                        MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0066  CKM_SHA3_224_RSA_PKCS      S::RsaPkcs1(Some(Sha3_224)), RSA,                      MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0060  CKM_SHA3_256_RSA_PKCS      S::RsaPkcs1(Some(Sha3_256)), RSA,                      MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0061  CKM_SHA3_384_RSA_PKCS      S::RsaPkcs1(Some(Sha3_384)), RSA,                      MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x0062  CKM_SHA3_512_RSA_PKCS      S::RsaPkcs1(Some(Sha3_512)), RSA,                      MODULUS,  [Sign Verify]                  Multi  None  Modulus    Slow;
    0x000e  CKM_SHA1_RSA_PKCS_PSS      S::RsaPss(Some(Sha1)),     RSA,                        MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0047  CKM_SHA224_RSA_PKCS_PSS    S::RsaPss(Some(Sha224)),   RSA,                        MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0043  CKM_SHA256_RSA_PKCS_PSS    S::RsaPss(Some(Sha256)),   RSA,                        MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0044  CKM_SHA384_RSA_PKCS_PSS    S::RsaPss(Some(Sha384)),   RSA,                        MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0045  CKM_SHA512_RSA_PKCS_PSS    S::RsaPss(Some(Sha512)),   RSA,                        MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0067  CKM_SHA3_224_RSA_PKCS_PSS  S::RsaPss(Some(Sha3_224)), RSA,                      MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0063  CKM_SHA3_256_RSA_PKCS_PSS  S::RsaPss(Some(Sha3_256)), RSA,                      MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0064  CKM_SHA3_384_RSA_PKCS_PSS  S::RsaPss(Some(Sha3_384)), RSA,                      MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;
    0x0065  CKM_SHA3_512_RSA_PKCS_PSS  S::RsaPss(Some(Sha3_512)), RSA,                      MODULUS,  [Sign Verify]                  Multi  Pss   Modulus    Slow;

    0x1041  CKM_ECDSA                  S::Ecdsa(None),         EC,                            CURVE,    [Sign Verify]                  Single None  TwiceOrder Cheap;
    0x1042  CKM_ECDSA_SHA1             S::Ecdsa(Some(Sha1)),   EC,                            CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1043  CKM_ECDSA_SHA224           S::Ecdsa(Some(Sha224)), EC,                            CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1044  CKM_ECDSA_SHA256           S::Ecdsa(Some(Sha256)), EC,                            CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1045  CKM_ECDSA_SHA384           S::Ecdsa(Some(Sha384)), EC,                            CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1046  CKM_ECDSA_SHA512           S::Ecdsa(Some(Sha512)), EC,                            CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1047  CKM_ECDSA_SHA3_224         S::Ecdsa(Some(Sha3_224)), EC,                        CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1048  CKM_ECDSA_SHA3_256         S::Ecdsa(Some(Sha3_256)), EC,                        CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1049  CKM_ECDSA_SHA3_384         S::Ecdsa(Some(Sha3_384)), EC,                        CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x104a  CKM_ECDSA_SHA3_512         S::Ecdsa(Some(Sha3_512)), EC,                        CURVE,    [Sign Verify]                  Multi  None  TwiceOrder Cheap;
    0x1057  CKM_EDDSA                  S::EdDsa,               EDWARDS,                       SAFE_CURVE, [Sign Verify]               Gathered EdDsa TwiceOrder Cheap;

    0x0220  CKM_SHA_1                  S::Digest(Sha1),        NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0255  CKM_SHA224                 S::Digest(Sha224),      NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0250  CKM_SHA256                 S::Digest(Sha256),      NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0260  CKM_SHA384                 S::Digest(Sha384),      NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0270  CKM_SHA512                 S::Digest(Sha512),      NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0048  CKM_SHA512_224             S::Digest(Sha512_224), NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x004c  CKM_SHA512_256             S::Digest(Sha512_256), NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0050  CKM_SHA512_T               S::Sha512T,            NONE,                          NO_KEY,   [Digest]                       Multi  Truncation Digest Cheap;
    0x02b5  CKM_SHA3_224               S::Digest(Sha3_224),   NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x02b0  CKM_SHA3_256               S::Digest(Sha3_256),   NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x02c0  CKM_SHA3_384               S::Digest(Sha3_384),   NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x02d0  CKM_SHA3_512               S::Digest(Sha3_512),   NONE,                          NO_KEY,   [Digest]                       Multi  None  Digest     Cheap;
    0x0221  CKM_SHA_1_HMAC             S::Hmac(Sha1),          &[GenericSecret, Hmac(Sha1)],   MAC,     [Sign Verify]                  Multi  None  Digest     Cheap;
    0x0256  CKM_SHA224_HMAC            S::Hmac(Sha224),        &[GenericSecret, Hmac(Sha224)], MAC,     [Sign Verify]                  Multi  None  Digest     Cheap;
    0x0251  CKM_SHA256_HMAC            S::Hmac(Sha256),        &[GenericSecret, Hmac(Sha256)], MAC,     [Sign Verify]                  Multi  None  Digest     Cheap;
    0x0261  CKM_SHA384_HMAC            S::Hmac(Sha384),        &[GenericSecret, Hmac(Sha384)], MAC,     [Sign Verify]                  Multi  None  Digest     Cheap;
    0x0271  CKM_SHA512_HMAC            S::Hmac(Sha512),        &[GenericSecret, Hmac(Sha512)], MAC,     [Sign Verify]                  Multi  None  Digest     Cheap;
    0x0049  CKM_SHA512_224_HMAC        S::Hmac(Sha512_224),   &[GenericSecret, Hmac(Sha512_224)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;
    0x004d  CKM_SHA512_256_HMAC        S::Hmac(Sha512_256),   &[GenericSecret, Hmac(Sha512_256)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;
    0x0051  CKM_SHA512_T_HMAC          S::HmacSha512T,        &[GenericSecret, HmacSha512T], MAC,      [Sign Verify]                  Multi  Truncation Digest Cheap;
    0x02b6  CKM_SHA3_224_HMAC          S::Hmac(Sha3_224),     &[GenericSecret, Hmac(Sha3_224)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;
    0x02b1  CKM_SHA3_256_HMAC          S::Hmac(Sha3_256),     &[GenericSecret, Hmac(Sha3_256)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;
    0x02c1  CKM_SHA3_384_HMAC          S::Hmac(Sha3_384),     &[GenericSecret, Hmac(Sha3_384)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;
    0x02d1  CKM_SHA3_512_HMAC          S::Hmac(Sha3_512),     &[GenericSecret, Hmac(Sha3_512)], MAC,  [Sign Verify]               Multi  None  Digest     Cheap;

    0x402a  CKM_HKDF_DERIVE            S::Hkdf,                &[GenericSecret, Hkdf],        MAC,      [Derive]                       Single Hkdf  Key        Cheap;
    0x402b  CKM_HKDF_DATA              S::HkdfData,            &[GenericSecret, Hkdf],        MAC,      [Derive]                       Single Hkdf  Key        Cheap;
    0x1050  CKM_ECDH1_DERIVE           S::Ecdh,                AGREEMENT,                     CURVE,     [Derive Encapsulate Decapsulate] Single Ecdh  Key        Cheap;
    0x1051  CKM_ECDH1_COFACTOR_DERIVE  S::Ecdh,                AGREEMENT,                     CURVE,     [Derive Encapsulate Decapsulate] Single Ecdh  Key        Cheap;
    0x0222  CKM_SHA_1_HMAC_GENERAL     S::Hmac(Sha1),          &[GenericSecret, Hmac(Sha1)],  MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x0257  CKM_SHA224_HMAC_GENERAL    S::Hmac(Sha224),        &[GenericSecret, Hmac(Sha224)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x0252  CKM_SHA256_HMAC_GENERAL    S::Hmac(Sha256),        &[GenericSecret, Hmac(Sha256)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x0262  CKM_SHA384_HMAC_GENERAL    S::Hmac(Sha384),        &[GenericSecret, Hmac(Sha384)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x0272  CKM_SHA512_HMAC_GENERAL    S::Hmac(Sha512),        &[GenericSecret, Hmac(Sha512)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x004a  CKM_SHA512_224_HMAC_GENERAL S::Hmac(Sha512_224),    &[GenericSecret, Hmac(Sha512_224)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x004e  CKM_SHA512_256_HMAC_GENERAL S::Hmac(Sha512_256),    &[GenericSecret, Hmac(Sha512_256)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x02b7  CKM_SHA3_224_HMAC_GENERAL  S::Hmac(Sha3_224),      &[GenericSecret, Hmac(Sha3_224)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x02b2  CKM_SHA3_256_HMAC_GENERAL  S::Hmac(Sha3_256),      &[GenericSecret, Hmac(Sha3_256)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x02c2  CKM_SHA3_384_HMAC_GENERAL  S::Hmac(Sha3_384),      &[GenericSecret, Hmac(Sha3_384)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;
    0x02d2  CKM_SHA3_512_HMAC_GENERAL  S::Hmac(Sha3_512),      &[GenericSecret, Hmac(Sha3_512)], MAC,  [Sign Verify]             Multi  MacLength Code   Cheap;

    0x03b0  CKM_PKCS5_PBKD2            S::Pbkdf2,              ANY_SECRET,                    MAC,      [Generate]                     Single Pbkdf2 Key        Slow;
    0x0360  CKM_CONCATENATE_BASE_AND_KEY S::ConcatenateKeys,     ANY_SECRET,                    MAC,      [Derive]                       Single Key   Key        Cheap;
    0x0362  CKM_CONCATENATE_BASE_AND_DATA S::ConcatenateData,     ANY_SECRET,                    MAC,      [Derive]                       Single Data  Key        Cheap;
    0x0363  CKM_CONCATENATE_DATA_AND_BASE S::ConcatenateBase,     ANY_SECRET,                    MAC,      [Derive]                       Single Data  Key        Cheap;
    0x0364  CKM_XOR_BASE_AND_DATA      S::XorData,             ANY_SECRET,                    MAC,      [Derive]                       Single Data  Key        Cheap;
    0x0365  CKM_EXTRACT_KEY_FROM_KEY   S::ExtractBits,         ANY_SECRET,                    MAC,      [Derive]                       Single Bit   Key        Cheap;
    0x0392  CKM_SHA1_KEY_DERIVATION    S::HashKey(Sha1),       ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0396  CKM_SHA224_KEY_DERIVATION  S::HashKey(Sha224),     ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0393  CKM_SHA256_KEY_DERIVATION  S::HashKey(Sha256),     ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0394  CKM_SHA384_KEY_DERIVATION  S::HashKey(Sha384),     ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0395  CKM_SHA512_KEY_DERIVATION  S::HashKey(Sha512),     ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x004b  CKM_SHA512_224_KEY_DERIVATION S::HashKey(Sha512_224), ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x004f  CKM_SHA512_256_KEY_DERIVATION S::HashKey(Sha512_256), ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0053  CKM_SHA512_T_KEY_DERIVATION S::HashKeySha512T,    ANY_SECRET,                    MAC,      [Derive]                       Single Truncation Key    Cheap;
    0x0398  CKM_SHA3_224_KEY_DERIVATION S::HashKey(Sha3_224),   ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0397  CKM_SHA3_256_KEY_DERIVATION S::HashKey(Sha3_256),   ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x0399  CKM_SHA3_384_KEY_DERIVATION S::HashKey(Sha3_384),   ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x039a  CKM_SHA3_512_KEY_DERIVATION S::HashKey(Sha3_512),   ANY_SECRET,                    MAC,      [Derive]                       Single None  Key        Cheap;
    0x1104  CKM_AES_ECB_ENCRYPT_DATA   S::AesEcbData,          AES,                           AES_SIZE, [Derive]                       Single Data  Key        Cheap;
    0x1105  CKM_AES_CBC_ENCRYPT_DATA   S::AesCbcData,          AES,                           AES_SIZE, [Derive]                       Single CbcData Key        Cheap;
    0x03ac  CKM_SP800_108_COUNTER_KDF  S::Kdf,                 ANY_SECRET,                    MAC,      [Derive]                       Single KdfCounter Key        Cheap;
    0x03ad  CKM_SP800_108_FEEDBACK_KDF S::Kdf,                 ANY_SECRET,                    MAC,      [Derive]                       Single KdfFeedback Key        Cheap;
    0x03ae  CKM_SP800_108_DOUBLE_PIPELINE_KDF S::Kdf,                 ANY_SECRET,                    MAC,      [Derive]                       Single KdfPipeline Key        Cheap;
    0x03e0  CKM_TLS12_MASTER_KEY_DERIVE S::TlsMaster,           GENERIC,                       MASTER,   [Derive]                       Single TlsMaster Key        Cheap;
    0x03e2  CKM_TLS12_MASTER_KEY_DERIVE_DH S::TlsMasterDh,         GENERIC,                       MAC,      [Derive]                       Single TlsMaster Key        Cheap;
    0x0056  CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE S::TlsMaster,           GENERIC,                       MASTER,   [Derive]                       Single TlsExtendedMaster Key        Cheap;
    0x0057  CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH S::TlsMasterDh,         GENERIC,                       MAC,      [Derive]                       Single TlsExtendedMaster Key        Cheap;
    0x03e1  CKM_TLS12_KEY_AND_MAC_DERIVE S::TlsKeys,             GENERIC,                       MASTER,   [Derive]                       Single TlsKeys Key        Cheap;
    0x03d9  CKM_TLS12_KDF              S::TlsKdf,              GENERIC,                       MASTER,   [Derive]                       Single TlsKdf Key        Cheap;
    0x03e5  CKM_TLS_KDF                S::TlsKdf,              GENERIC,                       MASTER,   [Derive]                       Single TlsKdf Key        Cheap;
    0x03d8  CKM_TLS12_MAC              S::TlsMac,              GENERIC,                       MASTER,   [Sign Verify]                  Gathered TlsMac Code       Cheap;
    0x03e4  CKM_TLS_MAC                S::TlsMac,              GENERIC,                       MASTER,   [Sign Verify]                  Gathered TlsMac Code       Cheap;
    0x1089  CKM_AES_CTS                S::AesCts,              AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x2104  CKM_AES_OFB                S::AesOfb,              AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x2106  CKM_AES_CFB8               S::AesCfb8,             AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x2107  CKM_AES_CFB128             S::AesCfb128,           AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x1072  CKM_AES_XTS_KEY_GEN        S::AesXtsKeyGen,        XTS,                           XTS_SIZE, [Generate]                     Single None  Key        Cheap;
    0x1071  CKM_AES_XTS                S::AesXts,              XTS,                           XTS_SIZE, [Encrypt Decrypt]              Multi  Iv    Same       Cheap;
    0x1226  CKM_CHACHA20               S::ChaCha20,            CHACHA,                        CHACHA_SIZE, [Encrypt Decrypt]              Multi  ChaCha Same       Cheap;
    0x1053  CKM_ECDH_AES_KEY_WRAP      S::EcdhAesKeyWrap,      AGREEMENT,                     CURVE,     [Wrap Unwrap]                  Single EcdhAes Agreed     Cheap;
    0x403a  CKM_PUB_KEY_FROM_PRIV_KEY  S::PublicFromPrivate,   PAIRS,                         ANY_PAIR, [Derive]                       Single None  Key        Cheap;

    0xc853_0001 CKM_COFFER_ENVELOPE    S::CofferEnvelope,      AES,                           AES_SIZE, [Encrypt Decrypt]              Multi  Envelope Envelope Cheap;
}
