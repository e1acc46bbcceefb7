//! RSA keys at the ends of what sizes there are, through the module: the largest, odd ones and weak ones.

use std::path::Path;
use std::time::Duration;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::{isolated, isolated_for};
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, open, public_key_info, refusal, slot, user_session};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

fn start(directory: &Path, arguments: &[&str]) -> (Daemon, Pkcs11, Session) {
    let daemon = Daemon::start_in_with(directory, arguments);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, pkcs11, session)
}

/// The numbers of a key that openssl made, which takes long for large ones.
struct Numbers(&'static str);

const RSA_1024: Numbers = Numbers(include_str!("../../../daemon/tests/vectors/rsa1024.txt"));
const RSA_2056: Numbers = Numbers(include_str!("../../../daemon/tests/vectors/rsa2056.txt"));
const RSA_8192: Numbers = Numbers(include_str!("../../../daemon/tests/vectors/rsa8192.txt"));

impl Numbers {
    fn get(&self, name: &str) -> Vec<u8> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        hex::decode(line.trim()).unwrap()
    }

    fn public(&self) -> Vec<Attribute> {
        vec![
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Token(true),
            Attribute::Wrap(true),
            Attribute::Modulus(self.get("modulus ")),
            Attribute::PublicExponent(self.get("public_exponent ")),
        ]
    }

    fn private(&self) -> Vec<Attribute> {
        let mut template = self.public();
        template[0] = Attribute::Class(ObjectClass::PRIVATE_KEY);
        template[3] = Attribute::Unwrap(true);
        template.extend([
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::PrivateExponent(self.get("private_exponent ")),
            Attribute::Prime1(self.get("prime_1 ")),
            Attribute::Prime2(self.get("prime_2 ")),
            Attribute::Exponent1(self.get("exponent_1 ")),
            Attribute::Exponent2(self.get("exponent_2 ")),
            Attribute::Coefficient(self.get("coefficient ")),
        ]);
        template
    }

    fn pair(&self, session: &Session) -> (ObjectHandle, ObjectHandle) {
        let public = session.create_object(&self.public()).unwrap();
        (public, session.create_object(&self.private()).unwrap())
    }
}

fn secret(more: &[Attribute]) -> Vec<Attribute> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    [&template, more].concat()
}

fn oaep(hash: MechanismType, mgf: PkcsMgfType) -> Mechanism<'static> {
    Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty()))
}

fn oaep_sha256() -> Mechanism<'static> {
    oaep(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256)
}

/// What the two implementations of signatures do, and the one with parts, verified by openssl.
fn signs(directory: &Path, session: &Session, (public, private): (ObjectHandle, ObjectHandle)) {
    openssl::public_key(directory, &public_key_info(session, public));
    for (mechanism, hash) in [
        (Mechanism::Sha1RsaPkcs, "-sha1"),
        (Mechanism::Sha256RsaPkcs, "-sha256"),
        (Mechanism::Sha512RsaPkcs, "-sha512"),
    ] {
        let signature = session.sign(&mechanism, private, b"message").unwrap();
        openssl::verify(directory, hash, &[], b"message", &signature);
        session.verify(&mechanism, public, b"message", &signature).unwrap();
        let other = session.verify(&mechanism, public, b"massage", &signature);
        assert_eq!(refusal(other), RvError::SignatureInvalid);
        session.sign_init(&mechanism, private).unwrap();
        session.sign_update(b"mess").unwrap();
        session.sign_update(b"age").unwrap();
        assert_eq!(session.sign_final().unwrap(), signature);
    }
    for (s_len, salt) in [(32, "rsa_pss_saltlen:32"), (9, "rsa_pss_saltlen:9")] {
        let pss = PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: s_len.into(),
        };
        let mechanism = Mechanism::Sha256RsaPkcsPss(pss);
        let signature = session.sign(&mechanism, private, b"message").unwrap();
        let options = ["rsa_padding_mode:pss", salt];
        openssl::verify(directory, "-sha256", &options, b"message", &signature);
        session.verify(&mechanism, public, b"message", &signature).unwrap();
    }
}

