//! What the operation table says of an operation: the columns of a row, and their values.

/// Which face of Coffer an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// Administration of the daemon.
    System,
    /// The KMS API.
    Kms,
    /// The PKCS#11 module.
    Pkcs11,
}

/// Which socket answers it. The admin socket answers everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Socket {
    /// `coffer.sock`.
    App,
    /// `admin.sock` only.
    Admin,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Whoever may connect.
    Anyone,
    /// The owner: the one uid that the configuration names.
    Owner,
    /// A PKCS#11 application; what it sees and may do follows from its login.
    Application,
    /// An application that is logged in as user of the token.
    User,
    /// An application that is logged in as security officer of the token.
    SecurityOfficer,
    /// An application that is logged in as either.
    LoggedIn,
}

/// In which device states it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// In all of them.
    Always,
    /// In the operational state only.
    Operational,
}

/// What it does to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Tells something.
    Read,
    /// Changes something that lasts.
    Write,
    /// Uses a key.
    Use,
}

/// Which payload is secret: read into, or written from, secret memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// Neither.
    Neither,
    /// The request's.
    Request,
    /// The reply's.
    Reply,
    /// Both.
    Both,
}

impl Secret {
    /// Whether the request's payload is secret.
    pub const fn in_request(self) -> bool {
        matches!(self, Self::Request | Self::Both)
    }

    /// Whether the reply's payload is secret.
    pub const fn in_reply(self) -> bool {
        matches!(self, Self::Reply | Self::Both)
    }
}

/// What is written to the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audit {
    /// Refusals only.
    Refusals,
    /// One record, handed to the kernel before the reply.
    Use,
    /// An intent before and an outcome after, on disk before the reply.
    Change,
}

/// What it costs, which decides where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Microseconds to a few milliseconds: where the frame was read.
    Cheap,
    /// Longer, and limited in number: key generation and PIN derivation.
    Slow,
}

/// Which rows of the key-state table it falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRule {
    /// It concerns no key's state.
    Any,
    /// Encrypts or makes data keys.
    Encrypt,
    /// Decrypts.
    Decrypt,
    /// Derives a secret or a key.
    Derive,
    /// Signs or makes a MAC.
    Sign,
    /// Verifies.
    Verify,
    /// Reads the public key.
    PublicKey,
    /// Describes or lists.
    Describe,
    /// Enables.
    Enable,
    /// Disables.
    Disable,
    /// Changes its name or description.
    Edit,
    /// Schedules its destruction.
    Schedule,
    /// Takes its destruction back.
    CancelDeletion,
    /// Archives.
    Archive,
    /// Takes it out of the archive.
    CancelArchive,
    /// Rotates, or lets it rotate by itself.
    Rotate,
    /// Stops it from rotating by itself.
    StopRotation,
    /// Makes parameters for importing its material.
    PrepareImport,
    /// Imports its material.
    Import,
    /// Erases its imported material.
    DeleteMaterial,
    /// Binds it to a resource.
    Bind,
    /// Takes a binding back.
    Unbind,
    /// Sets tags.
    Tag,
    /// Removes tags.
    Untag,
    /// Depends on the function that the request names.
    ByFunction,
}

/// Which resource a request is about, as policies and the audit log name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// None, or all keys.
    None,
    /// A key, by its id or `alias/<name>`.
    Key(&'a str),
    /// Several keys, each by its id or `alias/<name>`.
    Keys(&'a [String]),
    /// The key that the ciphertext in the payload names.
    Ciphertext,
    /// A slot.
    Slot(u32),
    /// A session.
    Session(u32),
    /// An object in a session.
    Object {
        /// The session.
        session: u32,
        /// The object's handle.
        object: u32,
    },
    /// Two objects in a session, the one that matters more first.
    Objects {
        /// The session.
        session: u32,
        /// The objects' handles.
        objects: [u32; 2],
    },
    /// A partition, by its name.
    Partition(&'a str),
}

/// What the table says of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Number on the wire; never reused.
    pub number: u16,
    /// Name of the action, the audit event and the policy action.
    pub name: &'static str,
    /// Which face it belongs to.
    pub face: Face,
    /// Which socket answers it.
    pub socket: Socket,
    /// Who may ask.
    pub access: Access,
    /// In which device states it is answered.
    pub when: When,
    /// What it does to keys.
    pub effect: Effect,
    /// Which payload is secret.
    pub secret: Secret,
    /// Which rows of the key-state table it falls under.
    pub rule: KeyRule,
    /// What is written to the audit log.
    pub audit: Audit,
    /// What it costs.
    pub cost: Cost,
    /// What it does, in a line.
    pub help: &'static str,
}

impl Row {
    /// Whether it uses a key: also where that makes a new one, as unwrapping and deriving do.
    pub const fn uses_key(&self) -> bool {
        matches!(
            self.rule,
            KeyRule::Encrypt
                | KeyRule::Decrypt
                | KeyRule::Derive
                | KeyRule::Sign
                | KeyRule::Verify
                | KeyRule::ByFunction
        )
    }

    /// The name of its audit event.
    pub fn event_name(&self) -> &'static str {
        if self.name == "ListKeys" { "ListKey" } else { self.name }
    }
}
