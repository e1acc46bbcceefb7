//! The table is consistent, and what it derives is right.

use std::collections::HashSet;

use super::*;

fn row(ckm: u64) -> &'static Mechanism {
    find(ckm).unwrap()
}

#[test]
fn numbers_and_names_are_unique() {
    let numbers: HashSet<u64> = ALL.iter().map(|row| row.ckm).collect();
    let names: HashSet<&str> = ALL.iter().map(|row| row.name).collect();
    assert_eq!(numbers.len(), ALL.len());
    assert_eq!(names.len(), ALL.len());
    assert!(names.iter().all(|name| name.starts_with("CKM_")));
}

#[test]
fn every_row_is_found_by_its_number() {
    for row in ALL {
        assert_eq!(find(row.ckm).unwrap().name, row.name);
    }
    assert!(find(u64::MAX).is_none());
}

#[test]
fn every_row_is_consistent() {
    for row in ALL {
        let (low, high) = row.key_size.range();
        let does = |function| row.functions.contains(function);
        let makes_keys = does(Function::Generate) || does(Function::GenerateKeyPair);
        assert!(low <= high, "{}", row.name);
        assert_ne!(row.functions.bits(), 0, "{}", row.name);
        assert_eq!(row.key_types.is_empty(), row.key_size == KeySize::None, "{}", row.name);
        assert_eq!(row.key_types.is_empty(), does(Function::Digest), "{}", row.name);
        let gives_key = makes_keys || does(Function::Derive);
        assert_eq!(row.output == OutputLength::Key, gives_key, "{}", row.name);
        assert_eq!(does(Function::Sign), does(Function::Verify), "{}", row.name);
        assert_eq!(does(Function::Encrypt), does(Function::Decrypt), "{}", row.name);
        if makes_keys {
            // What is made of a password is what the template says.
            let is_open = row.scheme == Scheme::Pbkdf2;
            assert_eq!(row.key_types.len() == 1, !is_open, "{}", row.name);
            assert_eq!(row.key_types[0].is_pair(), does(Function::GenerateKeyPair), "{}", row.name);
        }
        if row.output == OutputLength::Digest {
            let has_t = row.parameter == ParameterShape::Truncation;
            assert_ne!(row.scheme.hash().is_some(), has_t, "{}", row.name);
        }
        if row.name.contains("SHA") && !does(Function::Derive) {
            let hash = row.scheme.hash().map_or("Sha512T".to_owned(), |hash| format!("{hash:?}"));
            let hash = hash.replace('_', "").to_uppercase();
            assert!(row.name.replace('_', "").contains(&hash), "{}", row.name);
        }
    }
}

#[test]
fn sizes_are_in_the_unit_of_the_standard() {
    assert!(row(ckm::CKM_AES_GCM).key_size.contains_bits(256));
    assert!(!row(ckm::CKM_AES_GCM).key_size.contains_bits(257));
    assert_eq!(row(ckm::CKM_AES_GCM).key_size.range(), (16, 32));
    assert_eq!(row(ckm::CKM_RSA_PKCS).key_size.range(), (512, 8192));
    assert!(!row(ckm::CKM_RSA_PKCS).key_size.contains_bits(504));
    assert!(!row(ckm::CKM_SHA256).key_size.contains_bits(0));
}

#[test]
fn flags_name_the_curves_for_elliptic_curves_only() {
    assert_eq!(row(ckm::CKM_ECDSA).info_flags(), 0x0190_2818);
    assert_eq!(row(ckm::CKM_RSA_PKCS).info_flags(), 0x0006_7b18);
    assert_eq!(row(ckm::CKM_SHA256).info_flags(), 0x0400);
}

