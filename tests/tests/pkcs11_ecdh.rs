//! Diffie-Hellman on curves through the module, with `openssl` as the other side.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, Pair, open, public_key_info, refusal, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

/// A curve: its name in `CKA_EC_PARAMS`, the options with which openssl makes a key on it, and the length of a
/// coordinate.
struct Curve {
    params: &'static str,
    openssl: &'static [&'static str],
    length: usize,
}

#[rustfmt::skip]
const CURVES: &[Curve] = &[
    Curve { params: "06082a8648ce3d030107", openssl: &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], length: 32 },
    Curve { params: "06052b81040022",       openssl: &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], length: 48 },
    Curve { params: "06052b81040023",       openssl: &["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], length: 66 },
    Curve { params: "06032b656e",           openssl: &["X25519"],                                    length: 32 },
];
const X25519: &Curve = &CURVES[3];

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

impl Curve {
    fn is_montgomery(&self) -> bool {
        self.params == X25519.params
    }

    fn pair(&self, session: &Session) -> Pair {
        let mechanism = if self.is_montgomery() {
            Mechanism::EccMontgomeryKeyPairGen
        } else {
            Mechanism::EccKeyPairGen
        };
        let public = [Attribute::EcParams(hex::decode(self.params).unwrap())];
        session.generate_key_pair(&mechanism, &public, &[Attribute::Derive(true)]).unwrap()
    }
}

fn point(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match session.get_attributes(key, &[AttributeType::EcPoint]).unwrap().pop() {
        Some(Attribute::EcPoint(point)) => point,
        other => panic!("{other:?}"),
    }
}

/// The point in an OCTET STRING, or what is in it.
fn raw(point: &[u8], curve: &Curve) -> Vec<u8> {
    let length = if curve.is_montgomery() { 32 } else { 1 + 2 * curve.length };
    point[point.len() - length..].to_vec()
}

fn wrapped(raw: &[u8]) -> Vec<u8> {
    let length = u8::try_from(raw.len()).unwrap();
    let header: &[u8] = if length < 0x80 { &[4, length] } else { &[4, 0x81, length] };
    [header, raw].concat()
}

/// A template of a secret that may be read.
fn readable(length: Option<usize>) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    template.extend(length.map(|length| Attribute::ValueLen(length.try_into().unwrap())));
    template
}

fn value(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match session.get_attributes(key, &[AttributeType::Value]).unwrap().pop() {
        Some(Attribute::Value(value)) => value,
        other => panic!("{other:?}"),
    }
}

fn derive(
    session: &Session,
    key: ObjectHandle,
    kdf: EcKdf<'_>,
    peer: &[u8],
    template: &[Attribute],
) -> cryptoki::error::Result<ObjectHandle> {
    session.derive_key(&Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(kdf, peer)), key, template)
}

fn secret(
    session: &Session,
    key: ObjectHandle,
    kdf: EcKdf<'_>,
    peer: &[u8],
    length: usize,
) -> Vec<u8> {
    let key = derive(session, key, kdf, peer, &readable(Some(length))).unwrap();
    value(session, key)
}

#[test]
fn both_sides_derive_one_secret_from_points_raw_and_wrapped() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in CURVES {
            let (own, other) = (curve.pair(&session), curve.pair(&session));
            let (own_point, other_point) =
                (raw(&point(&session, own.0), curve), raw(&point(&session, other.0), curve));
            let shared = secret(&session, own.1, EcKdf::null(), &other_point, curve.length);
            let wrapped = wrapped(&own_point);
            for peer in [&own_point, &wrapped] {
                assert_eq!(
                    secret(&session, other.1, EcKdf::null(), peer, curve.length),
                    shared,
                    "{}",
                    curve.params
                );
            }
            // Without a length it is that of the secret; what is left out is at its beginning.
            let whole = derive(&session, own.1, EcKdf::null(), &other_point, &readable(None));
            assert_eq!(value(&session, whole.unwrap()), shared);
            let short = secret(&session, own.1, EcKdf::null(), &other_point, 16);
            assert_eq!(short, shared[curve.length - 16..]);
            let long = readable(Some(curve.length + 1));
            let long = derive(&session, own.1, EcKdf::null(), &other_point, &long);
            assert_eq!(refusal(long), RvError::KeySizeRange);
        }
    });
}

