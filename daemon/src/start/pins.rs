//! The first PINs of a token, set by its owner.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::{Refusal, on_worker};
use crate::Error;
use crate::object::Slot;
use crate::partition::Partition;
use crate::pin::Pin;
use crate::service::{Payload, Service};
use crate::vault::{self, Buffer, Depth};

impl Service {
    /// Sets both PINs of a token, as the owner, of that uid: it is initialised afterwards, and no PIN is locked.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::PinLength`], or what the store reports.
    pub fn initialise(
        &self,
        uid: u32,
        slot: Slot,
        pins: &Payload<'_>,
        so_length: u32,
    ) -> Result<Arc<Partition>, Error> {
        let (so, user) = Pin::two(pins, so_length)?;
        self.pins.set_both(uid, slot, &so, &user)?;
        let partition = self.partitions.update(slot, |partition| {
            partition.initialised = true;
            partition.user_pin = true;
        })?;
        self.events.token_changed(slot);
        Ok(partition)
    }

    /// Makes the partitions of `coffer dev` and sets the PINs of those that have none, from a descriptor that
    /// gives the security officer's PIN and the user's, each with a zero byte behind it.
    ///
    /// # Errors
    ///
    /// Where the PINs cannot be read or set.
    pub fn prepare_dev(&self, names: &[String], pins: Option<OwnedFd>) -> Result<(), Refusal> {
        on_worker(|| {
            for name in names {
                if self.partitions.by_name(name).is_none() {
                    self.partitions.create(name, self.clock.now()).map_err(|error| told(&error))?;
                }
            }
            let Some(pins) = pins else { return Ok(()) };
            let (buffer, so, user) = read_pins(&pins)?;
            let so_length = u32::try_from(so).map_err(|_| Refusal::failure("a PIN is too long"))?;
            // Both PINs must stand next to each other; the zero byte between them is taken out in place.
            let payload = Payload::Secret(&buffer, 0..so + user);
            for partition in self.partitions.all() {
                if !partition.initialised {
                    self.initialise(self.owner, partition.slot, &payload, so_length)
                        .map_err(|error| told(&error))?;
                }
            }
            Ok(())
        })
    }
}

fn told(error: &Error) -> Refusal {
    match error.code() {
        ErrorCode::Internal => Refusal::failure(error.to_string()),
        _ => Refusal::failure(error.failure().to_string()),
    }
}

/// Reads `so\0user\0`, closes the gap, and gives both lengths.
fn read_pins(from: &OwnedFd) -> Result<(Buffer, usize, usize), Refusal> {
    let mut buffer = Buffer::new(1024)?;
    let mut filled = 0;
    loop {
        match buffer.receive(from.as_fd(), filled)? {
            0 => break,
            count => filled += count,
        }
    }
    let wrong = || {
        Refusal::failure("the PINs' descriptor must give two PINs, each with a zero byte behind it")
    };
    let lengths = vault::run(Depth::Small, |inside| {
        let bytes = buffer.secret_mut(inside, 0..filled);
        let so = bytes.iter().position(|byte| *byte == 0)?;
        let user = bytes[so + 1..].iter().position(|byte| *byte == 0)?;
        bytes.copy_within(so + 1..so + 1 + user, so);
        Some((so, user))
    })?;
    let (so, user) = lengths.ok_or_else(wrong)?;
    Ok((buffer, so, user))
}
