//! What a derivation gives beside its key: additional keys, whose templates are in the parameter, and what is no key.

use coffer_protocol::mechanism::{ParameterShape, find};
use coffer_protocol::operation::object::MAX_ADDITIONAL;
use cryptoki_sys::{
    CK_DERIVED_KEY, CK_INVALID_HANDLE, CK_MECHANISM, CK_OBJECT_HANDLE,
    CK_SP800_108_FEEDBACK_KDF_PARAMS, CK_SP800_108_KDF_PARAMS, CK_SSL3_KEY_MAT_OUT,
    CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS, CK_TLS12_KEY_MAT_PARAMS,
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS, CK_ULONG, CK_VERSION,
};

use super::derivation::WRONG;
use super::mechanism::{Reader, reader};
use super::pointers::Pointer;
use super::template;
use crate::attribute::Template;
use crate::error::Error;
use crate::object::Derived;

/// Where the results of a derivation go beside the handle of its key.
pub(super) enum Back<'a> {
    /// Nowhere.
    Nowhere,
    /// The handles of additional keys.
    Handles(Vec<Pointer<'a, CK_OBJECT_HANDLE>>),
    /// The version of TLS, if it is wanted.
    Version(Pointer<'a, CK_VERSION>),
    /// The keys of a connection, and its initialisation vectors.
    Connection { out: Pointer<'a, CK_SSL3_KEY_MAT_OUT>, has_mac: bool, has_key: bool, iv: usize },
}

/// The templates of additional keys in the parameter of a derivation, and where its results go.
pub(super) fn back(
    mechanism: Pointer<'_, CK_MECHANISM>,
) -> Result<(Vec<Template>, Back<'_>), Error> {
    let given = mechanism.read()?;
    let reader = reader(mechanism, &given);
    let row = find(given.mechanism).ok_or(Error::MechanismInvalid)?;
    Ok(match row.parameter {
        ParameterShape::KdfCounter | ParameterShape::KdfPipeline => {
            let given: CK_SP800_108_KDF_PARAMS = reader.structure()?;
            reader.additional(given.pAdditionalDerivedKeys, given.ulAdditionalDerivedKeys)?
        }
        ParameterShape::KdfFeedback => {
            let given: CK_SP800_108_FEEDBACK_KDF_PARAMS = reader.structure()?;
            reader.additional(given.pAdditionalDerivedKeys, given.ulAdditionalDerivedKeys)?
        }
        ParameterShape::TlsMaster => {
            let given: CK_TLS12_MASTER_KEY_DERIVE_PARAMS = reader.structure()?;
            (Vec::new(), reader.version(given.pVersion))
        }
        ParameterShape::TlsExtendedMaster => {
            let given: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS = reader.structure()?;
            (Vec::new(), reader.version(given.pVersion))
        }
        ParameterShape::TlsKeys => {
            let given: CK_TLS12_KEY_MAT_PARAMS = reader.structure()?;
            // SAFETY: the structure says that the pointer is null or points to the place of the results.
            let out = unsafe { reader.parameter.nested(given.pReturnedKeyMaterial) };
            out.expect().map_err(|_| WRONG)?;
            let iv = usize::try_from(given.ulIVSizeInBits / 8).map_err(|_| WRONG)?;
            // Keys that were made and cannot be told of would be lost.
            let places = out.read()?;
            if iv != 0 && (places.pIVClient.is_null() || places.pIVServer.is_null()) {
                return Err(WRONG);
            }
            let (has_mac, has_key) = (given.ulMacSizeInBits != 0, given.ulKeySizeInBits != 0);
            (Vec::new(), Back::Connection { out, has_mac, has_key, iv })
        }
        _ => (Vec::new(), Back::Nowhere),
    })
}

impl<'a> Reader<'a> {
    fn additional(
        &self,
        first: *mut CK_DERIVED_KEY,
        count: CK_ULONG,
    ) -> Result<(Vec<Template>, Back<'a>), Error> {
        if count > MAX_ADDITIONAL as CK_ULONG {
            return Err(WRONG);
        }
        // SAFETY: the structure says that the pointer is null or points to as many keys.
        let keys = unsafe { self.parameter.nested(first) };
        let keys = keys.values(count).map_err(|_| WRONG)?;
        let mut places = Vec::with_capacity(keys.len());
        for key in &keys {
            // SAFETY: the structure says that the pointer is null or points to the place of a handle.
            let place = unsafe { self.parameter.nested(key.phKey) };
            places.push(place.expect().map_err(|_| WRONG)?);
        }
        let mut templates = Vec::with_capacity(keys.len());
        for (key, place) in keys.iter().zip(&places) {
            // SAFETY: the structure says that the pointer is null or points to as many attributes.
            let attributes = unsafe { self.parameter.nested(key.pTemplate) };
            let template = template::given(attributes, key.ulAttributeCount);
            templates.push(template.inspect_err(|_| mark(*place))?);
        }
        Ok((templates, Back::Handles(places)))
    }

    fn version(&self, place: *mut CK_VERSION) -> Back<'a> {
        // SAFETY: the structure says that the pointer is null or points to the place of the version.
        Back::Version(unsafe { self.parameter.nested(place) })
    }
}

impl Back<'_> {
    /// Whether the handle of a key is given back as usual; the keys of a connection have their own place.
    pub(super) const fn has_key(&self) -> bool {
        !matches!(self, Self::Connection { .. })
    }

    /// Marks the key whose template the derivation failed for, where a derivation has several keys: the first one's
    /// handle is given back at `first`.
    pub(super) fn mark_refused(&self, first: Pointer<'_, CK_OBJECT_HANDLE>, error: Error) {
        if let (Self::Handles(places), Error::RefusedPart(_, part)) = (self, error) {
            let mut all = std::iter::once(&first).chain(places);
            let index = part.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            if let Some(place) = index.and_then(|index| all.nth(index)) {
                mark(*place);
            }
        }
    }

    /// The same for the first key, whose template cannot be read.
    pub(super) fn mark_first(&self, first: Pointer<'_, CK_OBJECT_HANDLE>) {
        if let Self::Handles(_) = self {
            mark(first);
        }
    }

    /// Gives the results back.
    pub(super) fn give(&self, derived: &Derived) -> Result<(), Error> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Handles(places) => {
                let additional = derived.keys.get(1..).ok_or(Error::DeviceError)?;
                if additional.len() != places.len() {
                    return Err(Error::DeviceError);
                }
                places.iter().zip(additional).try_for_each(|(place, key)| place.write(*key))
            }
            // With a secret of Diffie-Hellman there is no version.
            Self::Version(place) => match derived.output[..] {
                [major, minor] if !place.is_null() => place.write(CK_VERSION { major, minor }),
                _ => Ok(()),
            },
            Self::Connection { out, has_mac, has_key, iv } => {
                let mut out_now = out.read()?;
                let mut keys = derived.keys.iter().copied();
                let mut next = |is_there: &bool| match is_there {
                    true => keys.next().ok_or(Error::DeviceError),
                    false => Ok(0),
                };
                out_now.hClientMacSecret = next(has_mac)?;
                out_now.hServerMacSecret = next(has_mac)?;
                out_now.hClientKey = next(has_key)?;
                out_now.hServerKey = next(has_key)?;
                if derived.output.len() != 2 * iv {
                    return Err(Error::DeviceError);
                }
                let (client, server) = derived.output.split_at(*iv);
                for (place, value) in [(out_now.pIVClient, client), (out_now.pIVServer, server)] {
                    // SAFETY: the structure says that the pointer is null or points to the place of a vector of
                    // the length that was asked for.
                    let place = unsafe { out.nested(place) };
                    place.write_slice(value, value.len() as CK_ULONG)?;
                }
                out.write(out_now)
            }
        }
    }
}

/// Says that the template of a key is at fault (section 6.42.8). Whoever is told nowhere learns the error alone.
fn mark(place: Pointer<'_, CK_OBJECT_HANDLE>) {
    let _ = place.write(CK_INVALID_HANDLE);
}