/// Both ways of encryption that the implementations share out, and what openssl sealed.
fn decrypts(directory: &Path, session: &Session, (public, private): (ObjectHandle, ObjectHandle)) {
    std::fs::write(directory.join("plain"), b"to open").unwrap();
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"];
    for (mechanism, options) in [
        (Mechanism::RsaPkcs, &["-pkeyopt", "rsa_padding_mode:pkcs1"][..]),
        (oaep_sha256(), &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]),
        (
            oaep(MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
            &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha224"],
        ),
    ] {
        let sealed = openssl(directory, &[&encrypt, options].concat());
        assert_eq!(session.decrypt(&mechanism, private, &sealed).unwrap(), b"to open");
        let own = session.encrypt(&mechanism, public, b"own").unwrap();
        assert_eq!(own.len(), sealed.len());
        assert_eq!(session.decrypt(&mechanism, private, &own).unwrap(), b"own");
        let short = session.decrypt(&mechanism, private, &own[1..]);
        assert_eq!(refusal(short), RvError::EncryptedDataLenRange);
    }
}

/// Secrets leave and come back under the key, and the key under a secret.
fn wraps(session: &Session, numbers: &Numbers, (public, private): (ObjectHandle, ObjectHandle)) {
    let value = [Attribute::Value(vec![7; 32])];
    let aes = session.create_object(&secret(&value)).unwrap();
    for mechanism in [Mechanism::RsaPkcs, oaep_sha256()] {
        let wrapped = session.wrap_key(&mechanism, public, aes).unwrap();
        let template = secret(&[Attribute::ValueLen(32.into())]);
        let back = session.unwrap_key(&mechanism, private, &wrapped, &template).unwrap();
        assert_eq!(session.get_attributes(back, &[AttributeType::Value]).unwrap(), value);
    }
    let mechanism = Mechanism::AesKeyWrapPad;
    let wrapped = session.wrap_key(&mechanism, aes, private).unwrap();
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    let back = session.unwrap_key(&mechanism, aes, &wrapped, &template).unwrap();
    let kinds = [AttributeType::PrivateExponent, AttributeType::Prime1, AttributeType::Coefficient];
    let expected = [
        Attribute::PrivateExponent(numbers.get("private_exponent ")),
        Attribute::Prime1(numbers.get("prime_1 ")),
        Attribute::Coefficient(numbers.get("coefficient ")),
    ];
    for key in [private, back] {
        assert_eq!(session.get_attributes(key, &kinds).unwrap(), expected);
    }
    let signature = session.sign(&Mechanism::Sha384RsaPkcs, back, b"message").unwrap();
    session.verify(&Mechanism::Sha384RsaPkcs, public, b"message", &signature).unwrap();
}

#[test]
fn the_largest_and_odd_keys_do_all_that_rsa_does_and_after_a_restart_too() {
    isolated_for(Duration::from_mins(3), |directory| {
        if !has_program("openssl") {
            return;
        }
        let (mut daemon, pkcs11, session) = start(directory, &[]);
        for (numbers, bits) in [(RSA_8192, 8192), (RSA_2056, 2056)] {
            let pair = numbers.pair(&session);
            let size = session.get_attributes(pair.0, &[AttributeType::ModulusBits]).unwrap();
            assert_eq!(size, [Attribute::ModulusBits(bits.into())]);
            signs(directory, &session, pair);
            decrypts(directory, &session, pair);
            wraps(&session, &numbers, pair);
        }
        let info = pkcs11.get_mechanism_info(slot(&pkcs11, DEV), MechanismType::SHA256_RSA_PKCS);
        let info = info.unwrap();
        assert_eq!((info.min_key_size(), info.max_key_size()), (2048, 8192));
        daemon.stop();
        daemon.start_again(&[]);
        let session = user_session(&pkcs11, slot(&pkcs11, DEV));
        for numbers in [RSA_8192, RSA_2056] {
            let find = |class| {
                let modulus = Attribute::Modulus(numbers.get("modulus "));
                session.find_objects(&[Attribute::Class(class), modulus]).unwrap()[0]
            };
            let pair = (find(ObjectClass::PUBLIC_KEY), find(ObjectClass::PRIVATE_KEY));
            signs(directory, &session, pair);
        }
    });
}

#[test]
fn more_threads_than_large_stacks_sign_with_the_largest_key() {
    isolated_for(Duration::from_mins(3), |directory| {
        let (_daemon, pkcs11, session) = start(directory, &[]);
        let (public, private) = RSA_8192.pair(&session);
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let (pkcs11, slot) = (&pkcs11, slot(&pkcs11, DEV));
                scope.spawn(move || {
                    let session = pkcs11.open_rw_session(slot).unwrap();
                    let mechanism = Mechanism::Sha1RsaPkcs;
                    for round in 0..3 {
                        let message = [thread, round];
                        let signature = session.sign(&mechanism, private, &message).unwrap();
                        session.verify(&mechanism, public, &message, &signature).unwrap();
                    }
                });
            }
        });
    });
}

