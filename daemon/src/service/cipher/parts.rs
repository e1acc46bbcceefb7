//! Operations in parts: started with the first data, updated, finished or cancelled.
//!
//! Between the requests an operation is kept in its session, its state in secret memory. An error ends it.

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::MAX_PAYLOAD;
use coffer_protocol::mechanism::Parts;
use coffer_protocol::operation::cipher::{
    CancelOperation, FinishOperation, Function, Nothing, Output, StartOperation, UpdateOperation,
};
use zeroize::Zeroizing;

use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::usable::{Usable, spend, still_usable, usable};
use super::{Message as Encrypted, demand, whole};
use crate::Error;
use crate::application::{Held, Operation, Progress};
use crate::crypto::{self, KeySpec, Message, Stream};
use crate::share::{Claim, Thing};
use crate::vault::{self, Depth, Inside, Public, Sealed};

/// Most bytes of data of which nothing may leave before all is there and its tag was verified.
const MAX_HELD: usize = 16 << 20;
/// Most bytes that a stream holds back: a block.
const LONGEST_HELD: usize = 16;
/// Most bytes of a reply's payload; so many say that there are more.
const REPLY: usize = MAX_PAYLOAD as usize;
/// Room in the arena that the state of an operation needs at most.
const ROOM: usize = 8 << 10;

/// Starts an operation of `caller`.
fn start(
    service: &Service,
    caller: &Caller,
    usable: Usable,
    function: Function,
) -> Result<Operation, Error> {
    let Usable { object, key: part, mechanism, parameter, .. } = usable;
    if mechanism.parts != Parts::Multi {
        return Err(ErrorCode::MechanismInvalid.into());
    }
    let scheme = mechanism.scheme;
    let mut memory = Claim::none(&caller.share, Thing::Secret);
    let progress = match function {
        _ if scheme.is_held(demand(function).mechanism) => Progress::Held(Held::new(&caller.share)),
        Function::Encrypt | Function::Decrypt => {
            let key = part.secret()?;
            let stream = state(service, &mut memory, |inside| {
                let key = key.get(inside);
                let stream = match function {
                    Function::Encrypt => Stream::encrypt(key, scheme, &parameter)?,
                    _ => Stream::decrypt(key, scheme, &parameter)?,
                };
                Ok(Sealed::new(inside, Some(stream))?)
            })?;
            Progress::Stream(stream)
        }
        Function::Sign | Function::Verify => {
            let message = state(service, &mut memory, |inside| {
                let message = Message::new(part.half(inside), scheme, &parameter)?;
                Ok(Sealed::new(inside, Some(message))?)
            })?;
            Progress::Message(message)
        }
    };
    Ok(Operation { key: object, part, mechanism, parameter, progress, memory })
}

/// Makes the state of an operation in secret memory, and counts what it takes.
fn state<T: Send>(
    service: &Service,
    memory: &mut Claim,
    make: impl Fn(&Inside<'_>) -> Result<Sealed<T>, ErrorCode>,
) -> Result<Sealed<T>, Error> {
    let (state, kept) = service.keyring.making_room(|| {
        let (state, kept) = vault::load_counted(Depth::Small, ROOM, &make)?;
        Ok((state?, kept))
    })?;
    memory.grow(kept)?;
    Ok(state)
}

/// Gives an operation data and takes what it yields.
fn update(operation: &mut Operation, function: Function, data: &[u8]) -> Result<Vec<u8>, Error> {
    match &mut operation.progress {
        Progress::Stream(stream) => {
            // Made before the vault is entered, so that bulk data stays out of the arena.
            let longest = operation.mechanism.update_output(
                demand(function).mechanism,
                LONGEST_HELD,
                data.len(),
            );
            let mut output = Vec::with_capacity(longest + LONGEST_HELD);
            vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
                let stream = stream.get_mut(inside).as_mut().ok_or(crypto::Error::Internal)?;
                Ok(stream.update(data, &mut output)?)
            })??;
            Ok(output)
        }
        Progress::Message(message) => {
            vault::run(Depth::Small, |inside| {
                message.get_mut(inside).as_mut().map(|message| message.update(data)).is_some()
            })?;
            Ok(Vec::new())
        }
        Progress::Held(held) => {
            if held.len() + data.len() > MAX_HELD {
                let code = match function {
                    Function::Encrypt => ErrorCode::DataLength,
                    _ => ErrorCode::EncryptedDataLength,
                };
                return Err(code.into());
            }
            held.push(data)?;
            Ok(Vec::new())
        }
        Progress::Done(_) => Err(ErrorCode::OperationNotStarted.into()),
    }
}

