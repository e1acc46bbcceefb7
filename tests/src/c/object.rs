//! Objects and their attributes.

use std::ptr::null_mut;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_KEY_TYPE, CK_ULONG, CKA_CLASS, CKA_EXTRACTABLE,
    CKA_KEY_TYPE, CKA_SENSITIVE, CKA_TOKEN, CKA_VALUE, CKO_SECRET_KEY,
};

use super::{Answer, Handle, NO, Session, Template, YES, call, list, number, size};

impl Session {
    /// `C_CreateObject`.
    pub fn create(self, template: Template<'_>) -> Answer<Handle> {
        let (mut template, mut object) = (list(template), 0);
        let count = template.len() as CK_ULONG;
        call!(C_CreateObject(self.0, template.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }

    /// `C_CreateObject` of a secret key of the session whose value may be read, with these usages.
    pub fn create_secret(
        self,
        kind: CK_KEY_TYPE,
        value: &[u8],
        usages: &[CK_ATTRIBUTE_TYPE],
    ) -> Answer<Handle> {
        let (class, kind) = (number(CKO_SECRET_KEY), number(kind));
        let mut template = vec![
            (CKA_CLASS, &class[..]),
            (CKA_KEY_TYPE, &kind[..]),
            (CKA_VALUE, value),
            (CKA_TOKEN, NO),
            (CKA_SENSITIVE, NO),
            (CKA_EXTRACTABLE, YES),
        ];
        template.extend(usages.iter().map(|usage| (*usage, YES)));
        self.create(&template)
    }

    /// `C_CopyObject`.
    pub fn copy(self, object: Handle, template: Template<'_>) -> Answer<Handle> {
        let (mut template, mut copy) = (list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_CopyObject(self.0, object, first, count, &raw mut copy))?;
        Ok(copy)
    }

    /// `C_SetAttributeValue`.
    pub fn change(self, object: Handle, template: Template<'_>) -> Answer<()> {
        let mut template = list(template);
        let count = template.len() as CK_ULONG;
        call!(C_SetAttributeValue(self.0, object, template.as_mut_ptr(), count))
    }

    /// `C_DestroyObject`.
    pub fn destroy(self, object: Handle) -> Answer<()> {
        call!(C_DestroyObject(self.0, object))
    }

    /// `C_GetObjectSize`.
    pub fn object_size(self, object: Handle) -> Answer<CK_ULONG> {
        let mut size = 0;
        call!(C_GetObjectSize(self.0, object, &raw mut size))?;
        Ok(size)
    }

    /// `C_FindObjectsInit`, for everything.
    pub fn find_init(self) -> Answer<()> {
        call!(C_FindObjectsInit(self.0, null_mut(), 0))
    }

    /// The first object that a template finds.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn find(self, template: Template<'_>) -> Answer<Handle> {
        let mut template = list(template);
        let (mut object, mut found) = (0, 0);
        let count = template.len() as CK_ULONG;
        call!(C_FindObjectsInit(self.0, template.as_mut_ptr(), count))?;
        call!(C_FindObjects(self.0, &raw mut object, 1, &raw mut found))?;
        call!(C_FindObjectsFinal(self.0))?;
        assert_eq!(found, 1);
        Ok(object)
    }

    /// All objects that a template finds, up to a thousand.
    pub fn find_all(self, template: Template<'_>) -> Answer<Vec<Handle>> {
        let mut template = list(template);
        let (mut objects, mut found) = (vec![0; 1000], 0);
        let count = template.len() as CK_ULONG;
        let room = objects.len() as CK_ULONG;
        call!(C_FindObjectsInit(self.0, template.as_mut_ptr(), count))?;
        call!(C_FindObjects(self.0, objects.as_mut_ptr(), room, &raw mut found))?;
        call!(C_FindObjectsFinal(self.0))?;
        objects.truncate(size(found));
        Ok(objects)
    }

    /// `C_GetAttributeValue` of one attribute: its length, then its value.
    pub fn read(self, object: Handle, kind: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        let mut asked = CK_ATTRIBUTE { type_: kind, pValue: null_mut(), ulValueLen: 0 };
        self.ask(object, &mut asked)?;
        let mut room = vec![0; size(asked.ulValueLen)];
        asked.pValue = room.as_mut_ptr().cast();
        self.ask(object, &mut asked)?;
        room.truncate(size(asked.ulValueLen));
        Ok(room)
    }

    /// `C_GetAttributeValue` of one attribute as it stands.
    pub fn ask(self, object: Handle, asked: &mut CK_ATTRIBUTE) -> Answer<()> {
        call!(C_GetAttributeValue(self.0, object, asked, 1))
    }
}
