//! Messages of the KMS API (version 2019-01-18) under their documented field names.

use crate::message::{Bytes, messages};

messages! {
    /// Makes a CMK.
    CreateKey {
        field alias: String                  = "Alias"       Clear "Unique name: 1 to 60 letters, digits, _ or -.";
        field description: Option<String>    = "Description" Clear "Up to 1,024 bytes.";
        field key_usage: Option<String>      = "KeyUsage"    Clear "What the key is for; ENCRYPT_DECRYPT when absent. ListAlgorithms lists them.";
        field key_spec: Option<String>       = "KeySpec"     Clear "AES_256 (when absent) or SM4, for ENCRYPT_DECRYPT.";
        field key_type: Option<i64>          = "Type"        Clear "1: material generated here (when absent); 2: material to be imported.";
        field tags: Option<Vec<Tag>>         = "Tags"        Clear "Labels for grouping.";
        field hsm_cluster: Option<String>    = "HsmClusterId" Clear "Always empty on a single host.";
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
    /// Encrypts up to 4,096 bytes.
    Encrypt {
        field key_id: String             = "KeyId"             Clear  "Id or alias/<name> of the key.";
        payload plaintext                = "Plaintext"         Tagged "1 to 4,096 bytes.";
        field context: Option<String>    = "EncryptionContext" Clear  "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A ciphertext.
    Encrypted {
        payload ciphertext   = "CiphertextBlob" Tagged "The ciphertext; it names its key and version.";
        field key_id: String = "KeyId"          Clear  "Id of the key.";
    }
    /// Decrypts what Encrypt or GenerateDataKey made.
    Decrypt {
        payload ciphertext                   = "CiphertextBlob"    Tagged "The ciphertext.";
        field context: Option<String>        = "EncryptionContext" Clear  "The context given at encryption.";
        field expected_key: Option<String>   = "ExpectedKeyId"     Clear  "Refuses a ciphertext of another key.";
    }
    /// A plaintext.
    Decrypted {
        field key_id: String = "KeyId"     Clear  "Id of the key.";
        payload plaintext    = "Plaintext" Tagged "The plaintext.";
    }
    /// Makes a data key: once in clear for use, once encrypted for keeping.
    GenerateDataKey {
        field key_id: String            = "KeyId"             Clear "Id or alias/<name> of the key.";
        field key_spec: Option<String>  = "KeySpec"           Clear "AES_128 or AES_256.";
        field length: Option<i64>       = "NumberOfBytes"     Clear "1 to 1,024; takes precedence over KeySpec.";
        field context: Option<String>   = "EncryptionContext" Clear "JSON object of strings, up to 1,024 bytes; decryption needs the same.";
    }
    /// A data key.
    GeneratedDataKey {
        field key_id: String    = "KeyId"          Clear  "Id of the CMK.";
        payload plaintext       = "Plaintext"      Tagged "The data key; wipe it after use.";
        field ciphertext: Bytes = "CiphertextBlob" Tagged "The data key encrypted; Decrypt opens it.";
        field tag_code: i64     = "TagCode"        Clear  "0: tags were set.";
        field tag_message: String = "TagMsg"       Clear  "Why tags were not set.";
    }
    /// Makes random bytes.
    GenerateRandom {
        field length: i64 = "NumberOfBytes" Clear "1 to 1,024.";
    }
    /// Random bytes.
    GeneratedRandom {
        payload plaintext = "Plaintext" Tagged "The bytes.";
    }
    /// Tells the public key of an asymmetric CMK.
    GetPublicKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// A public key.
    PublicKey {
        field key_id: String    = "KeyId"        Clear "Id of the key.";
        field public_key: Bytes = "PublicKey"    Clear "SubjectPublicKeyInfo (RFC 5280) in DER.";
        field pem: String       = "PublicKeyPem" Clear "The same in PEM.";
    }
    /// Signs a message or its digest.
    SignByAsymmetricKey {
        field algorithm: String            = "Algorithm"   Clear  "SM2DSA, ECC_P256_R1, ECC_P384_R1, RSA_PSS_SHA_256 or RSA_PKCS1_SHA_256.";
        payload message                    = "Message"     Tagged "Up to 4,096 bytes, or the digest.";
        field key_id: String               = "KeyId"       Clear  "Id or alias/<name> of the key.";
        field message_type: Option<String> = "MessageType" Clear  "RAW (when absent) or DIGEST.";
    }
    /// A signature.
    Signed {
        payload signature = "Signature" Tagged "DER for SM2 and ECDSA, raw for RSA.";
    }
    /// Verifies a signature.
    VerifyByAsymmetricKey {
        field key_id: String               = "KeyId"          Clear  "Id or alias/<name> of the key.";
        field signature: Bytes             = "SignatureValue" Tagged "The signature.";
        payload message                    = "Message"        Tagged "Up to 4,096 bytes, or the digest.";
        field algorithm: String            = "Algorithm"      Clear  "As it was signed.";
        field message_type: Option<String> = "MessageType"    Clear  "RAW (when absent) or DIGEST.";
    }
    /// Whether a signature is right; a wrong one is a successful call.
    Verified {
        field valid: bool = "SignatureValid" Clear "true or false.";
    }
    /// Tells the state of the service.
    GetServiceStatus {
    }
    /// The state of the service.
    ServiceStatus {
        field enabled: bool            = "ServiceEnabled"       Clear "false while the daemon is sealed.";
        field invalid_type: i64        = "InvalidType"          Clear "Always 1: normal.";
        field user_level: i64          = "UserLevel"            Clear "Always 1.";
        field expire_time: i64         = "ProExpireTime"        Clear "Always 0: never.";
        field renew_flag: i64          = "ProRenewFlag"         Clear "Always 0.";
        field resource: String         = "ProResourceId"        Clear "Always empty.";
        field exclusive_vsm: bool      = "ExclusiveVSMEnabled"  Clear "Always false.";
        field exclusive_hsm: bool      = "ExclusiveHSMEnabled"  Clear "Always false.";
        field subscription: String     = "SubscriptionInfo"     Clear "Always empty.";
        field key_count: i64           = "CmkUserCount"         Clear "CMKs that count in the quota.";
        field key_limit: i64           = "CmkLimit"             Clear "The quota.";
        field hosted: bool             = "IsAllowedDataKeyHosted" Clear "Whether data keys can be kept here.";
        field data_key_limit: i64      = "DataKeyLimit"         Clear "Most data keys kept here.";
        field free_data_keys: i64      = "FreeDataKeyLimit"     Clear "Always 0.";
        field data_keys: i64           = "DataKeyUsedCount"     Clear "Data keys kept here.";
        field sync_allowed: bool       = "IsAllowedSync"        Clear "Always false.";
    }
    /// Lists the algorithms of keys.
    ListAlgorithms {
    }
    /// Algorithms by what they do.
    Algorithms {
        field symmetric: Vec<Algorithm>  = "SymmetricAlgorithms"            Clear "For ENCRYPT_DECRYPT.";
        field asymmetric: Vec<Algorithm> = "AsymmetricAlgorithms"           Clear "For asymmetric decryption.";
        field signing: Vec<Algorithm>    = "AsymmetricSignVerifyAlgorithms" Clear "For signatures.";
    }
    /// An algorithm.
    Algorithm {
        field key_usage: String = "KeyUsage"  Clear "The usage that CreateKey takes.";
        field algorithm: String = "Algorithm" Clear "Its name.";
    }
    /// Lists the regions, which are the partitions.
    GetRegions {
    }
    /// Regions.
    Regions {
        field regions: Vec<String> = "Regions" Clear "local, then the names of the partitions.";
    }
}
