//! Work around the mechanisms: objects, sessions, processes, and Coffer's wire.

use std::path::Path;
use std::time::Instant;

use coffer_client::{Application, ConnectOptions, Role};
use coffer_protocol::operation::token::{GetSessionInfo, OpenSession};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};

use super::failure::Failure;
use super::measure::{Timing, Work};
use super::start::Started;
use super::token::Token;
use super::{keys, start};
use crate::daemon::Daemon;

type Made<'t> = Result<Work<'t>, Failure>;

/// One round trip to the daemon, without the module: the request that does least.
pub(super) fn empty_call(token: &Token) -> Made<'_> {
    let missing = || Failure("the daemon's socket is not known".to_owned());
    let socket = token.target.socket.as_ref().ok_or_else(missing)?;
    let slot = u32::try_from(token.slot.id()).map_err(|_| missing())?;
    let options = ConnectOptions::new(Role::Application, "coffer-bench");
    let application = Application::open(socket, &options)?;
    let opened = application.call(&OpenSession { slot, read_write: false }, &[])?;
    let request = GetSessionInfo { session: opened.meta.session };
    Ok(Box::new(move || {
        application.call(&request, &[])?;
        Ok(Timing::Whole)
    }))
}

pub(super) fn attributes(token: &Token) -> Made<'_> {
    let (session, key) = (token.session()?, keys::aes(token)?);
    let wanted = [AttributeType::Label, AttributeType::Id, AttributeType::KeyType];
    Ok(Box::new(move || {
        let read = session.get_attributes(key, &wanted)?;
        if read.len() == wanted.len() {
            return Ok(Timing::Whole);
        }
        Err(Failure(format!("{} of {} attributes", read.len(), wanted.len())))
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants it")]
pub(super) fn session(token: &Token) -> Made<'_> {
    Ok(Box::new(move || {
        token.session()?.close()?;
        Ok(Timing::Whole)
    }))
}

/// What an object is searched by.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// Its label.
    Label,
    /// Its class and its label, as most applications do.
    ClassAndLabel,
    /// `CKA_ID`.
    Id,
    /// `CKA_UNIQUE_ID`.
    UniqueId,
}

pub(super) fn find(token: &Token, objects: usize, by: By) -> Made<'_> {
    let key = keys::aes(token)?;
    keys::fill(token, objects)?;
    let session = token.session()?;
    let name = b"bench AES".to_vec();
    let template = match by {
        By::Label => vec![Attribute::Label(name)],
        By::ClassAndLabel => {
            vec![Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(name)]
        }
        By::Id => vec![Attribute::Id(name)],
        By::UniqueId => session.get_attributes(key, &[AttributeType::UniqueId])?,
    };
    Ok(Box::new(move || match session.find_objects(&template)?.len() {
        1 => Ok(Timing::Whole),
        count => Err(Failure(format!("{count} objects found"))),
    }))
}

/// A second daemon on a copy of the store, until it answers.
pub(super) fn daemon_start(token: &Token, objects: usize) -> Made<'_> {
    keys::fill(token, objects)?;
    let missing = || Failure("the daemon's socket is not known".to_owned());
    let folder = token.target.socket.as_ref().and_then(|socket| socket.parent());
    let folder = folder.ok_or_else(missing)?;
    let copy = tempfile::tempdir()?;
    copy_files(folder, copy.path())?;
    Ok(Box::new(move || {
        let begun = Instant::now();
        let daemon = Daemon::start_in(copy.path());
        let elapsed = begun.elapsed();
        drop(daemon);
        Ok(Timing::Part(elapsed))
    }))
}

/// Copies files and folders, without sockets.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            std::fs::create_dir(&to)?;
            copy_files(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Other work, on a token with so many objects.
pub(super) fn among<'t>(
    token: &'t Token,
    objects: usize,
    work: impl FnOnce(&'t Token) -> Made<'t>,
) -> Made<'t> {
    keys::fill(token, objects)?;
    work(token)
}

/// What is made is destroyed again, which does not count.
pub(super) fn generate_aes(token: &Token) -> Made<'_> {
    let session = token.session()?;
    Ok(Box::new(move || {
        let begun = Instant::now();
        let key = session.generate_key(&Mechanism::AesKeyGen, &keys::new_aes("generated"))?;
        let elapsed = begun.elapsed();
        session.destroy_object(key)?;
        Ok(Timing::Part(elapsed))
    }))
}

pub(super) fn generate_p256(token: &Token) -> Made<'_> {
    let session = token.session()?;
    let [public, private] = keys::new_p256("generated");
    Ok(Box::new(move || {
        let begun = Instant::now();
        let made = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
        let elapsed = begun.elapsed();
        session.destroy_object(made.0)?;
        session.destroy_object(made.1)?;
        Ok(Timing::Part(elapsed))
    }))
}

/// What ends the measurement of a process's start.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// The first signature, with a login before it.
    Signature,
    /// The same, but the time in C_Login is taken off.
    SignatureWithoutLogin,
    /// The first verification, which needs no login.
    Verification,
}

pub(super) fn start(token: &Token, objects: usize, until: Until) -> Made<'_> {
    let (_, private) = keys::p256(token)?;
    keys::fill(token, objects)?;
    let session = token.session()?;
    let signature = session.sign(&Mechanism::Ecdsa, private, &start::DIGEST)?;
    let signature = matches!(until, Until::Verification).then_some(signature);
    Ok(Box::new(move || {
        let Started { whole, login } = start::start(&token.target, signature.as_deref())?;
        Ok(Timing::Part(match until {
            Until::Signature | Until::Verification => whole,
            Until::SignatureWithoutLogin => whole.saturating_sub(login),
        }))
    }))
}