#[test]
fn output_lengths_follow_the_rule_of_the_row() {
    let gcm = Parameter::Gcm(GcmParameter { iv: vec![0; 12], aad: vec![], tag_bits: 96 });
    let oaep = Parameter::Oaep(Oaep { hash: Hash::Sha256, mgf: Hash::Sha1, label: vec![] });
    let iv = Parameter::Iv([0; 16]);
    let none = Parameter::None;
    let truncation = Parameter::Truncation(Truncation::new(312).unwrap());
    let cases = [
        (ckm::CKM_AES_CBC, Function::Encrypt, 32, 256, &iv, 32),
        (ckm::CKM_AES_CBC_PAD, Function::Encrypt, 32, 256, &iv, 48),
        (ckm::CKM_AES_CBC_PAD, Function::Encrypt, 31, 256, &iv, 32),
        (ckm::CKM_AES_CBC_PAD, Function::Decrypt, 32, 256, &iv, 32),
        (ckm::CKM_AES_GCM, Function::Encrypt, 7, 128, &gcm, 19),
        (ckm::CKM_AES_GCM, Function::Decrypt, 19, 128, &gcm, 7),
        (ckm::CKM_AES_GCM, Function::Decrypt, 3, 128, &gcm, 0),
        (ckm::CKM_RSA_PKCS, Function::Sign, 20, 2048, &none, 256),
        (ckm::CKM_RSA_PKCS, Function::Decrypt, 256, 2048, &none, 245),
        (ckm::CKM_RSA_X_509, Function::Decrypt, 256, 2048, &none, 256),
        (ckm::CKM_RSA_PKCS_OAEP, Function::Decrypt, 384, 3072, &oaep, 318),
        (ckm::CKM_ECDSA, Function::Sign, 32, 384, &none, 96),
        (ckm::CKM_ECDSA, Function::Sign, 32, 521, &none, 132),
        (ckm::CKM_EDDSA, Function::Sign, 32, 255, &none, 64),
        (ckm::CKM_EDDSA, Function::Sign, 32, 448, &none, 114),
        (ckm::CKM_ECDH_AES_KEY_WRAP, Function::Wrap, 16, 224, &none, 57 + 24),
        (ckm::CKM_ECDH_AES_KEY_WRAP, Function::Wrap, 16, 448, &none, 56 + 24),
        (ckm::CKM_SHA384, Function::Digest, 1, 0, &none, 48),
        (ckm::CKM_SHA_1_HMAC, Function::Sign, 1, 0, &none, 20),
        (ckm::CKM_SHA512_T, Function::Digest, 1, 0, &truncation, 39),
        (ckm::CKM_SHA512_T_HMAC, Function::Sign, 1, 0, &truncation, 39),
        (ckm::CKM_AES_KEY_GEN, Function::Generate, 0, 0, &none, 0),
        (ckm::CKM_AES_CCM, Function::Encrypt, 7, 128, &ccm(7, 8, 8), 15),
        (ckm::CKM_AES_CCM, Function::Decrypt, 15, 128, &ccm(7, 8, 8), 7),
        (ckm::CKM_CHACHA20_POLY1305, Function::Encrypt, 7, 256, &none, 23),
        (ckm::CKM_AES_CMAC, Function::Sign, 7, 256, &none, 16),
        (ckm::CKM_AES_CMAC_GENERAL, Function::Sign, 7, 256, &Parameter::MacLength(5), 5),
        (ckm::CKM_AES_KEY_WRAP, Function::Encrypt, 16, 256, &none, 24),
        (ckm::CKM_AES_KEY_WRAP_KWP, Function::Encrypt, 9, 256, &none, 24),
        (ckm::CKM_AES_KEY_WRAP_KWP, Function::Decrypt, 24, 256, &none, 16),
        (ckm::CKM_AES_CBC_PAD, Function::Wrap, 32, 256, &iv, 48),
        (ckm::CKM_AES_GCM, Function::Wrap, 7, 128, &gcm, 19),
        (ckm::CKM_RSA_AES_KEY_WRAP, Function::Wrap, 9, 2048, &none, 280),
        (ckm::CKM_RSA_AES_KEY_WRAP, Function::Unwrap, 280, 2048, &none, 16),
        (ckm::CKM_RSA_PKCS_OAEP, Function::Unwrap, 384, 3072, &oaep, 318),
    ];
    for (ckm, function, input, bits, parameter, expected) in cases {
        let length = row(ckm).max_output(function, input, bits, parameter);
        assert_eq!(length, expected, "{} {function:?} {input}", row(ckm).name);
    }
}