#[test]
fn weak_keys_are_refused_unless_they_are_allowed() {
    isolated(|directory| {
        let (mut daemon, pkcs11, session) = start(directory, &["--weak-keys", "make"]);
        let slot_of = || slot(&pkcs11, DEV);
        let log = || std::fs::read_to_string(directory.join("cofferd.log")).unwrap();
        assert!(log().contains("WARN") && log().contains("weak keys are made"), "{}", log());
        let least = |kind| pkcs11.get_mechanism_info(slot_of(), kind).unwrap().min_key_size();
        let (signing, making) =
            (MechanismType::SHA256_RSA_PKCS, MechanismType::RSA_PKCS_KEY_PAIR_GEN);
        assert_eq!((least(signing), least(making)), (512, 512));
        let (public, private) = RSA_1024.pair(&session);
        let mechanism = Mechanism::Sha256RsaPkcs;
        let signature = session.sign(&mechanism, private, b"message").unwrap();
        if has_program("openssl") {
            openssl::public_key(directory, &public_key_info(&session, public));
            openssl::verify(directory, "-sha256", &[], b"message", &signature);
        }
        let sealed = session.encrypt(&oaep_sha256(), public, b"old").unwrap();
        let generate = |session: &Session| {
            let size = [Attribute::ModulusBits(1024.into())];
            session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &size, &[])
        };
        generate(&session).unwrap();

        for setting in ["use", "refuse"] {
            daemon.stop();
            daemon.start_again(&["--weak-keys", setting]);
            let session = user_session(&pkcs11, slot_of());
            let find = |class| session.find_objects(&[Attribute::Class(class)]).unwrap()[0];
            let (public, private) = (find(ObjectClass::PUBLIC_KEY), find(ObjectClass::PRIVATE_KEY));
            let is_used = setting == "use";
            assert_eq!(log().contains("weak keys verify"), is_used, "{}", log());
            assert!(!log().contains("weak keys are made"), "{}", log());
            assert_eq!((least(signing), least(making)), (if is_used { 512 } else { 2048 }, 2048));
            // The beginning of an operation already says so.
            let size = RvError::KeySizeRange;
            assert_eq!(refusal(session.sign_init(&mechanism, private)), size, "{setting}");
            assert_eq!(refusal(session.encrypt_init(&oaep_sha256(), public)), size, "{setting}");
            assert_eq!(refusal(generate(&session)), RvError::AttributeValueInvalid, "{setting}");
            let verified = session.verify(&mechanism, public, b"message", &signature);
            let opened = session.decrypt(&oaep_sha256(), private, &sealed);
            let taken = session.create_object(&RSA_1024.private());
            if is_used {
                verified.unwrap();
                assert_eq!(opened.unwrap(), b"old");
                let other = session.verify(&mechanism, public, b"massage", &signature);
                assert_eq!(refusal(other), RvError::SignatureInvalid);
                session.destroy_object(taken.unwrap()).unwrap();
            } else {
                assert_eq!(refusal(verified), size);
                assert_eq!(refusal(opened), size);
                assert_eq!(refusal(taken), RvError::AttributeValueInvalid);
            }
        }
    });
}

#[test]
#[ignore = "makes an RSA-8192 key, which may take minutes"]
fn the_largest_key_is_made_while_others_are_used() {
    isolated_for(Duration::from_mins(30), |directory| {
        let (_daemon, pkcs11, session) = start(directory, &[]);
        let (public, private) = RSA_8192.pair(&session);
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..2)
                .map(|_| {
                    let (pkcs11, slot) = (&pkcs11, slot(&pkcs11, DEV));
                    scope.spawn(move || {
                        let session = pkcs11.open_rw_session(slot).unwrap();
                        let size = [Attribute::ModulusBits(8192.into()), Attribute::Verify(true)];
                        let mechanism = Mechanism::RsaPkcsKeyPairGen;
                        let signs = [Attribute::Sign(true)];
                        let (public, private) =
                            session.generate_key_pair(&mechanism, &size, &signs).unwrap();
                        let mechanism = Mechanism::Sha256RsaPkcs;
                        let signature = session.sign(&mechanism, private, b"message").unwrap();
                        assert_eq!(signature.len(), 1024);
                        session.verify(&mechanism, public, b"message", &signature).unwrap();
                    })
                })
                .collect();
            let mut used = 0;
            while !makers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let mechanism = Mechanism::Sha1RsaPkcs;
                let signature = session.sign(&mechanism, private, b"message").unwrap();
                session.verify(&mechanism, public, b"message", &signature).unwrap();
                used += 1;
            }
            assert!(used > 0);
        });
    });
}
