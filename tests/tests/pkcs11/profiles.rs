//! The profiles that the token claims (PKCS#11 Profiles 3.2 section 5), each with what it asks for, walked as an
//! application of that profile would.

use coffer_pkcs11::ffi::exports::{BEFORE_INITIALIZE, READY};
use coffer_tests::c::{self, Handle, NO, Session, YES, number, plain, with};
use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::isolated::isolated;
use coffer_tests::token::P256;
use cryptoki_sys::*;

/// A profile, beside what its base asks for.
struct Profile {
    id: CK_PROFILE_ID,
    base: Option<CK_PROFILE_ID>,
    functions: &'static [&'static str],
    attributes: &'static [CK_ATTRIBUTE_TYPE],
    classes: &'static [CK_OBJECT_CLASS],
    mechanisms: &'static [(CK_MECHANISM_TYPE, CK_FLAGS)],
}

const PROFILES: &[Profile] = &[
    Profile {
        id: CKP_BASELINE_PROVIDER,
        base: None,
        functions: &[
            "C_GetFunctionList",
            "C_GetInterfaceList",
            "C_GetInterface",
            "C_Initialize",
            "C_Finalize",
            "C_GetInfo",
            "C_GetSlotList",
            "C_GetSlotInfo",
            "C_GetTokenInfo",
            "C_OpenSession",
            "C_CloseSession",
            "C_GetSessionInfo",
            "C_FindObjectsInit",
            "C_FindObjects",
            "C_FindObjectsFinal",
            "C_GetAttributeValue",
        ],
        attributes: &[
            CKA_CLASS,
            CKA_TOKEN,
            CKA_VALUE,
            CKA_ID,
            CKA_PRIVATE,
            CKA_MODIFIABLE,
            CKA_LABEL,
            CKA_UNIQUE_ID,
            CKA_PROFILE_ID,
        ],
        classes: &[CKO_PROFILE],
        mechanisms: &[],
    },
    Profile {
        id: CKP_EXTENDED_PROVIDER,
        base: Some(CKP_BASELINE_PROVIDER),
        functions: &[
            "C_GetMechanismList",
            "C_GetMechanismInfo",
            "C_Login",
            "C_LoginUser",
            "C_Logout",
        ],
        attributes: &[],
        classes: &[],
        // What its test case lists.
        mechanisms: &[
            (CKM_SHA512, CKF_DIGEST),
            (CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR),
            (
                CKM_RSA_PKCS,
                CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_WRAP | CKF_UNWRAP,
            ),
        ],
    },
    Profile {
        id: CKP_AUTHENTICATION_TOKEN,
        base: Some(CKP_BASELINE_PROVIDER),
        functions: &[
            "C_Login",
            "C_LoginUser",
            "C_Logout",
            "C_SignInit",
            "C_Sign",
            "C_SignUpdate",
            "C_SignFinal",
        ],
        attributes: &[],
        classes: &[CKO_PRIVATE_KEY, CKO_PUBLIC_KEY],
        mechanisms: &[(CKM_SHA256_RSA_PKCS, CKF_SIGN | CKF_VERIFY)],
    },
    Profile {
        id: CKP_PUBLIC_CERTIFICATES_TOKEN,
        base: Some(CKP_BASELINE_PROVIDER),
        functions: &[],
        attributes: &[],
        classes: &[CKO_CERTIFICATE],
        mechanisms: &[],
    },
    Profile {
        id: CKP_HKDF_TLS_TOKEN,
        base: Some(CKP_BASELINE_PROVIDER),
        functions: &["C_DeriveKey"],
        attributes: &[],
        classes: &[CKO_DATA, CKO_SECRET_KEY],
        mechanisms: &[(CKM_HKDF_DATA, CKF_DERIVE), (CKM_HKDF_DERIVE, CKF_DERIVE)],
    },
];

fn read_number(session: Session, object: Handle, kind: CK_ATTRIBUTE_TYPE) -> CK_ULONG {
    CK_ULONG::from_ne_bytes(session.read(object, kind).unwrap().try_into().unwrap())
}

/// The session of an application that has no PIN.
fn begin() -> (CK_SLOT_ID, Session) {
    c::initialize().unwrap();
    let slot = c::slots().unwrap()[0];
    (slot, Session::open_read_only(slot).unwrap())
}

