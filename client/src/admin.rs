//! Administration as typed, blocking calls on the admin socket.

use std::path::Path;

use coffer_protocol::ErrorCode;
use coffer_protocol::message::Bytes;
pub use coffer_protocol::operation::backup::{
    BackupPart, BackupStarted, RestorePlan, RestoreProgress, RestoreStarted, Restored,
    StoreCheckProgress, StoreCheckStarted,
};
use coffer_protocol::operation::backup::{
    ContinueStoreCheck, FinishRestore, ReadBackupPart, SendRestorePart, StartBackup, StartRestore,
    StartStoreCheck, StopTransfers,
};
pub use coffer_protocol::operation::system::{
    AuditEvents, AuditVerified, DaemonStatus, ListAuditEvents, Partition,
};
use coffer_protocol::operation::system::{
    ConfirmTime, CreatePartition, GetStatus, InitPartition, ListPartitions, VerifyAudit,
};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use crate::connection::{ConnectOptions, Connection, Role};
use crate::{Error, socket};

/// Bytes at the beginning of a backup's file that [`Admin::start_restore`] takes.
pub use coffer_protocol::operation::backup::HEADER_LENGTH as BACKUP_HEADER;

/// A connection for administration, which only the owner can make.
///
/// ```no_run
/// use coffer_client::admin::Admin;
///
/// for partition in Admin::connect("example")?.partitions()? {
///     println!("{} has slot {}", partition.name, partition.slot);
/// }
/// # Ok::<(), coffer_client::Error>(())
/// ```
pub struct Admin {
    connection: Connection,
}

impl Admin {
    /// Connects to the daemon's usual admin socket.
    pub fn connect(client_name: &str) -> Result<Self, Error> {
        let options = ConnectOptions::new(Role::Service, client_name);
        Self::open(&socket::admin_path(), &options)
    }

    /// Connects to a socket.
    pub fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        Ok(Self { connection: Connection::open(path, options)? })
    }

    /// Tells how the daemon is.
    pub fn status(&mut self) -> Result<DaemonStatus, Error> {
        Ok(self.connection.call(&GetStatus {}, &[])?.meta)
    }

    /// Lists the partitions.
    pub fn partitions(&mut self) -> Result<Vec<Partition>, Error> {
        Ok(self.connection.call(&ListPartitions {}, &[])?.meta.partitions)
    }

    /// Makes a partition with an uninitialised token.
    pub fn create_partition(&mut self, name: &str) -> Result<Partition, Error> {
        let request = CreatePartition { name: name.to_owned() };
        Ok(self.connection.call(&request, &[])?.meta.partition)
    }

    /// Sets the PINs of a partition's token; a locked PIN is free again.
    pub fn init_partition(
        &mut self,
        name: &str,
        so_pin: &SecretSlice<u8>,
        user_pin: &SecretSlice<u8>,
    ) -> Result<Partition, Error> {
        let (so_pin, user_pin) = (so_pin.expose_secret(), user_pin.expose_secret());
        let so_pin_length = u32::try_from(so_pin.len()).map_err(|_| pin_length())?;
        let mut pins = Zeroizing::new(Vec::with_capacity(so_pin.len() + user_pin.len()));
        pins.extend_from_slice(so_pin);
        pins.extend_from_slice(user_pin);
        let request = InitPartition { name: name.to_owned(), so_pin_length };
        Ok(self.connection.call(&request, &pins)?.meta.partition)
    }

    /// Freezes the store for a backup under a passphrase.
    pub fn start_backup(&mut self, passphrase: &SecretSlice<u8>) -> Result<BackupStarted, Error> {
        Ok(self.connection.call(&StartBackup {}, passphrase.expose_secret())?.meta)
    }

    /// Gives the next part of the backup's file.
    pub fn read_backup_part(&mut self) -> Result<(BackupPart, Zeroizing<Vec<u8>>), Error> {
        let reply = self.connection.call(&ReadBackupPart {}, &[])?;
        Ok((reply.meta, reply.payload))
    }

    /// Opens a backup, by the first [`BACKUP_HEADER`] bytes of its file.
    pub fn start_restore(
        &mut self,
        header: &[u8],
        passphrase: &SecretSlice<u8>,
    ) -> Result<RestoreStarted, Error> {
        let request = StartRestore { header: Bytes(header.to_vec()) };
        Ok(self.connection.call(&request, passphrase.expose_secret())?.meta)
    }

    /// Sends the next bytes of the file; after the last ones the reply has the plan.
    pub fn send_restore_part(&mut self, part: &[u8], last: bool) -> Result<RestoreProgress, Error> {
        Ok(self.connection.call(&SendRestorePart { last }, part)?.meta)
    }

    /// Fills the empty store with what was sent.
    pub fn finish_restore(&mut self) -> Result<Restored, Error> {
        Ok(self.connection.call(&FinishRestore {}, &[])?.meta)
    }

    /// Ends the backup, restore or check that this connection began.
    pub fn stop_transfers(&mut self) -> Result<(), Error> {
        self.connection.call(&StopTransfers {}, &[])?;
        Ok(())
    }

    /// Freezes the store to check every record.
    pub fn start_store_check(&mut self) -> Result<StoreCheckStarted, Error> {
        Ok(self.connection.call(&StartStoreCheck {}, &[])?.meta)
    }

    /// Checks the next records.
    pub fn continue_store_check(&mut self) -> Result<StoreCheckProgress, Error> {
        Ok(self.connection.call(&ContinueStoreCheck {}, &[])?.meta)
    }

    /// Lists audit records, newest first; each is the JSON text of a CloudAudit event.
    pub fn audit_events(&mut self, request: &ListAuditEvents) -> Result<AuditEvents, Error> {
        Ok(self.connection.call(request, &[])?.meta)
    }

    /// Confirms that a clock which jumped forward is right, and returns its time in UNIX seconds.
    pub fn confirm_time(&mut self) -> Result<i64, Error> {
        Ok(self.connection.call(&ConfirmTime {}, &[])?.meta.time)
    }

    /// Checks the hash chain of the audit log.
    pub fn verify_audit(&mut self) -> Result<AuditVerified, Error> {
        Ok(self.connection.call(&VerifyAudit {}, &[])?.meta)
    }
}

fn pin_length() -> Error {
    Error::Refused { failure: ErrorCode::PinLength.into(), request_id: 0 }
}
