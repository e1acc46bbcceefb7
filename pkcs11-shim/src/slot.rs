//! Slots, their tokens and mechanisms. What was last known stays known while the daemon is away.

use std::collections::BTreeMap;
use std::sync::Mutex;

use coffer_protocol::mechanism;
use coffer_protocol::operation::token::{InitToken, ListTokens, PinState, Token};
use coffer_protocol::weak::WeakKeys;
use cryptoki_sys::{
    CK_BBOOL, CK_FLAGS, CK_INFO, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_SLOT_ID, CK_SLOT_INFO,
    CK_TOKEN_INFO, CK_ULONG, CK_UNAVAILABLE_INFORMATION, CK_VERSION, CKF_DUAL_CRYPTO_OPERATIONS,
    CKF_LOGIN_REQUIRED, CKF_REMOVABLE_DEVICE, CKF_RNG, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY,
    CKF_SO_PIN_LOCKED, CKF_TOKEN_INITIALIZED, CKF_TOKEN_PRESENT, CKF_USER_PIN_COUNT_LOW,
    CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_INITIALIZED, CKF_USER_PIN_LOCKED,
};

use crate::connection::Link;
use crate::error::Error;
use crate::login::{MAX_PIN, MIN_PIN};
use crate::module::{Module, lock};
use crate::output::Room;
use crate::slot_event::{Seen, Told};

const MANUFACTURER: &str = "Coffer";
const MODEL: &str = "Coffer";
const LIBRARY: &str = "Coffer PKCS#11 module";
const VERSION: CK_VERSION = CK_VERSION { major: 0, minor: 1 };
/// Most sessions that an application has with a token.
const MAX_SESSIONS: CK_ULONG = 1024;

/// The slots as they were last seen.
#[derive(Default)]
pub(crate) struct Slots {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    tokens: Vec<Token>,
    /// The slots that C_GetSlotList told; it grows in calls that ask for the length only (section 5.5).
    listed: Option<Vec<u32>>,
    /// The application that was asked and how many changes of tokens it knew then.
    seen: Option<(u32, u64)>,
    /// What C_WaitForSlotEvent told.
    told: Told,
}

/// `C_GetInfo`, for the function list of that version.
pub(crate) fn library_info(version: CK_VERSION) -> CK_INFO {
    CK_INFO {
        cryptokiVersion: version,
        manufacturerID: padded(MANUFACTURER),
        flags: 0,
        libraryDescription: padded(LIBRARY),
        libraryVersion: VERSION,
    }
}

/// `C_GetSlotList` (section 5.5).
pub(crate) fn list(module: &Module, present: CK_BBOOL, room: Room) -> Vec<CK_SLOT_ID> {
    let slots = &module.slots;
    let is_new = lock(&slots.known).listed.is_none();
    let there = if room == Room::Query || is_new {
        slots.refresh(&module.link)
    } else {
        slots.check(&module.link)
    };
    let mut known = lock(&slots.known);
    if room == Room::Query || known.listed.is_none() {
        known.listed = Some(known.tokens.iter().map(|token| token.slot).collect());
    }
    if present != 0 && there.is_err() {
        return Vec::new();
    }
    known.listed.iter().flatten().map(|slot| CK_SLOT_ID::from(*slot)).collect()
}

/// `C_GetSlotInfo`.
pub(crate) fn info(module: &Module, slot: CK_SLOT_ID) -> Result<CK_SLOT_INFO, Error> {
    let there = module.slots.check(&module.link);
    let token = module.slots.token(slot)?;
    // The daemon, and with it every token, can go away and come back.
    let presence = if there.is_ok() { CKF_TOKEN_PRESENT } else { 0 };
    Ok(CK_SLOT_INFO {
        slotDescription: padded(&token.name),
        manufacturerID: padded(MANUFACTURER),
        flags: CKF_REMOVABLE_DEVICE | presence,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
    })
}

/// `C_GetTokenInfo`; session counts are those of this application.
pub(crate) fn token_info(module: &Module, slot: CK_SLOT_ID) -> Result<CK_TOKEN_INFO, Error> {
    let there = module.slots.refresh(&module.link);
    let token = module.slots.token(slot)?;
    there?;
    Ok(CK_TOKEN_INFO {
        label: padded(&token.label),
        manufacturerID: padded(MANUFACTURER),
        model: padded(MODEL),
        serialNumber: padded(&token.serial),
        flags: token_flags(&token),
        ulMaxSessionCount: MAX_SESSIONS,
        ulSessionCount: token.sessions.into(),
        ulMaxRwSessionCount: MAX_SESSIONS,
        ulRwSessionCount: token.rw_sessions.into(),
        ulMaxPinLen: MAX_PIN as CK_ULONG,
        ulMinPinLen: MIN_PIN as CK_ULONG,
        ulTotalPublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
        utcTime: [b' '; 16],
    })
}

fn token_flags(token: &Token) -> CK_FLAGS {
    let mut flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS;
    if token.initialised {
        flags |= CKF_TOKEN_INITIALIZED;
    }
    if token.user_pin {
        flags |= CKF_USER_PIN_INITIALIZED;
    }
    flags |= match PinState::from_number(token.user_pin_state) {
        PinState::Fresh => 0,
        PinState::CountLow => CKF_USER_PIN_COUNT_LOW,
        PinState::FinalTry => CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY,
        PinState::Locked => CKF_USER_PIN_LOCKED,
    };
    flags
        | match PinState::from_number(token.so_pin_state) {
            PinState::Fresh => 0,
            PinState::CountLow => CKF_SO_PIN_COUNT_LOW,
            PinState::FinalTry => CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY,
            PinState::Locked => CKF_SO_PIN_LOCKED,
        }
}

