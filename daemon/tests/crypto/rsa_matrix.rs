//! RSA with every hash, every mask and several salts, with keys of every size: each combination does what it undoes,
//! and no other does.

use coffer_daemon::crypto::{self, Components, Error, Generate, Key};
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Pss, Scheme};

/// The hashes that PKCS#11 has numbers for, and the hashes of its mask generation functions.
fn combinations() -> impl Iterator<Item = (Hash, Hash)> {
    let hashes = Hash::ALL.into_iter().filter(|hash| hash.ckm().is_some());
    hashes.flat_map(|hash| {
        Hash::ALL.into_iter().filter(|mgf| mgf.mgf().is_some()).map(move |mgf| (hash, mgf))
    })
}

/// Another hash function that makes a mask.
fn another(mgf: Hash) -> Hash {
    if mgf == Hash::Sha256 { Hash::Sha3_256 } else { Hash::Sha256 }
}

fn key() -> Key {
    let made = crypto::generate(Generate::Rsa { bits: 2048, exponent: 65537 }).unwrap();
    Key::parse(made.spec, &made.material).unwrap()
}

/// Keys of other sizes, each with every how-manieth combination it goes through: large ones are slow.
fn others() -> Vec<(Key, usize)> {
    let small = crypto::generate(Generate::Rsa { bits: 512, exponent: 65537 }).unwrap();
    let small = (Key::parse(small.spec, &small.material).unwrap(), 1);
    let fixed = [
        (include_str!("../vectors/rsa1024.txt"), 1),
        (include_str!("../vectors/rsa2056.txt"), 5),
        (include_str!("../vectors/rsa8192.txt"), 14),
    ];
    let fixed = fixed.into_iter().map(|(text, step)| {
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            hex::decode(line.trim()).unwrap()
        };
        let made = crypto::import_rsa(&Components {
            modulus: &number("modulus "),
            public_exponent: &number("public_exponent "),
            private_exponent: &number("private_exponent "),
            ..Components::default()
        });
        let made = made.unwrap();
        (Key::parse(made.spec, &made.material).unwrap(), step)
    });
    std::iter::once(small).chain(fixed).collect()
}

#[test]
fn oaep_undoes_every_combination_and_takes_no_other() {
    assert_eq!(check_oaep(&key(), 1), 2 * 11 * 9);
}

#[test]
fn pss_verifies_every_combination_and_takes_no_other() {
    assert_eq!(check_pss(&key(), 1), 11 * 9);
}

#[test]
fn other_sizes_do_what_has_room_in_them() {
    for (key, step) in others() {
        let size = key.bits() / 8;
        let fitting = |room: fn(usize) -> usize| {
            combinations().step_by(step).filter(|(hash, _)| room(hash.len()) <= size).count()
        };
        assert_eq!(check_oaep(&key, step), 2 * fitting(|length| 2 * length + 2), "{size}");
        assert_eq!(check_pss(&key, step), fitting(|length| length + 2), "{size}");
        check_pkcs1(&key);
        check_raw(&key);
    }
}

/// PKCS#1 v1.5 with every hash, and over data as it is.
fn check_pkcs1(key: &Key) {
    let public = key.public().unwrap();
    let size = key.bits() / 8;
    let none = Parameter::None;
    for hash in Hash::ALL.into_iter().filter(|hash| hash.ckm().is_some()) {
        let scheme = Scheme::RsaPkcs1(Some(hash));
        match crypto::sign(key, scheme, &none, b"message") {
            Ok(signature) => {
                assert_eq!(signature.len(), size);
                crypto::verify(&public, scheme, &none, b"message", &signature).unwrap();
                let other = crypto::verify(&public, scheme, &none, b"massage", &signature);
                assert_eq!(other, Err(Error::SignatureInvalid));
            }
            // RFC 8017 section 9.2: the DigestInfo is 15 to 19 bytes longer than the digest.
            Err(error) => {
                assert_eq!(error, Error::DataLength, "{hash:?}");
                assert!(size < hash.len() + 19 + 11, "{hash:?} {size}");
            }
        }
    }
    let scheme = Scheme::RsaPkcs1(None);
    for length in [0, 1, size - 11] {
        let data = vec![5; length];
        let signature = crypto::sign(key, scheme, &none, &data).unwrap();
        crypto::verify(&public, scheme, &none, &data, &signature).unwrap();
        let sealed = crypto::encrypt(&public, scheme, &none, &data).unwrap();
        assert_eq!(sealed.len(), size);
        assert_eq!(*crypto::decrypt(key, scheme, &none, &sealed).unwrap(), data);
    }
    let long = vec![5; size - 10];
    assert_eq!(crypto::sign(key, scheme, &none, &long), Err(Error::DataLength));
    assert_eq!(crypto::encrypt(&public, scheme, &none, &long), Err(Error::DataLength));
}

