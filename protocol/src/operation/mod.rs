//! The operation table: one row per request that the daemon answers.
//!
//! Dispatch, the gate's checks and its matrix test, audit names, policy actions, the list of `coffer call`
//! and PROTOCOL.md come from it.

pub mod backup;
pub mod cipher;
pub mod kms;
pub mod object;
mod row;
pub mod system;
pub mod token;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use row::{Access, Audit, Cost, Effect, Face, KeyRule, Resource, Row, Secret, Socket, When};

use crate::message::{FieldInfo, Message};

/// A request of the table.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// What a successful call returns.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// Its row.
    const ROW: &'static Row;
    /// What this request is about.
    fn resource(&self) -> Resource<'_>;
}

/// Hands the operation table to the macro `$with`.
///
/// To add an operation, add its row here and its messages in a file of this folder. The daemon then does not
/// compile until it has a handler.
#[macro_export]
macro_rules! for_each_operation {
    ($with:ident) => { $with! {
    //  number module  request                reply             face   socket access          when        effect secret  resource          rule       audit    cost  help
        0x0001 system  GetStatus              DaemonStatus      System App   Anyone          Always      Read  Neither none              Any        Refusals Cheap "Tells how the daemon is.";
        0x0010 system  ListPartitions         Partitions        System Admin Owner           Operational Read  Neither none              Any        Use      Cheap "Lists the partitions.";
        0x0011 system  CreatePartition        CreatedPartition  System Admin Owner           Operational Write Neither partition(name)   Any        Change   Cheap "Makes a partition.";
        0x0012 system  InitPartition          CreatedPartition  System Admin Owner           Operational Write Request partition(name)   Any        Change   Slow  "Sets the PINs of a partition's token.";
        0x0020 system  ListAuditEvents        AuditEvents       System Admin Owner           Always      Read  Neither none              Any        Use      Cheap "Lists audit records.";
        0x0021 system  VerifyAudit            AuditVerified     System Admin Owner           Always      Read  Neither none              Any        Use      Slow  "Checks the chain of the audit log.";
        0x0022 system  ConfirmTime            TimeConfirmed     System Admin Owner           Operational Write Neither none              Any        Change   Cheap "Confirms that a clock which jumped forward is right.";
        0x0030 backup  StartBackup            BackupStarted     System Admin Owner           Operational Write Request none              Any        Change   Slow  "Freezes the store for a backup under a passphrase.";
        0x0031 backup  ReadBackupPart         BackupPart        System Admin Owner           Operational Read  Neither none              Any        Refusals Cheap "Gives the next part of the backup's file.";
        0x0032 backup  StartRestore           RestoreStarted    System Admin Owner           Operational Read  Request none              Any        Use      Slow  "Opens a backup with its passphrase.";
        0x0033 backup  SendRestorePart        RestoreProgress   System Admin Owner           Operational Read  Neither none              Any        Refusals Slow  "Takes the next part of the file; after the last one, tells what restoring would do.";
        0x0034 backup  FinishRestore          Restored          System Admin Owner           Operational Write Neither none              Any        Change   Slow  "Fills the empty store with the backup that was sent.";
        0x0035 backup  StopTransfers          TransfersStopped  System Admin Owner           Operational Read  Neither none              Any        Refusals Cheap "Ends the backup, restore or check that the connection began.";
        0x0038 backup  StartStoreCheck        StoreCheckStarted System Admin Owner           Operational Read  Neither none              Any        Use      Cheap "Freezes the store to check every record.";
        0x0039 backup  ContinueStoreCheck     StoreCheckProgress System Admin Owner          Operational Read  Neither none              Any        Refusals Slow  "Checks the next records.";

        0x0101 token   ListTokens             Tokens            Pkcs11 App   Anyone          Operational Read  Neither none              Any        Refusals Cheap "Tells the slots and their tokens.";
        0x0102 token   InitToken              Nothing           Pkcs11 App   Application     Operational Write Request slot(slot)        Any        Change   Slow  "Initialises a token.";
        0x0103 token   OpenSession            OpenedSession     Pkcs11 App   Application     Operational Read  Neither slot(slot)        Any        Refusals Cheap "Opens a session.";
        0x0104 token   CloseSession           Nothing           Pkcs11 App   Application     Operational Read  Neither session(session)  Any        Refusals Cheap "Closes a session.";
        0x0105 token   CloseAllSessions       Nothing           Pkcs11 App   Application     Operational Read  Neither slot(slot)        Any        Refusals Cheap "Closes the application's sessions with a token.";
        0x0106 token   GetSessionInfo         SessionInfo       Pkcs11 App   Application     Operational Read  Neither session(session)  Any        Refusals Cheap "Tells the state of a session.";
        0x0107 token   Login                  Nothing           Pkcs11 App   Application     Operational Write Request session(session)  Any        Change   Slow  "Logs the application in.";
        0x0108 token   Logout                 Nothing           Pkcs11 App   LoggedIn        Operational Read  Neither session(session)  Any        Use      Cheap "Logs the application out.";
        0x0109 token   InitPin                Nothing           Pkcs11 App   SecurityOfficer Operational Write Request session(session)  Any        Change   Slow  "Sets the user PIN.";
        0x010a token   SetPin                 Nothing           Pkcs11 App   Application     Operational Write Request session(session)  Any        Change   Slow  "Changes a PIN.";
        0x010b token   AuthenticateUse        Nothing           Pkcs11 App   User            Operational Write Request object(session, key) Any      Change   Slow  "Lets the next use of a key pass that asks for a PIN each time.";

        0x0120 object  CreateObject           ObjectDescription Pkcs11 App   Application     Operational Write Request session(session)  Any        Change   Cheap "Makes an object.";
        0x0121 object  CopyObject             ObjectDescription Pkcs11 App   Application     Operational Write Request object(session, object) Any  Change   Cheap "Copies an object.";
        0x0122 object  DestroyObject          Nothing           Pkcs11 App   Application     Operational Write Neither object(session, object) Any  Change   Cheap "Destroys an object.";
        0x0123 object  DescribeObject         ObjectDescription Pkcs11 App   Application     Operational Read  Neither object(session, object) Describe Refusals Cheap "Describes an object.";
        0x0124 object  GetAttributes          Attributes        Pkcs11 App   Application     Operational Read  Reply   object(session, object) Describe Refusals Cheap "Reads attributes.";
        0x0125 object  SetAttributes          Nothing           Pkcs11 App   Application     Operational Write Request object(session, object) Any  Change   Cheap "Changes attributes.";
        0x0126 object  FindObjects            FoundObjects      Pkcs11 App   Application     Operational Read  Request session(session)  Describe   Refusals Cheap "Finds objects.";
        0x0127 object  GetObjectSize          ObjectSize        Pkcs11 App   Application     Operational Read  Neither object(session, object) Describe Refusals Cheap "Tells the size of an object.";
        0x0128 object  GenerateKey            ObjectDescription Pkcs11 App   Application     Operational Write Request session(session)  Any        Change   Cheap "Generates a secret key.";
        0x0129 object  GenerateKeyPair        GeneratedKeyPair  Pkcs11 App   Application     Operational Write Request session(session)  Any        Change   Slow  "Generates a key pair.";
        0x012a object  WrapKey                Output            Pkcs11 App   Application     Operational Use   Neither objects(session, key, wrapping) Encrypt Use Cheap "Wraps a key under a key.";
        0x012b object  UnwrapKey              ObjectDescription Pkcs11 App   Application     Operational Write Request object(session, key) Decrypt Change   Cheap "Makes a key from what was wrapped.";
        0x012c object  DeriveKey              DerivedKeys       Pkcs11 App   Application     Operational Write Request object(session, key) Encrypt Change   Cheap "Derives a key from a key.";
        0x012d object  EncapsulateKey         EncapsulatedKey   Pkcs11 App   Application     Operational Write Request object(session, key) Encrypt Change   Cheap "Makes a secret that the holder of a private key gets too.";
        0x012e object  DecapsulateKey         ObjectDescription Pkcs11 App   Application     Operational Write Request object(session, key) Decrypt Change   Cheap "Makes a key from what another side encapsulated.";

        0x0140 cipher  EncryptData            Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) Encrypt Use      Cheap "Encrypts.";
        0x0141 cipher  DecryptData            Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) Decrypt Use      Cheap "Decrypts.";
        0x0142 cipher  SignData               Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) Sign    Use      Cheap "Signs.";
        0x0143 cipher  VerifyData             Nothing           Pkcs11 App   Application     Operational Use   Neither object(session, key) Verify  Use      Cheap "Verifies a signature.";
        0x0144 cipher  StartOperation         Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) ByFunction Use   Cheap "Starts a multi-part operation.";
        0x0145 cipher  UpdateOperation        Output            Pkcs11 App   Application     Operational Use   Neither session(session)  ByFunction Refusals Cheap "Gives a multi-part operation more data.";
        0x0146 cipher  FinishOperation        Output            Pkcs11 App   Application     Operational Use   Neither session(session)  ByFunction Refusals Cheap "Ends a multi-part operation.";
        0x0147 cipher  CancelOperation        Nothing           Pkcs11 App   Application     Operational Read  Neither session(session)  Any        Refusals Cheap "Drops a multi-part operation.";
        0x0148 cipher  SignRecoverable        Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) Sign    Use      Cheap "Signs so that the signature gives the data back.";
        0x0149 cipher  RecoverSigned          Output            Pkcs11 App   Application     Operational Use   Neither object(session, key) Verify  Use      Cheap "Verifies a signature and gives back what was signed.";

        0x0201 kms     CreateKey              CreatedKey        Kms    App   Owner           Operational Write Neither none              Any            Change   Slow  "Makes a CMK.";
        0x0202 kms     DescribeKey            DescribedKey      Kms    App   Owner           Operational Read  Neither key(key_id)       Describe       Use      Cheap "Tells the attributes of a CMK.";
        0x0203 kms     ListKeys               ListedKeys        Kms    App   Owner           Operational Read  Neither none              Describe       Use      Cheap "Lists CMKs.";
        0x0204 kms     ListKeyDetail          ListedKeyDetail   Kms    App   Owner           Operational Read  Neither none              Describe       Use      Cheap "Lists CMKs with their attributes.";
        0x0205 kms     EnableKey              Done              Kms    App   Owner           Operational Write Neither key(key_id)       Enable         Change   Cheap "Enables a CMK.";
        0x0206 kms     DisableKey             Done              Kms    App   Owner           Operational Write Neither key(key_id)       Disable        Change   Cheap "Disables a CMK.";
        0x0207 kms     EnableKeys             Done              Kms    App   Owner           Operational Write Neither keys(key_ids)     Enable         Change   Cheap "Enables several CMKs, all or none.";
        0x0208 kms     DisableKeys            Done              Kms    App   Owner           Operational Write Neither keys(key_ids)     Disable        Change   Cheap "Disables several CMKs, all or none.";
        0x0209 kms     DescribeKeys           DescribedKeys     Kms    App   Owner           Operational Read  Neither keys(key_ids)     Describe       Use      Cheap "Tells the attributes of several CMKs.";
        0x020a kms     UpdateKeyDescription   Done              Kms    App   Owner           Operational Write Neither key(key_id)       Edit           Change   Cheap "Changes the description of a CMK.";
        0x020b kms     UpdateAlias            Done              Kms    App   Owner           Operational Write Neither key(key_id)       Edit           Change   Cheap "Changes the name of a CMK.";
        0x020c kms     ScheduleKeyDeletion    ScheduledDeletion Kms    App   Owner           Operational Write Neither key(key_id)       Schedule       Change   Cheap "Schedules the destruction of a CMK.";
        0x020d kms     CancelKeyDeletion      KeyChanged        Kms    App   Owner           Operational Write Neither key(key_id)       CancelDeletion Change   Cheap "Takes back the destruction of a CMK.";
        0x020e kms     ArchiveKey             Done              Kms    App   Owner           Operational Write Neither key(key_id)       Archive        Change   Cheap "Lets a CMK decrypt and verify only.";
        0x020f kms     CancelKeyArchive       Done              Kms    App   Owner           Operational Write Neither key(key_id)       CancelArchive  Change   Cheap "Enables an archived CMK.";
        0x0210 kms     Encrypt                Encrypted         Kms    App   Owner           Operational Use   Request key(key_id)       Encrypt        Use      Cheap "Encrypts up to 4,096 bytes.";
        0x0211 kms     Decrypt                Decrypted         Kms    App   Owner           Operational Use   Reply   ciphertext        Decrypt        Use      Cheap "Decrypts what Encrypt or GenerateDataKey made.";
        0x0212 kms     GenerateDataKey        GeneratedDataKey  Kms    App   Owner           Operational Use   Reply   key(key_id)       Encrypt        Use      Cheap "Makes a data key, in clear and encrypted.";
        0x0213 kms     GenerateRandom         GeneratedRandom   Kms    App   Owner           Operational Read  Reply   none              Any            Use      Cheap "Makes random bytes.";
        0x0214 kms     ReEncrypt              ReEncrypted       Kms    App   Owner           Operational Use   Neither ciphertext        Decrypt        Use      Cheap "Encrypts anew without showing the plaintext.";
        0x0215 kms     GenerateDataKeyWithoutPlaintext GeneratedCiphertext Kms App Owner     Operational Use   Neither key(key_id)       Encrypt        Use      Cheap "Makes a data key, encrypted only.";
        0x0216 kms     GenerateDataKeyPair    GeneratedDataKeyPair Kms App   Owner           Operational Use   Reply   key(key_id)       Encrypt        Use      Slow  "Makes a data key pair, in clear and encrypted.";
        0x0217 kms     GenerateDataKeyPairWithoutPlaintext GeneratedDataKeyPairCiphertext Kms App Owner Operational Use Neither key(key_id) Encrypt      Use      Slow  "Makes a data key pair, its private key encrypted only.";
        0x0218 kms     EncryptDataKey         EncryptedDataKey  Kms    App   Owner           Operational Use   Request key(key_id)       Encrypt        Use      Cheap "Encrypts a data key that comes with its hash.";
        0x0219 kms     DecryptDataKey         DecryptedDataKey  Kms    App   Owner           Operational Use   Reply   ciphertext        Decrypt        Use      Cheap "Decrypts a data key.";
        0x0220 kms     GetPublicKey           PublicKey         Kms    App   Owner           Operational Read  Neither key(key_id)       PublicKey      Use      Cheap "Tells the public key of an asymmetric CMK.";
        0x0221 kms     SignByAsymmetricKey    Signed            Kms    App   Owner           Operational Use   Neither key(key_id)       Sign           Use      Cheap "Signs a message or its digest.";
        0x0222 kms     VerifyByAsymmetricKey  Verified          Kms    App   Owner           Operational Use   Neither key(key_id)       Verify         Use      Cheap "Verifies a signature.";
        0x0223 kms     AsymmetricRsaDecrypt   AsymmetricDecrypted Kms  App   Owner           Operational Use   Reply   key(key_id)       Decrypt        Use      Cheap "Decrypts with an RSA key.";
        0x0224 kms     AsymmetricSm2Decrypt   AsymmetricDecrypted Kms  App   Owner           Operational Use   Reply   key(key_id)       Decrypt        Use      Cheap "Decrypts with an SM2 key.";
        0x0225 kms     GenerateMac            GeneratedMac      Kms    App   Owner           Operational Use   Neither key(key_id)       Sign           Use      Cheap "Makes a message authentication code.";
        0x0226 kms     VerifyMac              VerifiedMac       Kms    App   Owner           Operational Use   Neither key(key_id)       Verify         Use      Cheap "Checks a message authentication code.";
        0x0227 kms     DeriveSharedSecret     DerivedSharedSecret Kms  App   Owner           Operational Use   Reply   key(key_id)       Derive         Use      Cheap "Derives a shared secret by ECDH.";
        0x0230 kms     GetServiceStatus       ServiceStatus     Kms    App   Owner           Always      Read  Neither none              Any            Use      Cheap "Tells the state of the service.";
        0x0231 kms     ListAlgorithms         Algorithms        Kms    App   Owner           Always      Read  Neither none              Any            Use      Cheap "Lists the algorithms of keys.";
        0x0232 kms     GetRegions             Regions           Kms    App   Owner           Operational Read  Neither none              Any            Use      Cheap "Lists the regions, which are the partitions.";
        0x0240 kms     EnableKeyRotation      Done              Kms    App   Owner           Operational Write Neither key(key_id)       Rotate         Change   Cheap "Lets a CMK rotate by itself.";
        0x0241 kms     DisableKeyRotation     Done              Kms    App   Owner           Operational Write Neither key(key_id)       StopRotation   Change   Cheap "Stops a CMK from rotating by itself.";
        0x0242 kms     GetKeyRotationStatus   KeyRotationStatus Kms    App   Owner           Operational Read  Neither key(key_id)       Describe       Use      Cheap "Tells whether and when a CMK rotates.";
        0x0243 kms     RotateKey              Rotated           Kms    App   Owner           Operational Write Neither key(key_id)       Rotate         Change   Cheap "Rotates a CMK now.";
        0x0250 kms     GetParametersForImport ImportParameters  Kms    App   Owner           Operational Write Neither key(key_id)       PrepareImport  Change   Slow  "Makes a token and a public key to wrap material under.";
        0x0251 kms     ImportKeyMaterial      ImportedKeyMaterial Kms  App   Owner           Operational Write Neither key(key_id)       Import         Change   Cheap "Imports the material of an EXTERNAL CMK.";
        0x0252 kms     DeleteImportedKeyMaterial Done           Kms    App   Owner           Operational Write Neither key(key_id)       DeleteMaterial Change   Cheap "Erases imported material.";
        0x0260 kms     BindCloudResource      Done              Kms    App   Owner           Operational Write Neither key(key_id)       Bind           Change   Cheap "Notes that a resource uses a CMK.";
        0x0261 kms     UnbindCloudResource    Done              Kms    App   Owner           Operational Write Neither key(key_id)       Unbind         Change   Cheap "Takes such a note back.";
        0x0268 kms     TagResource            Done              Kms    App   Owner           Operational Write Neither key(key_id)       Tag            Change   Cheap "Sets tags of a CMK.";
        0x0269 kms     UntagResource          Done              Kms    App   Owner           Operational Write Neither key(key_id)       Untag          Change   Cheap "Removes tags of a CMK.";
        0x026a kms     ListResourceTags       ResourceTags      Kms    App   Owner           Operational Read  Neither key(key_id)       Describe       Use      Cheap "Tells the tags of a CMK.";
        0x0270 kms     GetKeyLastUsage        KeyLastUsage      Kms    App   Owner           Operational Read  Neither key(key_id)       Describe       Use      Cheap "Tells when a CMK was used last.";
        0x0280 kms     ListAlarms             ListedAlarms      Kms    App   Owner           Operational Read  Neither none              Any            Use      Cheap "Lists alarms.";
    } };
}

