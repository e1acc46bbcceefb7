//! What the cryptography of each key type needs of a stack, and that it has as much. A key that did not fit would
//! end the daemon, not the operation.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{self, Base, Components, Generate, Generated, Key, KeySpec};
use coffer_daemon::vault::{self, Config, Depth, Inside, Sealed, stack_use};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{
    Ecdh, EcdhAes, EdDsaParameter, Hash, Kdf, KdfMode, KdfSegment, NumberFormat, Oaep, Parameter,
    Pbkdf2, Prf, Pss, Scheme, Tls,
};
use rsa::pkcs1::RsaPrivateKeyRef;

/// Left for the handler's own frames.
const MARGIN: usize = 6 << 10;

fn fits(what: &str, room: usize, work: impl FnOnce(&Inside<'_>) -> bool) {
    let (done, used) = stack_use(|inside| work(inside)).unwrap();
    assert!(done, "{what}");
    assert!(used + MARGIN <= room, "{what} needs {used} bytes of {room}");
}

/// A key, prepared inside of the vault: only there the second implementation is made ready for it.
fn ready(what: Generate) -> (Generated, Sealed<Key>) {
    vault::init_for_tests();
    let made = crypto::generate(what).unwrap();
    let key = vault::load(96 << 10, |inside| {
        Sealed::new(inside, Key::parse(made.spec, &made.material).unwrap())
    });
    (made, key.unwrap().unwrap())
}

fn signed(key: &Sealed<Key>, scheme: Scheme, parameter: &Parameter) -> Vec<u8> {
    vault::run(Depth::Large, |inside| {
        inside.publish(&crypto::sign(key.get(inside), scheme, parameter, b"message").unwrap())
    })
    .unwrap()
    .0
}

#[test]
fn rsa_keys_of_the_usual_sizes_are_opened_and_used_on_small_stacks() {
    let (made, key) = ready(Generate::Rsa { bits: 4096, exponent: 65537 });
    rsa_fits(&made, &key, Config::default().small_stack);
}

#[test]
fn the_largest_rsa_keys_are_opened_and_used_on_large_stacks() {
    vault::init_for_tests();
    let [modulus, public, private] = ["modulus ", "public_exponent ", "private_exponent "]
        .map(|name| hex::decode(rsa_8192(name)).unwrap());
    let components = Components {
        modulus: &modulus,
        public_exponent: &public,
        private_exponent: &private,
        ..Components::default()
    };
    let large = Config::default().large_stack;
    fits("importing", large, |_| crypto::import_rsa(&components).is_ok());
    let made = crypto::import_rsa(&components).unwrap();
    fits("taking in", large, |_| crypto::import(made.spec, &made.material).is_ok());
    let key = vault::load(192 << 10, |inside| {
        Sealed::new(inside, Key::parse(made.spec, &made.material).unwrap())
    });
    rsa_fits(&made, &key.unwrap().unwrap(), large);
}

/// A number of an RSA-8192 key.
fn rsa_8192(name: &str) -> &'static str {
    let text = include_str!("vectors/rsa8192.txt");
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap()
}

/// Public keys are used on small stacks whatever their size.
fn rsa_fits(made: &Generated, key: &Sealed<Key>, room: usize) {
    let public = made.public.as_ref().unwrap();
    let small = Config::default().small_stack;
    fits("opening", room, |_| Key::parse(made.spec, &made.material).is_ok());
    let pss = Parameter::Pss(Pss { hash: Hash::Sha512, mgf: Hash::Sha512, salt_len: 64 });
    for (scheme, parameter) in [
        (Scheme::RsaPkcs1(Some(Hash::Sha512)), Parameter::None),
        (Scheme::RsaPss(Some(Hash::Sha512)), pss),
    ] {
        fits("signing", room, |inside| {
            crypto::sign(key.get(inside), scheme, &parameter, b"message").is_ok()
        });
        let signature = signed(key, scheme, &parameter);
        let verify = |_: &Inside<'_>| {
            crypto::verify(public, scheme, &parameter, b"message", &signature).is_ok()
        };
        fits("verifying", small, verify);
    }
    let oaep = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
    for (scheme, parameter) in
        [(Scheme::RsaPkcs1(None), Parameter::None), (Scheme::RsaOaep, Parameter::Oaep(oaep))]
    {
        fits("encrypting", small, |_| crypto::encrypt(public, scheme, &parameter, b"key").is_ok());
        let ciphertext = crypto::encrypt(public, scheme, &parameter, b"key").unwrap();
        let decrypt = |inside: &Inside<'_>| {
            crypto::decrypt(key.get(inside), scheme, &parameter, &ciphertext).is_ok()
        };
        fits("decrypting", room, decrypt);
    }
}

