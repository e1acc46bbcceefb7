//! The numbers of the tables are those of the PKCS#11 header, name by name.

use std::collections::BTreeMap;

use coffer_protocol::{attribute, mechanism};
use cryptoki_sys as sys;

macro_rules! header {
    ($( $name:ident )*) => {
        BTreeMap::from([ $( (stringify!($name), u64::from(sys::$name)) ),* ])
    };
}

fn mechanisms() -> BTreeMap<&'static str, u64> {
    header! {
        CKM_GENERIC_SECRET_KEY_GEN CKM_AES_KEY_GEN CKM_SHA_1_KEY_GEN CKM_SHA224_KEY_GEN
        CKM_SHA256_KEY_GEN CKM_SHA384_KEY_GEN CKM_SHA512_KEY_GEN CKM_RSA_PKCS_KEY_PAIR_GEN
        CKM_EC_KEY_PAIR_GEN CKM_AES_CBC CKM_AES_CBC_PAD CKM_AES_CTR CKM_AES_GCM CKM_RSA_PKCS
        CKM_RSA_X_509 CKM_RSA_PKCS_OAEP CKM_RSA_AES_KEY_WRAP CKM_RSA_PKCS_PSS
        CKM_SHA1_RSA_PKCS CKM_SHA224_RSA_PKCS
        CKM_SHA256_RSA_PKCS CKM_SHA384_RSA_PKCS CKM_SHA512_RSA_PKCS CKM_SHA1_RSA_PKCS_PSS
        CKM_SHA224_RSA_PKCS_PSS CKM_SHA256_RSA_PKCS_PSS CKM_SHA384_RSA_PKCS_PSS
        CKM_SHA512_RSA_PKCS_PSS CKM_ECDSA CKM_ECDSA_SHA1 CKM_ECDSA_SHA224 CKM_ECDSA_SHA256
        CKM_ECDSA_SHA384 CKM_ECDSA_SHA512 CKM_SHA_1 CKM_SHA224 CKM_SHA256 CKM_SHA384 CKM_SHA512
        CKM_CHACHA20_KEY_GEN CKM_CHACHA20_POLY1305 CKM_AES_ECB CKM_AES_CCM CKM_AES_KEY_WRAP
        CKM_AES_KEY_WRAP_PAD CKM_AES_KEY_WRAP_KWP CKM_AES_CMAC CKM_AES_CMAC_GENERAL
        CKM_SHA_1_HMAC_GENERAL CKM_SHA224_HMAC_GENERAL CKM_SHA256_HMAC_GENERAL
        CKM_SHA384_HMAC_GENERAL CKM_SHA512_HMAC_GENERAL CKM_SHA512_224_HMAC_GENERAL
        CKM_SHA512_256_HMAC_GENERAL CKM_SHA3_224_HMAC_GENERAL CKM_SHA3_256_HMAC_GENERAL
        CKM_SHA3_384_HMAC_GENERAL CKM_SHA3_512_HMAC_GENERAL
        CKM_HKDF_KEY_GEN CKM_HKDF_DERIVE CKM_HKDF_DATA CKM_EC_MONTGOMERY_KEY_PAIR_GEN
        CKM_EC_EDWARDS_KEY_PAIR_GEN CKM_EDDSA CKM_ECDH1_DERIVE CKM_ECDH1_COFACTOR_DERIVE
        CKM_SHA_1_HMAC CKM_SHA224_HMAC CKM_SHA256_HMAC CKM_SHA384_HMAC CKM_SHA512_HMAC
        CKM_SHA512_224 CKM_SHA512_224_HMAC CKM_SHA512_224_KEY_GEN CKM_SHA512_256
        CKM_SHA512_256_HMAC CKM_SHA512_256_KEY_GEN CKM_SHA3_224 CKM_SHA3_224_HMAC
        CKM_SHA3_224_KEY_GEN CKM_SHA3_256 CKM_SHA3_256_HMAC CKM_SHA3_256_KEY_GEN CKM_SHA3_384
        CKM_SHA3_384_HMAC CKM_SHA3_384_KEY_GEN CKM_SHA3_512 CKM_SHA3_512_HMAC CKM_SHA3_512_KEY_GEN
        CKM_SHA3_224_RSA_PKCS CKM_SHA3_224_RSA_PKCS_PSS CKM_ECDSA_SHA3_224 CKM_SHA3_256_RSA_PKCS
        CKM_SHA3_256_RSA_PKCS_PSS CKM_ECDSA_SHA3_256 CKM_SHA3_384_RSA_PKCS
        CKM_SHA3_384_RSA_PKCS_PSS CKM_ECDSA_SHA3_384 CKM_SHA3_512_RSA_PKCS
        CKM_SHA3_512_RSA_PKCS_PSS CKM_ECDSA_SHA3_512
        CKM_PKCS5_PBKD2 CKM_CONCATENATE_BASE_AND_KEY CKM_CONCATENATE_BASE_AND_DATA
        CKM_CONCATENATE_DATA_AND_BASE CKM_XOR_BASE_AND_DATA CKM_EXTRACT_KEY_FROM_KEY
        CKM_SHA1_KEY_DERIVATION CKM_SHA224_KEY_DERIVATION CKM_SHA256_KEY_DERIVATION
        CKM_SHA384_KEY_DERIVATION CKM_SHA512_KEY_DERIVATION CKM_SHA512_224_KEY_DERIVATION
        CKM_SHA512_256_KEY_DERIVATION CKM_SHA3_224_KEY_DERIVATION
        CKM_SHA3_256_KEY_DERIVATION CKM_SHA3_384_KEY_DERIVATION CKM_SHA3_512_KEY_DERIVATION
        CKM_AES_ECB_ENCRYPT_DATA CKM_AES_CBC_ENCRYPT_DATA CKM_SP800_108_COUNTER_KDF
        CKM_SP800_108_FEEDBACK_KDF CKM_SP800_108_DOUBLE_PIPELINE_KDF
        CKM_TLS12_MASTER_KEY_DERIVE CKM_TLS12_MASTER_KEY_DERIVE_DH
        CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH
        CKM_TLS12_KEY_AND_MAC_DERIVE CKM_TLS12_KDF CKM_TLS_KDF CKM_TLS12_MAC CKM_TLS_MAC
        CKM_AES_CTS CKM_AES_OFB CKM_AES_CFB8 CKM_AES_CFB128 CKM_AES_XTS_KEY_GEN CKM_AES_XTS
        CKM_CHACHA20 CKM_ECDH_AES_KEY_WRAP CKM_PUB_KEY_FROM_PRIV_KEY
        CKM_SHA512_T CKM_SHA512_T_HMAC CKM_SHA512_T_KEY_DERIVATION CKM_SHA512_T_KEY_GEN
    }
}

