//! The parameters of single messages: structures of C into which a nonce and a tag are written back (PKCS#11 3.1
//! sections 6.13.3, 6.13.4 and 6.60).

use std::ffi::c_void;

use coffer_protocol::mechanism::{MechanismCall, ParameterShape, find};
use cryptoki_sys::{
    CK_BYTE_PTR, CK_CCM_MESSAGE_PARAMS, CK_GCM_MESSAGE_PARAMS, CK_GENERATOR_FUNCTION, CK_MECHANISM,
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CK_ULONG, CKG_GENERATE, CKG_GENERATE_COUNTER,
    CKG_GENERATE_COUNTER_XOR, CKG_GENERATE_RANDOM, CKG_NO_GENERATE,
};

use super::pointers::Pointer;
use crate::error::Error;
use crate::message::{Parameter, Sealed};
use crate::message_signature::Given;
use crate::nonce::Generator;

/// Longest nonce taken, in bytes.
const MAX_NONCE: CK_ULONG = 256;
/// Longest tag, in bytes.
const MAX_TAG: usize = 16;

/// Who makes the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonce {
    /// The generator that the structure names.
    MayBeMade,
    /// The caller; a generator is not looked at.
    IsGiven,
}

/// Where nonce and tag are.
pub(super) struct Places<'a> {
    nonce: Pointer<'a, u8>,
    nonce_length: CK_ULONG,
    tag: Pointer<'a, u8>,
    tag_length: usize,
}

/// The mechanism of a process, whose own parameter says nothing of its messages; none for a null pointer.
pub(super) fn init(mechanism: Pointer<'_, CK_MECHANISM>) -> Result<Option<MechanismCall>, Error> {
    if mechanism.is_null() {
        return Ok(None);
    }
    let given = mechanism.read()?;
    let row = find(given.mechanism).ok_or(Error::MechanismInvalid)?;
    let size = match row.parameter {
        ParameterShape::Gcm => size_of::<CK_GCM_MESSAGE_PARAMS>(),
        ParameterShape::Ccm => size_of::<CK_CCM_MESSAGE_PARAMS>(),
        ParameterShape::ChaChaPoly => size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>(),
        _ => return Err(Error::MechanismInvalid),
    };
    if ![0, size as CK_ULONG].contains(&given.ulParameterLen) {
        return Err(Error::MechanismParamInvalid);
    }
    Ok(Some(MechanismCall::plain(row.ckm)))
}

/// What a message to be signed came with; the mechanisms take nothing.
pub(super) fn given(parameter_length: CK_ULONG) -> Given {
    if parameter_length == 0 { Given::Nothing } else { Given::Something }
}

/// The parameter of a message, and where its nonce and tag are.
pub(super) fn read(
    shape: ParameterShape,
    parameter: Pointer<'_, c_void>,
    length: CK_ULONG,
    nonce: Nonce,
) -> Result<(Parameter, Places<'_>), Error> {
    let raw = raw(shape, parameter, length)?;
    let generator = match nonce {
        Nonce::IsGiven => Generator::Given,
        Nonce::MayBeMade => generator(raw.generator, raw.fixed_bits)?,
    };
    let places = raw.places(parameter)?;
    let given =
        places.nonce.slice(places.nonce_length).map_err(|_| Error::MechanismParamInvalid)?;
    let parameter = Parameter {
        nonce: given.to_vec(),
        generator,
        tag_length: places.tag_length,
        data_length: raw.data_length,
    };
    Ok((parameter, places))
}

/// Where the tag of a message is that was begun with a tag of `expected` bytes.
pub(super) fn places(
    shape: ParameterShape,
    parameter: Pointer<'_, c_void>,
    length: CK_ULONG,
    expected: usize,
) -> Result<Places<'_>, Error> {
    let places = raw(shape, parameter, length)?.places(parameter)?;
    if places.tag_length == expected { Ok(places) } else { Err(Error::MechanismParamInvalid) }
}

/// What the structures have in common.
struct Raw {
    nonce: CK_BYTE_PTR,
    nonce_length: CK_ULONG,
    fixed_bits: CK_ULONG,
    generator: CK_GENERATOR_FUNCTION,
    tag: CK_BYTE_PTR,
    tag_bits: CK_ULONG,
    data_length: Option<CK_ULONG>,
}

