//! Vectors of NIST and of the Chinese standards, and the forms of SM2.

use coffer_daemon::crypto::sm2::Form;
use coffer_daemon::crypto::{self, Error, Generate, Key, KeySpec, der_signature, hash, kdf};
use coffer_protocol::mechanism::{CtrParameter, GcmParameter, Hash, Parameter, Scheme};

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits.trim_matches('-')).unwrap()
}

#[test]
fn aes_agrees_with_nist() {
    let mut done = 0;
    for line in include_str!("../vectors/aes.txt").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [mode, key, iv, aad, plaintext, ciphertext] = fields[..] else { panic!("{line}") };
        let key = Key::parse(KeySpec::Aes, &bytes(key)).unwrap();
        let (iv, plaintext, ciphertext) = (bytes(iv), bytes(plaintext), bytes(ciphertext));
        let (scheme, parameter) = match mode {
            "cbc" => (Scheme::AesCbc, Parameter::Iv(iv.try_into().unwrap())),
            "ctr" => {
                let ctr = CtrParameter { bits: 128, block: iv.try_into().unwrap() };
                (Scheme::AesCtr, Parameter::Ctr(ctr))
            }
            _ => {
                let gcm = GcmParameter { iv, aad: bytes(aad), tag_bits: 128 };
                (Scheme::AesGcm, Parameter::Gcm(gcm))
            }
        };
        let sealed = crypto::encrypt(&key, scheme, &parameter, &plaintext).unwrap();
        assert_eq!(sealed, ciphertext, "{line}");
        let opened = crypto::decrypt(&key, scheme, &parameter, &ciphertext).unwrap();
        assert_eq!(*opened, plaintext, "{line}");
        done += 1;
    }
    assert_eq!(done, 21);
}

#[test]
fn every_gcm_tag_length_opens_and_is_checked_to_its_last_bit() {
    let key = Key::parse(KeySpec::Aes, &[1; 32]).unwrap();
    for tag_bits in [96, 104, 112, 120, 128] {
        let gcm = GcmParameter { iv: vec![2; 12], aad: vec![], tag_bits };
        let parameter = Parameter::Gcm(gcm);
        let mut sealed = crypto::encrypt(&key, Scheme::AesGcm, &parameter, b"text").unwrap();
        assert_eq!(sealed.len(), 4 + tag_bits as usize / 8);
        let opened = crypto::decrypt(&key, Scheme::AesGcm, &parameter, &sealed).unwrap();
        assert_eq!(*opened, b"text");
        *sealed.last_mut().unwrap() ^= 1;
        let refused = crypto::decrypt(&key, Scheme::AesGcm, &parameter, &sealed);
        assert_eq!(refused, Err(Error::EncryptedDataInvalid));
        let short = crypto::decrypt(&key, Scheme::AesGcm, &parameter, &sealed[..8]);
        assert_eq!(short, Err(Error::EncryptedDataLength));
    }
}

#[test]
fn sm3_agrees_with_the_second_example() {
    let digest = hash::digest(Hash::Sm3, "abcd".repeat(16).as_bytes());
    let expected = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732";
    assert_eq!(digest, bytes(expected));
}

#[test]
fn derived_keys_depend_on_every_input() {
    let derive = |hash, key: &[u8], salt: &[u8], info: &[u8]| {
        let mut output = [0; 32];
        kdf::hkdf(hash, key, salt, info, &mut output).map(|()| output)
    };
    let inputs = [
        derive(Hash::Sha256, b"key", b"salt", b"info").unwrap(),
        derive(Hash::Sm3, b"key", b"salt", b"info").unwrap(),
        derive(Hash::Sha256, b"kez", b"salt", b"info").unwrap(),
        derive(Hash::Sha256, b"key", b"sals", b"info").unwrap(),
        derive(Hash::Sha256, b"key", b"salt", b"infp").unwrap(),
    ];
    for (index, output) in inputs.iter().enumerate() {
        assert!(!inputs[..index].contains(output), "{index}");
    }
    let mut long = vec![0; 255 * 32 + 1];
    assert_eq!(kdf::hkdf(Hash::Sha256, b"", b"", b"", &mut long), Err(Error::DataLength));
    assert_eq!(kdf::hkdf(Hash::Sha256, b"", b"", b"", &mut long[1..]), Ok(()));
}