#[test]
fn secrets_and_keys_derived_from_them_are_those_of_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        if !has_program("openssl") {
            return;
        }
        for curve in CURVES {
            let (public, private) = curve.pair(&session);
            openssl::public_key(directory, &public_key_info(&session, public));
            let made = openssl(directory, &[&["genpkey", "-algorithm"], curve.openssl].concat());
            std::fs::write(directory.join("other.pem"), made).unwrap();
            let info =
                openssl(directory, &["pkey", "-in", "other.pem", "-pubout", "-outform", "DER"]);
            let peer = raw(&info, curve);
            let theirs = ["pkeyutl", "-derive", "-inkey", "other.pem", "-peerkey", "public.pem"];
            let theirs = openssl(directory, &theirs);
            let ours = secret(&session, private, EcKdf::null(), &peer, curve.length);
            assert_eq!(ours, theirs, "{}", curve.params);

            for (kdf, hash) in [
                (EcKdf::sha1(b"known"), "SHA1"),
                (EcKdf::sha224(b"known"), "SHA224"),
                (EcKdf::sha256(b"known"), "SHA256"),
                (EcKdf::sha384(b"known"), "SHA384"),
                (EcKdf::sha512(b"known"), "SHA512"),
                (EcKdf::sha3_256(b"known"), "SHA3-256"),
                (EcKdf::sha3_512(b"known"), "SHA3-512"),
            ] {
                let ours = secret(&session, private, kdf, &peer, 100);
                let (digest, key) =
                    (format!("digest:{hash}"), format!("hexkey:{}", hex::encode(&theirs)));
                let arguments =
                    ["kdf", "-keylen", "100", "-binary", "-kdfopt", &digest, "-kdfopt", &key];
                let theirs = openssl(
                    directory,
                    &[&arguments[..], &["-kdfopt", "info:known", "X963KDF"]].concat(),
                );
                assert_eq!(ours, theirs, "{} {hash}", curve.params);
            }
        }
    });
}

#[test]
fn what_is_no_point_of_the_curve_is_refused() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in CURVES {
            let (public, private) = curve.pair(&session);
            let good = raw(&point(&session, public), curve);
            let mut bad = vec![vec![], vec![0], good[1..].to_vec(), wrapped(&good[1..])];
            bad.push([&good[..], &[0]].concat());
            if curve.is_montgomery() {
                // Points of order 1, 2, 4 and 8: the secret would be zero.
                bad.push(vec![0; 32]);
                bad.push([&[1][..], &[0; 31]].concat());
                let eighth = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
                bad.push(hex::decode(eighth).unwrap());
            } else {
                let mut off = good.clone();
                off[curve.length] ^= 1;
                bad.push(off);
                bad.push(vec![4; good.len()]);
                bad.push(vec![0; good.len()]);
                let compressed = [&[2 + (good[good.len() - 1] & 1)], &good[1..=curve.length]];
                bad.push(compressed.concat());
                bad.push([&[6], &good[1..]].concat());
            }
            for peer in bad {
                let derived = derive(&session, private, EcKdf::null(), &peer, &readable(None));
                assert_eq!(refusal(derived), RvError::MechanismParamInvalid, "{peer:02x?}");
            }
        }
    });
}

