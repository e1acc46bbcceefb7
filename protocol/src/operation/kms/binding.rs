//! Resources that use a key.

use crate::message::messages;

messages! {
    /// Notes that a resource uses a CMK, which cannot be taken out of use then; its material no longer expires.
    BindCloudResource {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field product: String  = "ProductId"  Clear "Who uses it, 1 to 128 bytes: luks, postgresql, nginx.";
        field resource: String = "ResourceId" Clear "For what, 1 to 128 bytes.";
    }
    /// Takes the note back.
    UnbindCloudResource {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field product: String  = "ProductId"  Clear "As it was bound.";
        field resource: String = "ResourceId" Clear "As it was bound.";
    }
}
