//! The parameters of derivations, and passwords.

use coffer_protocol::mechanism::{
    BitParameter, CbcDataParameter, DataParameter, KdfParameter, KdfSegmentParameter, KeyParameter,
    Mechanism, MechanismCall, ParameterShape, Pbkdf2Parameter, TlsExtendedMasterParameter,
    TlsKdfParameter, TlsKeysParameter, TlsMacParameter, TlsMasterParameter, find,
};
use coffer_protocol::operation::object::MAX_PASSWORD;
use cryptoki_sys::{
    CK_AES_CBC_ENCRYPT_DATA_PARAMS, CK_FALSE, CK_KEY_DERIVATION_STRING_DATA, CK_MECHANISM,
    CK_OBJECT_HANDLE, CK_PKCS5_PBKD2_PARAMS2, CK_PRF_DATA_PARAM, CK_SP800_108_BYTE_ARRAY,
    CK_SP800_108_COUNTER, CK_SP800_108_COUNTER_FORMAT, CK_SP800_108_DKM_LENGTH,
    CK_SP800_108_DKM_LENGTH_FORMAT, CK_SP800_108_FEEDBACK_KDF_PARAMS,
    CK_SP800_108_ITERATION_VARIABLE, CK_SP800_108_KDF_PARAMS, CK_SP800_108_KEY_HANDLE,
    CK_SSL3_RANDOM_DATA, CK_TLS_KDF_PARAMS, CK_TLS_MAC_PARAMS,
    CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS, CK_TLS12_KEY_MAT_PARAMS,
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS, CK_ULONG, CKZ_SALT_SPECIFIED,
};
use zeroize::Zeroizing;

use super::mechanism::{MAX_DATA, Reader, boolean, reader};
use super::pointers::Pointer;
use crate::error::Error;

/// Most parts of the input of a pseudorandom function.
const MAX_SEGMENTS: CK_ULONG = 64;
/// No address of a process is lower on Linux (`vm.mmap_min_addr`), and no password is as long.
const LOWEST_ADDRESS: CK_ULONG = 64 << 10;

pub(super) const WRONG: Error = Error::MechanismParamInvalid;

fn small(value: CK_ULONG) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| WRONG)
}