/// Every length that wrapping gives is taken back to the lengths that give it, and no other length is taken.
#[test]
fn lengths_are_unwrapped_as_they_are_wrapped() {
    let gcm = GcmParameter { iv: vec![0; 12], aad: vec![], tag_bits: 96 };
    let gcm = Parameter::Gcm(gcm);
    let oaep = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: vec![] };
    let oaep = Parameter::Oaep(oaep);
    let (iv, none) = (Parameter::Iv([0; 16]), Parameter::None);
    for mechanism in ALL.iter().filter(|row| row.functions.contains(Function::Unwrap)) {
        let parameter = match mechanism.scheme {
            Scheme::AesGcm => &gcm,
            Scheme::AesCcm => &ccm(0, 12, 8),
            Scheme::RsaOaep => &oaep,
            Scheme::AesCbcPad => &iv,
            _ => &none,
        };
        for bits in [255_usize, 256, 521, 1024] {
            let takes = |value: usize| match mechanism.scheme {
                Scheme::AesKeyWrap => value >= 16 && value.is_multiple_of(8),
                Scheme::AesKeyWrapPad | Scheme::RsaAesKeyWrap | Scheme::EcdhAesKeyWrap => value > 0,
                Scheme::RsaPkcs1(_) => value + 11 <= bits.div_ceil(8),
                Scheme::RsaOaep => value + 66 <= bits.div_ceil(8),
                _ => true,
            };
            // RSA keys of that size take no value at all.
            if mechanism.scheme == Scheme::RsaOaep && bits < 1024 {
                continue;
            }
            let wrap = |value| mechanism.max_output(Function::Wrap, value, bits, parameter);
            for wrapped in 0..400 {
                let expected: Vec<usize> =
                    (0..400).filter(|value| takes(*value) && wrap(*value) == wrapped).collect();
                let lengths = mechanism.unwrapped_lengths(wrapped, bits, parameter);
                let lengths: Vec<usize> = lengths.into_iter().flatten().collect();
                assert_eq!(lengths, expected, "{} {bits} {wrapped}", mechanism.name);
            }
        }
    }
}

#[test]
fn parts_keep_back_what_may_be_padding() {
    let pad = row(ckm::CKM_AES_CBC_PAD);
    assert_eq!(pad.update_output(Function::Encrypt, 0, 16), 16);
    assert_eq!(pad.update_output(Function::Decrypt, 0, 16), 0);
    assert_eq!(pad.update_output(Function::Decrypt, 16, 1), 16);
    assert_eq!(pad.update_output(Function::Decrypt, 0, 0), 0);
    assert_eq!(row(ckm::CKM_AES_CBC).update_output(Function::Decrypt, 15, 18), 32);
    assert_eq!(row(ckm::CKM_AES_GCM).update_output(Function::Encrypt, 0, 5), 5);
    assert_eq!(row(ckm::CKM_AES_GCM).update_output(Function::Decrypt, 0, 5), 0);
    assert_eq!(row(ckm::CKM_SHA256_HMAC).update_output(Function::Sign, 0, 5), 0);
}

#[test]
fn calls_survive_the_wire() {
    let gcm = GcmParameter { iv: vec![1; 12], aad: b"context".to_vec(), tag_bits: 128 };
    let call = MechanismCall::with(ckm::CKM_AES_GCM, &gcm).unwrap();
    let wire = postcard::to_stdvec(&call).unwrap();
    let (read, rest) = postcard::take_from_bytes::<MechanismCall>(&wire).unwrap();
    assert!(rest.is_empty());
    let (mechanism, parameter) = read.parse().unwrap();
    assert_eq!(mechanism.name, "CKM_AES_GCM");
    assert_eq!(parameter, Parameter::Gcm(gcm));
}

#[test]
fn the_wire_form_of_each_parameter_is_fixed() {
    let gcm = GcmParameter { iv: vec![1, 2], aad: vec![3], tag_bits: 128 };
    let ctr = CtrParameter { bits: 32, block: [7; 16] };
    let pss = PssParameter { hash: ckm::CKM_SHA256, mgf: 2, salt_len: 32 };
    let oaep = OaepParameter { hash: ckm::CKM_SHA_1, mgf: 1, label: vec![9] };
    let bytes = |call: Result<MechanismCall, CallError>| hex::encode(call.unwrap().parameter);
    let iv = IvParameter { iv: [5; 16] };
    assert_eq!(bytes(MechanismCall::with(0, &iv)), "05".repeat(16));
    assert_eq!(bytes(MechanismCall::with(0, &gcm)), "02010201038001");
    assert_eq!(bytes(MechanismCall::with(0, &ctr)), "20".to_owned() + &"07".repeat(16));
    assert_eq!(bytes(MechanismCall::with(0, &pss)), "d0040220");
    assert_eq!(bytes(MechanismCall::with(0, &oaep)), "a004010109");
}

fn ccm(data_len: u64, nonce: usize, tag_len: u32) -> Parameter {
    let nonce = vec![0; nonce];
    Parameter::Ccm(CcmParameter { data_len, nonce, aad: vec![], tag_len })
}

