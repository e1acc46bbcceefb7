//! Keys that other keys are derived from: SP 800-108, TLS 1.2, keys made of keys and data, and passwords.

use coffer_protocol::attribute::{ALLOWED_MECHANISMS, Attribute, DERIVE, SIGN};
use coffer_protocol::mechanism::ckm::{
    CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE, CKM_EXTRACT_KEY_FROM_KEY,
    CKM_PKCS5_PBKD2, CKM_SHA256, CKM_SHA256_HMAC, CKM_SP800_108_COUNTER_KDF,
    CKM_SP800_108_DOUBLE_PIPELINE_KDF, CKM_SP800_108_FEEDBACK_KDF, CKM_TLS12_KEY_AND_MAC_DERIVE,
    CKM_TLS12_MASTER_KEY_DERIVE, CKM_XOR_BASE_AND_DATA,
};
use coffer_protocol::mechanism::{
    BitParameter, DataParameter, KdfParameter, KdfSegmentParameter, MechanismCall, Pbkdf2Parameter,
    TlsKeysParameter, TlsMasterParameter,
};
use cryptoki_sys::{CKK_GENERIC_SECRET, CKP_PKCS5_PBKD2_HMAC_SHA256};

use super::caller::{Wanted, with};
use super::secret::object;
use super::{Family, InDaemon, random};
use crate::leak_scanner::Named;
use crate::leak_scanner::mac::{Hash, hmac, hmac_sha256};

/// What goes in beside the keys; not regular, and in no program but this.
const LABEL: &[u8] = b"label of the leak scan, thirty-two";
/// The random values of a connection.
const RANDOMS: [[u8; 32]; 2] = [[0xc1; 32], [0x5e; 32]];
/// Iterations of PBKDF2: few, as each round of the application makes a key.
const ITERATIONS: u64 = 7;
/// The bit with which an extracted key begins: no byte's first.
const BIT: u64 = 12;
/// Bytes of an extracted key.
const EXTRACTED: usize = 24;

fn base(secret: &[u8]) -> Vec<Attribute> {
    object(CKK_GENERIC_SECRET, secret, &[DERIVE])
}

fn segment(kind: u64, bits: u32, bytes: &[u8]) -> KdfSegmentParameter {
    let bytes = bytes.to_vec();
    KdfSegmentParameter { kind, little_endian: false, bits, method: 0, bytes, key: 0 }
}

/// The modes of SP 800-108 with HMAC-SHA-256, over the label: the iterated value (or the counter) comes first.
fn modes() -> [MechanismCall; 3] {
    let call = |mechanism, bits| {
        let segments = vec![segment(1, bits, &[]), segment(4, 0, LABEL)];
        with(mechanism, &KdfParameter { prf: CKM_SHA256_HMAC, segments, iv: Vec::new() })
    };
    [
        call(CKM_SP800_108_COUNTER_KDF, 32),
        call(CKM_SP800_108_FEEDBACK_KDF, 0),
        call(CKM_SP800_108_DOUBLE_PIPELINE_KDF, 0),
    ]
}

/// What the modes give, 64 bytes each, and the second pipeline.
fn outputs(secret: &[u8]) -> Named {
    let mac = |parts: &[&[u8]]| hmac_sha256(secret, parts).to_vec();
    let counter = [1_u32, 2].map(|counter| mac(&[&counter.to_be_bytes(), LABEL]));
    let first = mac(&[LABEL]);
    let feedback = [first.clone(), mac(&[&first, LABEL])];
    let second = mac(&[&first]);
    let pipeline = [mac(&[&first, LABEL]), mac(&[&second, LABEL])];
    vec![
        ("counter mode's output".to_owned(), counter.concat()),
        ("feedback mode's first block".to_owned(), feedback[0].clone()),
        ("feedback mode's second block".to_owned(), feedback[1].clone()),
        ("double pipeline's second value".to_owned(), second),
        ("double pipeline's second block".to_owned(), pipeline[1].clone()),
    ]
}

pub(super) const SP800_108: Family = Family {
    name: "SP 800-108",
    make: random::<32>,
    patterns: |secret| [hmac(Hash::Sha256, "base key", secret), outputs(secret)].concat(),
    daemon: Some(InDaemon {
        object: base,
        use_once: |caller, key, _| {
            for mode in modes() {
                caller.derive_as(key, mode, &Wanted::secret(64));
            }
            Named::new()
        },
    }),
    outside: |secret| Box::new((secret.to_vec(), outputs(secret))),
    found_outside: &["base key", "counter mode's output", "double pipeline's second block"],
};

/// P_SHA256 of RFC 5246 section 5: the values A(1), A(2), … with the output.
fn expanded(
    secret: &[u8],
    label: &[u8],
    seed: [&[u8]; 2],
    blocks: usize,
) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut last = hmac_sha256(secret, &[label, seed[0], seed[1]]).to_vec();
    let (mut values, mut output) = (Vec::new(), Vec::new());
    for _ in 0..blocks {
        output.extend(hmac_sha256(secret, &[&last, label, seed[0], seed[1]]));
        let next = hmac_sha256(secret, &[&last]).to_vec();
        values.push(std::mem::replace(&mut last, next));
    }
    (values, output)
}

/// The master secret, the key block of 128 bytes, and what they are made by.
fn connection(premaster: &[u8]) -> Named {
    let [client, server] = &RANDOMS;
    let (of_master, mut master) = expanded(premaster, b"master secret", [client, server], 2);
    master.truncate(48);
    let (of_keys, keys) = expanded(&master, b"key expansion", [server, client], 4);
    let mut named = hmac(Hash::Sha256, "master secret", &master);
    named.push(("key block".to_owned(), keys));
    for (name, values) in [("master secret", of_master), ("key block", of_keys)] {
        let values = values.into_iter().enumerate();
        named.extend(values.map(|(at, value)| (format!("A({}) of the {name}", at + 1), value)));
    }
    named
}