fn attributes() -> BTreeMap<&'static str, u64> {
    header! {
        CKA_CLASS CKA_TOKEN CKA_PRIVATE CKA_LABEL CKA_UNIQUE_ID CKA_APPLICATION CKA_VALUE
        CKA_OBJECT_ID CKA_CERTIFICATE_TYPE CKA_ISSUER CKA_SERIAL_NUMBER CKA_TRUSTED
        CKA_CERTIFICATE_CATEGORY CKA_JAVA_MIDP_SECURITY_DOMAIN CKA_URL
        CKA_HASH_OF_SUBJECT_PUBLIC_KEY CKA_HASH_OF_ISSUER_PUBLIC_KEY CKA_NAME_HASH_ALGORITHM
        CKA_CHECK_VALUE CKA_KEY_TYPE CKA_SUBJECT CKA_ID CKA_SENSITIVE CKA_ENCRYPT CKA_DECRYPT
        CKA_WRAP CKA_UNWRAP CKA_SIGN CKA_SIGN_RECOVER CKA_VERIFY CKA_VERIFY_RECOVER CKA_DERIVE
        CKA_START_DATE CKA_END_DATE CKA_MODULUS CKA_MODULUS_BITS CKA_PUBLIC_EXPONENT
        CKA_PRIVATE_EXPONENT CKA_PRIME_1 CKA_PRIME_2 CKA_EXPONENT_1 CKA_EXPONENT_2 CKA_COEFFICIENT
        CKA_PUBLIC_KEY_INFO CKA_VALUE_LEN CKA_EXTRACTABLE CKA_LOCAL CKA_NEVER_EXTRACTABLE
        CKA_ALWAYS_SENSITIVE CKA_KEY_GEN_MECHANISM CKA_MODIFIABLE CKA_COPYABLE CKA_DESTROYABLE
        CKA_EC_PARAMS CKA_EC_POINT CKA_ALWAYS_AUTHENTICATE CKA_WRAP_WITH_TRUSTED
        CKA_ENCAPSULATE CKA_DECAPSULATE CKA_ALLOWED_MECHANISMS
        CKA_PRIME CKA_SUBPRIME CKA_BASE CKA_PRIME_BITS CKA_SUBPRIME_BITS CKA_MECHANISM_TYPE
        CKA_AC_ISSUER CKA_OWNER CKA_ATTR_TYPES CKA_PROFILE_ID CKA_OBJECT_VALIDATION_FLAGS CKA_ENCAPSULATE_TEMPLATE CKA_DECAPSULATE_TEMPLATE
        CKA_TRUST_SERVER_AUTH CKA_TRUST_CLIENT_AUTH CKA_TRUST_CODE_SIGNING
        CKA_TRUST_EMAIL_PROTECTION CKA_TRUST_IPSEC_IKE CKA_TRUST_TIME_STAMPING
        CKA_TRUST_OCSP_SIGNING CKA_HASH_OF_CERTIFICATE CKA_WRAP_TEMPLATE CKA_UNWRAP_TEMPLATE
        CKA_DERIVE_TEMPLATE
    }
}

