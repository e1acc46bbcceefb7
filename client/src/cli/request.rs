//! Requests of the KMS API that are sent as they stand in the operation table.

use coffer_client::kms::Kms;
use coffer_client::{Error, Reply};
use coffer_protocol::operation::Operation;

/// Sends a request that has no payload.
pub(crate) fn call<O: Operation>(kms: &mut Kms, request: &O) -> Result<O::Reply, Error> {
    Ok(call_with(kms, request, &[])?.meta)
}

/// Sends a request with its payload.
pub(crate) fn call_with<O: Operation>(
    kms: &mut Kms,
    request: &O,
    payload: &[u8],
) -> Result<Reply<O::Reply>, Error> {
    kms.call(request, payload)
}

/// Asks whether a request without a payload would succeed.
pub(crate) fn dry_run<O: Operation>(kms: &mut Kms, request: &O) -> Result<(), Error> {
    kms.connection()?.dry_run(request, &[]).map(drop)
}
