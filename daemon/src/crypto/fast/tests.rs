use coffer_protocol::mechanism::Pss;

use super::super::ec_key::{self, Point, Private};
use super::super::{aes, ecdsa, hash, rsa_key};
use super::*;
use crate::crypto::Uses;
use crate::crypto::rsa::{self, Padding};
use crate::vault::{Depth, Public, run};

/// Inside of the vault, without which a process with one does not use AWS-LC.
fn inside(test: impl FnOnce()) {
    vault::init_for_tests();
    let before = vault::aws_lc_plain_allocations();
    run(Depth::Large, |_| test()).unwrap();
    assert_eq!(vault::aws_lc_plain_allocations(), before);
}

/// An RSA-8192 key, which takes seconds to make.
fn large() -> RsaPrivateKey {
    let text = include_str!("../../../tests/vectors/rsa8192.txt");
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        hex::decode(line.trim()).unwrap()
    };
    let (prime_1, prime_2) = (number("prime_1 "), number("prime_2 "));
    let components = rsa_key::Components {
        modulus: &number("modulus "),
        public_exponent: &number("public_exponent "),
        private_exponent: &number("private_exponent "),
        primes: Some([&prime_1, &prime_2]),
        ..Default::default()
    };
    rsa_key::from_components(&components).unwrap()
}

#[test]
fn rsa_signs_as_the_first_implementation_does() {
    inside(|| {
        let made = [2048, 3072, 4096].map(|bits| rsa_key::generate(bits, 65537).unwrap());
        for key in made.into_iter().chain([large()]) {
            let signer = RsaSigner::new(&key).unwrap();
            let first = rsa_key::Private::new(key, Uses::NONE).unwrap();
            for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
                let digest = hash::digest(hash, b"message");
                let made = signer.sign(Padding::Pkcs1(hash), &digest).unwrap().unwrap();
                let known = rsa::sign(&first, Padding::Pkcs1(hash), &digest).unwrap();
                assert_eq!(made, known);
                let pss = Padding::Pss(Pss { hash, mgf: hash, salt_len: hash.len() });
                let made = signer.sign(pss, &digest).unwrap().unwrap();
                rsa::verify(first.as_public_key(), pss, &digest, &made).unwrap();
            }
        }
    });
}

#[test]
fn what_it_does_not_do_is_left_to_the_first_implementation() {
    inside(|| {
        let key = rsa_key::generate(2048, 65537).unwrap();
        let signer = RsaSigner::new(&key).unwrap();
        let pss = Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len: 20 };
        for padding in [
            Padding::Pkcs1(Hash::Sha1),
            Padding::Pkcs1(Hash::Sha224),
            Padding::Pkcs1Plain,
            Padding::Pss(pss),
        ] {
            assert!(signer.sign(padding, &[1; 32]).is_none());
        }
        let both = rsa_key::Private::new(key, Uses::ALL).unwrap();
        let made = rsa::sign(&both, Padding::Pss(pss), &[1; 32]).unwrap();
        rsa::verify(both.as_public_key(), Padding::Pss(pss), &[1; 32], &made).unwrap();
    });
}

#[test]
fn a_digest_info_is_signed_as_its_digest_is() {
    inside(|| {
        let key = rsa_key::generate(2048, 65537).unwrap();
        let key = rsa_key::Private::new(key, Uses::ALL).unwrap();
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let digest = hash::digest(hash, b"message");
            let known = rsa::sign(&key, Padding::Pkcs1(hash), &digest).unwrap();
            let oid = match hash {
                Hash::Sha256 => 1,
                Hash::Sha384 => 2,
                _ => 3,
            };
            let length = u8::try_from(digest.len()).unwrap();
            let mut info = vec![0x30, length + 17, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65];
            info.extend([3, 4, 2, oid, 5, 0, 4, length]);
            info.extend(&digest);
            assert_eq!(rsa::sign(&key, Padding::Pkcs1Plain, &info).unwrap(), known);
            // One byte short it is no DigestInfo, but data like any other.
            let short = &info[..info.len() - 1];
            let made = rsa::sign(&key, Padding::Pkcs1Plain, short).unwrap();
            rsa::verify(key.as_public_key(), Padding::Pkcs1Plain, short, &made).unwrap();
        }
    });
}

