//! Messages encrypted one after the other under one key, each with a nonce and a tag of its own (PKCS#11 3.0
//! sections 5.9 and 5.11).
//!
//! A message in one call is one request. The process goes on until C_Message*Final, whatever becomes of a message.

use coffer_protocol::mechanism::{
    CcmParameter, ChaChaPolyParameter, Function, GcmParameter, MechanismCall, ParameterShape,
};
use cryptoki_sys::{
    CK_FLAGS, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CKF_MESSAGE_DECRYPT, CKF_MESSAGE_ENCRYPT,
};
use zeroize::Zeroizing;

use crate::error::{self, Error, Family};
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::nonce::{Generator, OwnMaterial};
use crate::operation::{self, Active, Operations, init_with};
use crate::output::{Output, Room};
use crate::session::Session;
use crate::stream::{CHUNK, Stream, append};

/// An active encryption or decryption of messages.
pub(crate) struct MessageEncryption {
    key_use: KeyUse,
    part: Option<Part>,
}

/// A message that was begun.
struct Part {
    stream: Stream,
    tag_length: usize,
    /// Bytes that went in and have not come out.
    held: usize,
}

/// What a caller says of a message, apart from its data.
pub(crate) struct Parameter {
    /// The nonce, or what of it is fixed.
    pub(crate) nonce: Vec<u8>,
    /// How it is made.
    pub(crate) generator: Generator,
    /// Bytes of the tag.
    pub(crate) tag_length: usize,
    /// Bytes of the data, where the mechanism has to know; `None`: as many as there are.
    pub(crate) data_length: Option<u64>,
}

/// What a caller gets, apart from the data: nothing where it only learned a length.
#[derive(Default)]
pub(crate) struct Sealed {
    /// The nonce that was used.
    pub(crate) nonce: Option<Vec<u8>>,
    /// The tag.
    pub(crate) tag: Option<Vec<u8>>,
}

/// `C_MessageEncryptInit` and `C_MessageDecryptInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    init_with(module, handle, function, mechanism, active, |session, call| {
        let row =
            coffer_protocol::mechanism::find(call.mechanism).filter(|row| row.takes_messages());
        let row = row.ok_or(Error::MechanismInvalid)?;
        // Stands for the parameters of the messages to come.
        let parameter = Parameter {
            nonce: vec![0; 12],
            generator: Generator::Given,
            tag_length: 16,
            data_length: Some(0),
        };
        let call = parameter.call(row.ckm, row.parameter, &parameter.nonce, &[], 0)?;
        let key_use = KeyUse::new(session, function, call, key)?;
        Ok(MessageEncryption { key_use, part: None })
    })
}

/// The structure that the messages of the active process come with.
pub(crate) fn shape(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
) -> Result<ParameterShape, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function).as_ref();
    active.map(|active| active.key_use.mechanism.parameter).ok_or(Error::OperationNotInitialized)
}

/// `C_EncryptMessage`: one frame.
pub(crate) fn encrypt(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: &Parameter,
    associated: &[u8],
    data: &[u8],
    room: Room,
) -> Result<(Output, Sealed), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = idle(&mut operations, Function::Encrypt)?;
    if let Some(answer) = room.answer_exact(data.len()) {
        return Ok((answer, Sealed::default()));
    }
    let nonce = active.nonce(module, &session, parameter)?;
    let family = &error::ENCRYPT_MESSAGE;
    active.set_parameter(parameter, &nonce, associated, data.len())?;
    let sealed = active.key_use.encrypt_or_decrypt(&session, data);
    let (data, tag) =
        split(sealed.map_err(|error| error.late(family))?, data.len(), parameter.tag_length)?;
    Ok((Output::Bytes(data), Sealed { nonce: Some(nonce), tag: Some(tag) }))
}

