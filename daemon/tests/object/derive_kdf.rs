//! SP 800-108: several keys at once, of data and of the values of keys.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{KdfParameter, KdfSegmentParameter, MechanismCall, ckm};
use coffer_protocol::operation::object::ObjectDescription;

use super::derive_tls::export;
use super::support::*;

pub(crate) fn secret(user: &Session, kind: u64, value: &[u8]) -> u32 {
    let template = [number(a::CLASS, SECRET), number(a::KEY_TYPE, kind), bytes(a::VALUE, value)];
    let more = [flag(a::DERIVE, true), flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)];
    user.create(&[&template[..], &more].concat()).unwrap().object
}

pub(crate) fn readable(length: u64) -> Vec<Attribute> {
    vec![number(a::VALUE_LEN, length), flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)]
}

fn part(kind: u64, bits: u32) -> KdfSegmentParameter {
    let bytes = Vec::new();
    KdfSegmentParameter { kind, little_endian: false, bits, method: 0, bytes, key: 0 }
}

fn text(bytes: &[u8]) -> KdfSegmentParameter {
    KdfSegmentParameter { bytes: bytes.to_vec(), ..part(4, 0) }
}

fn length(method: u64, bits: u32) -> KdfSegmentParameter {
    KdfSegmentParameter { method, ..part(3, bits) }
}

fn kdf(mechanism: u64, prf: u64, segments: &[KdfSegmentParameter], iv: &[u8]) -> MechanismCall {
    let parameter = KdfParameter { prf, segments: segments.to_vec(), iv: iv.to_vec() };
    MechanismCall::with(mechanism, &parameter).unwrap()
}

const COUNTER: u64 = ckm::CKM_SP800_108_COUNTER_KDF;
const FEEDBACK: u64 = ckm::CKM_SP800_108_FEEDBACK_KDF;
const PIPELINE: u64 = ckm::CKM_SP800_108_DOUBLE_PIPELINE_KDF;
const HMAC: u64 = ckm::CKM_SHA256_HMAC;
/// As OpenSSL's KBKDF computes it.
const KEYS: &str = "4074371b251d6edef8141e9e3e04183d0d2cf48211479bdc77334f613978aed6ddf046629ae7207e8495cc8857c0f20367cae7cdf78b43b5354c4d00948541029fa882e55480";

/// A counter, a label, a zero, a context, and the length.
fn openssl(method: u64) -> [KdfSegmentParameter; 3] {
    [part(1, 32), text(b"label\0context"), length(method, 32)]
}

