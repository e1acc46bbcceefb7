//! `CK_MECHANISM` and the parameter structures of C, made into what crosses the wire.

use std::ffi::c_void;

use coffer_protocol::mechanism::{
    CcmParameter, ChaChaParameter, ChaChaPolyParameter, CtrParameter, EcdhAesParameter,
    EcdhParameter, EdDsaParameter, EnvelopeParameter, GcmParameter, HkdfParameter, IvParameter,
    MacLengthParameter, MechanismCall, OaepParameter, ParameterShape, PssParameter,
    RsaAesParameter, TruncationParameter, WrapIvParameter, find,
};
use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_BBOOL, CK_BYTE_PTR, CK_CCM_PARAMS, CK_CHACHA20_PARAMS,
    CK_ECDH_AES_KEY_WRAP_PARAMS, CK_ECDH1_DERIVE_PARAMS, CK_EDDSA_PARAMS, CK_FALSE, CK_GCM_PARAMS,
    CK_HKDF_PARAMS, CK_MECHANISM, CK_RSA_AES_KEY_WRAP_PARAMS, CK_RSA_PKCS_OAEP_PARAMS,
    CK_RSA_PKCS_PSS_PARAMS, CK_SALSA20_CHACHA20_POLY1305_PARAMS, CK_ULONG, CKF_HKDF_SALT_DATA,
    CKZ_DATA_SPECIFIED,
};

use super::derivation;
use super::pointers::Pointer;
use crate::error::Error;

/// Longest initialisation vector, EdDSA context and public point taken.
const MAX_IV: CK_ULONG = 256;
/// Longest encryption context taken.
const MAX_CONTEXT: CK_ULONG = 1024;
/// Longest additional data and label taken.
pub(super) const MAX_DATA: CK_ULONG = 512 << 10;

/// `CK_GCM_PARAMS` as PKCS#11 2.30 and older clients have it, without `ulIvBits`.
#[repr(C)]
#[derive(Clone, Copy)]
struct OldGcmParams {
    iv: CK_BYTE_PTR,
    iv_length: CK_ULONG,
    data: CK_BYTE_PTR,
    data_length: CK_ULONG,
    tag_bits: CK_ULONG,
}

/// The caller's mechanism; none for a null pointer, which ends an operation.
pub(super) fn call(mechanism: Pointer<'_, CK_MECHANISM>) -> Result<Option<MechanismCall>, Error> {
    if mechanism.is_null() {
        return Ok(None);
    }
    let given = mechanism.read()?;
    let number = given.mechanism;
    let Some(row) = find(number) else {
        return Err(Error::MechanismInvalid);
    };
    let reader = reader(mechanism, &given);
    let call = match row.parameter {
        ParameterShape::None
        | ParameterShape::EdDsa
        | ParameterShape::Envelope
        | ParameterShape::WrapIv
        | ParameterShape::PaddedWrapIv
            if given.ulParameterLen == 0 =>
        {
            Ok(MechanismCall::plain(number))
        }
        ParameterShape::None => return Err(Error::MechanismParamInvalid),
        ParameterShape::Iv => MechanismCall::with(number, &reader.iv()?),
        ParameterShape::Gcm => MechanismCall::with(number, &reader.gcm()?),
        ParameterShape::Ctr => MechanismCall::with(number, &reader.ctr()?),
        ParameterShape::Pss => MechanismCall::with(number, &reader.pss()?),
        ParameterShape::Oaep => MechanismCall::with(number, &reader.oaep()?),
        ParameterShape::RsaAes => MechanismCall::with(number, &reader.rsa_aes()?),
        ParameterShape::Hkdf => MechanismCall::with(number, &reader.hkdf()?),
        ParameterShape::Ccm => MechanismCall::with(number, &reader.ccm()?),
        ParameterShape::ChaChaPoly => MechanismCall::with(number, &reader.chacha_poly()?),
        ParameterShape::MacLength => MechanismCall::with(number, &reader.mac_length()?),
        ParameterShape::Truncation => MechanismCall::with(number, &reader.truncation()?),
        ParameterShape::EdDsa => MechanismCall::with(number, &reader.eddsa()?),
        ParameterShape::Ecdh => MechanismCall::with(number, &reader.ecdh()?),
        ParameterShape::Envelope => MechanismCall::with(number, &reader.envelope()?),
        ParameterShape::EcdhAes => MechanismCall::with(number, &reader.ecdh_aes()?),
        ParameterShape::ChaCha => MechanismCall::with(number, &reader.chacha()?),
        ParameterShape::WrapIv => {
            let iv = reader.structure::<[u8; 8]>()?.to_vec();
            MechanismCall::with(number, &WrapIvParameter { iv })
        }
        ParameterShape::PaddedWrapIv => {
            let iv = reader.structure::<[u8; 4]>()?.to_vec();
            MechanismCall::with(number, &WrapIvParameter { iv })
        }
        ParameterShape::Key
        | ParameterShape::Data
        | ParameterShape::Bit
        | ParameterShape::CbcData
        | ParameterShape::KdfCounter
        | ParameterShape::KdfFeedback
        | ParameterShape::KdfPipeline
        | ParameterShape::Pbkdf2
        | ParameterShape::TlsMaster
        | ParameterShape::TlsExtendedMaster
        | ParameterShape::TlsKeys
        | ParameterShape::TlsKdf
        | ParameterShape::TlsMac => return derivation::call(&reader, row).map(Some),
    };
    call.map(Some).map_err(|_| Error::MechanismParamInvalid)
}