/// A certificate of OpenSSL: CN=Coffer test.
fn certificate() -> Vec<u8> {
    let text = include_str!("../../../daemon/tests/object/certificate.hex");
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn the_token_claims_its_profiles_to_everybody() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let (_, session) = begin();
        let found = session.find_all(&[(CKA_CLASS, &number(CKO_PROFILE))]).unwrap();
        let ids: Vec<_> =
            found.iter().map(|object| read_number(session, *object, CKA_PROFILE_ID)).collect();
        assert_eq!(ids, PROFILES.iter().map(|profile| profile.id).collect::<Vec<_>>());
        for (object, id) in found.into_iter().zip(ids) {
            let by_id = [(CKA_CLASS, &number(CKO_PROFILE)[..]), (CKA_PROFILE_ID, &number(id))];
            assert_eq!(session.find_all(&by_id), Ok(vec![object]));
            assert_eq!(session.read(object, CKA_TOKEN).unwrap(), YES);
            assert_eq!(session.read(object, CKA_PRIVATE).unwrap(), NO);
        }
    });
}

#[test]
fn what_the_profiles_ask_for_is_there() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let (slot, session) = begin();
        let rows: Vec<_> =
            BEFORE_INITIALIZE.iter().chain(READY.iter().copied().flatten()).collect();
        let mechanisms = c::mechanisms(slot).unwrap();
        for profile in PROFILES {
            let base = profile.base;
            assert!(base.is_none_or(|base| PROFILES.iter().any(|other| other.id == base)));
            for function in profile.functions {
                let row = rows.iter().find(|row| row.name == *function).unwrap();
                assert_ne!(row.body, "unsupported", "{function}");
            }
            for (mechanism, flags) in profile.mechanisms {
                assert!(mechanisms.contains(mechanism), "{mechanism:#x}");
                assert_eq!(c::mechanism_flags(slot, *mechanism).unwrap() & flags, *flags);
            }
            // A search for each class and attribute is understood, also where it finds nothing.
            for class in profile.classes {
                session.find_all(&[(CKA_CLASS, &number(*class))]).unwrap();
            }
        }
        let profile = session.find_all(&[(CKA_CLASS, &number(CKO_PROFILE))]).unwrap()[0];
        let class = number(CKO_DATA);
        let data = session.create(&[(CKA_CLASS, &class), (CKA_TOKEN, NO)]).unwrap();
        let length = number(16);
        let private = [(CKA_TOKEN, NO), (CKA_PRIVATE, NO), (CKA_VALUE_LEN, &length[..])];
        let key = session.generate(&plain(CKM_AES_KEY_GEN), &private).unwrap();
        for attribute in PROFILES[0].attributes {
            let object = match *attribute {
                CKA_VALUE => data,
                CKA_ID => key,
                _ => profile,
            };
            session.read(object, *attribute).unwrap();
        }
    });
}

#[test]
fn a_baseline_consumer_walks_through() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        // BL-M-1-32.
        c::initialize().unwrap();
        let info = c::info().unwrap();
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor), (3, 2));
        assert_eq!(info.flags, 0);
        let slot = c::slots().unwrap()[0];
        assert_ne!(c::slot_info(slot).unwrap().flags & CKF_TOKEN_PRESENT, 0);
        let token = c::token_info(slot).unwrap();
        let wanted =
            CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;
        assert_eq!(token.flags & wanted, wanted);
        assert_eq!((token.ulMinPinLen, token.ulMaxPinLen), (4, 255));
        let session = Session::open_read_only(slot).unwrap();
        assert_eq!(session.find_all(&[(CKA_TOKEN, YES)]), Ok(vec![]));
        session.close().unwrap();
        c::close_all_sessions(slot).unwrap();
        c::finalize().unwrap();
        // EXT-M-1-32 goes on from here with what `what_the_profiles_ask_for_is_there` has of mechanisms.
        c::initialize().unwrap();
        for name in ["", &nix::unistd::geteuid().to_string()] {
            let session = Session::open(slot).unwrap();
            session.login_user(CKU_USER, PIN, name).unwrap();
            assert_eq!(session.find_all(&[(CKA_TOKEN, YES)]), Ok(vec![]));
            session.logout().unwrap();
            session.close().unwrap();
        }
        c::close_all_sessions(slot).unwrap();
        c::finalize().unwrap();
    });
}