#[test]
fn x25519_keys_are_imported_and_agree_as_rfc_7748_says() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let scalar = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
        let own = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
        let peer = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
        let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
        for params in [
            "06032b656e",
            "130a63757276653235353139",
            "130b63757276653235353139",
            "060a2b060104019755010501",
        ] {
            let common = |class| {
                vec![
                    Attribute::Class(class),
                    Attribute::KeyType(KeyType::EC_MONTGOMERY),
                    Attribute::EcParams(hex::decode(params).unwrap()),
                ]
            };
            let mut template = common(ObjectClass::PRIVATE_KEY);
            template.push(Attribute::Value(hex::decode(scalar).unwrap()));
            let key = session.create_object(&template).unwrap();
            let peer = hex::decode(peer).unwrap();
            let secret = secret(&session, key, EcKdf::null(), &peer, 32);
            assert_eq!(hex::encode(secret), shared);
            let signed = session.sign(&Mechanism::Ecdsa, key, &[1; 32]);
            assert_eq!(refusal(signed), RvError::KeyTypeInconsistent);

            for given in [own.to_owned(), format!("0420{own}")] {
                let mut template = common(ObjectClass::PUBLIC_KEY);
                template.push(Attribute::EcPoint(hex::decode(given).unwrap()));
                let public = session.create_object(&template).unwrap();
                assert_eq!(hex::encode(point(&session, public)), own);
                let info = hex::encode(public_key_info(&session, public));
                assert_eq!(info, format!("302a300506032b656e032100{own}"));
                let derived = derive(&session, public, EcKdf::null(), &peer, &readable(None));
                assert_eq!(refusal(derived), RvError::KeyTypeInconsistent);
            }
            template.pop();
            template.push(Attribute::Value(vec![1; 31]));
            assert_eq!(refusal(session.create_object(&template)), RvError::AttributeValueInvalid);
        }
    });
}

#[test]
fn derived_keys_have_the_type_and_the_rights_of_their_template() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let curve = &CURVES[0];
        let (public, private) = curve.pair(&session);
        let peer = point(&session, public);
        let aes = |length: u64| {
            vec![
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::AES),
                Attribute::ValueLen(length.into()),
            ]
        };
        for length in [16, 24, 32] {
            for kdf in [EcKdf::null(), EcKdf::sha256(b"")] {
                let key = derive(&session, private, kdf, &peer, &aes(length)).unwrap();
                let asked = [
                    AttributeType::KeyType,
                    AttributeType::Sensitive,
                    AttributeType::AlwaysSensitive,
                    AttributeType::NeverExtractable,
                    AttributeType::Local,
                ];
                let told = session.get_attributes(key, &asked).unwrap();
                let expected = [
                    Attribute::KeyType(KeyType::AES),
                    Attribute::Sensitive(true),
                    Attribute::AlwaysSensitive(true),
                    Attribute::NeverExtractable(true),
                    Attribute::Local(false),
                ];
                assert_eq!(told, expected);
                assert!(session.encrypt(&Mechanism::AesCbcPad([0; 16]), key, b"used").is_ok());
            }
        }
        let derive = |kdf, template: &[_]| derive(&session, private, kdf, &peer, template);
        assert_eq!(refusal(derive(EcKdf::sha256(b""), &aes(17))), RvError::AttributeValueInvalid);
        // The key derivation function gives as much as is asked for: somebody must ask.
        assert_eq!(
            refusal(derive(EcKdf::sha256(b""), &readable(None))),
            RvError::TemplateIncomplete
        );
        let pair = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
        assert_eq!(refusal(derive(EcKdf::null(), &pair)), RvError::TemplateInconsistent);
        // The concatenation of SP 800-56A is another function.
        let other = derive(EcKdf::sha256_sp800(b""), &readable(Some(32)));
        assert_eq!(refusal(other), RvError::MechanismParamInvalid);
    });
}

#[test]
fn only_private_keys_that_may_derive_do() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let params = [Attribute::EcParams(hex::decode(CURVES[0].params).unwrap())];
        let (public, private) =
            session.generate_key_pair(&Mechanism::EccKeyPairGen, &params, &[]).unwrap();
        let peer = point(&session, public);
        let derived = derive(&session, private, EcKdf::null(), &peer, &readable(None));
        assert_eq!(refusal(derived), RvError::KeyFunctionNotPermitted);
        let params = [Attribute::EcParams(hex::decode("06032b6570").unwrap())];
        let (_, signer) = session
            .generate_key_pair(
                &Mechanism::EccEdwardsKeyPairGen,
                &params,
                &[Attribute::Derive(true)],
            )
            .unwrap();
        let derived = derive(&session, signer, EcKdf::null(), &peer, &readable(None));
        assert_eq!(refusal(derived), RvError::KeyTypeInconsistent);
    });
}