/// The operation without a padding.
fn check_raw(key: &Key) {
    let (public, none) = (key.public().unwrap(), Parameter::None);
    let size = key.bits() / 8;
    let mut data = vec![9; size];
    data[0] = 0;
    let signature = crypto::sign(key, Scheme::RsaRaw, &none, &data).unwrap();
    crypto::verify(&public, Scheme::RsaRaw, &none, &data, &signature).unwrap();
    let sealed = crypto::encrypt(&public, Scheme::RsaRaw, &none, &data).unwrap();
    assert_eq!(*crypto::decrypt(key, Scheme::RsaRaw, &none, &sealed).unwrap(), data);
    let (modulus, _) = public.rsa_numbers().unwrap();
    assert_eq!(crypto::sign(key, Scheme::RsaRaw, &none, &modulus), Err(Error::DataInvalid));
    data.push(0);
    assert_eq!(crypto::sign(key, Scheme::RsaRaw, &none, &data), Err(Error::DataLength));
}

/// Goes through every `step`-th combination, and tells how many had room.
fn check_oaep(key: &Key, step: usize) -> usize {
    let public = key.public().unwrap();
    let size = key.bits() / 8;
    let mut done = 0;
    for (hash, mgf) in combinations().step_by(step) {
        for label in [&b""[..], b"label"] {
            let oaep =
                |mgf, label: &[u8]| Parameter::Oaep(Oaep { hash, mgf, label: label.to_vec() });
            let Some(most) = size.checked_sub(2 * hash.len() + 2) else {
                let none = crypto::encrypt(&public, Scheme::RsaOaep, &oaep(mgf, label), b"");
                assert_eq!(none, Err(Error::DataLength), "{hash:?} {mgf:?} {size}");
                let sealed = vec![1; size];
                let opened = crypto::decrypt(key, Scheme::RsaOaep, &oaep(mgf, label), &sealed);
                assert_eq!(opened, Err(Error::EncryptedDataInvalid), "{hash:?} {mgf:?} {size}");
                continue;
            };
            let most = vec![7; most];
            let encrypt =
                |data: &[u8]| crypto::encrypt(&public, Scheme::RsaOaep, &oaep(mgf, label), data);
            let sealed = encrypt(&most).unwrap();
            let decrypt = |oaep| crypto::decrypt(key, Scheme::RsaOaep, &oaep, &sealed);
            assert_eq!(*decrypt(oaep(mgf, label)).unwrap(), most, "{hash:?} {mgf:?}");
            assert_eq!(decrypt(oaep(another(mgf), label)), Err(Error::EncryptedDataInvalid));
            assert_eq!(decrypt(oaep(mgf, b"other")), Err(Error::EncryptedDataInvalid));
            assert_eq!(encrypt(&vec![7; most.len() + 1]), Err(Error::DataLength));
            done += 1;
        }
    }
    done
}

/// Goes through every `step`-th combination, and tells how many had room for some salt.
fn check_pss(key: &Key, step: usize) -> usize {
    let public = key.public().unwrap();
    let size = key.bits() / 8;
    let mut done = 0;
    for (hash, mgf) in combinations().step_by(step) {
        let digest = crypto::hash::digest(hash, b"message");
        // RFC 8017 section 9.1.1 step 3.
        let room = size.checked_sub(hash.len() + 2);
        for salt_len in [0, 20, hash.len(), room.unwrap_or(0)] {
            if room.is_none_or(|room| salt_len > room) {
                continue;
            }
            done += usize::from(salt_len == 0);
            let pss = |mgf, salt_len| Parameter::Pss(Pss { hash, mgf, salt_len });
            let own = pss(mgf, salt_len);
            let whole = crypto::sign(key, Scheme::RsaPss(Some(hash)), &own, b"message").unwrap();
            let raw = crypto::sign(key, Scheme::RsaPss(None), &own, &digest).unwrap();
            for signature in [&whole, &raw] {
                let verify = |parameter: &Parameter, message: &[u8]| {
                    let scheme = Scheme::RsaPss(Some(hash));
                    crypto::verify(&public, scheme, parameter, message, signature)
                };
                assert_eq!(verify(&own, b"message"), Ok(()), "{hash:?} {mgf:?} {salt_len}");
                let refused = Err(Error::SignatureInvalid);
                assert_eq!(verify(&own, b"another"), refused);
                assert_eq!(verify(&pss(another(mgf), salt_len), b"message"), refused);
                let shorter = salt_len.checked_sub(1).unwrap_or(1);
                assert_eq!(verify(&pss(mgf, shorter), b"message"), refused);
            }
        }
        let long = Parameter::Pss(Pss { hash, mgf, salt_len: size.saturating_sub(hash.len() + 1) });
        let signed = crypto::sign(key, Scheme::RsaPss(Some(hash)), &long, b"message");
        assert_eq!(signed, Err(Error::Parameter), "{hash:?} {mgf:?}");
    }
    done
}