pub(super) const TLS: Family = Family {
    name: "TLS 1.2",
    make: || [vec![3, 3], random::<46>()].concat(),
    patterns: |secret| {
        [hmac(Hash::Sha256, "premaster secret", secret), connection(secret)].concat()
    },
    daemon: Some(InDaemon {
        object: base,
        use_once: |caller, key, _| {
            let [client_random, server_random] = RANDOMS.map(|random| random.to_vec());
            let parameter = TlsMasterParameter {
                hash: CKM_SHA256,
                client_random: client_random.clone(),
                server_random: server_random.clone(),
            };
            let mechanism = with(CKM_TLS12_MASTER_KEY_DERIVE, &parameter);
            let parameter = TlsKeysParameter {
                hash: CKM_SHA256,
                client_random,
                server_random,
                mac_bits: 256,
                key_bits: 256,
                iv_bits: 0,
            };
            let keys = with(CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter);
            caller.derive_then(key, mechanism, &Wanted::base(48), |master| {
                caller.derive_as(master, keys, &Wanted::secret(32));
            });
            Named::new()
        },
    }),
    outside: |secret| Box::new((secret.to_vec(), connection(secret))),
    found_outside: &["premaster secret", "master secret", "key block"],
};

/// What keys made of the key and of data are.
fn made(secret: &[u8]) -> Named {
    let summed = secret.iter().zip(LABEL).map(|(left, right)| left ^ right).collect();
    let shift = u32::try_from(BIT % 8).expect("below eight");
    let first = usize::try_from(BIT / 8).expect("a small number");
    let pairs = secret[first..].windows(2).take(EXTRACTED);
    let extracted =
        pairs.map(|pair| (u16::from_be_bytes([pair[0], pair[1]]) << shift).to_be_bytes()[0]);
    vec![("exclusive or".to_owned(), summed), ("extracted bits".to_owned(), extracted.collect())]
}

/// How keys are made of a key and data.
const JOINING: [u64; 4] = [
    CKM_CONCATENATE_BASE_AND_DATA,
    CKM_CONCATENATE_DATA_AND_BASE,
    CKM_XOR_BASE_AND_DATA,
    CKM_EXTRACT_KEY_FROM_KEY,
];

/// A key that may be cut up says so itself.
fn joined(secret: &[u8]) -> Vec<Attribute> {
    let mechanisms: Vec<u8> = JOINING.iter().flat_map(|number| number.to_le_bytes()).collect();
    [base(secret), vec![Attribute::bytes(ALLOWED_MECHANISMS, mechanisms)]].concat()
}

pub(super) const KEYS_AND_DATA: Family = Family {
    name: "keys made of a key and data",
    make: random::<32>,
    patterns: |secret| [vec![("base key".to_owned(), secret.to_vec())], made(secret)].concat(),
    daemon: Some(InDaemon {
        object: joined,
        use_once: |caller, key, _| {
            let data = DataParameter { data: LABEL.to_vec() };
            for mechanism in [CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE] {
                let wanted = Wanted::secret(32 + LABEL.len());
                caller.derive_as(key, with(mechanism, &data), &wanted);
            }
            caller.derive_as(key, with(CKM_XOR_BASE_AND_DATA, &data), &Wanted::secret(32));
            let mechanism = with(CKM_EXTRACT_KEY_FROM_KEY, &BitParameter { bit: BIT });
            caller.derive_as(key, mechanism, &Wanted::secret(EXTRACTED));
            Named::new()
        },
    }),
    outside: |secret| Box::new((secret.to_vec(), made(secret))),
    found_outside: &["base key", "exclusive or", "extracted bits"],
};

/// The first block of PBKDF2 with HMAC-SHA-256: each iterated value, and their sum, which is the key.
fn stretched(password: &[u8]) -> Named {
    let mut value = hmac_sha256(password, &[LABEL, &1_u32.to_be_bytes()]);
    let mut sum = value;
    let mut named = vec![("iterated value 1".to_owned(), value.to_vec())];
    for round in 2..=ITERATIONS {
        value = hmac_sha256(password, &[&value]);
        named.push((format!("iterated value {round}"), value.to_vec()));
        sum.iter_mut().zip(value).for_each(|(sum, byte)| *sum ^= byte);
    }
    named.push(("key of the password".to_owned(), sum.to_vec()));
    named
}

pub(super) const PBKDF2: Family = Family {
    name: "PBKDF2",
    make: random::<32>,
    patterns: |secret| [hmac(Hash::Sha256, "password", secret), stretched(secret)].concat(),
    daemon: Some(InDaemon {
        // The secret is no key but comes with each call; what stands for it here is not used.
        object: |_| object(CKK_GENERIC_SECRET, &random::<32>(), &[SIGN]),
        use_once: |caller, _, password| {
            let parameter = Pbkdf2Parameter {
                salt: LABEL.to_vec(),
                iterations: ITERATIONS,
                prf: CKP_PKCS5_PBKD2_HMAC_SHA256,
            };
            caller.generate(with(CKM_PKCS5_PBKD2, &parameter), &Wanted::secret(32), password);
            Named::new()
        },
    }),
    outside: |secret| Box::new((secret.to_vec(), stretched(secret))),
    found_outside: &["password", "iterated value 7", "key of the password"],
};
