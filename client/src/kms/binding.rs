//! Resources that use a CMK, which cannot be taken out of use then.

use coffer_protocol::operation::kms::{BindCloudResource, UnbindCloudResource};

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Notes that a resource of a product uses a CMK, each named with 1 to 128 bytes. The key can be neither disabled,
    /// archived nor deleted then, and its imported material no longer expires. Noting it again changes nothing.
    ///
    /// Refused with `CmkStateNotSupport`.
    bind_cloud_resource(key: &KeyName, product: &str, resource: &str) -> ()
        = BindCloudResource {
            key_id: key.to_field(), product: product.to_owned(), resource: resource.to_owned()
        }, NONE => |_, _| ();

    /// Takes such a note back.
    ///
    /// Refused with `BindingNotFound`.
    unbind_cloud_resource(key: &KeyName, product: &str, resource: &str) -> ()
        = UnbindCloudResource {
            key_id: key.to_field(), product: product.to_owned(), resource: resource.to_owned()
        }, NONE => |_, _| ();
}