macro_rules! resource {
    ($this:ident none) => {
        Resource::None
    };
    ($this:ident ciphertext) => {
        Resource::Ciphertext
    };
    ($this:ident keys($ids:ident)) => {
        Resource::Keys(&$this.$ids)
    };
    ($this:ident key($id:ident)) => {
        Resource::Key(&$this.$id)
    };
    ($this:ident slot($slot:ident)) => {
        Resource::Slot($this.$slot)
    };
    ($this:ident session($session:ident)) => {
        Resource::Session($this.$session)
    };
    ($this:ident object($session:ident, $object:ident)) => {
        Resource::Object { session: $this.$session, object: $this.$object }
    };
    ($this:ident objects($session:ident, $first:ident, $second:ident)) => {
        Resource::Objects { session: $this.$session, objects: [$this.$first, $this.$second] }
    };
    ($this:ident partition($name:ident)) => {
        Resource::Partition(&$this.$name)
    };
}

macro_rules! define {
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        /// Every row, in the order of the table.
        pub const ALL: &[&Row] = &[ $( $module::$request::ROW ),* ];

        $(
            impl Operation for $module::$request {
                type Reply = $module::$reply;
                const ROW: &'static Row = &Row {
                    number: $number,
                    name: stringify!($request),
                    face: Face::$face,
                    socket: Socket::$socket,
                    access: Access::$access,
                    when: When::$when,
                    effect: Effect::$effect,
                    secret: Secret::$secret,
                    rule: KeyRule::$rule,
                    audit: Audit::$audit,
                    cost: Cost::$cost,
                    help: $help,
                };
                fn resource(&self) -> Resource<'_> {
                    resource!(self $resource $(($($field),*))?)
                }
            }
        )*
    };
}

