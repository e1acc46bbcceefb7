//! Fields of requests that list or tell something.

use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::key::KeyUsage;
use serde_json::{Value, json};

use super::key::{bad_names, cluster};
use super::world::{ABSENT, World};
use super::{Field, OK, field, numbers, text};

pub(super) fn fields(_: &World) -> Vec<Field> {
    let paged = "ListKeys ListKeyDetail ListAlarms";
    let keys = "ListKeys ListKeyDetail";
    let mut usages: Vec<(Value, &str)> =
        KeyUsage::ALL.iter().map(|usage| (json!(usage.name()), OK)).collect();
    usages.extend(["", "ALL"].map(|usage| (json!(usage), OK)));
    usages.extend(["all", "NONE"].map(|usage| (json!(usage), "IPV.InvalidKeyUsage")));
    let origins = ["", "ALL", "TENCENT_KMS", "EXTERNAL"].map(|origin| (json!(origin), OK));
    let no_origins = ["external", "all", "HSM"].map(|origin| (json!(origin), "IPV"));
    let filters = [
        (json!([]), OK),
        (json!([{ "TagKey": "k", "TagValue": ["v", "w"] }]), OK),
        (json!([{ "TagKey": "k", "TagValue": [] }]), OK),
    ];
    let kinds = AlarmKind::ALL.iter().map(|kind| (json!(kind.name()), OK));
    let no_kinds = ["pin.locked", "None"].map(|kind| (json!(kind), "IPV"));
    let times = [i64::MIN, -1, 0, 1, i64::MAX].map(|time| (json!(time), OK));
    vec![
        field(paged, "Offset", numbers(0, i64::from(u32::MAX), "IPV")),
        field(paged, "Limit", numbers(1, 200, "IPV")),
        field(keys, "Role", numbers(0, 1, "IPV")),
        cluster(keys),
        field("ListKeyDetail", "OrderType", numbers(0, 1, "IPV")),
        field("ListKeyDetail", "KeyState", numbers(0, 5, "IPV")),
        field("ListKeyDetail", "KeyState", [1, 2, 3, 4].map(|state| (json!(state), OK))),
        field("ListKeyDetail", "SearchKeyAlias", [0, 1, 1000].map(|length| (text(length), OK))),
        field("ListKeyDetail", "Origin", origins),
        field("ListKeyDetail", "Origin", no_origins),
        field("ListKeyDetail", "KeyUsage", usages),
        field("ListKeyDetail", "TagFilters", filters),
        field("ListAlarms", "AlarmType", kinds.chain(no_kinds)),
        field("ListAlarms", "AlarmType", [(json!(""), OK)]),
        field("ListAlarms", "KeyId", bad_names()),
        // One that was destroyed has alarms, but no name any more.
        field(
            "ListAlarms",
            "KeyId",
            [(json!(ABSENT), OK), (json!("alias/none"), "RU.CmkNotFound")],
        ),
        field("ListAlarms", "StartTime", times.clone()),
        field("ListAlarms", "EndTime", times),
        field("ListAlarms", "After", [0, 1, u64::MAX].map(|number| (json!(number), OK))),
        field("GenerateRandom", "NumberOfBytes", numbers(1, 1024, "IPV")),
    ]
}