/// GB/T 32918.5 appendix A.
const SM2_SCALAR: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
const SM2_POINT: &str = "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
const SM2_HASH: &str = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640";
const SM2_SIGNATURE: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";

#[test]
fn sm2_signs_messages_and_their_hashes_alike() {
    let key = Key::parse(KeySpec::Sm2, &bytes(SM2_SCALAR)).unwrap();
    assert_eq!(key.public().unwrap().point().unwrap(), bytes(SM2_POINT));
    let (message, digest) = (Scheme::Sm2Dsa(Some(Hash::Sm3)), Scheme::Sm2Dsa(None));
    let known = der_signature::to_der(&bytes(SM2_SIGNATURE)).unwrap();
    let verify = |scheme, input: &[u8], signature: &[u8]| {
        crypto::verify(&key, scheme, &Parameter::None, input, signature)
    };
    verify(message, b"message digest", &known).unwrap();
    verify(digest, &bytes(SM2_HASH), &known).unwrap();
    let made = crypto::sign(&key, digest, &Parameter::None, &bytes(SM2_HASH)).unwrap();
    verify(message, b"message digest", &made).unwrap();
    assert_eq!(verify(message, b"message digesu", &made), Err(Error::SignatureInvalid));
    assert_eq!(verify(digest, &[1; 31], &made), Err(Error::DataLength));
    for bit in 0..known.len() * 8 {
        let mut changed = known.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let result = verify(message, b"message digest", &changed);
        assert_eq!(result, Err(Error::SignatureInvalid), "bit {bit}");
    }
    let foreign = Scheme::Sm2Dsa(Some(Hash::Sha256));
    assert_eq!(verify(foreign, b"message digest", &known), Err(Error::Mechanism));
}

#[test]
fn sm2_ciphertexts_open_in_both_forms_with_and_without_prefix() {
    let generated = crypto::generate(Generate::Sm2).unwrap();
    let key = Key::parse(generated.spec, &generated.material).unwrap();
    let public = generated.public.as_ref().unwrap();
    for length in [1, 16, 32, 1024] {
        let plaintext = vec![0x5a; length];
        let der = crypto::sm2_encrypt(public, Form::Asn1, &plaintext).unwrap();
        assert_eq!(*crypto::sm2_decrypt(&key, Form::Asn1, &der).unwrap(), plaintext);
        let raw = crypto::sm2_encrypt(public, Form::Raw, &plaintext).unwrap();
        assert_eq!(raw.len(), 96 + length);
        assert_eq!(*crypto::sm2_decrypt(&key, Form::Raw, &raw).unwrap(), plaintext);
        let prefixed = [&[4][..], &raw].concat();
        assert_eq!(*crypto::sm2_decrypt(&key, Form::Raw, &prefixed).unwrap(), plaintext);
    }
    let raw = crypto::sm2_encrypt(public, Form::Raw, b"text").unwrap();
    for index in 0..raw.len() {
        let mut changed = raw.clone();
        changed[index] ^= 1;
        let opened = crypto::sm2_decrypt(&key, Form::Raw, &changed);
        assert_eq!(opened, Err(Error::EncryptedDataInvalid), "byte {index}");
    }
    assert_eq!(crypto::sm2_encrypt(public, Form::Raw, b""), Err(Error::DataLength));
    let short = crypto::sm2_decrypt(&key, Form::Asn1, &[0x30; 96]);
    assert_eq!(short, Err(Error::EncryptedDataLength));
}
