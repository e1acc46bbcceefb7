//! Derivations whose parameters have pointers in them, in both directions.

use std::ptr::null_mut;

use coffer_tests::isolated::isolated;
use cryptoki_sys as sys;
use cryptoki_sys::CK_ULONG;

use super::{NO, YES, bytes, number, secret, start};
use coffer_tests::c::{Session, list, plain, with};

const OPEN: [(sys::CK_ATTRIBUTE_TYPE, &[u8]); 2] =
    [(sys::CKA_SENSITIVE, NO), (sys::CKA_EXTRACTABLE, YES)];

fn value(session: Session, key: sys::CK_OBJECT_HANDLE) -> String {
    hex::encode(session.read(key, sys::CKA_VALUE).unwrap())
}

fn length(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

/// Keys of 16, 38 and 16 bytes; each begins with an output of HMAC of its own.
const KEYS: &str = "4074371b251d6edef8141e9e3e04183dddf046629ae7207e8495cc8857c0f20367cae7cdf78b43b5354c4d00948541029fa882e55480b824b1824d245397618b62efe29017d5";

#[test]
fn sp_800_108_gives_additional_keys_through_its_parameter() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key: Vec<u8> = (0..32).collect();
        let base = secret(session, sys::CKK_GENERIC_SECRET, &key, &[sys::CKA_DERIVE]);
        let mut counter = sys::CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: 32 };
        let mut bits = sys::CK_SP800_108_DKM_LENGTH_FORMAT {
            dkmLengthMethod: sys::CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
            bLittleEndian: 0,
            ulWidthInBits: 32,
        };
        let mut label = *b"label\0context";
        let mut parts = [
            sys::CK_PRF_DATA_PARAM {
                type_: sys::CK_SP800_108_ITERATION_VARIABLE,
                pValue: (&raw mut counter).cast(),
                ulValueLen: size_of_val(&counter) as CK_ULONG,
            },
            sys::CK_PRF_DATA_PARAM {
                type_: sys::CK_SP800_108_BYTE_ARRAY,
                pValue: label.as_mut_ptr().cast(),
                ulValueLen: length(&label),
            },
            sys::CK_PRF_DATA_PARAM {
                type_: sys::CK_SP800_108_DKM_LENGTH,
                pValue: (&raw mut bits).cast(),
                ulValueLen: size_of_val(&bits) as CK_ULONG,
            },
        ];
        let (aes, sixteen, rest) = (number(sys::CKK_AES), number(16), number(38));
        let mut first = list(&[OPEN[0], OPEN[1], (sys::CKA_VALUE_LEN, &rest[..])]);
        let mut second = list(&[
            OPEN[0],
            OPEN[1],
            (sys::CKA_KEY_TYPE, &aes[..]),
            (sys::CKA_VALUE_LEN, &sixteen[..]),
        ]);
        let mut handles = [0; 2];
        let [one, other] = &mut handles;
        let mut additional = [(&mut first, one), (&mut second, other)].map(|(template, handle)| {
            sys::CK_DERIVED_KEY {
                pTemplate: template.as_mut_ptr(),
                ulAttributeCount: template.len() as CK_ULONG,
                phKey: handle,
            }
        });
        let mut parameter = sys::CK_SP800_108_KDF_PARAMS {
            prfType: sys::CKM_SHA256_HMAC,
            ulNumberOfDataParams: 3,
            pDataParams: parts.as_mut_ptr(),
            ulAdditionalDerivedKeys: 2,
            pAdditionalDerivedKeys: additional.as_mut_ptr(),
        };
        let template = [OPEN[0], OPEN[1], (sys::CKA_VALUE_LEN, &sixteen[..])];
        let call = with(sys::CKM_SP800_108_COUNTER_KDF, &parameter);
        let key = session.derive(&call, base, &template).unwrap();
        let values = [key, handles[0], handles[1]].map(|key| value(session, key));
        assert_eq!(values.concat(), KEYS);
        parts[1].pValue = null_mut();
        parameter.pDataParams = parts.as_mut_ptr();
        let refused =
            session.derive(&with(sys::CKM_SP800_108_COUNTER_KDF, &parameter), base, &template);
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        parts[1].ulValueLen = 0;
        parameter.pDataParams = parts.as_mut_ptr();
        additional[1].phKey = null_mut();
        parameter.pAdditionalDerivedKeys = additional.as_mut_ptr();
        let refused =
            session.derive(&with(sys::CKM_SP800_108_COUNTER_KDF, &parameter), base, &template);
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        for count in [17, CK_ULONG::MAX] {
            parameter.ulAdditionalDerivedKeys = count;
            let call = with(sys::CKM_SP800_108_COUNTER_KDF, &parameter);
            let refused = session.derive(&call, base, &template);
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
        parameter.ulAdditionalDerivedKeys = 0;
        for count in [0, 65, CK_ULONG::MAX] {
            parameter.ulNumberOfDataParams = count;
            let call = with(sys::CKM_SP800_108_COUNTER_KDF, &parameter);
            let refused = session.derive(&call, base, &template);
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
    });
}