/// The call of a derivation, without what comes apart from its parameter.
pub(super) fn call(reader: &Reader<'_>, row: &Mechanism) -> Result<MechanismCall, Error> {
    let number = row.ckm;
    let call = match row.parameter {
        ParameterShape::Key => {
            let key: CK_OBJECT_HANDLE = reader.structure()?;
            MechanismCall::with(number, &KeyParameter { key })
        }
        ParameterShape::Data => {
            let given: CK_KEY_DERIVATION_STRING_DATA = reader.structure()?;
            let data = reader.bytes(given.pData, given.ulLen, MAX_DATA)?;
            MechanismCall::with(number, &DataParameter { data })
        }
        ParameterShape::Bit => {
            let bit: CK_ULONG = reader.structure()?;
            MechanismCall::with(number, &BitParameter { bit })
        }
        ParameterShape::CbcData => {
            let given: CK_AES_CBC_ENCRYPT_DATA_PARAMS = reader.structure()?;
            let data = reader.bytes(given.pData, given.length, MAX_DATA)?;
            MechanismCall::with(number, &CbcDataParameter { iv: given.iv, data })
        }
        ParameterShape::KdfCounter | ParameterShape::KdfPipeline => {
            let given: CK_SP800_108_KDF_PARAMS = reader.structure()?;
            let segments = reader.segments(given.pDataParams, given.ulNumberOfDataParams)?;
            let parameter = KdfParameter { prf: given.prfType, segments, iv: Vec::new() };
            MechanismCall::with(number, &parameter)
        }
        ParameterShape::KdfFeedback => {
            let given: CK_SP800_108_FEEDBACK_KDF_PARAMS = reader.structure()?;
            let segments = reader.segments(given.pDataParams, given.ulNumberOfDataParams)?;
            let iv = reader.bytes(given.pIV, given.ulIVLen, MAX_DATA)?;
            MechanismCall::with(number, &KdfParameter { prf: given.prfType, segments, iv })
        }
        ParameterShape::Pbkdf2 => MechanismCall::with(number, &reader.pbkdf2()?),
        ParameterShape::TlsMaster => {
            let given: CK_TLS12_MASTER_KEY_DERIVE_PARAMS = reader.structure()?;
            let [client_random, server_random] = reader.randoms(&given.RandomInfo)?;
            let hash = given.prfHashMechanism;
            MechanismCall::with(number, &TlsMasterParameter { hash, client_random, server_random })
        }
        ParameterShape::TlsExtendedMaster => {
            let given: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS = reader.structure()?;
            let session_hash =
                reader.bytes(given.pSessionHash, given.ulSessionHashLen, MAX_DATA)?;
            let hash = given.prfHashMechanism;
            MechanismCall::with(number, &TlsExtendedMasterParameter { hash, session_hash })
        }
        ParameterShape::TlsKeys => MechanismCall::with(number, &reader.tls_keys()?),
        ParameterShape::TlsKdf => {
            let given: CK_TLS_KDF_PARAMS = reader.structure()?;
            let [client_random, server_random] = reader.randoms(&given.RandomInfo)?;
            let parameter = TlsKdfParameter {
                hash: given.prfMechanism,
                label: reader.bytes(given.pLabel, given.ulLabelLength, MAX_DATA)?,
                client_random,
                server_random,
                context: reader.bytes(given.pContextData, given.ulContextDataLength, MAX_DATA)?,
            };
            MechanismCall::with(number, &parameter)
        }
        ParameterShape::TlsMac => {
            let given: CK_TLS_MAC_PARAMS = reader.structure()?;
            let parameter = TlsMacParameter {
                hash: given.prfHashMechanism,
                length: small(given.ulMacLength)?,
                side: small(given.ulServerOrClient)?,
            };
            MechanismCall::with(number, &parameter)
        }
        _ => return Err(Error::GeneralError),
    };
    call.map_err(|_| WRONG)
}

