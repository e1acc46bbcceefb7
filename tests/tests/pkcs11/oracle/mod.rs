//! Every function of PKCS#11 3.2 with malformed arguments, in wrong states and without permission: it returns a code
//! that the standard lists for it, the right one where several things are wrong, writes nowhere else, and neither
//! crashes nor waits.
//!
//! Cases are made from the table of functions and the malformed forms of their arguments.
#![expect(clippy::cast_possible_truncation, reason = "words of a 64-bit machine")]
#![cfg(target_pointer_width = "64")]

mod allowed;
mod ended;
mod functions;
mod memory;
mod world;

use std::collections::BTreeSet;

use coffer_protocol::mechanism::{self, Cost, Mechanism};
use coffer_tests::c::address;
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::{
    CK_RV, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK, CKR_OPERATION_NOT_INITIALIZED,
    CKR_SESSION_HANDLE_INVALID, CKR_SLOT_ID_INVALID,
};

use allowed::Allowed;
use functions::{Arg, Function};
use memory::Memory;
use world::{Login, World, Wrong};

/// What was tried, and what went wrong.
struct Oracle {
    allowed: Allowed,
    cases: usize,
    faults: BTreeSet<String>,
}

/// Functions that may be called before C_Initialize.
const EARLY: [&str; 4] =
    ["C_Initialize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"];
/// Functions that end what other cases need.
const ENDING: [&str; 7] = [
    "C_CloseAllSessions",
    "C_Logout",
    "C_Login",
    "C_LoginUser",
    "C_SetPIN",
    "C_InitPIN",
    "C_InitToken",
];
/// Most malformed forms of an argument that are tried together with those of another.
const TOGETHER: usize = 12;

fn has_session(function: &Function) -> bool {
    function.arguments.first() == Some(&Arg::Session)
}

impl Oracle {
    fn new(world: &World) -> Self {
        let allowed = Allowed::read(|name| has_session(world.function(name)));
        let known: BTreeSet<_> = world.functions.iter().map(|function| function.name).collect();
        assert_eq!(allowed.functions().collect::<BTreeSet<_>>(), known);
        assert_eq!(known.len(), 104);
        Self { allowed, cases: 0, faults: BTreeSet::new() }
    }

    fn judge(&mut self, function: &Function, what: &str, wrong: &[Wrong], code: CK_RV) {
        self.cases += 1;
        if !self.allowed.contains(function.name, code) {
            self.fault(function, what, wrong, code, "is not in its list");
        }
        let is_handle = |at: usize, kind: Arg| function.arguments.get(at) == Some(&kind);
        let is_session = wrong.iter().any(|(at, ..)| is_handle(*at, Arg::Session));
        if is_session && code != CKR_SESSION_HANDLE_INVALID {
            self.fault(function, what, wrong, code, "but the session comes first");
        }
        let is_slot = wrong.len() == 1 && wrong.iter().all(|(at, ..)| is_handle(*at, Arg::Slot));
        if is_slot && code != CKR_SLOT_ID_INVALID {
            self.fault(function, what, wrong, code, "but there is no such slot");
        }
    }

    fn fault(&mut self, function: &Function, what: &str, wrong: &[Wrong], code: CK_RV, why: &str) {
        let arguments: Vec<_> = wrong.iter().map(|(at, name, _)| format!("{at}: {name}")).collect();
        let code = allowed::name(code);
        self.faults.insert(format!("{} ({what}; {arguments:?}): {code} {why}", function.name));
    }

    /// One call in a session of its own.
    fn case(
        &mut self,
        world: &mut World,
        function: &Function,
        what: &str,
        wrong: &[Wrong],
        memory: &mut Memory,
    ) -> CK_RV {
        let session = world.open();
        world.prepare(function, session);
        let code = world.call(function, session, wrong, memory);
        self.judge(function, what, wrong, code);
        if !memory.is_whole() {
            self.fault(function, what, wrong, code, "and wrote behind the place of the result");
        }
        world.raw("C_CloseSession", &[session]);
        if ENDING.contains(&function.name) {
            world.repair();
        }
        code
    }