#[test]
fn every_mechanism_has_the_number_of_the_header() {
    let header = mechanisms();
    for row in mechanism::ALL {
        // The vendor's own are in no header.
        if row.ckm < sys::CKM_VENDOR_DEFINED {
            assert_eq!(header.get(row.name), Some(&row.ckm), "{}", row.name);
        }
    }
}

#[test]
fn every_attribute_has_the_number_of_the_header() {
    let header = attributes();
    for row in attribute::ALL {
        assert_eq!(header.get(row.name), Some(&row.kind), "{}", row.name);
    }
}

#[test]
fn mechanism_flags_are_those_of_the_header() {
    use mechanism::Function;
    for (function, flag) in [
        (Function::Encrypt, sys::CKF_ENCRYPT),
        (Function::Decrypt, sys::CKF_DECRYPT),
        (Function::Digest, sys::CKF_DIGEST),
        (Function::Sign, sys::CKF_SIGN),
        (Function::Verify, sys::CKF_VERIFY),
        (Function::Generate, sys::CKF_GENERATE),
        (Function::GenerateKeyPair, sys::CKF_GENERATE_KEY_PAIR),
        (Function::Wrap, sys::CKF_WRAP),
        (Function::Unwrap, sys::CKF_UNWRAP),
        (Function::Derive, sys::CKF_DERIVE),
        (Function::SignRecover, sys::CKF_SIGN_RECOVER),
        (Function::VerifyRecover, sys::CKF_VERIFY_RECOVER),
        (Function::Encapsulate, sys::CKF_ENCAPSULATE),
        (Function::Decapsulate, sys::CKF_DECAPSULATE),
    ] {
        assert_eq!(u64::from(function as u32), flag, "{function:?}");
    }
}

