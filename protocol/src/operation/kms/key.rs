//! Keys: made, described, listed, and where they are in their life.

use crate::message::messages;

messages! {
    /// Makes a CMK.
    CreateKey {
        field alias: String                  = "Alias"       Clear "Unique name: 1 to 60 letters, digits, _ or -.";
        field description: Option<String>    = "Description" Clear "Up to 1,024 bytes.";
        field key_usage: Option<String>      = "KeyUsage"    Clear "What the key is for; ENCRYPT_DECRYPT when absent. ListAlgorithms lists them.";
        field key_spec: Option<String>       = "KeySpec"     Clear "What the material is, where the usage leaves a choice; the first of ListAlgorithms when absent.";
        field key_type: Option<i64>          = "Type"        Clear "1: material generated here (when absent); 2: material to be imported.";
        field tags: Option<Vec<Tag>>         = "Tags"        Clear "Labels for grouping.";
        field hsm_cluster: Option<String>    = "HsmClusterId" Clear "Always empty on a single host.";
        field client_token: Option<String> = "ClientToken" Clear "1 to 64 bytes: the same request with the same token makes one key in 24 hours.";
        field rotate_days: Option<i64> = "RotateDays" Clear "Lets the key rotate by itself, as EnableKeyRotation does.";
    }
    /// A new CMK.
    CreatedKey {
        field key_id: String        = "KeyId"        Clear "Its id, a UUID.";
        field alias: String         = "Alias"        Clear "Its name.";
        field create_time: i64      = "CreateTime"   Clear "UNIX seconds.";
        field description: String   = "Description"  Clear "Its description.";
        field key_state: String     = "KeyState"     Clear "Enabled, or PendingImport.";
        field key_usage: String     = "KeyUsage"     Clear "What it is for.";
        field tag_code: i64         = "TagCode"      Clear "0: tags were set.";
        field tag_message: String   = "TagMsg"       Clear "Why tags were not set.";
        field hsm_cluster: String   = "HsmClusterId" Clear "Always empty on a single host.";
    }
    /// A label of a key.
    Tag {
        field key: String   = "TagKey"   Clear "Its name.";
        field value: String = "TagValue" Clear "Its value.";
    }
    /// A condition on tags: the key has one of the values.
    TagFilter {
        field key: String         = "TagKey"   Clear "The tag's name.";
        field values: Vec<String> = "TagValue" Clear "Values, one of which it must have.";
    }
    /// Tells the attributes of a CMK.
    DescribeKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// The attributes of a CMK.
    DescribedKey {
        field metadata: KeyMetadata = "KeyMetadata" Clear "What is known of the key.";
    }
    /// What is known of a CMK; never its material.
    KeyMetadata {
        field key_id: String          = "KeyId"              Clear "Its id, a UUID.";
        field alias: String           = "Alias"              Clear "Its name; empty for a key of a PKCS#11 application.";
        field create_time: i64        = "CreateTime"         Clear "UNIX seconds.";
        field description: String     = "Description"        Clear "Its description.";
        field key_state: String       = "KeyState"           Clear "Enabled, Disabled, PendingDelete, PendingImport or Archived.";
        field key_usage: String       = "KeyUsage"           Clear "What it is for.";
        field key_type: i64           = "Type"               Clear "2: international algorithms; 4: Chinese national algorithms.";
        field creator: u64            = "CreatorUin"         Clear "Uid of the account that made it.";
        field creator_text: String    = "CreatorUinString"   Clear "The same as text.";
        field rotation: bool          = "KeyRotationEnabled" Clear "Whether it rotates by itself.";
        field owner: String           = "Owner"              Clear "user, or the service that it belongs to.";
        field next_rotate_time: i64   = "NextRotateTime"     Clear "UNIX seconds; 0 when rotation is off.";
        field deletion_date: i64      = "DeletionDate"       Clear "UNIX seconds; 0 unless PendingDelete.";
        field origin: String          = "Origin"             Clear "TENCENT_KMS (generated here) or EXTERNAL (imported).";
        field valid_to: i64           = "ValidTo"            Clear "When imported material expires, in UNIX seconds; 0: never.";
        field resource_id: String     = "ResourceId"         Clear "creatorUin/<creator>/<KeyId>, as policies name it.";
        field hsm_cluster: String     = "HsmClusterId"       Clear "Always empty on a single host.";
        field rotate_days: i64        = "RotateDays"         Clear "Rotation period; 0 when rotation is off.";
        field last_rotate_time: i64   = "LastRotateTime"     Clear "UNIX seconds; 0: never rotated.";
        field is_replica: bool        = "IsSyncReplica"      Clear "Always false on a single host.";
        field source_region: String   = "SourceRegion"       Clear "Always empty on a single host.";
        field sync_status: i64        = "SyncStatus"         Clear "Always 0 on a single host.";
        field sync_messages: String   = "SyncMessages"       Clear "Always empty on a single host.";
        field sync_start: i64         = "SyncStartTime"      Clear "Always 0 on a single host.";
        field sync_end: i64           = "SyncEndTime"        Clear "Always 0 on a single host.";
        field source_cluster: String  = "SourceHsmClusterId" Clear "Always empty on a single host.";
        field account_app: i64        = "AccountAppId"       Clear "Always 0 on a single host.";
        field account: u64            = "AccountUin"         Clear "Uid of the owner.";
        field account_name: String    = "AccountName"        Clear "Name of the owner.";
        field key_spec: String        = "KeySpec"            Clear "The algorithm of its material.";
        field key_version: u32        = "KeyVersion"         Clear "Number of its newest version.";
    }
    /// Lists CMKs that are Enabled, Disabled or PendingImport.
    ListKeys {
        field offset: Option<i64>         = "Offset" Clear "First result; 0 when absent.";
        field limit: Option<i64>          = "Limit"  Clear "Results, 1 to 200; 10 when absent.";
        field role: Option<i64>           = "Role"   Clear "0: keys of users (when absent); 1: keys of services.";
        field hsm_cluster: Option<String> = "HsmClusterId" Clear "Always empty on a single host.";
    }
    /// Ids of CMKs.
    ListedKeys {
        field keys: Vec<Key> = "Keys"       Clear "One entry per key.";
        field total: i64     = "TotalCount" Clear "How many there are, without paging.";
    }
    /// The id of a CMK.
    Key {
        field key_id: String = "KeyId" Clear "Its id, a UUID.";
    }
    /// Lists CMKs with their attributes.
    ListKeyDetail {
        field offset: Option<i64>          = "Offset"         Clear "First result; 0 when absent.";
        field limit: Option<i64>           = "Limit"          Clear "Results, 1 to 200; 10 when absent.";
        field role: Option<i64>            = "Role"           Clear "0: keys of users (when absent); 1: keys of services.";
        field order: Option<i64>           = "OrderType"      Clear "By creation: 0 newest first (when absent), 1 oldest first.";
        field key_state: Option<i64>       = "KeyState"       Clear "0 all, 1 Enabled, 2 Disabled, 3 PendingDelete, 4 PendingImport, 5 Archived.";
        field search: Option<String>       = "SearchKeyAlias" Clear "Part of an id or alias.";
        field origin: Option<String>       = "Origin"         Clear "TENCENT_KMS, EXTERNAL or ALL (when absent).";
        field key_usage: Option<String>    = "KeyUsage"       Clear "One usage, or ALL; ENCRYPT_DECRYPT when absent.";
        field tags: Option<Vec<TagFilter>> = "TagFilters"     Clear "Conditions on tags; all must hold.";
        field hsm_cluster: Option<String>  = "HsmClusterId"   Clear "Always empty on a single host.";
    }
    /// CMKs with their attributes.
    ListedKeyDetail {
        field total: i64             = "TotalCount"   Clear "How many match, without paging.";
        field keys: Vec<KeyMetadata> = "KeyMetadatas" Clear "One entry per key.";
    }
    /// Enables a disabled CMK.
    EnableKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Disables a CMK; it can be enabled again.
    DisableKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Nothing but the request's id.
    Done {
    }
    /// Tells the attributes of several CMKs.
    DescribeKeys {
        field key_ids: Vec<String> = "KeyIds" Clear "1 to 100 ids or alias/<name>, each key once.";
    }
    /// The attributes of CMKs, in the order they were asked for.
    DescribedKeys {
        field metadatas: Vec<KeyMetadata> = "KeyMetadatas" Clear "What is known of each key.";
    }
    /// Enables several CMKs, all or none.
    EnableKeys {
        field key_ids: Vec<String> = "KeyIds" Clear "1 to 100 ids or alias/<name>, each key once.";
    }
    /// Disables several CMKs, all or none.
    DisableKeys {
        field key_ids: Vec<String> = "KeyIds" Clear "1 to 100 ids or alias/<name>, each key once.";
    }
    /// Changes the description of a CMK.
    UpdateKeyDescription {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field description: String = "Description" Clear "Up to 1,024 bytes.";
    }
    /// Changes the name of a CMK.
    UpdateAlias {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field alias: String = "Alias" Clear "Unique name: 1 to 60 letters, digits, _ or -.";
    }
    /// Schedules the destruction of a disabled CMK, or of one that waits for its material.
    ScheduleKeyDeletion {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field days: i64 = "PendingWindowInDays" Clear "Days to wait, 7 to 30; the configuration may allow more.";
    }
    /// When a CMK will be destroyed.
    ScheduledDeletion {
        field deletion_date: i64 = "DeletionDate" Clear "UNIX seconds.";
        field key_id: String     = "KeyId"        Clear "Id of the key.";
    }
    /// Takes back the destruction of a CMK; it is Disabled then, or PendingImport where it has no material.
    CancelKeyDeletion {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Takes an enabled CMK out of use: it still decrypts and verifies, but does not encrypt or sign.
    ArchiveKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Enables an archived CMK.
    CancelKeyArchive {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Tells when and for what a CMK was used last.
    GetKeyLastUsage {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// The last use of a CMK; the fields of a use are absent where there was none.
    KeyLastUsage {
        field key_id: String             = "KeyId"         Clear "Id of the key.";
        field operation: Option<String>  = "Operation"     Clear "The action that used it.";
        field time: Option<i64>          = "Time"          Clear "UNIX seconds.";
        field event: Option<String>      = "EventId"       Clear "RequestId of that use, as in the audit log.";
        field tracking_start: i64        = "TrackingStartDate" Clear "Uses are known since then; UNIX seconds.";
    }
    /// Sets tags of a CMK; a tag that is there gets the new value.
    TagResource {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field tags: Vec<Tag> = "Tags" Clear "1 to 10 tags; a key has at most 10.";
    }
    /// Removes tags of a CMK.
    UntagResource {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field tag_keys: Vec<String> = "TagKeys" Clear "Names of 1 to 10 tags that it has.";
    }
    /// Tells the tags of a CMK.
    ListResourceTags {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Tags of a CMK.
    ResourceTags {
        field tags: Vec<Tag> = "Tags" Clear "One entry per tag.";
    }
    /// The id of the CMK that was changed.
    KeyChanged {
        field key_id: String = "KeyId" Clear "Id of the key.";
    }
}
