//! Fields of requests about keys as such.

use serde_json::{Value, json};

use super::world::{ABSENT, World};
use super::{Field, OK, field, numbers, text};

/// Actions with one key.
const ONE: &str = "DescribeKey EnableKey DisableKey UpdateKeyDescription UpdateAlias ScheduleKeyDeletion \
    CancelKeyDeletion ArchiveKey CancelKeyArchive Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext \
    GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext EncryptDataKey GetPublicKey SignByAsymmetricKey \
    VerifyByAsymmetricKey AsymmetricRsaDecrypt AsymmetricSm2Decrypt GenerateMac VerifyMac DeriveSharedSecret \
    EnableKeyRotation DisableKeyRotation GetKeyRotationStatus RotateKey GetParametersForImport ImportKeyMaterial \
    DeleteImportedKeyMaterial BindCloudResource UnbindCloudResource TagResource UntagResource ListResourceTags \
    GetKeyLastUsage";
/// Those that take the key that their request names by its alias.
const BY_ALIAS: &str = "DescribeKey DisableKey UpdateKeyDescription UpdateAlias ArchiveKey Encrypt GenerateDataKey \
    GenerateDataKeyWithoutPlaintext GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext EncryptDataKey \
    EnableKeyRotation DisableKeyRotation GetKeyRotationStatus BindCloudResource TagResource ListResourceTags \
    GetKeyLastUsage";

/// What names no key.
pub(super) fn bad_names() -> Vec<(Value, &'static str)> {
    let long = format!("alias/{}", "x".repeat(61));
    let names = [
        "",
        "x",
        "alias/",
        "alias/-x",
        "alias/a b",
        "alias/\u{e4}",
        "Alias/enc",
        &long,
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-0000000000000",
        "00000000000040008000000000000000",
        "00000000-0000-4000-8000-00000000000g",
        "{00000000-0000-4000-8000-000000000}",
        "enc",
    ];
    names.map(|name| (json!(name), "IPV.InvalidKeyId")).into()
}

/// What names a key that there is not.
fn absent() -> Vec<(Value, &'static str)> {
    let longest = format!("alias/{}", "x".repeat(60));
    [ABSENT, "alias/none", "alias/kms-none", "alias/ENC", &longest]
        .map(|name| (json!(name), "RU.CmkNotFound"))
        .into()
}

pub(super) fn fields(world: &World) -> Vec<Field> {
    let mut all = vec![
        field(ONE, "KeyId", bad_names()),
        field(ONE, "KeyId", absent()),
        field(
            BY_ALIAS,
            "KeyId",
            [
                (json!(world.many[0]), OK),
                (json!(world.many[0].to_uppercase()), OK),
                (json!("alias/many-0"), OK),
            ],
        ),
    ];
    all.extend(names_of_right_keys());
    all.extend(several(world));
    all.extend(create());
    all.extend(change());
    all
}

/// Keys that are right for actions which want another kind of key or state.
fn names_of_right_keys() -> Vec<Field> {
    let of =
        |actions, alias: &str| field(actions, "KeyId", [(json!(format!("alias/{alias}")), OK)]);
    vec![
        of("EnableKey ScheduleKeyDeletion", "disabled"),
        of("CancelKeyDeletion", "doomed"),
        of("CancelKeyArchive", "archived"),
        of("RotateKey", "rotating"),
        of("GetPublicKey SignByAsymmetricKey VerifyByAsymmetricKey", "sign"),
        of("AsymmetricRsaDecrypt", "rsa"),
        of("AsymmetricSm2Decrypt", "sm2"),
        of("GenerateMac VerifyMac", "mac"),
        of("DeriveSharedSecret", "agree"),
        of("GetParametersForImport", "waiting"),
        of("DeleteImportedKeyMaterial", "imported"),
        of("UnbindCloudResource", "bound"),
        of("UntagResource", "taken"),
    ]
}