impl Reader<'_> {
    fn segments(
        &self,
        first: *mut CK_PRF_DATA_PARAM,
        count: CK_ULONG,
    ) -> Result<Vec<KdfSegmentParameter>, Error> {
        if count > MAX_SEGMENTS {
            return Err(WRONG);
        }
        // SAFETY: the structure says that the pointer is null or points to as many parts.
        let parts = unsafe { self.parameter.nested(first) };
        let parts = parts.values(count).map_err(|_| WRONG)?;
        parts.iter().map(|part| self.segment(part)).collect()
    }

    fn segment(&self, part: &CK_PRF_DATA_PARAM) -> Result<KdfSegmentParameter, Error> {
        let mut segment = KdfSegmentParameter {
            kind: part.type_,
            little_endian: false,
            bits: 0,
            method: 0,
            bytes: Vec::new(),
            key: 0,
        };
        match part.type_ {
            // Nothing stands behind the iteration variable but in counter mode.
            CK_SP800_108_ITERATION_VARIABLE if part.ulValueLen == 0 => {}
            CK_SP800_108_ITERATION_VARIABLE | CK_SP800_108_COUNTER => {
                let format: CK_SP800_108_COUNTER_FORMAT = self.behind(part)?;
                segment.little_endian = boolean(format.bLittleEndian)?;
                segment.bits = small(format.ulWidthInBits)?;
            }
            CK_SP800_108_DKM_LENGTH => {
                let format: CK_SP800_108_DKM_LENGTH_FORMAT = self.behind(part)?;
                segment.method = format.dkmLengthMethod;
                segment.little_endian = boolean(format.bLittleEndian)?;
                segment.bits = small(format.ulWidthInBits)?;
            }
            CK_SP800_108_BYTE_ARRAY => {
                segment.bytes = self.bytes(part.pValue.cast(), part.ulValueLen, MAX_DATA)?;
            }
            CK_SP800_108_KEY_HANDLE => segment.key = self.behind::<CK_OBJECT_HANDLE>(part)?,
            _ => return Err(WRONG),
        }
        Ok(segment)
    }

    /// The structure behind a part.
    fn behind<T: Copy>(&self, part: &CK_PRF_DATA_PARAM) -> Result<T, Error> {
        if part.ulValueLen != size_of::<T>() as CK_ULONG {
            return Err(WRONG);
        }
        // SAFETY: the part says that the pointer is null or points to as many bytes as the structure has, which is
        // plain data.
        let structure = unsafe { self.parameter.nested::<T>(part.pValue.cast()) };
        structure.read().map_err(|_| WRONG)
    }

    fn randoms(&self, given: &CK_SSL3_RANDOM_DATA) -> Result<[Vec<u8>; 2], Error> {
        Ok([
            self.bytes(given.pClientRandom, given.ulClientRandomLen, MAX_DATA)?,
            self.bytes(given.pServerRandom, given.ulServerRandomLen, MAX_DATA)?,
        ])
    }

    fn tls_keys(&self) -> Result<TlsKeysParameter, Error> {
        let given: CK_TLS12_KEY_MAT_PARAMS = self.structure()?;
        // Section 6.40.6 knows no weakened keys.
        if given.bIsExport != CK_FALSE {
            return Err(WRONG);
        }
        let [client_random, server_random] = self.randoms(&given.RandomInfo)?;
        Ok(TlsKeysParameter {
            hash: given.prfHashMechanism,
            client_random,
            server_random,
            mac_bits: small(given.ulMacSizeInBits)?,
            key_bits: small(given.ulKeySizeInBits)?,
            iv_bits: small(given.ulIVSizeInBits)?,
        })
    }

    /// Nothing is taken as data of the pseudorandom function: none of those offered has any.
    fn pbkdf2(&self) -> Result<Pbkdf2Parameter, Error> {
        let given: CK_PKCS5_PBKD2_PARAMS2 = self.structure()?;
        if given.saltSource != CKZ_SALT_SPECIFIED || given.ulPrfDataLen != 0 {
            return Err(WRONG);
        }
        let salt = self.bytes(given.pSaltSourceData.cast(), given.ulSaltSourceDataLen, MAX_DATA)?;
        Ok(Pbkdf2Parameter { salt, iterations: given.iterations, prf: given.prf })
    }

    /// The password. In `CK_PKCS5_PBKD2_PARAMS`, which clients before 2.40 send, a pointer to its length stands where
    /// `CK_PKCS5_PBKD2_PARAMS2` has the length.
    fn password(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let given: CK_PKCS5_PBKD2_PARAMS2 = self.structure()?;
        let mut length = given.ulPasswordLen;
        if length >= LOWEST_ADDRESS {
            let place = std::ptr::with_exposed_provenance_mut::<CK_ULONG>(
                usize::try_from(length).map_err(|_| WRONG)?,
            );
            // SAFETY: what is no possible length is the pointer of the older structure.
            length = unsafe { self.parameter.nested(place) }.read().map_err(|_| WRONG)?;
        }
        self.bytes(given.pPassword, length, MAX_PASSWORD as CK_ULONG).map(Zeroizing::new)
    }
}

/// The password in the parameter of a mechanism; empty where it takes none.
pub(super) fn password(mechanism: Pointer<'_, CK_MECHANISM>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let given = mechanism.read()?;
    match find(given.mechanism).map(|row| row.parameter) {
        Some(ParameterShape::Pbkdf2) => reader(mechanism, &given).password(),
        _ => Ok(Zeroizing::default()),
    }
}
