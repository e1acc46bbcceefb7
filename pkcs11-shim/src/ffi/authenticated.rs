//! The mechanisms of C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated (PKCS#11 3.2 section 5.18): what is
//! authenticated with the key is an argument, and the nonce may be made here.

use std::ffi::c_void;

use coffer_protocol::mechanism::{
    CcmParameter, ChaChaPolyParameter, GcmParameter, MechanismCall, ParameterShape, find,
};
use cryptoki_sys::{
    CK_BYTE_PTR, CK_CCM_PARAMS, CK_CCM_WRAP_PARAMS, CK_GCM_PARAMS, CK_GCM_WRAP_PARAMS,
    CK_GENERATOR_FUNCTION, CK_MECHANISM, CK_SALSA20_CHACHA20_POLY1305_PARAMS, CK_ULONG,
    CKG_NO_GENERATE,
};

pub(super) use super::message::Nonce;
use super::message::generator;
use super::pointers::Pointer;
use crate::error::Error;
use crate::module::Module;
use crate::nonce::Generator;

/// Longest nonce taken.
const MAX_NONCE: CK_ULONG = 256;
/// Longest associated data taken.
const MAX_DATA: CK_ULONG = 512 << 10;

/// A mechanism, and the place of the nonce that it uses.
pub(super) struct Authenticated<'a> {
    pub(super) call: MechanismCall,
    pub(super) nonce: Used<'a>,
}

/// The nonce that is used, and where the caller learns it.
pub(super) struct Used<'a> {
    place: Pointer<'a, u8>,
    length: CK_ULONG,
    nonce: Vec<u8>,
}

impl Used<'_> {
    /// Tells the caller.
    pub(super) fn write(&self) -> Result<(), Error> {
        let written = self.place.write_slice(&self.nonce, self.length);
        written.map_err(|_| Error::MechanismParamInvalid)
    }
}

/// What the structures have in common.
struct Raw {
    nonce: CK_BYTE_PTR,
    nonce_length: CK_ULONG,
    fixed_bits: CK_ULONG,
    generator: CK_GENERATOR_FUNCTION,
    data: CK_BYTE_PTR,
    data_length: CK_ULONG,
    tag: CK_ULONG,
    value_length: CK_ULONG,
}

/// The caller's mechanism.
pub(super) fn read<'a>(
    module: &Module,
    mechanism: Pointer<'a, CK_MECHANISM>,
    associated: &[u8],
    made: Nonce,
) -> Result<Authenticated<'a>, Error> {
    let given = mechanism.read()?;
    let row = find(given.mechanism).filter(|row| row.takes_messages());
    let row = row.ok_or(Error::MechanismInvalid)?;
    // SAFETY: section 5 says that `pParameter` is null or points to `ulParameterLen` bytes, which are those of the
    // mechanism's structure.
    let parameter = unsafe { mechanism.nested::<c_void>(given.pParameter) };
    let raw = raw(row.parameter, parameter, given.ulParameterLen)?;
    let associated = raw.associated(parameter, associated)?;
    if raw.nonce_length > MAX_NONCE {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: the structures say that the pointer beside a length is null or points to as many bytes.
    let place = unsafe { parameter.nested(raw.nonce) };
    let nonce = place.slice(raw.nonce_length).map_err(|_| Error::MechanismParamInvalid)?;
    let generator = match made {
        Nonce::IsGiven => Generator::Given,
        Nonce::MayBeMade => generator(raw.generator, raw.fixed_bits)?,
    };
    // A key that is wrapped stands alone: it is no message of a series.
    let nonce = module.nonces.next(nonce, generator, None)?;
    let used = Used { place, length: raw.nonce_length, nonce: nonce.clone() };
    let tag = u32::try_from(raw.tag).map_err(|_| Error::MechanismParamInvalid)?;
    let call = match row.parameter {
        ParameterShape::Gcm => {
            let parameter = GcmParameter { iv: nonce, aad: associated, tag_bits: tag };
            MechanismCall::with(row.ckm, &parameter)
        }
        ParameterShape::Ccm => {
            let (data_len, aad) = (raw.value_length, associated);
            MechanismCall::with(row.ckm, &CcmParameter { data_len, nonce, aad, tag_len: tag })
        }
        _ => {
            let nonce = nonce.try_into().map_err(|_| Error::MechanismParamInvalid)?;
            MechanismCall::with(row.ckm, &ChaChaPolyParameter { nonce, aad: associated })
        }
    };
    let call = call.map_err(|_| Error::MechanismParamInvalid)?;
    Ok(Authenticated { call, nonce: used })
}