#[test]
fn key_types_and_mask_functions_have_the_numbers_of_the_header() {
    use coffer_protocol::key_type::KeyType;
    use mechanism::Hash;
    for (key_type, number) in [
        (KeyType::Rsa, sys::CKK_RSA),
        (KeyType::Ec, sys::CKK_EC),
        (KeyType::EcEdwards, sys::CKK_EC_EDWARDS),
        (KeyType::EcMontgomery, sys::CKK_EC_MONTGOMERY),
        (KeyType::GenericSecret, sys::CKK_GENERIC_SECRET),
        (KeyType::Aes, sys::CKK_AES),
        (KeyType::ChaCha20, sys::CKK_CHACHA20),
        (KeyType::Hkdf, sys::CKK_HKDF),
        (KeyType::Hmac(Hash::Sha1), sys::CKK_SHA_1_HMAC),
        (KeyType::Hmac(Hash::Sha224), sys::CKK_SHA224_HMAC),
        (KeyType::Hmac(Hash::Sha256), sys::CKK_SHA256_HMAC),
        (KeyType::Hmac(Hash::Sha384), sys::CKK_SHA384_HMAC),
        (KeyType::Hmac(Hash::Sha512), sys::CKK_SHA512_HMAC),
        (KeyType::Hmac(Hash::Sha512_224), sys::CKK_SHA512_224_HMAC),
        (KeyType::Hmac(Hash::Sha512_256), sys::CKK_SHA512_256_HMAC),
        (KeyType::HmacSha512T, sys::CKK_SHA512_T_HMAC),
        (KeyType::Hmac(Hash::Sha3_224), sys::CKK_SHA3_224_HMAC),
        (KeyType::Hmac(Hash::Sha3_256), sys::CKK_SHA3_256_HMAC),
        (KeyType::Hmac(Hash::Sha3_384), sys::CKK_SHA3_384_HMAC),
        (KeyType::Hmac(Hash::Sha3_512), sys::CKK_SHA3_512_HMAC),
    ] {
        assert_eq!(key_type.ckk(), Some(number), "{key_type:?}");
    }
    for (hash, number) in [
        (Hash::Sha1, sys::CKG_MGF1_SHA1),
        (Hash::Sha224, sys::CKG_MGF1_SHA224),
        (Hash::Sha256, sys::CKG_MGF1_SHA256),
        (Hash::Sha384, sys::CKG_MGF1_SHA384),
        (Hash::Sha512, sys::CKG_MGF1_SHA512),
        (Hash::Sha3_224, sys::CKG_MGF1_SHA3_224),
        (Hash::Sha3_256, sys::CKG_MGF1_SHA3_256),
        (Hash::Sha3_384, sys::CKG_MGF1_SHA3_384),
        (Hash::Sha3_512, sys::CKG_MGF1_SHA3_512),
    ] {
        assert_eq!(hash.mgf(), Some(number), "{hash:?}");
    }
    for (hash, number) in [
        (Hash::Sha1, sys::CKD_SHA1_KDF),
        (Hash::Sha224, sys::CKD_SHA224_KDF),
        (Hash::Sha256, sys::CKD_SHA256_KDF),
        (Hash::Sha384, sys::CKD_SHA384_KDF),
        (Hash::Sha512, sys::CKD_SHA512_KDF),
        (Hash::Sha3_224, sys::CKD_SHA3_224_KDF),
        (Hash::Sha3_256, sys::CKD_SHA3_256_KDF),
        (Hash::Sha3_384, sys::CKD_SHA3_384_KDF),
        (Hash::Sha3_512, sys::CKD_SHA3_512_KDF),
    ] {
        assert_eq!(hash.kdf(), Some(number), "{hash:?}");
    }
}

