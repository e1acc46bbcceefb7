//! CreateKey.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin, is_alias};
use coffer_protocol::operation::kms::{CreateKey, CreatedKey, Tag};

use super::super::{Answer, Authorized, Handle, Service};
use super::no_cluster;
use crate::Error;
use crate::crypto::ecdsa::Curve;
use crate::crypto::{self, Generate};
use crate::object::{KeyMeta, ObjectId, cmk};
use crate::store::{KeyId, SealedMaterial};
use crate::vault::{self, Depth, Public};

/// Longest description in bytes.
const MAX_DESCRIPTION: usize = 1024;
/// Most tags of a key, and their longest key and value in characters.
const MAX_TAGS: (usize, usize, usize) = (10, 36, 43);

/// What the request's words come to.
pub(crate) struct Plan {
    usage: KeyUsage,
    spec: KeySpec,
    external: bool,
}

impl Plan {
    fn of(request: &CreateKey) -> Result<Self, Error> {
        let usage = match request.key_usage.as_deref() {
            None | Some("") => KeyUsage::EncryptDecrypt,
            Some(name) => KeyUsage::from_name(name)
                .filter(|usage| *usage != KeyUsage::Application)
                .ok_or(ErrorCode::InvalidKeyUsage)?,
        };
        let spec = match request.key_spec.as_deref() {
            None | Some("") => KeySpec::Aes256,
            Some(name) if usage == KeyUsage::EncryptDecrypt => KeySpec::from_name(name)
                .ok_or_else(|| Error::about(ErrorCode::InvalidValue, "KeySpec"))?,
            Some(_) => return Err(Error::about(ErrorCode::InvalidValue, "KeySpec")),
        };
        let external = match request.key_type {
            None | Some(1) => false,
            Some(2) if usage == KeyUsage::EncryptDecrypt => true,
            Some(2) => return Err(ErrorCode::InvalidKeyUsage.into()),
            Some(_) => return Err(ErrorCode::InvalidType.into()),
        };
        Ok(Self { usage, spec, external })
    }

    const fn generate(&self) -> Generate {
        match (self.usage, self.spec) {
            (KeyUsage::DecryptRsa2048 | KeyUsage::SignRsa2048, _) => {
                Generate::Rsa { bits: 2048, exponent: 65_537 }
            }
            (KeyUsage::SignEcc, _) => Generate::Ec(Curve::P256),
            (KeyUsage::SignEcdsa384, _) => Generate::Ec(Curve::P384),
            (KeyUsage::SignSm2, _) => Generate::Sm2,
            (KeyUsage::EncryptDecrypt | KeyUsage::Application, KeySpec::Sm4) => Generate::Sm4,
            (KeyUsage::EncryptDecrypt | KeyUsage::Application, KeySpec::Aes256) => {
                Generate::Aes { bits: 256 }
            }
        }
    }
}

impl Handle for CreateKey {
    type Plan = Plan;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        if !is_alias(&self.alias) {
            return Err(ErrorCode::InvalidAlias.into());
        }
        if self.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
            return Err(Error::about(ErrorCode::InvalidValue, "Description"));
        }
        validate_tags(self.tags.as_deref().unwrap_or_default())?;
        no_cluster(self.hsm_cluster.as_ref())?;
        Plan::of(self).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let (request, slot) = (call.request(), call.caller().partition);
        if service.partitions.get(slot).is_none() {
            return Err(ErrorCode::PartitionNotFound.into());
        }
        if service.registry.by_alias(slot, &request.alias).is_some() {
            return Err(Error::about(ErrorCode::AliasAlreadyExists, request.alias.clone()));
        }
        if service.registry.count_keys(slot).1 >= service.limits().keys {
            return Err(ErrorCode::CmkLimitExceeded.into());
        }
        Plan::of(request)
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<CreatedKey>, Error> {
        let (request, caller) = (call.request(), call.caller());
        let id = ObjectId::random();
        let (material, public_key) = if plan.external {
            (None, Vec::new())
        } else {
            let what = plan.generate();
            // Only the search for primes is slow; whoever wants another key does not queue behind it.
            let _permit = what.is_slow().then(|| service.generations.acquire());
            let (material, public_key) = generate(service, id, what)?;
            (Some(material), public_key)
        };
        let description = request.description.clone().unwrap_or_default();
        let tags = request.tags.iter().flatten();
        let meta = KeyMeta {
            alias: Some(request.alias.clone()),
            description: description.clone(),
            state: if plan.external { KeyState::PendingImport } else { KeyState::Enabled },
            usage: plan.usage,
            spec: plan.spec,
            origin: if plan.external { Origin::External } else { Origin::Generated },
            creator: caller.uid,
            create_time: service.clock.now(),
            version: 1,
            deletion_date: 0,
            valid_to: 0,
            tags: tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            public_key,
        };
        let (create_time, state) = (meta.create_time, meta.state);
        let objects = service.registry.insert(cmk::stage(caller.partition, id, meta, material)?)?;
        for object in &objects {
            service.events.object_changed(object);
        }
        Ok(Answer::new(CreatedKey {
            key_id: id.to_string(),
            alias: request.alias.clone(),
            create_time,
            description,
            key_state: state.name().to_owned(),
            key_usage: plan.usage.name().to_owned(),
            tag_code: 0,
            tag_message: String::new(),
            hsm_cluster: String::new(),
        }))
    }
}

/// Makes key material inside the vault; what leaves is sealed, and its public key.
fn generate(
    service: &Service,
    id: ObjectId,
    what: Generate,
) -> Result<(SealedMaterial, Vec<u8>), Error> {
    let depth = if what.is_slow() { Depth::Large } else { Depth::Small };
    let (material, Public(public_key)) = vault::run(depth, |inside| -> Result<_, ErrorCode> {
        let made = crypto::generate(what)?;
        let material = service.store.seal_material(inside, KeyId(id.0), 1, &made.material)?;
        let spki = match &made.public {
            Some(public) => public.to_spki()?,
            None => Vec::new(),
        };
        Ok((material, inside.publish(&spki)))
    })??;
    Ok((material, public_key))
}

fn validate_tags(tags: &[Tag]) -> Result<(), Error> {
    let (most, longest_key, longest_value) = MAX_TAGS;
    let plain = |text: &str| {
        text.chars().all(|c| !c.is_ascii_control() && !matches!(c, '*' | '<' | '>' | '\\' | '='))
    };
    let sound = |tag: &Tag| {
        (1..=longest_key).contains(&tag.key.chars().count())
            && tag.value.chars().count() <= longest_value
            && plain(&tag.key)
            && plain(&tag.value)
    };
    if tags.len() > most || !tags.iter().all(sound) {
        return Err(Error::about(ErrorCode::InvalidValue, "Tags"));
    }
    for (index, tag) in tags.iter().enumerate() {
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return Err(Error::about(ErrorCode::TagKeysDuplicated, tag.key.clone()));
        }
    }
    Ok(())
}
