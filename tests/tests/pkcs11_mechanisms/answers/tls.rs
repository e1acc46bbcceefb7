//! The pseudorandom function of TLS 1.2 in its uses.

use std::ptr::null_mut;

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Session, YES, length, number, with};
use cryptoki_sys as sys;

use super::keys::{open, taken, with_secret};
use super::{Answers, lines, parameter, row};

const FILE: &str = include_str!("vectors/tls.txt");
const SOURCE: &str = "NIST CAVP, OpenSSL";

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_TLS12_MASTER_KEY_DERIVE,             4,  SOURCE,    master),
    row(ckm::CKM_TLS12_MASTER_KEY_DERIVE_DH,          7,  SOURCE,    master),
    row(ckm::CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE,    3,  "OpenSSL", extended),
    row(ckm::CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, 6,  "OpenSSL", extended),
    row(ckm::CKM_TLS12_KEY_AND_MAC_DERIVE,            4,  SOURCE,    keys),
    row(ckm::CKM_TLS12_KDF,                           7,  SOURCE,    kdf),
    row(ckm::CKM_TLS_KDF,                             7,  SOURCE,    kdf),
    row(ckm::CKM_TLS12_MAC,                           12, "OpenSSL", mac),
    row(ckm::CKM_TLS_MAC,                             12, "OpenSSL", mac),
];

/// A line.
struct Vector {
    hash: u64,
    secret: Vec<u8>,
    label: String,
    first: Vec<u8>,
    second: Vec<u8>,
    output: Vec<u8>,
}

fn vectors(kind: &str) -> impl Iterator<Item = Vector> {
    lines::of(FILE, kind).map(|fields| Vector {
        hash: lines::number(fields[0]),
        secret: lines::bytes(fields[1]),
        label: fields[2].replace('_', " "),
        first: lines::bytes(fields[3]),
        second: lines::bytes(fields[4]),
        output: lines::bytes(fields[5]),
    })
}

/// The random values of both sides; what follows the server's is left away.
fn randoms(client: &[u8], server: &[u8]) -> sys::CK_SSL3_RANDOM_DATA {
    sys::CK_SSL3_RANDOM_DATA {
        pClientRandom: parameter::at(client),
        ulClientRandomLen: length(client),
        pServerRandom: parameter::at(server),
        ulServerRandomLen: length(&server[..32]),
    }
}

/// Whether the secret is one of RSA, which has a version, or of Diffie-Hellman.
fn fits(vector: &Vector, is_dh: bool) -> bool {
    is_dh || vector.secret.len() == 48
}

fn master(session: Session, ckm: u64) -> usize {
    let is_dh = ckm == ckm::CKM_TLS12_MASTER_KEY_DERIVE_DH;
    let mut count = 0;
    for vector in vectors("master").filter(|vector| fits(vector, is_dh)) {
        with_secret(session, sys::CKK_GENERIC_SECRET, &vector.secret, &[sys::CKA_DERIVE], |base| {
            let mut version = sys::CK_VERSION { major: 0, minor: 0 };
            let place = if is_dh { null_mut() } else { &raw mut version };
            let parameter = sys::CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
                RandomInfo: randoms(&vector.first, &vector.second),
                pVersion: place,
                prfHashMechanism: vector.hash,
            };
            let key = session.derive(&with(ckm, &parameter), base, &open(&[])).unwrap();
            assert_eq!(taken(session, key), vector.output);
            let expected = if is_dh { (0, 0) } else { (vector.secret[0], vector.secret[1]) };
            assert_eq!((version.major, version.minor), expected);
        });
        count += 1;
    }
    count
}

fn extended(session: Session, ckm: u64) -> usize {
    let is_dh = ckm == ckm::CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH;
    let mut count = 0;
    for vector in vectors("extended").filter(|vector| fits(vector, is_dh)) {
        with_secret(session, sys::CKK_GENERIC_SECRET, &vector.secret, &[sys::CKA_DERIVE], |base| {
            let parameter = sys::CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS {
                prfHashMechanism: vector.hash,
                pSessionHash: parameter::at(&vector.first),
                ulSessionHashLen: length(&vector.first),
                pVersion: null_mut(),
            };
            let key = session.derive(&with(ckm, &parameter), base, &open(&[])).unwrap();
            assert_eq!(taken(session, key), vector.output);
        });
        count += 1;
    }
    count
}