#[test]
fn a_tls_handshake_goes_from_the_premaster_secret_to_its_end() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let premaster: Vec<u8> = [3, 3].into_iter().chain(0..46).collect();
        let usages = [sys::CKA_DERIVE];
        let base = secret(session, sys::CKK_GENERIC_SECRET, &premaster, &usages);
        let (mut client, mut server) = ([0xc1; 32], [0x5e; 32]);
        let randoms = sys::CK_SSL3_RANDOM_DATA {
            pClientRandom: client.as_mut_ptr(),
            ulClientRandomLen: 32,
            pServerRandom: server.as_mut_ptr(),
            ulServerRandomLen: 32,
        };
        let mut version = sys::CK_VERSION { major: 0, minor: 0 };
        let parameter = sys::CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
            RandomInfo: randoms,
            pVersion: &raw mut version,
            prfHashMechanism: sys::CKM_SHA256,
        };
        let template = [OPEN[0], OPEN[1], (sys::CKA_DERIVE, YES), (sys::CKA_SIGN, YES)];
        let call = with(sys::CKM_TLS12_MASTER_KEY_DERIVE, &parameter);
        let master = session.derive(&call, base, &template).unwrap();
        assert_eq!((version.major, version.minor), (3, 3));
        assert_eq!(
            value(session, master),
            "15cdeee113ad922474d21f77ce6f686335a930c052fc106613ff2d390910c16ad30f22101881c9bcd0ed289edb9f7f55"
        );

        let (mut client_iv, mut server_iv) = ([0; 4], [0; 4]);
        let mut out = sys::CK_SSL3_KEY_MAT_OUT {
            hClientMacSecret: 9,
            hServerMacSecret: 9,
            hClientKey: 9,
            hServerKey: 9,
            pIVClient: client_iv.as_mut_ptr(),
            pIVServer: server_iv.as_mut_ptr(),
        };
        let mut parameter = sys::CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: 256,
            ulKeySizeInBits: 128,
            ulIVSizeInBits: 32,
            bIsExport: 0,
            RandomInfo: randoms,
            pReturnedKeyMaterial: &raw mut out,
            prfHashMechanism: sys::CKM_SHA256,
        };
        let aes = number(sys::CKK_AES);
        let template = [(sys::CKA_KEY_TYPE, &aes[..])];
        let call = with(sys::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
        session.derive_into(&call, master, &template).unwrap();
        let keys = [out.hClientMacSecret, out.hServerMacSecret, out.hClientKey, out.hServerKey];
        let keys = keys.map(|key| value(session, key)).concat();
        assert_eq!(
            format!("{keys}{}{}", hex::encode(client_iv), hex::encode(server_iv)),
            "14485b5f14b0f7224068825c43a0c56d7c0a7951b51b858c9cfaf4c06a99e91de9834707deae254d5ce50530991c767230f64156bbdda75ff31aae32e3e71b844286c6b5fdca795471730ea0dd28c54bcbfadde23db9e4e2faf69e1206e30d180819b023dd600737"
        );
        parameter.ulMacSizeInBits = 0;
        let call = with(sys::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
        session.derive_into(&call, master, &template).unwrap();
        assert_eq!((out.hClientMacSecret, out.hServerMacSecret), (0, 0));
        assert!(out.hClientKey != 0 && out.hServerKey != 0 && out.hClientKey != out.hServerKey);
        parameter.bIsExport = 1;
        let call = with(sys::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
        let refused = session.derive_into(&call, master, &template);
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        parameter.bIsExport = 0;
        // Before anything is made that nobody could be told of.
        out.pIVServer = null_mut();
        parameter.pReturnedKeyMaterial = &raw mut out;
        let call = with(sys::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
        let refused = session.derive_into(&call, master, &template);
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        parameter.pReturnedKeyMaterial = null_mut();
        let call = with(sys::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
        let refused = session.derive_into(&call, master, &template);
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));

        let digest: Vec<u8> = (0..32).collect();
        let parameter = sys::CK_TLS_MAC_PARAMS {
            prfHashMechanism: sys::CKM_SHA256,
            ulMacLength: 12,
            ulServerOrClient: 2,
        };
        let finished = with(sys::CKM_TLS12_MAC, &parameter);
        let code = session.sign_with(&finished, master, &digest).unwrap();
        assert_eq!(hex::encode(&code), "bd7a1efe16865a3f76cce656");
        session.verify_with(&finished, master, &digest, &code).unwrap();
    });
}