#[test]
fn rsa_keys_are_made_and_imported_without_their_primes_on_large_stacks() {
    let (made, _) = ready(Generate::Rsa { bits: 4096, exponent: 65537 });
    let large = Config::default().large_stack;
    let what = Generate::Rsa { bits: 2048, exponent: 65537 };
    fits("making", large, |_| crypto::generate(what).is_ok());
    let (modulus, public_exponent) = made.public.as_ref().unwrap().rsa_numbers().unwrap();
    let numbers = RsaPrivateKeyRef::try_from(&made.material[..]).unwrap();
    let components = Components {
        modulus: &modulus,
        public_exponent: &public_exponent,
        private_exponent: numbers.private_exponent.as_bytes(),
        ..Components::default()
    };
    fits("importing", large, |_| crypto::import_rsa(&components).is_ok());
}

/// The stack that the service takes for a depth.
fn room(depth: Depth) -> usize {
    match depth {
        Depth::Small => Config::default().small_stack,
        Depth::Large => Config::default().large_stack,
    }
}

/// The kinds of pairs that sign, with the scheme that takes most, and the stack for verification.
fn signers() -> Vec<(Generate, Scheme, Depth)> {
    let curves = Curve::all().filter_map(|curve| {
        let scheme = match curve.key_type() {
            KeyType::Ec => Scheme::Ecdsa(Some(Hash::Sha3_512)),
            KeyType::EcEdwards => Scheme::EdDsa,
            _ => return None,
        };
        Some((Generate::Ec(curve), scheme, curve.agreement_depth()))
    });
    curves.chain([(Generate::Sm2, Scheme::Sm2Dsa(Some(Hash::Sm3)), Depth::Small)]).collect()
}

#[test]
fn keys_on_curves_are_made_opened_and_used_on_the_stacks_that_the_service_takes() {
    let small = Config::default().small_stack;
    for (what, scheme, depth) in signers() {
        // The first use of a curve computes its tables, which the self-test does at the start.
        let (made, key) = ready(what);
        let none = Parameter::None;
        let signature = signed(&key, scheme, &none);
        fits(&format!("making {what:?}"), small, |_| crypto::generate(what).is_ok());
        fits(&format!("opening {what:?}"), small, |_| {
            Key::parse(made.spec, &made.material).is_ok()
        });
        fits(&format!("signing {what:?}"), small, |inside| {
            crypto::sign(key.get(inside), scheme, &none, b"message").is_ok()
        });
        let prehashed = Parameter::EdDsa(EdDsaParameter { prehash: true, context: vec![7; 255] });
        if scheme == Scheme::EdDsa {
            fits(&format!("signing a hash {what:?}"), small, |inside| {
                crypto::sign(key.get(inside), scheme, &prehashed, b"message").is_ok()
            });
        }
        let verify = |inside: &Inside<'_>| {
            crypto::verify(key.get(inside), scheme, &none, b"message", &signature).is_ok()
        };
        fits(&format!("verifying {what:?}"), room(depth), verify);
        let info = crypto::encode_private(made.spec, &made.material).unwrap();
        fits(&format!("writing {what:?}"), small, |_| {
            crypto::encode_private(made.spec, &made.material).is_ok()
        });
        fits(&format!("reading {what:?}"), small, |_| crypto::decode_private(&info).is_ok());
    }
}