fn raw(
    shape: ParameterShape,
    parameter: Pointer<'_, c_void>,
    length: CK_ULONG,
) -> Result<Raw, Error> {
    match shape {
        ParameterShape::Gcm => {
            let params: CK_GCM_MESSAGE_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pIv,
                nonce_length: params.ulIvLen,
                fixed_bits: params.ulIvFixedBits,
                generator: params.ivGenerator,
                tag: params.pTag,
                tag_bits: params.ulTagBits,
                data_length: None,
            })
        }
        ParameterShape::Ccm => {
            let params: CK_CCM_MESSAGE_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pNonce,
                nonce_length: params.ulNonceLen,
                fixed_bits: params.ulNonceFixedBits,
                generator: params.nonceGenerator,
                tag: params.pMAC,
                tag_bits: params.ulMACLen.saturating_mul(8),
                data_length: Some(params.ulDataLen),
            })
        }
        ParameterShape::ChaChaPoly => {
            let params: CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = structure(parameter, length)?;
            Ok(Raw {
                nonce: params.pNonce,
                nonce_length: params.ulNonceLen,
                fixed_bits: 0,
                generator: CKG_NO_GENERATE,
                tag: params.pTag,
                tag_bits: 128,
                data_length: None,
            })
        }
        _ => Err(Error::MechanismParamInvalid),
    }
}

impl Raw {
    fn places<'a>(&self, parameter: Pointer<'a, c_void>) -> Result<Places<'a>, Error> {
        let tag_length = usize::try_from(self.tag_bits / 8).unwrap_or(usize::MAX);
        if self.nonce_length > MAX_NONCE
            || !self.tag_bits.is_multiple_of(8)
            || !(1..=MAX_TAG).contains(&tag_length)
        {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: the structures say that a pointer is null or leads to as many bytes as the length beside it says,
        // and the tag of ChaCha20-Poly1305 has 16.
        let nonce = unsafe { parameter.nested(self.nonce) };
        // SAFETY: as above.
        let tag = unsafe { parameter.nested(self.tag) };
        if tag.is_null() || (nonce.is_null() && self.nonce_length != 0) {
            return Err(Error::MechanismParamInvalid);
        }
        Ok(Places { nonce, nonce_length: self.nonce_length, tag, tag_length })
    }
}

impl<'a> Places<'a> {
    /// The tag of a message to be decrypted.
    pub(super) fn tag(&self) -> Result<&'a [u8], Error> {
        self.tag.slice(self.tag_length as CK_ULONG).map_err(|_| Error::MechanismParamInvalid)
    }

    /// Hands out the nonce that was used.
    pub(super) fn write_nonce(&self, nonce: &[u8]) -> Result<(), Error> {
        self.nonce.write_slice(nonce, self.nonce_length).map_err(|_| Error::MechanismParamInvalid)
    }

    /// Hands out what was made.
    pub(super) fn write(&self, sealed: &Sealed) -> Result<(), Error> {
        if let Some(nonce) = &sealed.nonce {
            self.write_nonce(nonce)?;
        }
        match &sealed.tag {
            Some(tag) => self
                .tag
                .write_slice(tag, self.tag_length as CK_ULONG)
                .map_err(|_| Error::MechanismParamInvalid),
            None => Ok(()),
        }
    }
}

/// The generator of that number.
pub(super) fn generator(
    number: CK_GENERATOR_FUNCTION,
    fixed_bits: CK_ULONG,
) -> Result<Generator, Error> {
    let fixed = usize::try_from(fixed_bits).map_err(|_| Error::MechanismParamInvalid)?;
    match number {
        CKG_NO_GENERATE => Ok(Generator::Given),
        CKG_GENERATE | CKG_GENERATE_RANDOM => Ok(Generator::Random { fixed }),
        CKG_GENERATE_COUNTER => Ok(Generator::Counter { fixed }),
        CKG_GENERATE_COUNTER_XOR => Ok(Generator::Xor { fixed }),
        _ => Err(Error::MechanismParamInvalid),
    }
}

fn structure<T: Copy>(parameter: Pointer<'_, c_void>, length: CK_ULONG) -> Result<T, Error> {
    if length != size_of::<T>() as CK_ULONG {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: section 5.9 says that the parameter is null or has as many bytes as its length says, which are those
    // of the structure; all structures here are plain data.
    let structure = unsafe { parameter.cast::<T>() };
    structure.read().map_err(|_| Error::MechanismParamInvalid)
}