/// `C_DecryptMessage`: one frame.
pub(crate) fn decrypt(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: &Parameter,
    associated: &[u8],
    (data, tag): (&[u8], &[u8]),
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = idle(&mut operations, Function::Decrypt)?;
    if let Some(answer) = room.answer_exact(data.len()) {
        return Ok(answer);
    }
    active.set_parameter(parameter, &parameter.nonce, associated, data.len())?;
    let mut sealed = Zeroizing::new(Vec::with_capacity(data.len() + tag.len()));
    sealed.extend_from_slice(data);
    sealed.extend_from_slice(tag);
    let opened = active.key_use.encrypt_or_decrypt(&session, &sealed);
    opened.map(Output::Bytes).map_err(|error| error.late(&error::DECRYPT_MESSAGE))
}

/// `C_EncryptMessageBegin` and `C_DecryptMessageBegin`: the nonce that is used.
pub(crate) fn begin(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    parameter: &Parameter,
    associated: &[u8],
) -> Result<Vec<u8>, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = idle(&mut operations, function)?;
    let nonce = match function {
        Function::Encrypt => active.nonce(module, &session, parameter)?,
        _ => parameter.nonce.clone(),
    };
    // Only CCM has to know the length before the data, and it says so in its structure.
    active.set_parameter(parameter, &nonce, associated, 0)?;
    let tag_length = parameter.tag_length;
    active.part = Some(Part { stream: Stream::new(flag(function)), tag_length, held: 0 });
    Ok(nonce)
}

/// Whether more of the message is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position<'a> {
    /// Yes.
    Middle,
    /// No; the message to be decrypted has this tag.
    End(&'a [u8]),
}

/// How long the tag of the message is that was begun.
pub(crate) fn tag_length(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
) -> Result<usize, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function).as_ref();
    let part = active.and_then(|active| active.part.as_ref());
    part.map(|part| part.tag_length).ok_or(Error::OperationNotInitialized)
}

/// `C_EncryptMessageNext` and `C_DecryptMessageNext`.
pub(crate) fn next(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    data: &[u8],
    position: Position<'_>,
    room: Room,
) -> Result<(Output, Sealed), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function).as_mut();
    let active = active.ok_or(Error::OperationNotInitialized)?;
    let outcome = active.next(&session, data, position, room);
    outcome.map_err(|error| error.late(family(function)))
}

/// `C_MessageEncryptFinal` and `C_MessageDecryptFinal`.
pub(crate) fn finish(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
) -> Result<(), Error> {
    operation::finish(module, handle, function, active)
}

/// The `CKF_` bit of a process.
fn flag(function: Function) -> CK_FLAGS {
    match function {
        Function::Decrypt => CKF_MESSAGE_DECRYPT,
        _ => CKF_MESSAGE_ENCRYPT,
    }
}

fn active(operations: &mut Operations, function: Function) -> &mut Option<MessageEncryption> {
    match function {
        Function::Decrypt => &mut operations.message_decryption,
        _ => &mut operations.message_encryption,
    }
}

/// The active process, in which no message was begun.
fn idle(operations: &mut Operations, function: Function) -> Result<&mut MessageEncryption, Error> {
    let active = active(operations, function).as_mut().ok_or(Error::OperationNotInitialized)?;
    if active.part.is_some() { Err(Error::OperationActive) } else { Ok(active) }
}

fn family(function: Function) -> &'static Family {
    match function {
        Function::Decrypt => &error::DECRYPT_MESSAGE,
        _ => &error::ENCRYPT_MESSAGE_PART,
    }
}