#[test]
fn ccm_takes_the_lengths_of_the_standard() {
    let parse = |data_len, nonce, tag_len| {
        let Parameter::Ccm(ccm) = ccm(data_len, nonce, tag_len) else { unreachable!() };
        MechanismCall::with(ckm::CKM_AES_CCM, &ccm).unwrap().parse().is_ok()
    };
    assert!(parse(0xffff, 13, 16) && parse(u64::MAX, 7, 4) && parse(0, 12, 10));
    assert!(!parse(0x1_0000, 13, 16) && !parse(0, 6, 16) && !parse(0, 14, 16));
    assert!(!parse(0, 12, 2) && !parse(0, 12, 18) && !parse(0, 12, 15));
}

#[test]
fn a_code_is_not_longer_than_its_scheme_makes_it() {
    let parse = |ckm, length| {
        MechanismCall::with(ckm, &MacLengthParameter { length }).unwrap().parse().is_ok()
    };
    assert!(parse(ckm::CKM_SHA256_HMAC_GENERAL, 32) && parse(ckm::CKM_SHA256_HMAC_GENERAL, 1));
    assert!(!parse(ckm::CKM_SHA256_HMAC_GENERAL, 33) && !parse(ckm::CKM_SHA256_HMAC_GENERAL, 0));
    assert!(parse(ckm::CKM_AES_CMAC_GENERAL, 16) && !parse(ckm::CKM_AES_CMAC_GENERAL, 17));
}

#[test]
fn sha_512_t_takes_whole_bytes_that_are_not_sha_384s() {
    for ckm in [ckm::CKM_SHA512_T, ckm::CKM_SHA512_T_HMAC, ckm::CKM_SHA512_T_KEY_DERIVATION] {
        let parse = |bits| {
            let call = MechanismCall::with(ckm, &TruncationParameter { bits }).unwrap();
            call.parse().map(|parsed| parsed.1)
        };
        for bits in [8, 224, 256, 376, 392, 504] {
            assert_eq!(parse(bits), Ok(Parameter::Truncation(Truncation::new(bits).unwrap())));
        }
        for bits in [0, 1, 225, 384, 511, 512, u32::MAX] {
            assert_eq!(parse(bits), Err(CallError::Parameter), "{bits}");
        }
        assert_eq!(MechanismCall::plain(ckm).parse().err(), Some(CallError::Parameter));
    }
}

const HKDF: HkdfParameter = HkdfParameter {
    extract: true,
    expand: true,
    hash: ckm::CKM_SHA256,
    salt_kind: 1,
    salt: vec![],
    salt_key: 0,
    info: vec![],
};

#[test]
fn eddsa_without_a_context_and_without_prehash_is_plain() {
    let parse = |prehash, context: &[u8]| {
        let parameter = EdDsaParameter { prehash, context: context.to_vec() };
        MechanismCall::with(ckm::CKM_EDDSA, &parameter).unwrap().parse().map(|parsed| parsed.1)
    };
    assert_eq!(parse(false, b""), Ok(Parameter::None));
    assert_eq!(MechanismCall::plain(ckm::CKM_EDDSA).parse().unwrap().1, Parameter::None);
    for (prehash, context) in [(true, &b""[..]), (true, b"c"), (false, b"c"), (false, &[1; 255])] {
        let eddsa = EdDsaParameter { prehash, context: context.to_vec() };
        assert_eq!(parse(prehash, context), Ok(Parameter::EdDsa(eddsa)));
    }
    assert_eq!(parse(false, &[1; 256]), Err(CallError::Parameter));
}

