//! C_Encrypt, C_Decrypt and their parts (sections 5.8 and 5.10).

use coffer_protocol::mechanism::{Function, MechanismCall, OutputLength, Parts};
use coffer_protocol::operation::cipher::{DecryptData, EncryptData};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{self, Error, Family};
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::operation::{Active, Operations, conclude, flag, init_with, step};
use crate::output::{Output, Room};
use crate::session::Session;
use crate::stream::{CHUNK, Stream};

/// An active encryption or decryption.
pub(crate) struct Encryption {
    key_use: KeyUse,
    stage: Stage,
}

enum Stage {
    /// Nothing happened since C_*Init.
    Fresh,
    /// A single-part result did not fit; it waits for the repeated call with the same input.
    Kept { input: [u8; 32], result: Zeroizing<Vec<u8>> },
    /// Parts came; `held` bytes of them have not come out yet.
    Parts { stream: Stream, held: usize },
    /// The last yield did not fit; it waits for the repeated call of C_*Final.
    Finished(Zeroizing<Vec<u8>>),
}

/// `C_EncryptInit` and `C_DecryptInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    init_with(module, handle, function, mechanism, active, |session, call| {
        Ok(Encryption { key_use: KeyUse::new(session, function, call, key)?, stage: Stage::Fresh })
    })
}

/// `C_Encrypt` and `C_Decrypt`: one frame.
pub(crate) fn whole(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    data: &[u8],
    room: Room,
) -> Result<Output, Error> {
    let family = match function {
        Function::Decrypt => &error::DECRYPT,
        _ => &error::ENCRYPT,
    };
    conclude(
        module,
        handle,
        |operations| active(operations, function),
        |encryption, session| {
            encryption.whole(session, data, room).map_err(|error| error.late(family))
        },
    )
}

/// `C_EncryptUpdate` and `C_DecryptUpdate`.
pub(crate) fn update(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    part: &[u8],
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    step(active(&mut operations, function), &session, |encryption| {
        encryption.update(&session, part, room).map_err(|error| error.late(family(function)))
    })
}

/// `C_EncryptFinal` and `C_DecryptFinal`.
pub(crate) fn finish(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    room: Room,
) -> Result<Output, Error> {
    conclude(
        module,
        handle,
        |operations| active(operations, function),
        |encryption, session| {
            encryption.finish(session, room).map_err(|error| error.late(family(function)))
        },
    )
}

fn active(operations: &mut Operations, function: Function) -> &mut Option<Encryption> {
    match function {
        Function::Decrypt => &mut operations.decryption,
        _ => &mut operations.encryption,
    }
}

/// What the parts may answer.
fn family(function: Function) -> &'static Family {
    match function {
        Function::Decrypt => &error::DECRYPT,
        _ => &error::ENCRYPT_PART,
    }
}

impl Encryption {
    fn whole(&mut self, session: &Session, data: &[u8], room: Room) -> Result<Output, Error> {
        match &mut self.stage {
            Stage::Fresh => {}
            Stage::Kept { input, result } if is_same(input, data) => {
                return Ok(hand_out(result, room));
            }
            Stage::Kept { .. } => self.stage = Stage::Fresh,
            // Section 5.2 leaves the code of a single-part call after parts open.
            Stage::Parts { .. } | Stage::Finished(_) => return Err(Error::OperationActive),
        }
        let bound = self.key_use.max_output(data.len());
        let answer =
            if self.is_exact() { room.answer_exact(bound) } else { room.answer_bound(bound) };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let result = self.key_use.encrypt_or_decrypt(session, data)?;
        Ok(room.offer(result, |result| {
            self.stage = Stage::Kept { input: Sha256::digest(data).into(), result };
        }))
    }

    /// Takes one more part and gives what it yields.
    pub(crate) fn update(
        &mut self,
        session: &Session,
        part: &[u8],
        room: Room,
    ) -> Result<Output, Error> {
        if self.key_use.mechanism.parts == Parts::Single {
            return Err(Error::FunctionNotSupported);
        }
        let function = self.key_use.function;
        if let Stage::Fresh = self.stage {
            self.stage = Stage::Parts { stream: Stream::new(flag(function)), held: 0 };
        }
        let Self { key_use, stage: Stage::Parts { stream, held } } = self else {
            return Err(Error::OperationActive);
        };
        let length = key_use.mechanism.update_output(key_use.function, *held, part.len());
        if let Some(answer) = room.answer_exact(length) {
            return Ok(answer);
        }
        let yielded = stream.send(session, key_use, part)?;
        if yielded.len() != length {
            stream.cancel(session, key_use);
            return Err(Error::DeviceError);
        }
        *held = held.saturating_add(part.len()).saturating_sub(length);
        Ok(Output::Bytes(yielded))
    }

    fn finish(&mut self, session: &Session, room: Room) -> Result<Output, Error> {
        let held = match &mut self.stage {
            Stage::Fresh => 0,
            Stage::Parts { held, .. } => *held,
            Stage::Finished(result) => return Ok(hand_out(result, room)),
            Stage::Kept { .. } => return Err(Error::OperationActive),
        };
        let bound = self.key_use.max_output(held);
        let answer =
            if self.is_exact() { room.answer_exact(bound) } else { room.answer_bound(bound) };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let result = match &mut self.stage {
            Stage::Parts { stream, .. } if stream.is_open() => {
                stream.finish(session, &self.key_use, &[])?
            }
            _ => self.key_use.encrypt_or_decrypt(session, &[])?,
        };
        Ok(room.offer(result, |result| self.stage = Stage::Finished(result)))
    }

    /// Whether lengths are known before the result is: unless a padding is taken off.
    fn is_exact(&self) -> bool {
        self.key_use.function == Function::Encrypt
            || matches!(self.key_use.mechanism.output, OutputLength::Same | OutputLength::Tagged)
    }
}

impl KeyUse {
    /// Encrypts or decrypts the whole input.
    pub(crate) fn encrypt_or_decrypt(
        &self,
        session: &Session,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.expect_authenticated()?;
        let Self { key, call, function, .. } = self;
        if data.len().max(self.max_output(data.len())) > CHUNK {
            if self.mechanism.parts == Parts::Single {
                return Err(Error::DataLenRange);
            }
            return self.stream(session, data, &[]);
        }
        let (number, key, mechanism) = (session.number(), key.object, call.clone());
        if *function == Function::Decrypt {
            let request = DecryptData { session: number, key, mechanism };
            return Ok(session.call(&request, data)?.payload);
        }
        let request = EncryptData { session: number, key, mechanism };
        Ok(session.call(&request, data)?.payload)
    }
}

impl Active for Encryption {
    fn cancel(&mut self, session: &Session) {
        if let Stage::Parts { stream, .. } = &mut self.stage {
            stream.cancel(session, &self.key_use);
        }
    }

    fn key_use(&mut self) -> &mut KeyUse {
        &mut self.key_use
    }
}

/// A result that is there already.
pub(crate) fn hand_out(result: &mut Zeroizing<Vec<u8>>, room: Room) -> Output {
    match room.answer_exact(result.len()) {
        Some(answer) => answer,
        None => Output::Bytes(std::mem::take(result)),
    }
}

/// Whether it is the data of that digest.
pub(crate) fn is_same(digest: &[u8; 32], data: &[u8]) -> bool {
    <[u8; 32]>::from(Sha256::digest(data)) == *digest
}