/// Ends an operation and takes its last yield. An operation whose yield is longer than a reply gives what
/// fits, and is there to be finished again.
fn finish_or_go_on(
    mut operation: Operation,
    service: &Service,
    function: Function,
    given: &[u8],
) -> Result<(Vec<u8>, Option<Operation>), Error> {
    if let Progress::Held(held) = operation.progress {
        let Operation { key: object, part: key, mechanism, parameter, memory, .. } = operation;
        // What is held has no IV of the kind that is remembered, or is decrypted.
        let usable = Usable { object, key, mechanism, parameter, rotating: None };
        let result = match function {
            Function::Encrypt => whole::encrypt(&usable, service, held.bytes())?,
            _ => whole::decrypt(&usable, service, held.bytes())?,
        };
        let Usable { object: key, key: part, mechanism, parameter, .. } = usable;
        let progress = Progress::Done(held.replaced(result));
        operation = Operation { key, part, mechanism, parameter, progress, memory };
    }
    let Progress::Done(result) = &mut operation.progress else {
        return Ok((finish(operation, function, given)?, None));
    };
    let next = result.hand_out(REPLY);
    let has_more = next.len() == REPLY;
    Ok((next, has_more.then_some(operation)))
}

/// Ends an operation and takes its last yield: bytes, or the signature.
fn finish(operation: Operation, function: Function, given: &[u8]) -> Result<Vec<u8>, Error> {
    // What the state takes is held to its end.
    let Operation { key, part, progress, memory: _memory, .. } = operation;
    let usual = key.depth();
    let depth = match key.spec() {
        Some(KeySpec::Ec(curve)) => curve.agreement_depth(),
        _ => usual,
    };
    let over = crypto::Error::Internal;
    let done = match progress {
        Progress::Held(_) | Progress::Done(_) => return Err(over.into()),
        Progress::Stream(mut stream) => {
            vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
                let mut output = Zeroizing::new(Vec::new());
                stream.get_mut(inside).take().ok_or(over)?.finish(&mut output)?;
                Ok(inside.publish(&output))
            })
        }
        Progress::Message(mut message) if function == Function::Sign => {
            let key = part.secret()?;
            vault::run(usual, |inside| -> Result<_, ErrorCode> {
                let message = message.get_mut(inside).take().ok_or(over)?;
                Ok(inside.publish(&message.sign(key.get(inside))?))
            })
        }
        Progress::Message(mut message) => vault::run(depth, |inside| -> Result<_, ErrorCode> {
            let message = message.get_mut(inside).take().ok_or(over)?;
            message.verify(part.half(inside), given)?;
            Ok(Public(Vec::new()))
        }),
    };
    let Public(output) = done??;
    Ok(output)
}

impl Handle for StartOperation {
    type Plan = (Usable, Function);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        Function::try_from(self.function).map(drop).map_err(Error::from)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let function = Function::try_from(request.function)?;
        let usable =
            usable(call, service, request.session, request.key, &request.mechanism, function)?;
        Ok((usable, function))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (usable, function): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Output>, Error> {
        spend(&call, call.request().session, &usable)?;
        if function == Function::Encrypt {
            service.ivs.expect_new(&usable, Encrypted::New)?;
        }
        let mut operation = start(service, call.caller(), usable, function)?;
        let output = update(&mut operation, function, call.payload().plain()?)?;
        call.application()?.start(call.request().session, function, operation)?;
        Ok(Answer::with(Output {}, output))
    }
}

macro_rules! running {
    ($( $request:ident |$call:ident, $function:ident, $service:ident| -> $reply:ty $body:block )*) => { $(
        impl Handle for $request {
            type Plan = Function;

            fn validate(&self, _payload_length: usize) -> Result<(), Error> {
                Function::try_from(self.function).map(drop).map_err(Error::from)
            }

            fn check(call: &Authorized<'_, Self>, _service: &Service) -> Result<Function, Error> {
                call.session(call.request().session)?;
                Ok(Function::try_from(call.request().function)?)
            }

            fn commit(
                $call: Authorized<'_, Self>,
                $function: Function,
                $service: &Service,
            ) -> Result<Answer<$reply>, Error> $body
        }
    )* };
}

running! {
    UpdateOperation |call, function, service| -> Output {
        let (application, session) = (call.application()?, call.request().session);
        let mut operation = application.take(session, function)?;
        still_usable(service, &operation.key, function)?;
        let output = update(&mut operation, function, call.payload().plain()?)?;
        application.start(session, function, operation)?;
        Ok(Answer::with(Output {}, output))
    }
    FinishOperation |call, function, service| -> Output {
        let (application, session) = (call.application()?, call.request().session);
        let operation = application.take(session, function)?;
        still_usable(service, &operation.key, function)?;
        let given = &call.request().signature;
        let (output, rest) = finish_or_go_on(operation, service, function, given)?;
        if let Some(rest) = rest {
            application.start(session, function, rest)?;
        }
        Ok(Answer::with(Output {}, output))
    }
    CancelOperation |call, function, _service| -> Nothing {
        match call.application()?.take(call.request().session, function) {
            Ok(_) => Ok(Answer::new(Nothing {})),
            Err(error) if error.code() == ErrorCode::OperationNotStarted => {
                Ok(Answer::new(Nothing {}))
            }
            Err(error) => Err(error),
        }
    }
}
