//! What is known of CMKs: one by one, and lists with filters.

use coffer_protocol::key::{KeyState, KeyUsage, Origin};
use coffer_protocol::operation::kms::DescribeKey;
pub use coffer_protocol::operation::kms::{
    KeyMetadata, ListKeyDetail, ListKeys, ListedKeyDetail, ListedKeys, TagFilter,
};

use super::call::{NONE, calls};
use crate::KeyName;

/// Which CMKs to list, with their attributes: those of all usages and in all states, newest first, unless it says
/// otherwise.
///
/// ```
/// use coffer_client::kms::KeyFilter;
/// use coffer_protocol::key::KeyState;
///
/// let filter = KeyFilter::all().state(KeyState::Disabled).tag("team", ["billing"]).page(0, 200);
/// assert_eq!(filter.request().key_state, Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct KeyFilter(ListKeyDetail);

impl KeyFilter {
    /// All keys of users.
    pub fn all() -> Self {
        Self(ListKeyDetail {
            offset: None,
            limit: None,
            role: None,
            order: None,
            key_state: None,
            search: None,
            origin: None,
            key_usage: Some("ALL".to_owned()),
            tags: None,
            hsm_cluster: None,
        })
    }

    /// Those of the host's services in place of those of users.
    #[must_use]
    pub fn of_services(mut self) -> Self {
        self.0.role = Some(1);
        self
    }

    /// In this state only.
    #[must_use]
    pub fn state(mut self, state: KeyState) -> Self {
        self.0.key_state = Some(i64::from(state as u8));
        self
    }

    /// Of this usage only.
    #[must_use]
    pub fn usage(mut self, usage: KeyUsage) -> Self {
        self.0.key_usage = Some(usage.name().to_owned());
        self
    }

    /// With material from there only.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.0.origin = Some(origin.name().to_owned());
        self
    }

    /// With this text in its id or alias.
    #[must_use]
    pub fn search(mut self, text: impl Into<String>) -> Self {
        self.0.search = Some(text.into());
        self
    }

    /// With that tag, and one of the values; with several conditions all must hold.
    #[must_use]
    pub fn tag<V: Into<String>>(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.0.tags.get_or_insert_default().push(TagFilter { key: key.into(), values });
        self
    }

    /// Oldest first.
    #[must_use]
    pub fn oldest_first(mut self) -> Self {
        self.0.order = Some(1);
        self
    }

    /// So many results, 1 to 200, after the first `offset`; the first 10 otherwise.
    #[must_use]
    pub fn page(mut self, offset: u32, limit: u32) -> Self {
        self.0.offset = Some(i64::from(offset));
        self.0.limit = Some(i64::from(limit));
        self
    }

    /// The request.
    pub fn request(&self) -> ListKeyDetail {
        self.0.clone()
    }
}

calls! {
    /// Tells the attributes of a CMK, in any state.
    ///
    /// Refused with `CmkNotFound`.
    describe_key(key: &KeyName) -> KeyMetadata
        = DescribeKey { key_id: key.to_field() }, NONE => |described, _| described.metadata;

    /// Lists the ids of CMKs that are Enabled, Disabled or PendingImport.
    list_keys(request: &ListKeys) -> ListedKeys
        = ListKeys { ..request.clone() }, NONE => |listed, _| listed;

    /// Lists CMKs with their attributes, by a request as the API has it: without a usage it means
    /// `ENCRYPT_DECRYPT`.
    list_key_detail(request: &ListKeyDetail) -> ListedKeyDetail
        = ListKeyDetail { ..request.clone() }, NONE => |listed, _| listed;

    /// Lists CMKs with their attributes, a page at a time.
    find_keys(filter: &KeyFilter) -> ListedKeyDetail
        = ListKeyDetail { ..filter.request() }, NONE => |listed, _| listed;
}