#[test]
fn oaep_is_opened_with_label_and_without() {
    inside(|| {
        for key in [rsa_key::generate(2048, 65537).unwrap(), large()] {
            let decrypter = RsaDecrypter::new(&key).unwrap();
            for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
                for label in [&b""[..], b"label"] {
                    let oaep = Oaep { hash, mgf: hash, label: label.to_vec() };
                    let made = rsa::oaep_encrypt(key.as_public_key(), &oaep, b"data key").unwrap();
                    let opened = decrypter.decrypt(&oaep, &made).unwrap().unwrap();
                    assert_eq!(opened, b"data key");
                    let other = Oaep { label: b"other".to_vec(), ..oaep };
                    let refused = decrypter.decrypt(&other, &made).unwrap();
                    assert_eq!(refused, Err(Error::EncryptedDataInvalid));
                }
            }
            let mixed = Oaep { hash: Hash::Sha256, mgf: Hash::Sha1, label: Vec::new() };
            assert!(decrypter.decrypt(&mixed, &[1; 256]).is_none());
        }
    });
}

#[test]
fn ecdsa_signs_hashes_of_any_length() {
    inside(|| {
        for curve in [Curve::P256, Curve::P384] {
            let (key, public) = pair(curve);
            for length in [1, 20, 28, 32, 48, 64] {
                let hash = &[0xa5; 64][..length];
                let made = ecdsa::sign(&key, hash).unwrap();
                ecdsa::verify(&public, hash, &made).unwrap();
            }
        }
    });
}

/// A key that the second implementation signs with.
fn pair(curve: Curve) -> (Private, Point) {
    let (scalar, public) = ec_key::generate(curve).unwrap();
    let key = Private::new(curve, &scalar, Uses::ALL).unwrap();
    assert!(key.fast().is_some(), "{curve:?}");
    (key, public)
}

#[test]
fn other_curves_are_left_to_the_first_implementation() {
    inside(|| {
        for curve in Curve::all().filter(|curve| Ecdsa::on(*curve).is_none()) {
            let (secret, _) = ec_key::generate(curve).unwrap();
            assert!(Private::new(curve, &secret, Uses::ALL).unwrap().fast().is_none(), "{curve:?}");
            assert!(ecdsa_verify(curve, &[4; 65], &[1; 32], &[1; 64]).is_none());
        }
    });
}

#[test]
fn both_implementations_agree_on_what_a_signature_is() {
    inside(|| {
        let (key, public) = pair(Curve::P521);
        for length in [1, 32, 64, 65, 66, 70] {
            let hash = &[0xa5; 70][..length];
            let mut made = ecdsa::sign(&key, hash).unwrap();
            ecdsa::verify(&public, hash, &made).unwrap();
            ecdsa::verify_first(&public, hash, &made).unwrap();
            made[100] ^= 1;
            assert!(ecdsa::verify(&public, hash, &made).is_err());
            assert!(ecdsa::verify_first(&public, hash, &made).is_err());
            for wrong in [&[0; 132][..], &[0xff; 132]] {
                let refused = ecdsa::verify(&public, hash, wrong);
                assert_eq!(refused, ecdsa::verify_first(&public, hash, wrong));
            }
        }
    });
}

#[test]
fn long_messages_in_gcm_are_those_of_the_first_implementation() {
    inside(|| {
        for (length, iv, tag_bits) in
            [(BulkGcm::LONG, 12, 128), (100_001, 12, 96), (40_000, 16, 128)]
        {
            let (parameter, key) = (
                GcmParameter { iv: vec![3; iv], aad: vec![5; 21], tag_bits },
                aes::Aes::new(&[9; 24]).unwrap(),
            );
            let mut buffer = vec![0x61; length + 16];
            let made = aes::gcm_encrypt(&key, &parameter, &mut buffer, length).unwrap();
            buffer.truncate(made);
            let mut parts = aes::GcmEncryptor::new(&key, &parameter);
            let mut known = vec![0x61; length];
            parts.apply(&mut known).unwrap();
            known.extend(&parts.tag()[..parameter.tag_len()]);
            assert_eq!(buffer, known);
            let mut wrong = buffer.clone();
            wrong[length / 2] ^= 1;
            let refused = aes::gcm_decrypt(&key, &parameter, &mut wrong);
            assert_eq!(refused, Err(Error::EncryptedDataInvalid));
            assert_eq!(aes::gcm_decrypt(&key, &parameter, &mut buffer), Ok(length));
            assert!(buffer[..length].iter().all(|byte| *byte == 0x61));
        }
    });
}

#[test]
fn outside_of_the_vault_the_first_implementation_serves() {
    vault::init_for_tests();
    assert!(!vault::aws_lc_is_ready());
    let ready = run(Depth::Small, |_| Public(vault::aws_lc_is_ready())).unwrap();
    assert!(ready.0);
}
