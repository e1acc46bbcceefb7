//! Keys under keys.

use cryptoki_sys::CK_ULONG;

use super::{Answer, Handle, Mechanism, Session, Template, call, fill, input, length, list};

impl Session {
    /// `C_WrapKey`.
    pub fn wrap(self, mechanism: &Mechanism<'_>, wrapping: Handle, key: Handle) -> Answer<Vec<u8>> {
        fill(|output, told| {
            let mut raw = mechanism.0;
            call!(C_WrapKey(self.0, &raw mut raw, wrapping, key, output, told))
        })
    }

    /// `C_UnwrapKey`.
    pub fn unwrap(
        self,
        mechanism: &Mechanism<'_>,
        unwrapping: Handle,
        wrapped: &[u8],
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let (given, told) = (input(wrapped), length(wrapped));
        call!(C_UnwrapKey(
            self.0,
            &raw mut raw,
            unwrapping,
            given,
            told,
            first,
            count,
            &raw mut key
        ))?;
        Ok(key)
    }

    /// `C_WrapKeyAuthenticated`.
    pub fn wrap_authenticated(
        self,
        mechanism: &Mechanism<'_>,
        wrapping: Handle,
        key: Handle,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        fill(|place, told| {
            let mut raw = mechanism.0;
            let (given, count) = (input(data), length(data));
            call!(C_WrapKeyAuthenticated(
                self.0,
                &raw mut raw,
                wrapping,
                key,
                given,
                count,
                place,
                told
            ))
        })
    }

    /// `C_UnwrapKeyAuthenticated`.
    pub fn unwrap_authenticated(
        self,
        mechanism: &Mechanism<'_>,
        unwrapping: Handle,
        wrapped: &[u8],
        template: Template<'_>,
        data: &[u8],
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_UnwrapKeyAuthenticated(
            self.0,
            &raw mut raw,
            unwrapping,
            input(wrapped),
            length(wrapped),
            first,
            count,
            input(data),
            length(data),
            &raw mut key
        ))?;
        Ok(key)
    }
}
