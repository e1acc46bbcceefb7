//! Random bytes and what the service is.

use crate::message::messages;

messages! {
    /// Makes random bytes.
    GenerateRandom {
        field length: i64 = "NumberOfBytes" Clear "1 to 1,024.";
    }
    /// Random bytes.
    GeneratedRandom {
        payload plaintext = "Plaintext" Tagged "The bytes.";
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
        field mac: Vec<Algorithm> = "MacAlgorithms" Clear "For message authentication codes.";
        field agreement: Vec<Algorithm> = "KeyAgreementAlgorithms" Clear "For shared secrets.";
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
