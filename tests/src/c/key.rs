//! Keys that are generated, derived and agreed on.

use std::cell::Cell;
use std::ptr::null_mut;

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG};

use super::{Answer, Handle, Mechanism, Session, Template, call, fill, input, length, list};

impl Session {
    /// `C_GenerateKey`.
    pub fn generate(self, mechanism: &Mechanism<'_>, template: Template<'_>) -> Answer<Handle> {
        self.generate_with(mechanism, &mut list(template))
    }

    /// `C_GenerateKey` with attributes as they stand.
    pub fn generate_with(
        self,
        mechanism: &Mechanism<'_>,
        template: &mut [CK_ATTRIBUTE],
    ) -> Answer<Handle> {
        let (mut raw, mut key) = (mechanism.0, 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_GenerateKey(self.0, &raw mut raw, first, count, &raw mut key))?;
        Ok(key)
    }

    /// `C_GenerateKeyPair`: the public and the private key.
    pub fn generate_pair(
        self,
        mechanism: &Mechanism<'_>,
        public: Template<'_>,
        private: Template<'_>,
    ) -> Answer<(Handle, Handle)> {
        let (mut raw, mut outer, mut inner) = (mechanism.0, list(public), list(private));
        let (mut public, mut private) = (0, 0);
        let counts = (outer.len() as CK_ULONG, inner.len() as CK_ULONG);
        let (outer, inner) = (outer.as_mut_ptr(), inner.as_mut_ptr());
        call!(C_GenerateKeyPair(
            self.0,
            &raw mut raw,
            outer,
            counts.0,
            inner,
            counts.1,
            &raw mut public,
            &raw mut private
        ))?;
        Ok((public, private))
    }

    /// `C_DeriveKey`.
    pub fn derive(
        self,
        mechanism: &Mechanism<'_>,
        base: Handle,
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, &raw mut key))?;
        Ok(key)
    }

    /// `C_DeriveKey` with a mechanism that gives its keys back through the parameter.
    pub fn derive_into(
        self,
        mechanism: &Mechanism<'_>,
        base: Handle,
        template: Template<'_>,
    ) -> Answer<()> {
        let (mut raw, mut template) = (mechanism.0, list(template));
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, null_mut()))
    }

    /// `C_DeriveKey` with attributes as they stand, and the place of the handle.
    pub fn derive_at(
        self,
        mechanism: &Mechanism<'_>,
        base: Handle,
        template: &mut [CK_ATTRIBUTE],
        key: &Cell<Handle>,
    ) -> Answer<()> {
        let mut raw = mechanism.0;
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, key.as_ptr()))
    }

    /// `C_EncapsulateKey`: the ciphertext and the key.
    ///
    /// # Panics
    ///
    /// Where a key is made for who only asks for the length.
    pub fn encapsulate(
        self,
        mechanism: &Mechanism<'_>,
        public: Handle,
        template: Template<'_>,
    ) -> Answer<(Vec<u8>, Handle)> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let ciphertext = fill(|place, told| {
            let outcome = call!(C_EncapsulateKey(
                self.0,
                &raw mut raw,
                public,
                first,
                count,
                place,
                told,
                &raw mut key
            ));
            assert!(key == 0 || (outcome.is_ok() && !place.is_null()));
            outcome
        })?;
        Ok((ciphertext, key))
    }

    /// `C_DecapsulateKey`.
    pub fn decapsulate(
        self,
        mechanism: &Mechanism<'_>,
        private: Handle,
        ciphertext: &[u8],
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let (given, told) = (input(ciphertext), length(ciphertext));
        call!(C_DecapsulateKey(
            self.0,
            &raw mut raw,
            private,
            first,
            count,
            given,
            told,
            &raw mut key
        ))?;
        Ok(key)
    }
}