#[test]
fn every_error_code_has_a_number_of_the_header() {
    let known = [
        sys::CKR_SLOT_ID_INVALID,
        sys::CKR_GENERAL_ERROR,
        sys::CKR_FUNCTION_FAILED,
        sys::CKR_ARGUMENTS_BAD,
        sys::CKR_ATTRIBUTE_READ_ONLY,
        sys::CKR_ATTRIBUTE_SENSITIVE,
        sys::CKR_ATTRIBUTE_TYPE_INVALID,
        sys::CKR_ATTRIBUTE_VALUE_INVALID,
        sys::CKR_ACTION_PROHIBITED,
        sys::CKR_DATA_INVALID,
        sys::CKR_DATA_LEN_RANGE,
        sys::CKR_DEVICE_ERROR,
        sys::CKR_DEVICE_MEMORY,
        sys::CKR_ENCRYPTED_DATA_INVALID,
        sys::CKR_ENCRYPTED_DATA_LEN_RANGE,
        sys::CKR_FUNCTION_NOT_SUPPORTED,
        sys::CKR_KEY_HANDLE_INVALID,
        sys::CKR_KEY_SIZE_RANGE,
        sys::CKR_KEY_TYPE_INCONSISTENT,
        sys::CKR_KEY_FUNCTION_NOT_PERMITTED,
        sys::CKR_MECHANISM_INVALID,
        sys::CKR_MECHANISM_PARAM_INVALID,
        sys::CKR_OBJECT_HANDLE_INVALID,
        sys::CKR_OPERATION_ACTIVE,
        sys::CKR_OPERATION_NOT_INITIALIZED,
        sys::CKR_PIN_INCORRECT,
        sys::CKR_PIN_INVALID,
        sys::CKR_PIN_LEN_RANGE,
        sys::CKR_PIN_LOCKED,
        sys::CKR_SESSION_COUNT,
        sys::CKR_SESSION_HANDLE_INVALID,
        sys::CKR_SESSION_PARALLEL_NOT_SUPPORTED,
        sys::CKR_SESSION_READ_ONLY,
        sys::CKR_SESSION_EXISTS,
        sys::CKR_SESSION_READ_ONLY_EXISTS,
        sys::CKR_SESSION_READ_WRITE_SO_EXISTS,
        sys::CKR_SIGNATURE_INVALID,
        sys::CKR_SIGNATURE_LEN_RANGE,
        sys::CKR_TEMPLATE_INCOMPLETE,
        sys::CKR_TEMPLATE_INCONSISTENT,
        sys::CKR_TOKEN_NOT_PRESENT,
        sys::CKR_TOKEN_NOT_RECOGNIZED,
        sys::CKR_USER_ALREADY_LOGGED_IN,
        sys::CKR_USER_NOT_LOGGED_IN,
        sys::CKR_USER_PIN_NOT_INITIALIZED,
        sys::CKR_USER_TYPE_INVALID,
        sys::CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
        sys::CKR_RANDOM_SEED_NOT_SUPPORTED,
        sys::CKR_DOMAIN_PARAMS_INVALID,
        sys::CKR_CURVE_NOT_SUPPORTED,
        sys::CKR_FUNCTION_REJECTED,
        sys::CKR_WRAPPED_KEY_INVALID,
        sys::CKR_WRAPPED_KEY_LEN_RANGE,
        sys::CKR_WRAPPING_KEY_HANDLE_INVALID,
        sys::CKR_WRAPPING_KEY_SIZE_RANGE,
        sys::CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
        sys::CKR_UNWRAPPING_KEY_HANDLE_INVALID,
        sys::CKR_UNWRAPPING_KEY_SIZE_RANGE,
        sys::CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
        sys::CKR_KEY_NOT_WRAPPABLE,
        sys::CKR_KEY_UNEXTRACTABLE,
    ];
    for code in coffer_protocol::ErrorCode::ALL {
        assert!(known.contains(&code.ckr()), "{code:?}: {:#x}", code.ckr());
    }
}
