//! Who is logged in to a token, per application (PKCS#11 section 5.6, C_Login and C_Logout).

use coffer_protocol::ErrorCode;

/// Who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Login {
    /// Nobody.
    Public,
    /// The user.
    User,
    /// The security officer.
    SecurityOfficer,
}

use Login::{Public, SecurityOfficer, User};

/// What a login comes to: who is in, who asks, and who is in afterwards or why not.
#[rustfmt::skip]
pub const LOGINS: &[(Login, Login, Result<Login, ErrorCode>)] = &[
    // in            asks             outcome
    (Public,          User,            Ok(User)),
    (Public,          SecurityOfficer, Ok(SecurityOfficer)),
    (User,            User,            Err(ErrorCode::UserAlreadyLoggedIn)),
    (SecurityOfficer, SecurityOfficer, Err(ErrorCode::UserAlreadyLoggedIn)),
    (User,            SecurityOfficer, Err(ErrorCode::UserAnotherLoggedIn)),
    (SecurityOfficer, User,            Err(ErrorCode::UserAnotherLoggedIn)),
];

impl Login {
    /// The login of a `CKU_` number; 2 (context specific) is no login.
    pub fn from_cku(user: u32) -> Option<Self> {
        match user {
            0 => Some(SecurityOfficer),
            1 => Some(User),
            _ => None,
        }
    }

    /// Who is logged in after `who` logs in.
    ///
    /// # Errors
    ///
    /// What the table says.
    pub fn log_in(self, who: Self) -> Result<Self, ErrorCode> {
        let row = LOGINS.iter().find(|row| (row.0, row.1) == (self, who));
        row.map_or(Err(ErrorCode::UserTypeInvalid), |row| row.2)
    }

    /// Nobody, after a logout.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::UserNotLoggedIn`].
    pub fn log_out(self) -> Result<Self, ErrorCode> {
        match self {
            Public => Err(ErrorCode::UserNotLoggedIn),
            User | SecurityOfficer => Ok(Public),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_states_has_its_row() {
        for inside in [Public, User, SecurityOfficer] {
            for asks in [User, SecurityOfficer] {
                assert_eq!(LOGINS.iter().filter(|row| (row.0, row.1) == (inside, asks)).count(), 1);
            }
            assert_eq!(inside.log_out().is_ok(), inside != Public);
        }
        assert_eq!(User.log_in(Public), Err(ErrorCode::UserTypeInvalid));
    }
}
