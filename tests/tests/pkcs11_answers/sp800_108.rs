//! Key derivation of SP 800-108.

use std::ptr::null_mut;

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Session, length, number, with};
use cryptoki_sys as sys;
use cryptoki_sys::{CK_PRF_DATA_PARAM, CK_SP800_108_COUNTER_FORMAT};

use crate::keys::{open, taken, with_secret};
use crate::{Answers, lines, parameter, row};

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

fn file(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for fields in lines::of(FILE, lines::name(ckm)) {
        let prf = lines::number(fields[0]);
        let [value, iv, before, after, expected] =
            [1, 2, 5, 6, 7].map(|at| lines::bytes(fields[at]));
        let (bits, place) = (fields[3].parse().unwrap(), fields[4]);
        let format = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: bits };
        let parts = if ckm == ckm::CKM_SP800_108_COUNTER_KDF {
            vec![
                bytes(&before),
                counter(sys::CK_SP800_108_ITERATION_VARIABLE, &format),
                bytes(&after),
            ]
        } else {
            let counter = counter(sys::CK_SP800_108_COUNTER, &format);
            match place {
                "start" => vec![counter, ITERATED, bytes(&after)],
                "middle" => vec![ITERATED, counter, bytes(&after)],
                "end" => vec![ITERATED, bytes(&after), counter],
                "none" => vec![ITERATED, bytes(&after)],
                other => panic!("{other}"),
            }
        };
        let parts: Vec<CK_PRF_DATA_PARAM> =
            parts.into_iter().filter(|part| part.type_ != 4 || part.ulValueLen > 0).collect();
        let kind = if prf == sys::CKM_AES_CMAC { sys::CKK_AES } else { sys::CKK_GENERIC_SECRET };
        with_secret(session, kind, &value, &[sys::CKA_DERIVE], |base| {
            let size = number(length(&expected));
            let template = open(&[(sys::CKA_VALUE_LEN, &size)]);
            let first = parts.as_ptr().cast_mut();
            let key = if ckm == ckm::CKM_SP800_108_FEEDBACK_KDF {
                let parameter = sys::CK_SP800_108_FEEDBACK_KDF_PARAMS {
                    prfType: prf,
                    ulNumberOfDataParams: parts.len() as u64,
                    pDataParams: first,
                    ulIVLen: length(&iv),
                    pIV: parameter::at(&iv),
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
            assert_eq!(taken(session, key.unwrap()), expected, "{fields:?}");
        });
        count += 1;
    }
    count
}