#[test]
fn a_password_comes_in_either_structure() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (mut password, mut salt) = (*b"password", *b"salt");
        let new = sys::CK_PKCS5_PBKD2_PARAMS2 {
            saltSource: sys::CKZ_SALT_SPECIFIED,
            pSaltSourceData: salt.as_mut_ptr().cast(),
            ulSaltSourceDataLen: 4,
            iterations: 4096,
            prf: sys::CKP_PKCS5_PBKD2_HMAC_SHA1,
            pPrfData: null_mut(),
            ulPrfDataLen: 0,
            pPassword: password.as_mut_ptr(),
            ulPasswordLen: 8,
        };
        let mut told: CK_ULONG = 8;
        let old = sys::CK_PKCS5_PBKD2_PARAMS {
            saltSource: new.saltSource,
            pSaltSourceData: new.pSaltSourceData,
            ulSaltSourceDataLen: new.ulSaltSourceDataLen,
            iterations: new.iterations,
            prf: new.prf,
            pPrfData: new.pPrfData,
            ulPrfDataLen: new.ulPrfDataLen,
            pPassword: new.pPassword,
            ulPasswordLen: &raw mut told,
        };
        let twenty = number(20);
        let template = [OPEN[0], OPEN[1], (sys::CKA_VALUE_LEN, &twenty[..])];
        // RFC 6070.
        for call in [with(sys::CKM_PKCS5_PBKD2, &new), with(sys::CKM_PKCS5_PBKD2, &old)] {
            let key = session.generate(&call, &template).unwrap();
            assert_eq!(value(session, key), "4b007901b765489abead49d926f721d065a429c1");
        }
        let refused = |parameter: sys::CK_PKCS5_PBKD2_PARAMS2| {
            session.generate(&with(sys::CKM_PKCS5_PBKD2, &parameter), &template)
        };
        for wrong in [
            sys::CK_PKCS5_PBKD2_PARAMS2 { iterations: 0, ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { ulPasswordLen: 1025, ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { ulPasswordLen: 65_535, ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { pPassword: null_mut(), ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { saltSource: 2, ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { prf: 99, ..new },
            sys::CK_PKCS5_PBKD2_PARAMS2 { ulPrfDataLen: 1, ..new },
        ] {
            assert_eq!(refused(wrong), Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
        let none = session.generate(&plain(sys::CKM_PKCS5_PBKD2), &template);
        assert_eq!(none, Err(sys::CKR_MECHANISM_PARAM_INVALID));
    });
}

#[test]
fn keys_are_made_of_keys_and_data() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let derive = [sys::CKA_DERIVE];
        let base = secret(session, sys::CKK_GENERIC_SECRET, b"base key", &derive);
        let other = secret(session, sys::CKK_GENERIC_SECRET, b"other", &derive);
        let mut data = *b"data";
        let string = sys::CK_KEY_DERIVATION_STRING_DATA { pData: data.as_mut_ptr(), ulLen: 4 };
        let bit: CK_ULONG = 8;
        let four = number(4);
        let sized = [OPEN[0], OPEN[1], (sys::CKA_VALUE_LEN, &four[..])];
        for (call, template, expected) in [
            (with(sys::CKM_CONCATENATE_BASE_AND_KEY, &other), &OPEN[..], &b"base keyother"[..]),
            (with(sys::CKM_CONCATENATE_BASE_AND_DATA, &string), &OPEN, b"base keydata"),
            (with(sys::CKM_CONCATENATE_DATA_AND_BASE, &string), &OPEN, b"database key"),
            (with(sys::CKM_XOR_BASE_AND_DATA, &string), &OPEN, &[6, 0, 7, 4]),
            (with(sys::CKM_EXTRACT_KEY_FROM_KEY, &bit), &sized, b"ase "),
        ] {
            let key = session.derive(&call, base, template).unwrap();
            assert_eq!(session.read(key, sys::CKA_VALUE).unwrap(), expected);
        }
        let aes =
            secret(session, sys::CKK_AES, &bytes("2b7e151628aed2a6abf7158809cf4f3c"), &derive);
        let mut block = bytes("6bc1bee22e409f96e93d7e117393172a");
        let parameter = sys::CK_AES_CBC_ENCRYPT_DATA_PARAMS {
            iv: core::array::from_fn(|index| u8::try_from(index).unwrap()),
            pData: block.as_mut_ptr(),
            length: 16,
        };
        let call = with(sys::CKM_AES_CBC_ENCRYPT_DATA, &parameter);
        let key = session.derive(&call, aes, &OPEN).unwrap();
        assert_eq!(value(session, key), "7649abac8119b246cee98e9b12e9197d");
        let unknown: CK_ULONG = 999;
        let call = with(sys::CKM_CONCATENATE_BASE_AND_KEY, &unknown);
        assert_eq!(session.derive(&call, base, &OPEN), Err(sys::CKR_KEY_HANDLE_INVALID));
    });
}
