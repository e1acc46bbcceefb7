//! Labels of CMKs.

pub use coffer_protocol::operation::kms::Tag;
use coffer_protocol::operation::kms::{ListResourceTags, TagResource, UntagResource};

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Sets 1 to 10 tags of a CMK, which has at most 10; a tag that is there gets the new value.
    ///
    /// Refused with `TagKeysDuplicated`, and `InvalidValue` for a tag that is none or too many.
    tag_resource(key: &KeyName, tags: &[Tag]) -> ()
        = TagResource { key_id: key.to_field(), tags: tags.to_vec() }, NONE => |_, _| ();

    /// Removes tags of a CMK by their names.
    ///
    /// Refused with `TagsNotExisted`.
    untag_resource(key: &KeyName, names: &[&str]) -> ()
        = UntagResource {
            key_id: key.to_field(), tag_keys: names.iter().map(|name| (*name).to_owned()).collect()
        }, NONE => |_, _| ();

    /// Tells the tags of a CMK.
    resource_tags(key: &KeyName) -> Vec<Tag>
        = ListResourceTags { key_id: key.to_field() }, NONE => |listed, _| listed.tags;
}
