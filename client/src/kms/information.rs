//! Random bytes and what the service is.

pub use coffer_protocol::operation::kms::{Algorithms, ServiceStatus};
use coffer_protocol::operation::kms::{
    GenerateRandom, GetRegions, GetServiceStatus, ListAlgorithms,
};
use coffer_protocol::operation::system::{DaemonStatus, GetStatus};
use secrecy::SecretSlice;

use super::call::{NONE, calls, secret};

calls! {
    /// Makes 1 to 1,024 random bytes.
    generate_random(length: u16) -> SecretSlice<u8>
        = GenerateRandom { length: i64::from(length) }, NONE => |_, payload| secret(payload);

    /// Tells the state of the service, also while it is sealed.
    service_status() -> ServiceStatus
        = GetServiceStatus {}, NONE => |status, _| status;

    /// Lists the algorithms of keys, also while the service is sealed.
    algorithms() -> Algorithms
        = ListAlgorithms {}, NONE => |algorithms, _| algorithms;

    /// Lists the regions, which are the partitions.
    regions() -> Vec<String>
        = GetRegions {}, NONE => |listed, _| listed.regions;

    /// Tells how the daemon is; everybody who may connect may ask.
    daemon_status() -> DaemonStatus
        = GetStatus {}, NONE => |status, _| status;
}