fn several(world: &World) -> Vec<Field> {
    let many = |count: usize| json!(world.many[..count]);
    let twice = [&world.many[0], &world.many[1], &world.many[0]];
    let upper = world.many[0].to_uppercase();
    let values = [
        (json!([]), "IPV"),
        (many(1), OK),
        (many(100), OK),
        (many(101), "IPV"),
        (json!(vec![ABSENT; 101]), "IPV"),
        (json!(twice), "IPV.DuplicatedKeyId"),
        (json!([world.many[0], upper]), "IPV.DuplicatedKeyId"),
        (json!([world.many[0], "alias/many-0"]), "IPV.DuplicatedKeyId"),
        (json!([world.many[0], "x"]), "IPV.InvalidKeyId"),
        (json!([world.many[0], ""]), "IPV.InvalidKeyId"),
        (json!([world.many[0], ABSENT]), "RU.CmkNotFound"),
        (json!(["alias/none"]), "RU.CmkNotFound"),
    ];
    vec![field("DescribeKeys EnableKeys DisableKeys", "KeyIds", values)]
}

fn aliases() -> Vec<(Value, &'static str)> {
    let mut values: Vec<(Value, &str)> =
        ["a", "0", "a_-", "kms", "kmsx", "akms-x", "A"].map(|alias| (json!(alias), OK)).into();
    for bad in [
        "", "-a", "_a", "a b", "a.b", "a/b", "\u{e4}", "a\n", "a\0", "kms-", "kms-x", "KMS-x",
        "kMs-1",
    ] {
        values.push((json!(bad), "IPV.InvalidAlias"));
    }
    values.extend([(text(60), OK), (text(61), "IPV.InvalidAlias")]);
    values.push((json!("taken"), "IPV.AliasAlreadyExists"));
    // That of a key which waits for its destruction is taken until then.
    values.push((json!("doomed"), "IPV.AliasAlreadyExists"));
    values
}

fn tag(key: &str, value: &str) -> Value {
    json!([{ "TagKey": key, "TagValue": value }])
}

fn tags() -> Vec<(Value, &'static str)> {
    let many = |count: usize| {
        let tag = |n| json!({ "TagKey": format!("k{n}"), "TagValue": "v" });
        json!((0..count).map(tag).collect::<Vec<_>>())
    };
    let mut values = vec![
        (many(10), OK),
        (many(11), "IPV"),
        (tag("", "v"), "IPV"),
        (tag("k", ""), OK),
        (tag(&"\u{e4}".repeat(36), "v"), OK),
        (tag(&"k".repeat(37), "v"), "IPV"),
        (tag("k", &"\u{e4}".repeat(43)), OK),
        (tag("k", &"v".repeat(44)), "IPV"),
        (json!([{ "TagKey": "k" }]), "IP"),
        (json!([{ "TagKey": "k", "TagValue": "v", "Other": 1 }]), "IP"),
        (
            json!([{ "TagKey": "k", "TagValue": "1" }, { "TagKey": "k", "TagValue": "2" }]),
            "IPV.TagKeysDuplicated",
        ),
    ];
    for wrong in ['*', '<', '>', '\\', '=', '\0', '\n', '\u{1f}'] {
        values.push((tag(&format!("k{wrong}"), "v"), "IPV"));
        values.push((tag("k", &format!("v{wrong}")), "IPV"));
    }
    values
}

/// Texts of up to 1,024 bytes.
fn descriptions() -> Vec<(Value, &'static str)> {
    let accents = |count: usize| json!("\u{e4}".repeat(count));
    vec![
        (text(0), OK),
        (text(1024), OK),
        (text(1025), "IPV"),
        (accents(512), OK),
        (accents(513), "IPV"),
    ]
}