/// The data and the tag that follows it.
fn split(
    mut sealed: Zeroizing<Vec<u8>>,
    data_length: usize,
    tag_length: usize,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Error> {
    if sealed.len() != data_length + tag_length {
        return Err(Error::DeviceError);
    }
    let tag = sealed[data_length..].to_vec();
    sealed.truncate(data_length);
    Ok((sealed, tag))
}

impl MessageEncryption {
    /// The nonce of the next message.
    fn nonce(
        &self,
        module: &Module,
        session: &Session,
        parameter: &Parameter,
    ) -> Result<Vec<u8>, Error> {
        let application = session.application().number();
        let number = self.key_use.key.material;
        let own = (number != 0).then_some(OwnMaterial { application, number });
        module.nonces.next(&parameter.nonce, parameter.generator, own)
    }

    fn set_parameter(
        &mut self,
        parameter: &Parameter,
        nonce: &[u8],
        associated: &[u8],
        data_length: usize,
    ) -> Result<(), Error> {
        let row = self.key_use.mechanism;
        let length = data_length as u64;
        if parameter.data_length.is_some_and(|said| data_length != 0 && said != length) {
            return Err(Error::MechanismParamInvalid);
        }
        let call = parameter.call(row.ckm, row.parameter, nonce, associated, length)?;
        self.key_use.set_parameter(call)
    }

    fn next(
        &mut self,
        session: &Session,
        data: &[u8],
        position: Position<'_>,
        room: Room,
    ) -> Result<(Output, Sealed), Error> {
        let Self { key_use, part: Some(part), .. } = self else {
            return Err(Error::OperationNotInitialized);
        };
        let function = key_use.function;
        let yielded = key_use.mechanism.update_output(function, part.held, data.len());
        let length = match position {
            Position::Middle => yielded,
            Position::End(_) => part.held.saturating_add(data.len()),
        };
        if let Some(answer) = room.answer_exact(length) {
            return Ok((answer, Sealed::default()));
        }
        let Position::End(tag) = position else {
            let out = part.stream.send(session, key_use, data)?;
            if out.len() != yielded {
                return Err(Error::DeviceError);
            }
            part.held = (part.held + data.len()).saturating_sub(yielded);
            return Ok((Output::Bytes(out), Sealed::default()));
        };
        let mut input = Zeroizing::new(Vec::with_capacity(data.len() + tag.len()));
        input.extend_from_slice(data);
        if function == Function::Decrypt {
            input.extend_from_slice(tag);
        }
        let out = if part.stream.is_open() {
            let mut out = part.stream.send(session, key_use, &input)?;
            append(&mut out, &part.stream.finish(session, key_use, &[])?);
            out
        } else {
            key_use.encrypt_or_decrypt(session, &input)?
        };
        let tag_length = part.tag_length;
        self.part = None;
        self.key_use.set_authenticated(false);
        if function == Function::Decrypt {
            let is_right = out.len() == length;
            return if is_right {
                Ok((Output::Bytes(out), Sealed::default()))
            } else {
                Err(Error::DeviceError)
            };
        }
        let (out, tag) = split(out, length, tag_length)?;
        Ok((Output::Bytes(out), Sealed { nonce: None, tag: Some(tag) }))
    }
}

impl Parameter {
    /// The mechanism with this parameter, as it crosses the wire.
    fn call(
        &self,
        mechanism: u64,
        shape: ParameterShape,
        nonce: &[u8],
        associated: &[u8],
        data_length: u64,
    ) -> Result<MechanismCall, Error> {
        let (nonce, aad) = (nonce.to_vec(), associated.to_vec());
        let tag = u32::try_from(self.tag_length).map_err(|_| Error::MechanismParamInvalid)?;
        if associated.len() > CHUNK / 2 {
            return Err(Error::MechanismParamInvalid);
        }
        let call = match shape {
            ParameterShape::Gcm => {
                let parameter = GcmParameter { iv: nonce, aad, tag_bits: 8 * tag };
                MechanismCall::with(mechanism, &parameter)
            }
            ParameterShape::Ccm => {
                let data_len = self.data_length.unwrap_or(data_length);
                let parameter = CcmParameter { data_len, nonce, aad, tag_len: tag };
                MechanismCall::with(mechanism, &parameter)
            }
            ParameterShape::ChaChaPoly => {
                let nonce = nonce.try_into().map_err(|_| Error::MechanismParamInvalid)?;
                MechanismCall::with(mechanism, &ChaChaPolyParameter { nonce, aad })
            }
            _ => return Err(Error::MechanismInvalid),
        };
        call.map_err(|_| Error::MechanismParamInvalid)
    }
}

impl Active for MessageEncryption {
    fn cancel(&mut self, session: &Session) {
        self.end_message(session);
    }

    fn end_message(&mut self, session: &Session) {
        if let Some(mut part) = self.part.take() {
            part.stream.cancel(session, &self.key_use);
        }
    }

    fn key_use(&mut self) -> &mut KeyUse {
        &mut self.key_use
    }
}
