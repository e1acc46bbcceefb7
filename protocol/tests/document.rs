//! The tables of PROTOCOL.md are those of the code.
//!
//! `cargo test -p coffer-protocol --test document -- --ignored` writes them anew.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

#[path = "golden/payload.rs"]
mod payload;
#[path = "golden/tracer.rs"]
mod tracer;

use std::fmt::Write;
use std::path::PathBuf;

use coffer_protocol::error::Failure;
use coffer_protocol::event::{AlarmRaised, ObjectChanged, TokenChanged};
use coffer_protocol::frame::Kind;
use coffer_protocol::handshake::{GoAway, Hello, Welcome};
use coffer_protocol::mechanism::ParameterShape;
use coffer_protocol::operation::{self, Operation, Row};
use coffer_protocol::{ErrorCode, for_each_operation, mechanism};
use payload::has_payload;
use serde::de::DeserializeOwned;
use tracer::{Optional, Shape, trace};

/// Shapes of messages, each once.
#[derive(Default)]
struct Shapes(Vec<Shape>);

impl Shapes {
    fn add<T: DeserializeOwned>(&mut self) {
        let (_, shapes) = trace::<T>(Optional::Present);
        // The message itself comes last, after its parts; a reader wants it first.
        for shape in shapes.into_iter().rev() {
            match self.0.iter().find(|known| known.name == shape.name) {
                Some(known) => assert_eq!(known, &shape, "two messages have one name"),
                None => self.0.push(shape),
            }
        }
    }
}

macro_rules! operations {
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        const OPERATIONS: &[(&Row, &str)] =
            &[ $( (operation::$module::$request::ROW, stringify!($reply)) ),* ];

        fn add_operations(shapes: &mut Shapes) {
            $(
                shapes.add::<operation::$module::$request>();
                shapes.add::<<operation::$module::$request as Operation>::Reply>();
            )*
        }
    };
}

for_each_operation!(operations);

fn operations() -> String {
    let mut text = String::from(
        "| Number | Operation | Reply | Socket | Caller | When | Payload | Audit | What it does |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, reply) in OPERATIONS {
        let Row { number, name, socket, access, when, audit, help, .. } = row;
        let payload = match (side(row, Kind::Request), side(row, Kind::Reply)) {
            ("", "") => String::new(),
            (request, "") => request.to_owned(),
            (request, reply) => format!("{request} → {reply}"),
        };
        writeln!(
            text,
            "| 0x{number:04x} | {name} | `{reply}` | {socket:?} | {access:?} | {when:?} | {payload} | {audit:?} | {help} |"
        )
        .unwrap();
    }
    text
}

fn side(row: &Row, kind: Kind) -> &'static str {
    let secret =
        if kind == Kind::Request { row.secret.in_request() } else { row.secret.in_reply() };
    match (has_payload(row, kind), secret) {
        (false, _) => "",
        (true, true) => "secret",
        (true, false) => "plain",
    }
}

fn messages() -> String {
    let mut shapes = Shapes::default();
    shapes.add::<Hello>();
    shapes.add::<Welcome>();
    shapes.add::<Failure>();
    shapes.add::<GoAway>();
    shapes.add::<ObjectChanged>();
    shapes.add::<TokenChanged>();
    shapes.add::<AlarmRaised>();
    add_operations(&mut shapes);
    table("Message", &shapes)
}

fn table(heading: &str, shapes: &Shapes) -> String {
    let mut text = format!("| {heading} | Fields |\n|---|---|\n");
    for Shape { name, fields } in &shapes.0 {
        let fields: Vec<_> =
            fields.iter().map(|(name, kind)| format!("`{name}`: {kind}")).collect();
        writeln!(text, "| {name} | {} |", fields.join(", ")).unwrap();
    }
    text
}

macro_rules! parameters {
    ($( $($shape:ident)|+ => $name:ident $more:literal; )*) => {
        fn add_parameters(shapes: &mut Shapes) {
            $( shapes.add::<mechanism::$name>(); )*
        }

        fn parameter(shape: ParameterShape) -> &'static str {
            match shape {
                ParameterShape::None => "none, no bytes",
                $( $(ParameterShape::$shape)|+ => concat!(stringify!($name), $more), )*
            }
        }
    };
}

parameters! {
    Iv => IvParameter "";
    Gcm => GcmParameter "";
    Ctr => CtrParameter "";
    Pss => PssParameter "";
    Oaep => OaepParameter "";
    RsaAes => RsaAesParameter "";
    Hkdf => HkdfParameter "";
    Ccm => CcmParameter "";
    ChaChaPoly => ChaChaPolyParameter "";
    ChaCha => ChaChaParameter "";
    MacLength => MacLengthParameter "";
    Truncation => TruncationParameter "";
    EdDsa => EdDsaParameter ", or no bytes";
    Ecdh => EcdhParameter "";
    EcdhAes => EcdhAesParameter "";
    Envelope => EnvelopeParameter ", or no bytes";
    WrapIv | PaddedWrapIv => WrapIvParameter ", or no bytes";
    Key => KeyParameter "";
    Data => DataParameter "";
    Bit => BitParameter "";
    CbcData => CbcDataParameter "";
    KdfCounter | KdfFeedback | KdfPipeline => KdfParameter "";
    Pbkdf2 => Pbkdf2Parameter "";
    TlsMaster => TlsMasterParameter "";
    TlsExtendedMaster => TlsExtendedMasterParameter "";
    TlsKeys => TlsKeysParameter "";
    TlsKdf => TlsKdfParameter "";
    TlsMac => TlsMacParameter "";
}

fn mechanisms() -> String {
    let mut shapes = Shapes::default();
    add_parameters(&mut shapes);
    let mut text = table("Parameter", &shapes);
    text.push_str("\n| Number | Mechanism | Parameter |\n|---|---|---|\n");
    for row in mechanism::ALL {
        let parameter = parameter(row.parameter);
        writeln!(text, "| 0x{:04x} | {} | {parameter} |", row.ckm, row.name).unwrap();
    }
    text
}

fn errors() -> String {
    let mut text = String::from(
        "| Number | Error | KMS code | CKR | Exit | Meaning |\n|---|---|---|---|---|---|\n",
    );
    for &code in ErrorCode::ALL {
        writeln!(
            text,
            "| 0x{:04x} | {} | {} | 0x{:x} | {} | {} |",
            code as u16,
            code.name(),
            code.kms(),
            code.ckr(),
            code.exit_status(),
            code.message()
        )
        .unwrap();
    }
    text
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "PROTOCOL.md"].iter().collect()
}

/// The document with its generated parts made anew.
fn generate(text: &str) -> String {
    let parts = [
        ("operations", operations()),
        ("messages", messages()),
        ("mechanisms", mechanisms()),
        ("errors", errors()),
    ];
    let mut text = text.to_owned();
    for (name, table) in parts {
        let begin = format!("<!-- generated: {name} -->\n");
        let start = text.find(&begin).unwrap() + begin.len();
        let end = start + text[start..].find("<!-- end -->").unwrap();
        text.replace_range(start..end, &table);
    }
    text
}

#[test]
fn the_tables_of_the_document_are_those_of_the_code() {
    let text = std::fs::read_to_string(path()).unwrap();
    let generated = generate(&text);
    let differing = text.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert!(text == generated, "PROTOCOL.md is out of date, first here: {differing:?}");
}

#[test]
#[ignore = "writes the tables of PROTOCOL.md"]
fn write() {
    let text = std::fs::read_to_string(path()).unwrap();
    std::fs::write(path(), generate(&text)).unwrap();
}
