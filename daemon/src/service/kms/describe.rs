//! DescribeKey, ListKeys and ListKeyDetail.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::operation::kms::{
    DescribeKey, DescribedKey, Key, KeyMetadata, ListKeyDetail, ListKeys, ListedKeyDetail,
    ListedKeys, TagFilter,
};

use super::super::{Answer, Authorized, Handle, Service};
use super::{find, in_range, is_gone, meta, no_cluster, validate_name};
use crate::Error;
use crate::crypto;
use crate::object::{KeyMeta, Object};

impl Handle for DescribeKey {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        find(service, call.caller(), &call.request().key_id)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<DescribedKey>, Error> {
        Ok(Answer::new(DescribedKey { metadata: metadata(service, &object)? }))
    }
}

/// What is known of a key, in the words of the API.
pub(super) fn metadata(service: &Service, object: &Object) -> Result<KeyMetadata, Error> {
    let key = meta(object)?;
    let rotation = key.life.rotation;
    let key_id = object.id.to_string();
    Ok(KeyMetadata {
        resource_id: format!("creatorUin/{}/{key_id}", key.creator),
        key_id,
        alias: key.alias.clone().unwrap_or_default(),
        create_time: key.create_time,
        description: key.description.clone(),
        key_state: key.state_at(service.deadlines.now()).name().to_owned(),
        key_usage: key.usage.name().to_owned(),
        key_type: if is_chinese(object) { 4 } else { 2 },
        creator: key.creator.into(),
        creator_text: key.creator.to_string(),
        rotation: rotation.days != 0,
        owner: key.life.service.clone().unwrap_or_else(|| "user".to_owned()),
        next_rotate_time: rotation.next,
        deletion_date: key.deletion_date,
        origin: key.origin.name().to_owned(),
        valid_to: key.valid_to,
        hsm_cluster: String::new(),
        rotate_days: rotation.days.into(),
        last_rotate_time: rotation.last,
        is_replica: false,
        source_region: String::new(),
        sync_status: 0,
        sync_messages: String::new(),
        sync_start: 0,
        sync_end: 0,
        source_cluster: String::new(),
        account_app: 0,
        account: service.owner.into(),
        account_name: "owner".to_owned(),
        key_spec: spec_name(object, key),
        key_version: key.version,
    })
}

fn is_chinese(object: &Object) -> bool {
    matches!(object.key_type(), Some(KeyType::Sm2 | KeyType::Sm4))
}

fn spec_name(object: &Object, key: &KeyMeta) -> String {
    if key.usage != KeyUsage::Application {
        return key.spec.name().to_owned();
    }
    match (object.key_type(), object.key_bits()) {
        (Some(KeyType::Aes), bits) => format!("AES_{bits}"),
        (Some(KeyType::Rsa), bits) => format!("RSA_{bits}"),
        (Some(KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery), _) => {
            match object.spec() {
                Some(crypto::KeySpec::Ec(curve)) => curve.spec_name().to_owned(),
                _ => String::new(),
            }
        }
        (Some(KeyType::Sm4), _) => KeySpec::Sm4.name().to_owned(),
        (Some(KeyType::Sm2), _) => "SM2".to_owned(),
        (Some(KeyType::GenericSecret | KeyType::Hmac(_) | KeyType::HmacSha512T), bits) => {
            format!("HMAC_{bits}")
        }
        (Some(KeyType::Hkdf), bits) => format!("HKDF_{bits}"),
        (Some(KeyType::AesXts), bits) => format!("AES_XTS_{bits}"),
        (Some(KeyType::ChaCha20), bits) => format!("CHACHA20_{bits}"),
        (None, _) => String::new(),
    }
}

/// One page of a list.
pub(super) struct Page {
    offset: usize,
    limit: usize,
}

impl Page {
    pub(super) fn of(offset: Option<i64>, limit: Option<i64>) -> Result<Self, Error> {
        let (offset, limit) = (offset.unwrap_or(0), limit.unwrap_or(10));
        in_range(offset, 0..=i64::from(u32::MAX), "Offset")?;
        in_range(limit, 1..=200, "Limit")?;
        let size = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
        Ok(Self { offset: size(offset), limit: size(limit) })
    }

    pub(super) fn cut<T>(self, all: Vec<T>) -> (i64, impl Iterator<Item = T>) {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        (total, all.into_iter().skip(self.offset).take(self.limit))
    }
}

fn role(role: Option<i64>) -> Result<bool, Error> {
    match role.unwrap_or(0) {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::about(ErrorCode::InvalidValue, "Role")),
    }
}