    /// Every malformed form of every argument, alone.
    fn singles(&mut self, world: &mut World, function: &Function, what: &str) {
        for at in 0..function.arguments.len() {
            let mut memory = Memory::default();
            for wrong in world.malformed(function, at, &mut memory) {
                self.case(world, function, what, &[wrong], &mut memory);
            }
        }
    }

    /// Malformed forms of two arguments together.
    fn pairs(&mut self, world: &mut World, function: &Function) {
        let count = function.arguments.len();
        for (first, second) in (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))) {
            let mut memory = Memory::default();
            let first: Vec<_> = some(world.malformed(function, first, &mut memory));
            let second: Vec<_> = some(world.malformed(function, second, &mut memory));
            for (a, b) in first.iter().flat_map(|a| second.iter().map(move |b| (*a, *b))) {
                self.case(world, function, "two", &[a, b], &mut memory);
            }
        }
    }

    fn finish(self, what: &str) {
        eprintln!("{what}: {} cases", self.cases);
        let faults: Vec<_> = self.faults.iter().cloned().collect();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

fn some(all: Vec<Wrong>) -> Vec<Wrong> {
    all.into_iter().take(TOGETHER).collect()
}

/// The functions that are called while the module is initialised, and leave it so.
fn tried() -> Vec<Function> {
    let ends = |function: &Function| function.name == "C_Finalize";
    functions::all().into_iter().filter(|function| !ends(function)).collect()
}

#[test]
fn what_is_right_comes_to_its_code() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let mut world = World::new();
        let mut oracle = Oracle::new(&world);
        for function in tried() {
            let code = oracle.case(&mut world, &function, "right", &[], &mut Memory::default());
            if code != function.plain {
                oracle.fault(&function, "right", &[], code, "is not what it comes to");
            }
        }
        oracle.finish("right arguments");
    });
}

#[test]
fn one_malformed_argument_has_a_code_of_the_list() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let mut world = World::new();
        let mut oracle = Oracle::new(&world);
        for login in [Login::User, Login::Public, Login::SecurityOfficer] {
            world.log_in(login);
            world.repair();
            for function in tried() {
                oracle.singles(&mut world, &function, &format!("{login:?}"));
            }
        }
        oracle.finish("one malformed argument");
    });
}

#[test]
fn two_malformed_arguments_have_a_code_of_the_list() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let mut world = World::new();
        let mut oracle = Oracle::new(&world);
        for function in tried() {
            // Trying PINs takes the daemon's time, and theirs are cases of one argument.
            if !ENDING.contains(&function.name) {
                oracle.pairs(&mut world, &function);
            }
        }
        oracle.finish("two malformed arguments");
    });
}

#[test]
fn every_mechanism_with_parameters_of_every_length_has_a_code_of_the_list() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let mut world = World::new();
        let mut oracle = Oracle::new(&world);
        let is_mechanism = |argument: &Arg| matches!(argument, Arg::Mechanism(_));
        for function in tried() {
            let Some(at) = function.arguments.iter().position(is_mechanism) else { continue };
            for row in mechanism::ALL.iter().filter(|row| !is_slow(row, &function)) {
                for length in LENGTHS {
                    let mut memory = Memory::default();
                    let wrong = (at, row.name, memory.mechanism(row.ckm, length));
                    oracle.case(&mut world, &function, "mechanism", &[wrong], &mut memory);
                }
            }
        }
        oracle.finish("mechanisms");
    });
}

/// Lengths of parameters, which are filled with zeros: those of most structures, and some that none has.
const LENGTHS: [u64; 14] = [0, 1, 7, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, u64::MAX];

/// Whether a call would make a key for seconds.
fn is_slow(row: &Mechanism, function: &Function) -> bool {
    row.cost == Cost::Slow && function.name == "C_GenerateKeyPair"
}