#[test]
fn one_derivation_gives_several_keys() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, &(0..32).collect::<Vec<u8>>());
    let call = || kdf(COUNTER, HMAC, &openssl(1), b"");
    let whole = user.derive(base, call(), &readable(70)).unwrap().object;
    assert_eq!(hex::encode(user.one(whole, a::VALUE).unwrap()), KEYS);
    // Each begins with an output of its own of the pseudorandom function.
    let aes = [vec![number(a::KEY_TYPE, AES)], readable(32)].concat();
    let token = [vec![flag(a::TOKEN, true)], readable(22)].concat();
    let (keys, output) = user.derive_all(base, call(), &[&readable(16), &aes, &token]).unwrap();
    assert!(output.is_empty());
    let kinds: Vec<_> = keys.iter().map(|key| (key.key_type, key.key_bits)).collect();
    assert_eq!(kinds, [(GENERIC, 128), (AES, 256), (GENERIC, 176)]);
    let values = |keys: &[ObjectDescription]| -> Vec<String> {
        keys.iter().map(|key| hex::encode(user.one(key.object, a::VALUE).unwrap())).collect()
    };
    let expected = [&KEYS[..32], &KEYS[64..128], "9fa882e55480a4519f6188ec202b49907304dbfde8f1"];
    assert_eq!(values(&keys), expected);
    // The example of PKCS#11 3.1 section 6.42.8, computed apart from this code: 512 bits of keys, 768 of outputs.
    for (method, expected) in [
        (
            1,
            [
                "a96742dab629385c2fda3ab31ff80ae5ab8f18d61a903f75d4cb97422e3b95864f650329d558a492707fde7467250678",
                "92b590fe0aa231ee45880d55690a779e",
            ],
        ),
        (
            2,
            [
                "71a9167cf4ed4ffe52f1ae73fd4b94c7845ef2f8e3a7572b3efa6bcc4fc042dd3b136f63737c58b480d6395b3c08c9d7",
                "4756688c19345e8b191b4dd912d28230",
            ],
        ),
    ] {
        let call = kdf(COUNTER, HMAC, &openssl(method), b"");
        let (keys, _) = user.derive_all(base, call, &[&readable(48), &readable(16)]).unwrap();
        assert_eq!(values(&keys), expected, "{method}");
    }
    // All or none.
    let before = user.find(&[]).len();
    let wrong = [vec![number(a::KEY_TYPE, AES)], readable(17)].concat();
    let refused = user.derive_all(base, call(), &[&readable(16), &wrong]);
    assert_eq!(refused.unwrap_err(), E::AttributeValue);
    assert_eq!(user.find(&[]).len(), before);
    let many = vec![readable(1); 18];
    let many: Vec<&[Attribute]> = many.iter().map(Vec::as_slice).collect();
    assert!(user.derive_all(base, call(), &many[..17]).is_ok());
    assert_eq!(user.derive_all(base, call(), &many).unwrap_err(), E::MechanismParameter);
    let digest = plain(ckm::CKM_SHA256_KEY_DERIVATION);
    let refused = user.derive_all(base, digest, &many[..2]);
    assert_eq!(refused.unwrap_err(), E::MechanismParameter);
}

/// The value of a key.
fn key(object: u32) -> KdfSegmentParameter {
    KdfSegmentParameter { key: object.into(), ..part(5, 0) }
}

#[test]
fn values_of_keys_may_be_parts() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, &(0..32).collect::<Vec<u8>>());
    let other = secret(&user, GENERIC, &(100..120).collect::<Vec<u8>>());
    let parts = |object| [part(1, 32), text(b"label"), key(object), key(object), text(b"end")];
    let made = user.derive(base, kdf(COUNTER, HMAC, &parts(other), b""), &readable(32)).unwrap();
    let expected = "64cdbb5cb5b2225c1ade6b6dc34ca16d446cb755673ac00eea2fdee4b1eb9f7a";
    assert_eq!(hex::encode(user.one(made.object, a::VALUE).unwrap()), expected);
    let parts_of_pipeline = [part(1, 0), text(b"label"), key(other)];
    let call = kdf(PIPELINE, HMAC, &parts_of_pipeline, b"");
    let made = user.derive(base, call, &readable(32)).unwrap();
    let expected = "fd5021248bebb207657b357eb6fc91c1504c937715923f9065aa5fda96e38cce";
    assert_eq!(hex::encode(user.one(made.object, a::VALUE).unwrap()), expected);
    // It must be a key that others are derived from.
    let template =
        [number(a::CLASS, SECRET), number(a::KEY_TYPE, GENERIC), bytes(a::VALUE, "kept")];
    let kept = user.create(&[&template[..], &[flag(a::DERIVE, false)]].concat()).unwrap().object;
    for (object, code) in [(kept, E::KeyNotPermitted), (9999, E::KeyInvalid)] {
        let call = kdf(COUNTER, HMAC, &parts(object), b"");
        assert_eq!(user.derive(base, call, &readable(32)).unwrap_err(), code);
    }
    let huge = KdfSegmentParameter { key: u64::MAX, ..part(5, 0) };
    let call = kdf(COUNTER, HMAC, &[part(1, 32), huge], b"");
    assert_eq!(user.derive(base, call, &readable(32)).unwrap_err(), E::MechanismParameter);
}