fn create() -> Vec<Field> {
    let usages =
        coffer_protocol::key::KeyUsage::ALL.iter().filter(|usage| !usage.specs().is_empty());
    let mut usages: Vec<(Value, &str)> = usages.map(|usage| (json!(usage.name()), OK)).collect();
    for wrong in ["encrypt_decrypt", "PKCS11", "SIGN", "ENCRYPT_DECRYPT ", "ALL"] {
        usages.push((json!(wrong), "IPV.InvalidKeyUsage"));
    }
    usages.push((json!(""), OK));
    let specs = ["aes_256", "AES_128", "RSA_2048", "EC_P256", "HMAC_256", "DES"];
    let specs = specs.map(|spec| (json!(spec), "IPV")).into_iter();
    let specs = specs.chain(["", "AES_256", "SM4"].map(|spec| (json!(spec), OK)));
    let own = |usage: &str, right: &str, wrong: &str| {
        field("CreateKey", "KeySpec", [(json!(right), OK), (json!(wrong), "IPV")])
            .with(json!({ "KeyUsage": usage }))
    };
    vec![
        field("CreateKey", "Alias", aliases()),
        field("CreateKey", "Description", descriptions()),
        field("CreateKey", "KeyUsage", usages),
        field("CreateKey", "KeySpec", specs),
        own("KEY_AGREEMENT", "EC_P384", "SM2"),
        own("GENERATE_VERIFY_MAC", "HMAC_SM3", "AES_256"),
        own("ASYMMETRIC_SIGN_VERIFY_ECC", "EC_P256", "EC_P384"),
        field("CreateKey", "Type", numbers(1, 2, "IPV.InvalidType")),
        field("CreateKey", "Tags", tags()),
        field("CreateKey", "Tags", [(json!([]), OK)]),
        cluster("CreateKey"),
        field("CreateKey", "ClientToken", super::lengths(text, 1, 64, "IPV")),
        field("CreateKey", "RotateDays", numbers(7, 365, "IPV")),
        field("CreateKey", "RotateDays", [(json!(7), "UO.ExternalCmkCanNotRotate")])
            .with(json!({ "Type": 2 })),
        field("CreateKey", "RotateDays", [(json!(7), "UO.RotateNotSupported")])
            .with(json!({ "KeyUsage": "GENERATE_VERIFY_MAC" })),
    ]
}

/// There is no cluster.
pub(super) fn cluster(actions: &'static str) -> Field {
    let values = [(json!(""), OK), (json!("c"), "IPV.InvalidHsmClusterId")];
    field(actions, "HsmClusterId", values)
}

fn change() -> Vec<Field> {
    let names = |count: usize| json!((0..count).map(|n| format!("k{n}")).collect::<Vec<_>>());
    let untag = [
        (json!([]), "IPV"),
        (names(1), OK),
        (names(10), OK),
        (names(11), "IPV"),
        (json!(["k0", "k0"]), "IPV.TagKeysDuplicated"),
        (json!(["none"]), "IPV.TagsNotExisted"),
        (json!(["k0", "none"]), "IPV.TagsNotExisted"),
        (json!([""]), "IPV.TagsNotExisted"),
    ];
    let window = numbers(7, 30, "IP.InvalidPendingWindowInDays");
    let more = [1096, 1097].map(|days| (json!(days), "IP.InvalidPendingWindowInDays"));
    let names = "BindCloudResource UnbindCloudResource";
    let wrong = ["", "a\nb", "\0"].map(|name| (json!(name), "IPV"));
    let bind = super::lengths(text, 1, 128, "IPV");
    let unbind = [
        (json!("other"), "RU.CloudResourceBindingNotFound"),
        (text(128), "RU.CloudResourceBindingNotFound"),
        (text(129), "IPV"),
    ];
    vec![
        field("UpdateAlias", "Alias", aliases()),
        // Its own is no other key's.
        field("UpdateAlias", "Alias", [(json!("enc"), OK)]),
        field("UpdateKeyDescription", "Description", descriptions()),
        field("ScheduleKeyDeletion", "PendingWindowInDays", window),
        field("ScheduleKeyDeletion", "PendingWindowInDays", more),
        field("EnableKeyRotation", "RotateDays", numbers(7, 365, "IPV")),
        field("TagResource", "Tags", tags()),
        field("TagResource", "Tags", [(json!([]), "IPV")]),
        field("UntagResource", "TagKeys", untag),
        field(names, "ProductId", wrong.clone()),
        field(names, "ResourceId", wrong),
        field("BindCloudResource", "ProductId", bind.clone()),
        field("BindCloudResource", "ResourceId", bind),
        field("UnbindCloudResource", "ProductId", unbind.clone()),
        field("UnbindCloudResource", "ResourceId", unbind),
        field("UnbindCloudResource", "ProductId", [(json!("p"), OK)]),
        field("UnbindCloudResource", "ResourceId", [(json!("r"), OK)]),
    ]
}