impl Raw {
    /// What is authenticated: the argument, or what the structure says; not two different things.
    fn associated(&self, parameter: Pointer<'_, c_void>, given: &[u8]) -> Result<Vec<u8>, Error> {
        if self.data_length > MAX_DATA || given.len() as CK_ULONG > MAX_DATA {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: the structures say that the pointer beside a length is null or points to as many bytes.
        let inner = unsafe { parameter.nested(self.data) };
        let inner: &[u8] =
            inner.slice(self.data_length).map_err(|_| Error::MechanismParamInvalid)?;
        match (inner.is_empty(), given.is_empty()) {
            (true, _) => Ok(given.to_vec()),
            (false, true) => Ok(inner.to_vec()),
            (false, false) if inner == given => Ok(given.to_vec()),
            (false, false) => Err(Error::MechanismParamInvalid),
        }
    }
}

/// Each mechanism takes the structure for wrapping and the one for encryption, which tell apart by their length.
fn raw(
    shape: ParameterShape,
    parameter: Pointer<'_, c_void>,
    length: CK_ULONG,
) -> Result<Raw, Error> {
    match shape {
        ParameterShape::Gcm if length == size_of::<CK_GCM_WRAP_PARAMS>() as CK_ULONG => {
            let params: CK_GCM_WRAP_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pIv,
                nonce_length: params.ulIvLen,
                fixed_bits: params.ulIvFixedBits,
                generator: params.ivGenerator,
                data: params.pAAD,
                data_length: params.ulAADLen,
                tag: params.ulTagBits,
                value_length: 0,
            })
        }
        ParameterShape::Gcm => {
            let params: CK_GCM_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pIv,
                nonce_length: params.ulIvLen,
                fixed_bits: 0,
                generator: CKG_NO_GENERATE,
                data: params.pAAD,
                data_length: params.ulAADLen,
                tag: params.ulTagBits,
                value_length: 0,
            })
        }
        ParameterShape::Ccm if length == size_of::<CK_CCM_WRAP_PARAMS>() as CK_ULONG => {
            let params: CK_CCM_WRAP_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pNonce,
                nonce_length: params.ulNonceLen,
                fixed_bits: params.ulNonceFixedBits,
                generator: params.nonceGenerator,
                data: params.pAAD,
                data_length: params.ulAADLen,
                tag: params.ulMACLen,
                value_length: params.ulDataLen,
            })
        }
        ParameterShape::Ccm => {
            let params: CK_CCM_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pNonce,
                nonce_length: params.ulNonceLen,
                fixed_bits: 0,
                generator: CKG_NO_GENERATE,
                data: params.pAAD,
                data_length: params.ulAADLen,
                tag: params.ulMACLen,
                value_length: params.ulDataLen,
            })
        }
        ParameterShape::ChaChaPoly => {
            let params: CK_SALSA20_CHACHA20_POLY1305_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pNonce,
                nonce_length: params.ulNonceLen,
                fixed_bits: 0,
                generator: CKG_NO_GENERATE,
                data: params.pAAD,
                data_length: params.ulAADLen,
                tag: 0,
                value_length: 0,
            })
        }
        _ => Err(Error::MechanismInvalid),
    }
}

fn structure<T: Copy>(parameter: Pointer<'_, c_void>, length: CK_ULONG) -> Result<T, Error> {
    if length != size_of::<T>() as CK_ULONG {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: the parameter has as many bytes as the structure, and all structures here are plain data.
    let structure = unsafe { parameter.cast::<T>() };
    structure.read().map_err(|_| Error::MechanismParamInvalid)
}