#[test]
fn an_authentication_token_signs_for_who_logs_in() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let user = Session::begin().unwrap();
        let bits = number(2048);
        user.generate_pair(
            &plain(CKM_RSA_PKCS_KEY_PAIR_GEN),
            &[(CKA_TOKEN, YES), (CKA_LABEL, b"testrsa-pub"), (CKA_MODULUS_BITS, &bits)],
            &[(CKA_TOKEN, YES), (CKA_LABEL, b"testrsa-pri")],
        )
        .unwrap();
        c::finalize().unwrap();

        // AUTH-M-1-32, with a key of its own.
        let session = Session::begin().unwrap();
        let of = |label: &'static [u8], class| {
            session.find_all(&[(CKA_TOKEN, YES), (CKA_LABEL, label), (CKA_CLASS, &number(class))])
        };
        let public = of(b"testrsa-pub", CKO_PUBLIC_KEY).unwrap()[0];
        assert_eq!(session.read(public, CKA_MODULUS).unwrap().len(), 256);
        assert_eq!(session.read(public, CKA_PUBLIC_EXPONENT).unwrap(), [1, 0, 1]);
        let private = of(b"testrsa-pri", CKO_PRIVATE_KEY).unwrap()[0];
        let mechanism = plain(CKM_SHA256_RSA_PKCS);
        session.sign_init(Some(&mechanism), private).unwrap();
        let signature = session.sign(b"data").unwrap();
        session.sign_init(Some(&mechanism), private).unwrap();
        session.sign_update(b"da").unwrap();
        session.sign_update(b"ta").unwrap();
        assert_eq!(session.sign_final().unwrap(), signature);
        session.verify_init(Some(&mechanism), public).unwrap();
        session.verify(b"data", &signature).unwrap();
        session.logout().unwrap();
        let refused = session.sign_init(Some(&mechanism), private);
        assert_eq!(refused, Err(CKR_KEY_HANDLE_INVALID));
        session.close().unwrap();
        c::finalize().unwrap();
    });
}

#[test]
fn certificates_and_their_public_keys_are_found_without_a_login() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let der = certificate();
        let user = Session::begin().unwrap();
        let class = number(CKO_CERTIFICATE);
        for id in [&b"one"[..], b"two"] {
            let names = [(CKA_TOKEN, YES), (CKA_ID, id)];
            let public = [&names[..], &[(CKA_EC_PARAMS, &P256[..])]].concat();
            user.generate_pair(&plain(CKM_EC_KEY_PAIR_GEN), &public, &names).unwrap();
            let certificate = [(CKA_CLASS, &class[..]), (CKA_VALUE, &der)];
            user.create(&[&names[..], &certificate].concat()).unwrap();
        }
        c::finalize().unwrap();

        // CERT-M-1-32, and the conditions of section 5.5.
        let (_, session) = begin();
        let certificates = session.find_all(&[(CKA_TOKEN, YES), (CKA_CLASS, &class)]).unwrap();
        assert_eq!(certificates.len(), 2);
        for certificate in certificates {
            assert_eq!(session.read(certificate, CKA_VALUE).unwrap(), der);
            let id = session.read(certificate, CKA_ID).unwrap();
            let public = [(CKA_CLASS, &number(CKO_PUBLIC_KEY)[..]), (CKA_ID, &id)];
            let found = session.find_all(&public).unwrap();
            assert_eq!(found.len(), 1);
            session.read(found[0], CKA_EC_POINT).unwrap();
        }
        c::finalize().unwrap();
    });
}

#[test]
fn initialisation_vectors_of_tls_are_derived_as_data() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let secret = session.create_secret(CKK_HKDF, &[7; 32], &[]).unwrap();
        let (class, length) = (number(CKO_DATA), number(12));
        let template = [(CKA_CLASS, &class[..]), (CKA_TOKEN, NO), (CKA_VALUE_LEN, &length[..])];
        let mut seen = Vec::new();
        for info in [&b"\x00\x0ctls iv\x00"[..], b"\x00\x0ctls quic iv\x00"] {
            let parameters = CK_HKDF_PARAMS {
                bExtract: CK_FALSE,
                bExpand: CK_TRUE,
                prfHashMechanism: CKM_SHA256,
                ulSaltType: CKF_HKDF_SALT_NULL,
                pSalt: std::ptr::null_mut(),
                ulSaltLen: 0,
                hSaltKey: 0,
                pInfo: info.as_ptr().cast_mut(),
                ulInfoLen: info.len() as CK_ULONG,
            };
            let made = session.derive(&with(CKM_HKDF_DATA, &parameters), secret, &template);
            let made = made.unwrap();
            assert_eq!(read_number(session, made, CKA_CLASS), CKO_DATA);
            let value = session.read(made, CKA_VALUE).unwrap();
            assert_eq!(value.len(), 12);
            assert!(!seen.contains(&value));
            seen.push(value);
            let key = [(CKA_CLASS, &number(CKO_SECRET_KEY)[..]), (CKA_TOKEN, NO)];
            let aes = [(CKA_KEY_TYPE, &number(CKK_AES)[..]), (CKA_VALUE_LEN, &number(16))];
            let template = [key, aes].concat();
            session.derive(&with(CKM_HKDF_DERIVE, &parameters), secret, &template).unwrap();
        }
    });
}

#[test]
fn no_validation_is_there_and_none_is_made() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let class = number(CKO_VALIDATION);
        assert_eq!(session.find_all(&[(CKA_CLASS, &class)]), Ok(vec![]));
        for token in [YES, NO] {
            let made = session.create(&[(CKA_CLASS, &class), (CKA_TOKEN, token)]);
            assert_eq!(made, Err(CKR_ATTRIBUTE_VALUE_INVALID));
        }
    });
}
