//! Diffie-Hellman on curves through the module, with `openssl` as the other side.

use std::path::Path;

use coffer_tests::curve::{CURVES, Curve, Kind};
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

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in_with(directory, &["--weak-keys", "make"]);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

fn pair(session: &Session, curve: &Curve) -> Pair {
    let mechanism = match curve.kind {
        Kind::Montgomery => Mechanism::EccMontgomeryKeyPairGen,
        Kind::Prime | Kind::Edwards => Mechanism::EccKeyPairGen,
    };
    let public = [Attribute::EcParams(curve.parameters())];
    session.generate_key_pair(&mechanism, &public, &[Attribute::Derive(true)]).unwrap()
}

fn point(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match session.get_attributes(key, &[AttributeType::EcPoint]).unwrap().pop() {
        Some(Attribute::EcPoint(point)) => point,
        other => panic!("{other:?}"),
    }
}

/// The point in an OCTET STRING, or what is in it.
fn raw(point: &[u8], curve: &Curve) -> Vec<u8> {
    point[point.len() - curve.point_length()..].to_vec()
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
        for curve in Curve::agreeing() {
            let (own, other) = (pair(&session, curve), pair(&session, curve));
            let (own_point, other_point) =
                (raw(&point(&session, own.0), curve), raw(&point(&session, other.0), curve));
            let shared = secret(&session, own.1, EcKdf::null(), &other_point, curve.length);
            let wrapped = wrapped(&own_point);
            for peer in [&own_point, &wrapped] {
                assert_eq!(
                    secret(&session, other.1, EcKdf::null(), peer, curve.length),
                    shared,
                    "{}",
                    curve.name
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
        for curve in Curve::agreeing() {
            let (public, private) = pair(&session, curve);
            openssl::public_key(directory, &public_key_info(&session, public));
            let made =
                openssl(directory, &curve.openssl().iter().map(String::as_str).collect::<Vec<_>>());
            std::fs::write(directory.join("other.pem"), made).unwrap();
            let info =
                openssl(directory, &["pkey", "-in", "other.pem", "-pubout", "-outform", "DER"]);
            let peer = raw(&info, curve);
            let theirs = ["pkeyutl", "-derive", "-inkey", "other.pem", "-peerkey", "public.pem"];
            let theirs = openssl(directory, &theirs);
            let ours = secret(&session, private, EcKdf::null(), &peer, curve.length);
            assert_eq!(ours, theirs, "{}", curve.name);

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
                assert_eq!(ours, theirs, "{} {hash}", curve.name);
            }
        }
    });
}

/// A point of order 8 on Curve25519, and the one of order 4 on the twist of Curve448 (RFC 7748 section 6).
const EIGHTH_25519: &str = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
const MINUS_ONE_448: &str = "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff";

#[test]
fn what_is_no_point_of_the_curve_is_refused() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in Curve::agreeing() {
            let (public, private) = pair(&session, curve);
            let good = raw(&point(&session, public), curve);
            let mut bad = vec![vec![], vec![0], good[1..].to_vec(), wrapped(&good[1..])];
            bad.push([&good[..], &[0]].concat());
            if curve.kind == Kind::Montgomery {
                // Points of small order: the secret would be zero.
                bad.push(vec![0; curve.length]);
                bad.push([&[1][..], &vec![0; curve.length - 1]].concat());
                let other = if curve.length == 32 { EIGHTH_25519 } else { MINUS_ONE_448 };
                bad.push(hex::decode(other).unwrap());
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
fn x448_keys_are_imported_and_agree_as_rfc_7748_says() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let scalar = "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b";
        let own = "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0";
        let peer = "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609";
        let shared = "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d";
        for params in ["06032b656f", "13086375727665343438"] {
            let template = [
                Attribute::Class(ObjectClass::PRIVATE_KEY),
                Attribute::KeyType(KeyType::EC_MONTGOMERY),
                Attribute::EcParams(hex::decode(params).unwrap()),
                Attribute::Value(hex::decode(scalar).unwrap()),
            ];
            let key = session.create_object(&template).unwrap();
            assert_eq!(hex::encode(point(&session, key)), own);
            let secret = secret(&session, key, EcKdf::null(), &hex::decode(peer).unwrap(), 56);
            assert_eq!(hex::encode(secret), shared);
            let info = hex::encode(public_key_info(&session, key));
            assert_eq!(info, format!("3042300506032b656f033900{own}"));
        }
    });
}

#[test]
fn derived_keys_have_the_type_and_the_rights_of_their_template() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let curve = &CURVES[0];
        let (public, private) = pair(&session, curve);
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
        let params = [Attribute::EcParams(CURVES[0].parameters())];
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