#[test]
fn no_value_goes_through_aes_cmac_under_a_key_that_may_be_known() {
    let device = Device::new();
    let user = device.user();
    let hidden = |kind| {
        let template = [number(a::KEY_TYPE, kind), number(a::VALUE_LEN, 16)];
        let more = [flag(a::DERIVE, true), flag(a::SENSITIVE, true), flag(a::EXTRACTABLE, false)];
        let made = if kind == AES { ckm::CKM_AES_KEY_GEN } else { ckm::CKM_GENERIC_SECRET_KEY_GEN };
        user.generate(made, &[&template[..], &more].concat()).unwrap().object
    };
    let known = secret(&user, AES, &[7; 16]);
    let (unknown, other) = (hidden(AES), hidden(GENERIC));
    let open = secret(&user, GENERIC, &[8; 16]);
    let derive = |base, prf, object| {
        let call = kdf(COUNTER, prf, &[key(object), part(1, 32)], b"");
        user.derive(base, call, &readable(16)).map(|_| ())
    };
    assert_eq!(derive(known, ckm::CKM_AES_CMAC, other), Err(E::KeyNotPermitted));
    assert_eq!(derive(known, ckm::CKM_AES_CMAC, open), Ok(()));
    assert_eq!(derive(unknown, ckm::CKM_AES_CMAC, other), Ok(()));
    assert_eq!(derive(known, HMAC, other), Ok(()));
}

#[test]
fn each_mode_takes_the_parts_of_the_standard() {
    let device = Device::new();
    let user = device.user();
    let value: Vec<u8> = (0..32).collect();
    let base = secret(&user, GENERIC, &value);
    let made = |base, call| user.derive(base, call, &readable(70));
    let read =
        |base, call| hex::encode(user.one(made(base, call).unwrap().object, a::VALUE).unwrap());
    let fb = [part(1, 0), part(2, 32), text(b"label\0context"), length(1, 32)];
    let expected = "0c73a218869318313805b2676611efc01d3055d340e5bf2c2964d6c8a6657c71a7daa17ac633f2a25627eed6f13784f5ebe1f805ff22e5bf9c839776320afa6c8b05b7c5e310";
    assert_eq!(read(base, kdf(FEEDBACK, HMAC, &fb, &value)), expected);
    let with_format = [&[part(1, 16)], &fb[1..]].concat();
    assert_eq!(read(base, kdf(FEEDBACK, HMAC, &with_format, &value)), expected);
    // NIST CAVP, double pipeline with a counter.
    let aes = secret(&user, AES, &hex::decode("2303ba6761332aa885b25e371b4d1015").unwrap());
    let fixed = hex::decode("eb933ae1ce644e79078a78354b46f1b26ab99b68bc7526e8d583251ab4e0332ad6b10eeedabbb731706abcfabcfb40c00449ef").unwrap();
    let dp = [part(1, 0), part(2, 32), text(&fixed)];
    let expected = "b61b5033c09a120bea322b37779776503e6d0140b4842c0d16cc7712f6931fb162b0cd0cf577b026a8c5de53fdf54fc381e804503f8e69963e86b6ce1e6a72c972c6e32e6cd8";
    assert_eq!(read(aes, kdf(PIPELINE, ckm::CKM_AES_CMAC, &dp, b"")), expected);
    // The length of the outputs is another than that of the keys, 96 bytes and not 70.
    assert_ne!(read(base, kdf(COUNTER, HMAC, &openssl(2), b"")), KEYS);
    let little = KdfSegmentParameter { little_endian: true, ..part(1, 32) };
    let little = [little, text(b"label\0context"), length(1, 32)];
    assert_ne!(read(base, kdf(COUNTER, HMAC, &little, b"")), KEYS);
    let wrong = [
        kdf(COUNTER, HMAC, &[text(b"no counter")], b""),
        kdf(COUNTER, HMAC, &[part(1, 0)], b""),
        kdf(COUNTER, HMAC, &[part(1, 33)], b""),
        kdf(COUNTER, HMAC, &[part(1, 40)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), part(1, 32)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), part(2, 32)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), length(1, 32), length(1, 32)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), length(3, 32)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), length(1, 72)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32), part(6, 0)], b""),
        kdf(COUNTER, HMAC, &[part(1, 32)], b"iv"),
        kdf(COUNTER, ckm::CKM_SHA256, &[part(1, 32)], b""),
        kdf(COUNTER, ckm::CKM_SHA256_HMAC_GENERAL, &[part(1, 32)], b""),
        kdf(COUNTER, ckm::CKM_AES_ECB, &[part(1, 32)], b""),
        kdf(FEEDBACK, HMAC, &[part(2, 32)], b""),
        kdf(FEEDBACK, HMAC, &[part(1, 0), part(2, 32), part(2, 32)], b""),
        kdf(FEEDBACK, HMAC, &[part(1, 33)], b""),
        kdf(PIPELINE, HMAC, &[part(1, 0)], b"iv"),
        // 70 bytes are 560 bits.
        kdf(COUNTER, HMAC, &[part(1, 32), length(1, 8)], b""),
    ];
    for call in wrong {
        assert_eq!(made(base, call.clone()).unwrap_err(), E::MechanismParameter, "{call:?}");
    }
    // A counter of one byte ends after 255 blocks.
    let sha1 = kdf(COUNTER, ckm::CKM_SHA_1_HMAC, &[part(1, 8)], b"");
    let long = vec![readable(1024); 5];
    let long: Vec<&[Attribute]> = long.iter().map(Vec::as_slice).collect();
    assert!(user.derive_all(base, sha1.clone(), &long[..4]).is_ok());
    assert_eq!(user.derive_all(base, sha1, &long).unwrap_err(), E::KeySize);
    let cmac = kdf(COUNTER, ckm::CKM_AES_CMAC, &[part(1, 8)], b"");
    assert_eq!(made(base, cmac).unwrap_err(), E::KeyTypeInconsistent);
}

