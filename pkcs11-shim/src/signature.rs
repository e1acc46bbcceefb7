//! C_Sign, C_Verify and their parts (sections 5.13 and 5.15).

use coffer_protocol::mechanism::{Function, MechanismCall, OutputLength, Parts};
use coffer_protocol::operation::cipher::{SignData, VerifyData};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use zeroize::Zeroizing;

use crate::error::{self, Error, Family};
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::operation::{Active, Operations, conclude, end, flag, init_with, step};
use crate::output::{Output, Room};
use crate::session::Session;
use crate::stream::{CHUNK, Stream, append};

/// Parts are gathered here up to this size, and sent in one frame at the end.
const GATHERED: usize = 256 << 10;
/// No signature is longer.
const MAX_SIGNATURE: usize = 4096;

/// An active signature or verification.
pub(crate) struct Signature {
    pub(crate) key_use: KeyUse,
    pub(crate) stage: Stage,
    /// The signature that C_VerifySignatureInit took.
    expected: Option<Vec<u8>>,
}

/// What there is of the data.
pub(crate) enum Stage {
    /// Nothing happened since C_*Init.
    Fresh,
    /// Parts came and are here.
    Gathered(Zeroizing<Vec<u8>>),
    /// Parts came and are in the daemon.
    Streamed(Stream),
}

/// `C_SignInit` and `C_VerifyInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    init_with(module, handle, function, mechanism, active, |session, call| {
        Ok(Signature::new(KeyUse::new(session, function, call, key)?, None))
    })
}

/// `C_VerifySignatureInit` (PKCS#11 3.2 section 5.15): the signature comes first.
pub(crate) fn init_with_signature(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
    signature: &[u8],
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let Some(call) = mechanism else {
        end(&mut operations.verification, &session, |_| true);
        return Ok(());
    };
    operations.expect_free(Function::Verify)?;
    let key_use = KeyUse::new(&session, Function::Verify, call, key)?;
    let longest = key_use.max_output(0);
    // Some clients cut the two numbers of ECDSA to the same shorter length.
    let is_possible = match key_use.mechanism.output {
        OutputLength::TwiceOrder => {
            (1..=longest).contains(&signature.len()) && signature.len().is_multiple_of(2)
        }
        _ => signature.len() == longest,
    };
    if !is_possible {
        return Err(Error::SignatureLenRange);
    }
    operations.verification = Some(Signature::new(key_use, Some(signature.to_vec())));
    Ok(())
}

/// `C_VerifySignature`, and without data `C_VerifySignatureFinal`; both end the operation.
pub(crate) fn verify_kept(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: Option<&[u8]>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = &mut operations.verification;
    let kept = active.as_ref().and_then(|active| active.expected.clone());
    let kept = kept.ok_or(Error::OperationNotInitialized)?;
    step(active, &session, |signature| signature.verify(&session, data, &kept))?;
    *active = None;
    Ok(())
}

/// `C_VerifySignatureUpdate`.
pub(crate) fn update_kept(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    part: &[u8],
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = &mut operations.verification;
    if active.as_ref().is_none_or(|active| active.expected.is_none()) {
        return Err(Error::OperationNotInitialized);
    }
    step(active, &session, |signature| {
        signature.update(&session, part).map_err(|error| error.late(&error::VERIFY_PART))
    })
}

/// `C_Sign`: one frame.
pub(crate) fn sign(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: &[u8],
    room: Room,
) -> Result<Output, Error> {
    conclude(
        module,
        handle,
        |operations| &mut operations.signature,
        |signature, session| signature.sign(session, Some(data), room),
    )
}

/// `C_SignUpdate` and `C_VerifyUpdate`.
pub(crate) fn update(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    part: &[u8],
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function);
    expect_open(active.as_ref())?;
    step(active, &session, |signature| {
        signature.update(&session, part).map_err(|error| error.late(family(function)))
    })
}

/// `C_SignFinal`.
pub(crate) fn sign_final(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    room: Room,
) -> Result<Output, Error> {
    conclude(
        module,
        handle,
        |operations| &mut operations.signature,
        |signature, session| signature.sign(session, None, room),
    )
}

/// `C_Verify`, which always ends the operation.
pub(crate) fn verify(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    finish_verifying(module, handle, Some(data), signature)
}

/// `C_VerifyFinal`, which always ends the operation.
pub(crate) fn verify_final(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    signature: &[u8],
) -> Result<(), Error> {
    finish_verifying(module, handle, None, signature)
}

fn finish_verifying(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: Option<&[u8]>,
    expected: &[u8],
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = &mut operations.verification;
    expect_open(active.as_ref())?;
    step(active, &session, |signature| signature.verify(&session, data, expected))?;
    *active = None;
    Ok(())
}

/// C_Verify is not for what C_VerifySignatureInit began.
fn expect_open(active: Option<&Signature>) -> Result<(), Error> {
    match active {
        Some(signature) if signature.expected.is_none() => Ok(()),
        _ => Err(Error::OperationNotInitialized),
    }
}