/// The key block, cut into codes' keys, ciphers' keys and initialisation vectors.
fn keys(session: Session, ckm: u64) -> usize {
    const CIPHER: usize = 32;
    const IV: usize = 4;
    let mut count = 0;
    for vector in vectors("keys") {
        let mac = vector.output.len() / 2 - CIPHER - IV;
        let usages = [sys::CKA_DERIVE];
        with_secret(session, sys::CKK_GENERIC_SECRET, &vector.secret, &usages, |base| {
            let (mut client_iv, mut server_iv) = ([0; IV], [0; IV]);
            let mut out = sys::CK_SSL3_KEY_MAT_OUT {
                hClientMacSecret: 0,
                hServerMacSecret: 0,
                hClientKey: 0,
                hServerKey: 0,
                pIVClient: client_iv.as_mut_ptr(),
                pIVServer: server_iv.as_mut_ptr(),
            };
            let parameter = sys::CK_TLS12_KEY_MAT_PARAMS {
                ulMacSizeInBits: 8 * mac as u64,
                ulKeySizeInBits: 8 * CIPHER as u64,
                ulIVSizeInBits: 8 * IV as u64,
                bIsExport: 0,
                RandomInfo: randoms(&vector.first, &vector.second),
                pReturnedKeyMaterial: &raw mut out,
                prfHashMechanism: vector.hash,
            };
            let aes = number(sys::CKK_AES);
            let template = open(&[(sys::CKA_KEY_TYPE, &aes), (sys::CKA_ENCRYPT, YES)]);
            session.derive_into(&with(ckm, &parameter), base, &template).unwrap();
            let keys = [out.hClientMacSecret, out.hServerMacSecret, out.hClientKey, out.hServerKey];
            let mut block = keys.map(|key| taken(session, key)).concat();
            block.extend(client_iv);
            block.extend(server_iv);
            assert_eq!(block, vector.output);
        });
        count += 1;
    }
    count
}

/// Exported keys; and any use of the function whose seed begins with two values of 32 bytes.
fn kdf(session: Session, ckm: u64) -> usize {
    let swapped = vectors("keys").map(|mut vector| {
        (vector.first, vector.second) = (vector.second, vector.first);
        vector
    });
    let mut count = 0;
    for vector in vectors("kdf").chain(swapped) {
        with_secret(session, sys::CKK_GENERIC_SECRET, &vector.secret, &[sys::CKA_DERIVE], |base| {
            let context = &vector.second[32..];
            let parameter = sys::CK_TLS_KDF_PARAMS {
                prfMechanism: vector.hash,
                pLabel: parameter::at(vector.label.as_bytes()),
                ulLabelLength: length(vector.label.as_bytes()),
                RandomInfo: randoms(&vector.first, &vector.second),
                pContextData: parameter::at(context),
                ulContextDataLength: length(context),
            };
            let size = number(length(&vector.output));
            let template = open(&[(sys::CKA_VALUE_LEN, &size)]);
            let key = session.derive(&with(ckm, &parameter), base, &template).unwrap();
            assert_eq!(taken(session, key), vector.output);
        });
        count += 1;
    }
    count
}

fn mac(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for vector in vectors("mac") {
        let usages = [sys::CKA_SIGN, sys::CKA_VERIFY];
        with_secret(session, sys::CKK_GENERIC_SECRET, &vector.secret, &usages, |base| {
            let parameter = sys::CK_TLS_MAC_PARAMS {
                prfHashMechanism: vector.hash,
                ulMacLength: length(&vector.output),
                ulServerOrClient: if vector.label == "server finished" { 1 } else { 2 },
            };
            let mechanism = with(ckm, &parameter);
            let code = session.sign_with(&mechanism, base, &vector.first).unwrap();
            assert_eq!(code, vector.output);
            assert_eq!(session.sign_parts(&mechanism, base, &vector.first, 7).unwrap(), code);
            session.verify_with(&mechanism, base, &vector.first, &code).unwrap();
            session.verify_parts(&mechanism, base, &vector.first, &code, 7).unwrap();
            let mut changed = code;
            changed[0] ^= 1;
            let verified = session.verify_with(&mechanism, base, &vector.first, &changed);
            assert_eq!(verified, Err(sys::CKR_SIGNATURE_INVALID));
            let old = sys::CK_TLS_MAC_PARAMS { prfHashMechanism: sys::CKM_TLS_PRF, ..parameter };
            let refused = session.sign_init(Some(&with(ckm, &old)), base);
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        });
        count += 1;
    }
    count
}