#[test]
fn a_key_of_a_key_is_as_secret_where_nothing_is_said() {
    let device = Device::new();
    let user = device.user();
    let value: Vec<u8> = (0..48).collect();
    let tls = MechanismCall::with(ckm::CKM_TLS_KDF, &export()).unwrap();
    for (sensitive, extractable) in [(true, true), (false, false), (true, false), (false, true)] {
        let base = user.create(&[
            number(a::CLASS, SECRET),
            number(a::KEY_TYPE, GENERIC),
            bytes(a::VALUE, &value),
            flag(a::DERIVE, true),
            flag(a::SENSITIVE, sensitive),
            flag(a::EXTRACTABLE, extractable),
        ]);
        let base = base.unwrap().object;
        let derive = |call: &MechanismCall, more: &[Attribute]| {
            user.derive(base, call.clone(), &[&[number(a::VALUE_LEN, 16)], more].concat())
        };
        let counter = kdf(COUNTER, HMAC, &openssl(1), b"");
        for call in [&counter, &tls] {
            let key = derive(call, &[]).unwrap().object;
            assert_eq!(user.is(key, a::SENSITIVE), sensitive);
            assert_eq!(user.is(key, a::EXTRACTABLE), extractable);
        }
        assert!(derive(&counter, &readable(16)[1..]).is_ok());
        // What TLS exports is no less secret than its master secret (section 6.40.8).
        for (kind, less, is_kept) in
            [(a::SENSITIVE, false, sensitive), (a::EXTRACTABLE, true, !extractable)]
        {
            let made = derive(&tls, &[flag(kind, less)]).map(drop);
            let expected = if is_kept { Err(E::TemplateInconsistent) } else { Ok(()) };
            assert_eq!(made, expected, "{kind:#x}");
            assert!(derive(&tls, &[flag(kind, !less)]).is_ok());
        }
    }
}