/// `C_GetMechanismList`: the rows of the mechanism table.
pub(crate) fn mechanisms(
    module: &Module,
    slot: CK_SLOT_ID,
) -> Result<Vec<CK_MECHANISM_TYPE>, Error> {
    module.slots.expect_present(&module.link, slot)?;
    Ok(mechanism::ALL.iter().filter_map(|row| CK_MECHANISM_TYPE::try_from(row.ckm).ok()).collect())
}

/// `C_GetMechanismInfo`.
pub(crate) fn mechanism_info(
    module: &Module,
    slot: CK_SLOT_ID,
    kind: CK_MECHANISM_TYPE,
) -> Result<CK_MECHANISM_INFO, Error> {
    module.slots.expect_present(&module.link, slot)?;
    let row = mechanism::find(kind).ok_or(Error::MechanismInvalid)?;
    let weak = module.link.application().map_or_else(|_| WeakKeys::default(), |it| it.weak_keys());
    let (least, most) = weak.range(row);
    Ok(CK_MECHANISM_INFO {
        ulMinKeySize: least.into(),
        ulMaxKeySize: most.into(),
        flags: row.info_flags().into(),
    })
}

/// `C_InitToken`: a new label and the security officer's PIN.
pub(crate) fn init_token(
    module: &Module,
    slot: CK_SLOT_ID,
    pin: Option<&[u8]>,
    label: &[u8],
) -> Result<(), Error> {
    let pin = pin.ok_or(Error::ArgumentsBad)?;
    let label = std::str::from_utf8(label).map_err(|_| Error::ArgumentsBad)?;
    let slot = module.slots.expect_present(&module.link, slot)?;
    let request = InitToken { slot, label: label.trim_end_matches([' ', '\0']).to_owned() };
    let application = module.link.application()?;
    application.keys.forget_slot(slot);
    application.call(&request, pin).map_err(Error::about_login)?;
    Ok(())
}

impl Slots {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *lock(&self.known) = Known::default();
    }

    /// The slot of that id, whose token must be there.
    pub(crate) fn expect_present(&self, link: &Link, slot: CK_SLOT_ID) -> Result<u32, Error> {
        let there = self.check(link);
        let token = self.token(slot)?;
        there.map(|()| token.slot)
    }

    /// The slot of that id.
    pub(crate) fn expect_known(&self, link: &Link, slot: CK_SLOT_ID) -> Result<u32, Error> {
        // While the daemon is away, what was known before answers.
        let _ = self.check(link);
        self.token(slot).map(|token| token.slot)
    }

    /// A slot with an event that was not told of yet.
    pub(crate) fn take_change(&self, link: &Link) -> Option<u32> {
        let is_present = self.check(link).is_ok();
        let mut known = lock(&self.known);
        let now = known.slots(is_present);
        known.told.take_change(&now)
    }

    /// Whether the tokens are there; asks the daemon only if something may have changed.
    fn check(&self, link: &Link) -> Result<(), Error> {
        if let Some(application) = link.present() {
            application.drain_events();
            let now = (application.number(), application.token_changes());
            if lock(&self.known).seen == Some(now) {
                return Ok(());
            }
        }
        self.refresh(link)
    }

    /// Asks the daemon.
    fn refresh(&self, link: &Link) -> Result<(), Error> {
        // What changes while the daemon answers is not in the answer for sure.
        let before = link.present().map(|asked| (asked.number(), asked.token_changes()));
        let outcome = link.call(&ListTokens {});
        let mut known = lock(&self.known);
        let Ok((application, reply)) = outcome else {
            known.seen = None;
            let now = known.slots(false);
            known.told.begin(&now);
            return Err(Error::TokenNotPresent);
        };
        let is_same = |(number, _): &(u32, u64)| *number == application.number();
        known.seen = before.filter(is_same).or(Some((application.number(), 0)));
        known.tokens = reply.meta.tokens;
        let now = known.slots(true);
        known.told.begin(&now);
        Ok(())
    }

    fn token(&self, slot: CK_SLOT_ID) -> Result<Token, Error> {
        let known = lock(&self.known);
        let token = known.tokens.iter().find(|token| CK_SLOT_ID::from(token.slot) == slot);
        token.cloned().ok_or(Error::SlotIdInvalid)
    }
}

impl Known {
    /// How the slots are.
    fn slots(&self, is_present: bool) -> BTreeMap<u32, Seen> {
        let seen =
            |token: &Token| (token.slot, Seen { is_present, is_initialised: token.initialised });
        self.tokens.iter().map(seen).collect()
    }
}

/// Text in a field of fixed length: cut at a character, filled with blanks, without a final zero.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    let text = &text[..text.floor_char_boundary(N)];
    field[..text.len()].copy_from_slice(text.as_bytes());
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_padded_with_blanks_and_cut_at_a_character() {
        assert_eq!(&padded::<6>("ab"), b"ab    ");
        assert_eq!(&padded::<2>("abc"), b"ab");
        assert_eq!(&padded::<2>("aé"), b"a ");
        assert_eq!(&padded::<2>(""), b"  ");
    }
}
