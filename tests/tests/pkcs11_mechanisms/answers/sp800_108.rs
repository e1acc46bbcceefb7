//! Key derivation of SP 800-108.

use std::ptr::null_mut;

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Handle, Session, length, number, with};
use cryptoki_sys as sys;
use cryptoki_sys::{CK_PRF_DATA_PARAM, CK_SP800_108_COUNTER_FORMAT};

use super::keys::{open, taken, with_secret};
use super::{Answers, lines, parameter, row};

const FILE: &str = include_str!("vectors/sp800_108.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_SP800_108_COUNTER_KDF,         96, "NIST CAVP", file),
    row(ckm::CKM_SP800_108_FEEDBACK_KDF,        5,  "NIST ACVP", file),
    row(ckm::CKM_SP800_108_DOUBLE_PIPELINE_KDF, 6,  "NIST ACVP", file),
];

fn bytes(value: &[u8]) -> CK_PRF_DATA_PARAM {
    CK_PRF_DATA_PARAM {
        type_: sys::CK_SP800_108_BYTE_ARRAY,
        pValue: parameter::at(value).cast(),
        ulValueLen: length(value),
    }
}

fn counter(kind: u64, format: &CK_SP800_108_COUNTER_FORMAT) -> CK_PRF_DATA_PARAM {
    CK_PRF_DATA_PARAM {
        type_: kind,
        pValue: std::ptr::from_ref(format).cast_mut().cast(),
        ulValueLen: size_of_val(format) as u64,
    }
}

const ITERATED: CK_PRF_DATA_PARAM = CK_PRF_DATA_PARAM {
    type_: sys::CK_SP800_108_ITERATION_VARIABLE,
    pValue: null_mut(),
    ulValueLen: 0,
};

/// The value of a key instead of the same bytes.
const fn value_of(key: &Handle) -> CK_PRF_DATA_PARAM {
    CK_PRF_DATA_PARAM {
        type_: sys::CK_SP800_108_KEY_HANDLE,
        pValue: std::ptr::from_ref(key).cast_mut().cast(),
        ulValueLen: size_of::<Handle>() as u64,
    }
}

fn file(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for fields in lines::of(FILE, lines::name(ckm)) {
        let prf = lines::number(fields[0]);
        let [value, iv, before, after, expected] =
            [1, 2, 5, 6, 7].map(|at| lines::bytes(fields[at]));
        let (bits, place) = (fields[3].parse().unwrap(), fields[4]);
        let format = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: bits };
        let kind = if prf == sys::CKM_AES_CMAC { sys::CKK_AES } else { sys::CKK_GENERIC_SECRET };
        let derive = [sys::CKA_DERIVE];
        with_secret(session, kind, &value, &derive, |base| {
            let check = |after: &[CK_PRF_DATA_PARAM]| {
                let parts = if ckm == ckm::CKM_SP800_108_COUNTER_KDF {
                    let counter = counter(sys::CK_SP800_108_ITERATION_VARIABLE, &format);
                    [&[bytes(&before), counter], after].concat()
                } else {
                    let counter = counter(sys::CK_SP800_108_COUNTER, &format);
                    match place {
                        "start" => [&[counter, ITERATED], after].concat(),
                        "middle" => [&[ITERATED, counter], after].concat(),
                        "end" => [&[ITERATED], after, &[counter]].concat(),
                        "none" => [&[ITERATED], after].concat(),
                        other => panic!("{other}"),
                    }
                };
                let made = derived(session, ckm, base, prf, &iv, &parts, length(&expected));
                assert_eq!(made, expected, "{fields:?}");
            };
            check(&[bytes(&after)]);
            if let [_, ..] = after[..] {
                with_secret(session, sys::CKK_GENERIC_SECRET, &after, &derive, |key| {
                    check(&[value_of(&key)]);
                });
            }
        });
        count += 1;
    }
    count
}

/// The value of a key that is derived with these parts; empty ones are left out.
fn derived(
    session: Session,
    ckm: u64,
    base: Handle,
    prf: u64,
    iv: &[u8],
    parts: &[CK_PRF_DATA_PARAM],
    size: u64,
) -> Vec<u8> {
    let is_there = |part: &&CK_PRF_DATA_PARAM| {
        part.type_ != sys::CK_SP800_108_BYTE_ARRAY || part.ulValueLen > 0
    };
    let parts: Vec<CK_PRF_DATA_PARAM> = parts.iter().filter(is_there).copied().collect();
    let size = number(size);
    let template = open(&[(sys::CKA_VALUE_LEN, &size)]);
    let first = parts.as_ptr().cast_mut();
    let key = if ckm == ckm::CKM_SP800_108_FEEDBACK_KDF {
        let parameter = sys::CK_SP800_108_FEEDBACK_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: parts.len() as u64,
            pDataParams: first,
            ulIVLen: length(iv),
            pIV: parameter::at(iv),
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: null_mut(),
        };
        session.derive(&with(ckm, &parameter), base, &template)
    } else {
        let parameter = sys::CK_SP800_108_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: parts.len() as u64,
            pDataParams: first,
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: null_mut(),
        };
        session.derive(&with(ckm, &parameter), base, &template)
    };
    taken(session, key.unwrap())
}