fn active(operations: &mut Operations, function: Function) -> &mut Option<Signature> {
    match function {
        Function::Verify => &mut operations.verification,
        _ => &mut operations.signature,
    }
}

/// What C_SignUpdate or C_VerifyUpdate may answer.
fn family(function: Function) -> &'static Family {
    match function {
        Function::Verify => &error::VERIFY_PART,
        _ => &error::SIGN_PART,
    }
}

impl Signature {
    /// One that has no data yet.
    pub(crate) fn new(key_use: KeyUse, expected: Option<Vec<u8>>) -> Self {
        Self { key_use, stage: Stage::Fresh, expected }
    }

    /// Whether C_VerifySignatureInit began it.
    pub(crate) fn is_kept(&self) -> bool {
        self.expected.is_some()
    }

    /// Signs, unless the caller only learns the length.
    pub(crate) fn sign(
        &mut self,
        session: &Session,
        data: Option<&[u8]>,
        room: Room,
    ) -> Result<Output, Error> {
        self.expect_stage(data)?;
        match room.answer_exact(self.key_use.max_output(0)) {
            Some(answer) => Ok(answer),
            None => self.finish(session, data, &[]).map(Output::Bytes).map_err(|error| {
                error.late(if data.is_some() { &error::SIGN } else { &error::SIGN_FINAL })
            }),
        }
    }

    /// Verifies.
    pub(crate) fn verify(
        &mut self,
        session: &Session,
        data: Option<&[u8]>,
        expected: &[u8],
    ) -> Result<(), Error> {
        self.expect_stage(data)?;
        if expected.len() > MAX_SIGNATURE {
            return Err(Error::SignatureLenRange);
        }
        let finished = self.finish(session, data, expected);
        let family = if data.is_some() { &error::VERIFY } else { &error::VERIFY_FINAL };
        finished.map(drop).map_err(|error| error.late(family))
    }

    /// A single-part call does not follow parts; section 5.2 leaves its code open.
    fn expect_stage(&self, data: Option<&[u8]>) -> Result<(), Error> {
        match (&self.stage, data) {
            (Stage::Fresh, _) | (_, None) => Ok(()),
            (Stage::Gathered(_) | Stage::Streamed(_), Some(_)) => Err(Error::OperationActive),
        }
    }

    /// Takes one more part.
    pub(crate) fn update(&mut self, session: &Session, part: &[u8]) -> Result<(), Error> {
        if self.key_use.mechanism.parts == Parts::Single {
            return Err(Error::FunctionNotSupported);
        }
        if let Stage::Fresh = self.stage {
            self.stage = Stage::Gathered(Zeroizing::default());
        }
        if let Stage::Gathered(gathered) = &mut self.stage {
            let whole = self.key_use.mechanism.parts == Parts::Gathered;
            let most = if whole { CHUNK } else { GATHERED };
            if part.len() <= most - gathered.len() {
                append(gathered, part);
                return Ok(());
            }
            if whole {
                return Err(Error::DataLenRange);
            }
            let mut stream = Stream::new(flag(self.key_use.function));
            stream.send(session, &self.key_use, gathered)?;
            self.stage = Stage::Streamed(stream);
        }
        if let Stage::Streamed(stream) = &mut self.stage {
            stream.send(session, &self.key_use, part)?;
        }
        Ok(())
    }

    /// The signature, or nothing where `expected` is right.
    fn finish(
        &mut self,
        session: &Session,
        data: Option<&[u8]>,
        expected: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        match (&mut self.stage, data) {
            (Stage::Streamed(stream), _) => stream.finish(session, &self.key_use, expected),
            (_, Some(data)) => self.key_use.sign_or_verify(session, data, expected),
            (Stage::Gathered(data), None) => self.key_use.sign_or_verify(session, data, expected),
            (Stage::Fresh, None) => self.key_use.sign_or_verify(session, &[], expected),
        }
    }
}

impl KeyUse {
    fn sign_or_verify(
        &self,
        session: &Session,
        data: &[u8],
        expected: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.expect_authenticated()?;
        if data.len() > CHUNK {
            if self.mechanism.parts != Parts::Multi {
                return Err(Error::DataLenRange);
            }
            return self.stream(session, data, expected);
        }
        let (number, key, mechanism) = (session.number(), self.key.object, self.call.clone());
        if self.function == Function::Verify {
            let signature = expected.to_vec();
            let request = VerifyData { session: number, key, mechanism, signature };
            return Ok(session.call(&request, data)?.payload);
        }
        let request = SignData { session: number, key, mechanism };
        Ok(session.call(&request, data)?.payload)
    }
}

impl Active for Signature {
    fn cancel(&mut self, session: &Session) {
        if let Stage::Streamed(stream) = &mut self.stage {
            stream.cancel(session, &self.key_use);
        }
    }

    fn key_use(&mut self) -> &mut KeyUse {
        &mut self.key_use
    }
}