impl Handle for ListKeys {
    type Plan = Vec<Arc<Object>>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        Page::of(self.offset, self.limit)?;
        role(self.role)?;
        no_cluster(self.hsm_cluster.as_ref())
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let of_services = role(call.request().role)?;
        let mut keys = service.registry.keys(call.caller().partition);
        let now = service.deadlines.now();
        keys.retain(|object| {
            let listed = [KeyState::Enabled, KeyState::Disabled, KeyState::PendingImport];
            object.key.as_ref().is_some_and(|key| {
                key.life.service.is_some() == of_services && listed.contains(&key.state_at(now))
            })
        });
        keys.reverse();
        Ok(keys)
    }

    fn commit(
        call: Authorized<'_, Self>,
        keys: Self::Plan,
        _service: &Service,
    ) -> Result<Answer<ListedKeys>, Error> {
        let (total, page) = Page::of(call.request().offset, call.request().limit)?.cut(keys);
        let keys = page.map(|object| Key { key_id: object.id.to_string() }).collect();
        Ok(Answer::new(ListedKeys { keys, total }))
    }
}

impl Handle for ListKeyDetail {
    type Plan = Vec<Arc<Object>>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        Page::of(self.offset, self.limit)?;
        role(self.role)?;
        in_range(self.order.unwrap_or(0), 0..=1, "OrderType")?;
        Filter::of(self)?;
        no_cluster(self.hsm_cluster.as_ref())
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let filter = Filter::of(request)?;
        let of_services = role(request.role)?;
        let mut keys = service.registry.keys(call.caller().partition);
        let now = service.deadlines.now();
        keys.retain(|object| {
            let key = object.key.as_ref();
            key.is_some_and(|key| {
                key.life.service.is_some() == of_services && !is_gone(service, key)
            }) && filter.matches(object, now)
        });
        if request.order.unwrap_or(0) == 0 {
            keys.reverse();
        }
        Ok(keys)
    }

    fn commit(
        call: Authorized<'_, Self>,
        keys: Self::Plan,
        service: &Service,
    ) -> Result<Answer<ListedKeyDetail>, Error> {
        let (total, page) = Page::of(call.request().offset, call.request().limit)?.cut(keys);
        let keys = page.map(|object| metadata(service, &object)).collect::<Result<_, _>>()?;
        Ok(Answer::new(ListedKeyDetail { total, keys }))
    }
}

/// What ListKeyDetail looks for.
struct Filter<'a> {
    state: Option<KeyState>,
    origin: Option<Origin>,
    usage: Option<KeyUsage>,
    search: Option<&'a str>,
    tags: &'a [TagFilter],
}

impl<'a> Filter<'a> {
    fn of(request: &'a ListKeyDetail) -> Result<Self, Error> {
        let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
        let state = match request.key_state.unwrap_or(0) {
            0 => None,
            number => {
                let state = u8::try_from(number).ok().and_then(KeyState::from_number);
                Some(state.ok_or_else(|| wrong("KeyState"))?)
            }
        };
        let origin = match request.origin.as_deref() {
            None | Some("" | "ALL") => None,
            Some(name) => Some(Origin::from_name(name).ok_or_else(|| wrong("Origin"))?),
        };
        let usage = match request.key_usage.as_deref() {
            None | Some("") => Some(KeyUsage::EncryptDecrypt),
            Some("ALL") => None,
            Some(name) => Some(KeyUsage::from_name(name).ok_or(ErrorCode::InvalidKeyUsage)?),
        };
        let search = request.search.as_deref().filter(|text| !text.is_empty());
        Ok(Self { state, origin, usage, search, tags: request.tags.as_deref().unwrap_or_default() })
    }

    fn matches(&self, object: &Object, now: i64) -> bool {
        let Some(key) = &object.key else { return false };
        let contains = |part: &str| {
            object.id.to_string().contains(part)
                || key.alias.as_deref().is_some_and(|alias| alias.contains(part))
        };
        let has = |wanted: &TagFilter| {
            let of_key = |tag: &&(String, String)| tag.0 == wanted.key;
            key.tags.iter().filter(of_key).any(|tag| wanted.values.contains(&tag.1))
        };
        self.state.is_none_or(|state| key.state_at(now) == state)
            && self.origin.is_none_or(|origin| key.origin == origin)
            && self.usage.is_none_or(|usage| key.usage == usage)
            && self.search.is_none_or(contains)
            && self.tags.iter().all(has)
    }
}