#[test]
fn agreement_takes_the_key_derivation_functions_of_x9_63() {
    let parse = |kdf, shared: &[u8]| {
        let (shared_data, public_data) = (shared.to_vec(), vec![4]);
        let parameter = EcdhParameter { kdf, shared_data, public_data };
        match MechanismCall::with(ckm::CKM_ECDH1_DERIVE, &parameter).unwrap().parse() {
            Ok((_, Parameter::Ecdh(ecdh))) => Ok(ecdh.kdf),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    };
    assert_eq!(parse(1, b""), Ok(None));
    assert_eq!(parse(1, b"shared"), Err(CallError::Parameter));
    for hash in Hash::ALL {
        if let Some(number) = hash.kdf() {
            assert_eq!(parse(number, b"shared"), Ok(Some(hash)));
        }
    }
    // Unknown ones, of ASN.1, of concatenation, and of SP 800-56A.
    for number in [0, 3, 4, 9, 14, 22, 23, u64::MAX] {
        assert_eq!(parse(number, b""), Err(CallError::Parameter), "{number}");
    }
    assert_eq!(
        MechanismCall::plain(ckm::CKM_ECDH1_DERIVE).parse().unwrap_err(),
        CallError::Parameter
    );
}

#[test]
fn keys_that_a_parameter_names_are_renamed() {
    let named = HkdfParameter { salt_kind: 4, salt_key: 5 << 32 | 7, ..HKDF };
    let call = MechanismCall::with(ckm::CKM_HKDF_DERIVE, &named).unwrap();
    let renamed = call.with_keys(|handle| handle & 0xffff_ffff).unwrap();
    let (_, parameter) = renamed.parse().unwrap();
    let Parameter::Hkdf(hkdf) = parameter else { panic!("{parameter:?}") };
    assert_eq!(hkdf.salt, Salt::Key(7));
    let other = MechanismCall::plain(ckm::CKM_ECDSA);
    assert_eq!(other.with_keys(|_| 1).unwrap(), other);
}

#[test]
fn impossible_parameters_are_refused() {
    let gcm = |iv_len, tag_bits| {
        let gcm = GcmParameter { iv: vec![0; iv_len], aad: vec![], tag_bits };
        MechanismCall::with(ckm::CKM_AES_GCM, &gcm).unwrap()
    };
    let pss = |ckm, hash, mgf, salt_len| {
        MechanismCall::with(ckm, &PssParameter { hash, mgf, salt_len }).unwrap()
    };
    let ctr = |bits| {
        MechanismCall::with(ckm::CKM_AES_CTR, &CtrParameter { bits, block: [0; 16] }).unwrap()
    };
    let oaep = OaepParameter { hash: 0, mgf: 1, label: vec![] };
    let rsa_aes = |aes_bits, hash| {
        let oaep = OaepParameter { hash, mgf: 1, label: vec![] };
        MechanismCall::with(ckm::CKM_RSA_AES_KEY_WRAP, &RsaAesParameter { aes_bits, oaep }).unwrap()
    };
    assert!(rsa_aes(256, ckm::CKM_SHA256).parse().is_ok());
    let hkdf =
        |parameter: HkdfParameter| MechanismCall::with(ckm::CKM_HKDF_DERIVE, &parameter).unwrap();
    let mut trailing = gcm(12, 128);
    trailing.parameter.push(0);
    let refused = [
        gcm(0, 128),
        gcm(257, 128),
        gcm(12, 88),
        gcm(12, 100),
        gcm(12, 136),
        ctr(0),
        ctr(129),
        pss(ckm::CKM_RSA_PKCS_PSS, ckm::CKM_SHA256, 99, 32),
        pss(ckm::CKM_RSA_PKCS_PSS, 99, 2, 32),
        pss(ckm::CKM_RSA_PKCS_PSS, ckm::CKM_SHA256, 2, 1025),
        pss(ckm::CKM_SHA256_RSA_PKCS_PSS, ckm::CKM_SHA384, 3, 32),
        MechanismCall::with(ckm::CKM_RSA_PKCS_OAEP, &oaep).unwrap(),
        MechanismCall { mechanism: ckm::CKM_ECDSA, parameter: vec![0] },
        MechanismCall::plain(ckm::CKM_AES_CBC),
        hkdf(HkdfParameter { extract: false, expand: false, ..HKDF }),
        rsa_aes(32, ckm::CKM_SHA256),
        rsa_aes(256, 0),
        hkdf(HkdfParameter { hash: 0, ..HKDF }),
        hkdf(HkdfParameter { salt_kind: 3, ..HKDF }),
        hkdf(HkdfParameter { salt_kind: 1, salt: vec![1], ..HKDF }),
        hkdf(HkdfParameter { salt_kind: 4, salt_key: 1 << 32, ..HKDF }),
        trailing,
    ];
    for call in refused {
        assert_eq!(call.parse().unwrap_err(), CallError::Parameter, "{call:?}");
    }
    assert_eq!(MechanismCall::plain(0x8000_0000).parse().unwrap_err(), CallError::Mechanism);
    assert!(gcm(12, 128).parse().is_ok());
    assert!(pss(ckm::CKM_SHA256_RSA_PKCS_PSS, ckm::CKM_SHA256, 2, 32).parse().is_ok());
}