#[test]
fn an_operation_that_is_missing_or_another_has_its_code() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let world = World::new();
        let mut oracle = Oracle::new(&world);
        let functions = tried();
        let is_opener = |name: &str| name.ends_with("Init") || name.ends_with("Begin");
        let openers: Vec<_> = functions.iter().filter(|open| is_opener(open.name)).collect();
        for function in &functions {
            if !function.after.is_empty() {
                let session = world.open();
                let mut memory = Memory::default();
                let code = world.call(function, session, &[], &mut memory);
                oracle.judge(function, "nothing active", &[], code);
                // To end what is not there is no mistake.
                let is_cancel = function.name == "C_SessionCancel";
                if code != CKR_OPERATION_NOT_INITIALIZED && !is_cancel {
                    oracle.fault(function, "nothing active", &[], code, "but nothing is active");
                }
                world.raw("C_CloseSession", &[session]);
            }
            if ENDING.contains(&function.name) {
                continue;
            }
            for opener in &openers {
                let session = world.open();
                let mut memory = Memory::default();
                let is_open = world.prepare(opener, session)
                    && world.call(opener, session, &[], &mut memory) == CKR_OK;
                assert!(is_open, "{}", opener.name);
                let code = world.call(function, session, &[], &mut memory);
                oracle.judge(function, opener.name, &[], code);
                // And whatever goes before it joins what is active.
                world.prepare(function, session);
                let code = world.call(function, session, &[], &mut memory);
                oracle.judge(function, opener.name, &[], code);
                world.raw("C_CloseSession", &[session]);
            }
        }
        oracle.finish("other operations");
    });
}

#[test]
fn a_function_needs_initialize_whatever_else_is_wrong() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let mut world = World::new();
        let mut oracle = Oracle::new(&world);
        assert_eq!(world.raw("C_Finalize", &[0]), CKR_OK);
        for function in functions::all() {
            if function.name == "C_Initialize" {
                continue;
            }
            let is_early = EARLY.contains(&function.name);
            for at in 0..function.arguments.len() {
                let mut memory = Memory::default();
                for wrong in world.malformed(&function, at, &mut memory) {
                    let arguments = function.arguments.iter().enumerate();
                    let filled = |(place, argument): (usize, &Arg)| {
                        if place == at { wrong.2 } else { memory.right(*argument, None) }
                    };
                    let words: Vec<_> = arguments.map(filled).collect();
                    let code = address::call(function.address, &words);
                    oracle.cases += 1;
                    if (code == CKR_CRYPTOKI_NOT_INITIALIZED) == is_early {
                        oracle.fault(&function, "finalized", &[wrong], code, "before C_Initialize");
                    }
                }
            }
        }
        world.begin();
        let finalize = functions::all().into_iter().find(|f| f.name == "C_Finalize").unwrap();
        let mut memory = Memory::default();
        for wrong in world.malformed(&finalize, 0, &mut memory) {
            oracle.judge(&finalize, "reserved", &[wrong], world.raw("C_Finalize", &[wrong.2]));
        }
        assert_eq!(world.raw("C_Finalize", &[0]), CKR_OK);
        oracle.finish("not initialised");
    });
}

#[test]
fn a_daemon_that_is_gone_has_codes_of_the_list() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let world = World::new();
        let mut oracle = Oracle::new(&world);
        let sessions: Vec<_> = tried().iter().map(|_| world.open()).collect();
        for (function, session) in tried().iter().zip(&sessions) {
            world.prepare(function, *session);
        }
        daemon.kill();
        for (function, session) in tried().iter().zip(&sessions) {
            if function.arguments.contains(&Arg::Made) {
                continue;
            }
            let code = world.call(function, *session, &[], &mut Memory::default());
            oracle.judge(function, "daemon gone", &[], code);
            let again = world.call(function, *session, &[], &mut Memory::default());
            oracle.judge(function, "daemon gone", &[], again);
            // A digest needs no daemon as long as nobody has noticed that it is gone.
        }
        daemon.start_again(&[]);
        for (function, session) in tried().iter().zip(&sessions) {
            if has_session(function) && !function.arguments.contains(&Arg::Made) {
                let code = world.call(function, *session, &[], &mut Memory::default());
                oracle.judge(function, "daemon back", &[], code);
                if code != CKR_SESSION_HANDLE_INVALID {
                    oracle.fault(function, "daemon back", &[], code, "but its session is gone");
                }
            }
        }
        oracle.finish("daemon gone");
    });
}
