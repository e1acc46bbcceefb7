//! Making and sealing key material; what leaves the vault is sealed, and the public half of a pair.

use coffer_protocol::ErrorCode;

use super::super::Service;
use crate::Error;
use crate::crypto::{self, Generate};
use crate::object::ObjectId;
use crate::store::{KeyId, SealedMaterial};
use crate::vault::{self, Depth, Public};

/// Makes the material of a version of a key, sealed for the store, and its SubjectPublicKeyInfo.
///
/// # Errors
///
/// Whatever cryptography, vault and store report.
pub(super) fn generate(
    service: &Service,
    id: ObjectId,
    version: u32,
    what: Generate,
) -> Result<(SealedMaterial, Vec<u8>), Error> {
    let depth = if what.is_slow() { Depth::Large } else { Depth::Small };
    let (material, Public(public_key)) = vault::run(depth, |inside| -> Result<_, ErrorCode> {
        let made = crypto::generate(what)?;
        let material = service.store.seal_material(inside, KeyId(id.0), version, &made.material)?;
        let spki = match &made.public {
            Some(public) => public.to_spki()?,
            None => Vec::new(),
        };
        Ok((material, inside.publish(&spki)))
    })??;
    Ok((material, public_key))
}