#[test]
fn secrets_are_agreed_on_the_stacks_that_the_service_takes() {
    let small = Config::default().small_stack;
    for curve in Curve::all().filter(|curve| curve.agrees()) {
        let (made, key) = ready(Generate::Ec(curve));
        let point = made.public.as_ref().unwrap().point().unwrap();
        let what = format!("{curve:?}");
        fits(&what, small, |_| crypto::generate(Generate::Ec(curve)).is_ok());
        fits(&what, small, |_| Key::parse(made.spec, &made.material).is_ok());
        for kdf in [None, Some(Hash::Sha1), Some(Hash::Sha512), Some(Hash::Sha3_512)] {
            let public_data = point.clone();
            let ecdh = Parameter::Ecdh(Ecdh { kdf, shared_data: Vec::new(), public_data });
            fits(&format!("agreeing on {what}"), room(curve.agreement_depth()), |inside| {
                let base = Base { key: key.get(inside), value: &[] };
                crypto::derive(base, None, Scheme::Ecdh, &ecdh, 20).is_ok()
            });
        }
        fits(&format!("making and agreeing on {what}"), room(curve.agreement_depth()), |_| {
            let fresh = crypto::generate(Generate::Ec(curve)).unwrap();
            let own = Key::parse(fresh.spec, &fresh.material).unwrap();
            let (kdf, shared_data) = (Some(Hash::Sha3_512), Vec::new());
            let ecdh = Ecdh { kdf, shared_data, public_data: point.clone() };
            let base = Base { key: &own, value: &[] };
            crypto::derive(base, None, Scheme::Ecdh, &Parameter::Ecdh(ecdh), 32).is_ok()
        });
    }
}

#[test]
fn keys_are_wrapped_by_agreement_on_the_stacks_that_the_service_takes() {
    for curve in Curve::all().filter(|curve| curve.agrees()) {
        let (made, key) = ready(Generate::Ec(curve));
        let public = made.public.as_ref().unwrap();
        let (kdf, shared_data) = (Some(Hash::Sha3_512), Vec::new());
        let parameter = Parameter::EcdhAes(EcdhAes { aes_len: 32, kdf, shared_data });
        let scheme = Scheme::EcdhAesKeyWrap;
        let room = room(curve.wrapping_depth());
        fits(&format!("wrapping by {curve:?}"), room, |_| {
            crypto::wrap(public.into(), scheme, &parameter, b"a key").is_ok()
        });
        let wrapped = crypto::wrap(public.into(), scheme, &parameter, b"a key").unwrap();
        fits(&format!("unwrapping by {curve:?}"), room, |inside| {
            crypto::unwrap(key.get(inside), scheme, &parameter, &wrapped).is_ok()
        });
    }
}

#[test]
fn secrets_are_derived_and_data_is_encrypted_on_small_stacks() {
    let small = Config::default().small_stack;
    let bytes = [7; 64];
    let key = |spec, bytes: &[u8]| {
        vault::init_for_tests();
        let key =
            vault::load(96 << 10, |inside| Sealed::new(inside, Key::parse(spec, bytes).unwrap()));
        key.unwrap().unwrap()
    };
    let secret = key(KeySpec::Secret, &bytes);
    for hash in Hash::ALL.into_iter().filter(|hash| *hash != Hash::Sm3) {
        let counter = NumberFormat { little_endian: false, bytes: 4 };
        let segments = vec![KdfSegment::Counter(counter), KdfSegment::Bytes(vec![1; 100])];
        let kdf = Kdf { prf: Prf::Hmac(hash), segments, iv: Vec::new() };
        let tls = Tls { hash, label: vec![1; 20], seed: vec![2; 64] };
        for (scheme, parameter) in [
            (Scheme::HashKey(hash), Parameter::None),
            (Scheme::Kdf, Parameter::Kdf(KdfMode::Counter, kdf)),
            (Scheme::TlsKdf, Parameter::Tls(tls)),
        ] {
            fits("deriving", small, |inside| {
                let base = Base { key: secret.get(inside), value: &bytes };
                crypto::derive(base, None, scheme, &parameter, 16).is_ok()
            });
        }
        let pbkdf2 = Pbkdf2 { hash, salt: vec![1; 16], iterations: 2 };
        fits("a password", small, |_| crypto::pbkdf2(&pbkdf2, b"password", 64).is_ok());
    }
    let (aes, xts) = (key(KeySpec::Aes, &bytes[..32]), key(KeySpec::AesXts, &distinct()));
    let iv = Parameter::Iv([1; 16]);
    for (key, scheme) in [
        (&aes, Scheme::AesCts),
        (&aes, Scheme::AesCfb8),
        (&aes, Scheme::AesCfb128),
        (&aes, Scheme::AesOfb),
        (&xts, Scheme::AesXts),
    ] {
        fits("encrypting", small, |inside| {
            crypto::encrypt(key.get(inside), scheme, &iv, &[3; 1000]).is_ok()
        });
    }
    fits("opening", small, |_| Key::parse(KeySpec::AesXts, &distinct()).is_ok());
}

/// Two keys for XTS that differ.
fn distinct() -> Vec<u8> {
    (0..64).collect()
}