for_each_operation!(define);

macro_rules! fields {
    (@row Pkcs11 $module:ident $request:ident $reply:ident) => { None };
    (@row $face:ident $module:ident $request:ident $reply:ident) => {
        Some((<$module::$request as Message>::FIELDS, <$module::$reply as Message>::FIELDS))
    };
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        /// The fields of an operation's request and reply; PKCS#11 operations have none with names.
        pub fn fields(number: u16) -> Option<(&'static [FieldInfo], &'static [FieldInfo])> {
            match number {
                $( $number => fields!(@row $face $module $request $reply), )*
                _ => None,
            }
        }
    };
}

for_each_operation!(fields);

/// The row of that number.
pub fn find(number: u16) -> Option<&'static Row> {
    ALL.binary_search_by_key(&number, |row| row.number).ok().map(|at| ALL[at])
}

/// The row of the action of that name; `ListKey` is the audit name of `ListKeys`.
pub fn find_action(name: &str) -> Option<&'static Row> {
    let name = if name == "ListKey" { "ListKeys" } else { name };
    ALL.iter().copied().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_numbers_and_have_names_of_their_own() {
        for pair in ALL.windows(2) {
            assert!(pair[0].number < pair[1].number, "{}", pair[1].name);
        }
        for row in ALL {
            assert_eq!(find(row.number).map(|found| found.name), Some(row.name));
            assert_eq!(ALL.iter().filter(|other| other.name == row.name).count(), 1);
        }
        assert!(find(0).is_none());
    }

    #[test]
    fn what_changes_is_audited_as_a_change_and_what_uses_a_key_obeys_its_state() {
        for row in ALL {
            assert_eq!(row.effect == Effect::Write, row.audit == Audit::Change, "{}", row.name);
            assert!(row.effect != Effect::Use || row.uses_key(), "{}", row.name);
            assert!(row.face != Face::Kms || row.audit != Audit::Refusals, "{}", row.name);
        }
    }
}