/// The parameter of a mechanism.
pub(super) fn reader<'a>(mechanism: Pointer<'a, CK_MECHANISM>, given: &CK_MECHANISM) -> Reader<'a> {
    // SAFETY: section 5 says that `pParameter` is null or points to `ulParameterLen` bytes, which are those of
    // the mechanism's structure.
    let parameter = unsafe { mechanism.nested::<c_void>(given.pParameter) };
    Reader { parameter, length: given.ulParameterLen }
}

pub(super) fn boolean(value: CK_BBOOL) -> Result<bool, Error> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// A parameter that is there and has `length` bytes.
pub(super) struct Reader<'a> {
    pub(super) parameter: Pointer<'a, c_void>,
    length: CK_ULONG,
}

impl Reader<'_> {
    fn iv(&self) -> Result<IvParameter, Error> {
        Ok(IvParameter { iv: self.structure()? })
    }

    /// `ulIvBits` is not looked at: clients send 0 or the length in bytes.
    fn gcm(&self) -> Result<GcmParameter, Error> {
        let params = if self.length == size_of::<OldGcmParams>() as CK_ULONG {
            self.structure::<OldGcmParams>()?
        } else {
            let CK_GCM_PARAMS { pIv, ulIvLen, ulIvBits: _, pAAD, ulAADLen, ulTagBits } =
                self.structure()?;
            OldGcmParams {
                iv: pIv,
                iv_length: ulIvLen,
                data: pAAD,
                data_length: ulAADLen,
                tag_bits: ulTagBits,
            }
        };
        Ok(GcmParameter {
            iv: self.bytes(params.iv, params.iv_length, MAX_IV)?,
            aad: self.bytes(params.data, params.data_length, MAX_DATA)?,
            tag_bits: u32::try_from(params.tag_bits).map_err(|_| Error::MechanismParamInvalid)?,
        })
    }

    fn ctr(&self) -> Result<CtrParameter, Error> {
        let params: CK_AES_CTR_PARAMS = self.structure()?;
        let bits = u32::try_from(params.ulCounterBits).map_err(|_| Error::MechanismParamInvalid)?;
        Ok(CtrParameter { bits, block: params.cb })
    }

    fn pss(&self) -> Result<PssParameter, Error> {
        let params: CK_RSA_PKCS_PSS_PARAMS = self.structure()?;
        Ok(PssParameter { hash: params.hashAlg, mgf: params.mgf, salt_len: params.sLen })
    }

    fn oaep(&self) -> Result<OaepParameter, Error> {
        self.oaep_of(&self.structure()?)
    }

    fn rsa_aes(&self) -> Result<RsaAesParameter, Error> {
        let params: CK_RSA_AES_KEY_WRAP_PARAMS = self.structure()?;
        // SAFETY: the structure says that the pointer is null or points to the structure of OAEP.
        let oaep = unsafe { self.parameter.nested(params.pOAEPParams) };
        let oaep = oaep.read().map_err(|_| Error::MechanismParamInvalid)?;
        Ok(RsaAesParameter {
            aes_bits: u32::try_from(params.ulAESKeyBits)
                .map_err(|_| Error::MechanismParamInvalid)?,
            oaep: self.oaep_of(&oaep)?,
        })
    }

    fn oaep_of(&self, params: &CK_RSA_PKCS_OAEP_PARAMS) -> Result<OaepParameter, Error> {
        // Some clients leave the source 0 where the label is empty.
        let is_known = params.source == CKZ_DATA_SPECIFIED
            || (params.source, params.ulSourceDataLen) == (0, 0);
        if !is_known {
            return Err(Error::MechanismParamInvalid);
        }
        let label = self.bytes(params.pSourceData.cast(), params.ulSourceDataLen, MAX_DATA)?;
        Ok(OaepParameter { hash: params.hashAlg, mgf: params.mgf, label })
    }

    fn ccm(&self) -> Result<CcmParameter, Error> {
        let params: CK_CCM_PARAMS = self.structure()?;
        Ok(CcmParameter {
            data_len: params.ulDataLen,
            nonce: self.bytes(params.pNonce, params.ulNonceLen, MAX_IV)?,
            aad: self.bytes(params.pAAD, params.ulAADLen, MAX_DATA)?,
            tag_len: u32::try_from(params.ulMACLen).map_err(|_| Error::MechanismParamInvalid)?,
        })
    }

    fn chacha_poly(&self) -> Result<ChaChaPolyParameter, Error> {
        let params: CK_SALSA20_CHACHA20_POLY1305_PARAMS = self.structure()?;
        let nonce = self.bytes(params.pNonce, params.ulNonceLen, MAX_IV)?;
        Ok(ChaChaPolyParameter {
            nonce: nonce.try_into().map_err(|_| Error::MechanismParamInvalid)?,
            aad: self.bytes(params.pAAD, params.ulAADLen, MAX_DATA)?,
        })
    }

    /// The counter is little-endian, as the cipher has it (RFC 8439 section 2.3).
    fn chacha(&self) -> Result<ChaChaParameter, Error> {
        let params: CK_CHACHA20_PARAMS = self.structure()?;
        let (true, true) =
            (matches!(params.blockCounterBits, 32 | 64), matches!(params.ulNonceBits, 64 | 96))
        else {
            return Err(Error::MechanismParamInvalid);
        };
        let counter = self.bytes(params.pBlockCounter, params.blockCounterBits / 8, MAX_IV)?;
        let block = counter.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(ChaChaParameter {
            block,
            block_bits: u32::try_from(params.blockCounterBits)
                .map_err(|_| Error::MechanismParamInvalid)?,
            nonce: self.bytes(params.pNonce, params.ulNonceBits / 8, MAX_IV)?,
        })
    }

    fn ecdh_aes(&self) -> Result<EcdhAesParameter, Error> {
        let params: CK_ECDH_AES_KEY_WRAP_PARAMS = self.structure()?;
        Ok(EcdhAesParameter {
            aes_bits: u32::try_from(params.ulAESKeyBits)
                .map_err(|_| Error::MechanismParamInvalid)?,
            kdf: params.kdf,
            shared_data: self.bytes(params.pSharedData, params.ulSharedDataLen, MAX_DATA)?,
        })
    }

    fn mac_length(&self) -> Result<MacLengthParameter, Error> {
        let length: CK_ULONG = self.structure()?;
        let length = u32::try_from(length).map_err(|_| Error::MechanismParamInvalid)?;
        Ok(MacLengthParameter { length })
    }

    fn truncation(&self) -> Result<TruncationParameter, Error> {
        let bits: CK_ULONG = self.structure()?;
        let bits = u32::try_from(bits).map_err(|_| Error::MechanismParamInvalid)?;
        Ok(TruncationParameter { bits })
    }

    /// The salt is read only where the parameter says that it is data.
    fn hkdf(&self) -> Result<HkdfParameter, Error> {
        let params: CK_HKDF_PARAMS = self.structure()?;
        let salt = if params.ulSaltType == CKF_HKDF_SALT_DATA {
            self.bytes(params.pSalt, params.ulSaltLen, MAX_DATA)?
        } else {
            Vec::new()
        };
        Ok(HkdfParameter {
            extract: boolean(params.bExtract)?,
            expand: boolean(params.bExpand)?,
            hash: params.prfHashMechanism,
            salt_kind: params.ulSaltType,
            salt,
            salt_key: params.hSaltKey,
            info: self.bytes(params.pInfo, params.ulInfoLen, MAX_DATA)?,
        })
    }

    fn eddsa(&self) -> Result<EdDsaParameter, Error> {
        let params: CK_EDDSA_PARAMS = self.structure()?;
        let context = self.bytes(params.pContextData, params.ulContextDataLen, MAX_IV)?;
        Ok(EdDsaParameter { prehash: params.phFlag != CK_FALSE, context })
    }

    fn ecdh(&self) -> Result<EcdhParameter, Error> {
        let params: CK_ECDH1_DERIVE_PARAMS = self.structure()?;
        Ok(EcdhParameter {
            kdf: params.kdf,
            shared_data: self.bytes(params.pSharedData, params.ulSharedDataLen, MAX_DATA)?,
            public_data: self.bytes(params.pPublicData, params.ulPublicDataLen, MAX_IV)?,
        })
    }

    fn envelope(&self) -> Result<EnvelopeParameter, Error> {
        // SAFETY: the parameter has as many bytes as its length says.
        let text = unsafe { self.parameter.cast::<u8>() };
        let text = if self.length <= MAX_CONTEXT { text.slice(self.length).ok() } else { None };
        let context = text.map(<[u8]>::to_vec).and_then(|text| String::from_utf8(text).ok());
        Ok(EnvelopeParameter { context: context.ok_or(Error::MechanismParamInvalid)? })
    }

    pub(super) fn structure<T: Copy>(&self) -> Result<T, Error> {
        if self.length != size_of::<T>() as CK_ULONG {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: the parameter has as many bytes as the structure, and all structures here are plain data.
        let structure = unsafe { self.parameter.cast::<T>() };
        structure.read().map_err(|_| Error::MechanismParamInvalid)
    }

    /// The bytes behind a pointer of the structure.
    pub(super) fn bytes(
        &self,
        start: CK_BYTE_PTR,
        length: CK_ULONG,
        most: CK_ULONG,
    ) -> Result<Vec<u8>, Error> {
        if length > most {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: the structures say that the pointer beside a length is null or points to as many bytes.
        let bytes = unsafe { self.parameter.nested(start) };
        bytes.slice(length).map(<[u8]>::to_vec).map_err(|_| Error::MechanismParamInvalid)
    }
}
