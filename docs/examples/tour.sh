#!/bin/sh
# A tour of Coffer, to be run inside `coffer dev`:
#   target/release/coffer dev -- ./docs/examples/tour.sh
# It makes keys, uses them, and never sees one.
set -eu

: "${COFFER_SOCKET:?run this as: coffer dev -- $0}"
: "${COFFER_PKCS11_MODULE:?run this as: coffer dev -- $0}"
# `coffer` lies beside the module in a built tree, and in the path of an installed system.
PATH=$(dirname "$COFFER_PKCS11_MODULE"):$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n-- %s\n' "$*"; }

# --- KMS: a customer master key, used through the command
say "A customer master key named tour"
coffer key show tour >/dev/null 2>&1 || coffer key create tour

say "Encrypt and decrypt a file: the key stays in the daemon"
i=0
while [ "$i" -lt 200 ]; do
    echo "line $i of a file worth protecting"
    i=$((i + 1))
done | head -c 4000 >"$work/file"
coffer encrypt --key tour <"$work/file" >"$work/file.encrypted"
if cmp -s "$work/file" "$work/file.encrypted"; then
    echo "the file was not encrypted" >&2
    exit 1
fi
coffer decrypt <"$work/file.encrypted" | cmp - "$work/file"
echo "$(wc -c <"$work/file") bytes became $(wc -c <"$work/file.encrypted") and came back the same"

say "The keys of this HSM"
coffer key list

# --- PKCS#11: a key pair, used by a program that knows nothing of Coffer
if ! command -v pkcs11-tool >/dev/null; then
    say "pkcs11-tool is not installed (Debian: opensc): the PKCS#11 part of the tour is left out"
    exit 0
fi
p11() { pkcs11-tool --module "$COFFER_PKCS11_MODULE" --token-label dev --login --pin 1234 "$@"; }
id=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')

say "A P-256 key pair on the token dev, by pkcs11-tool"
p11 --keypairgen --key-type EC:prime256v1 --id "$id" --label tour-signer

say "Sign the file"
p11 --sign --mechanism ECDSA-SHA256 --signature-format openssl --id "$id" \
    --input-file "$work/file" --output-file "$work/signature"
p11 --read-object --type pubkey --id "$id" --output-file "$work/public.der"

if ! command -v openssl >/dev/null; then
    say "openssl is not installed: the signature is left unchecked"
    exit 0
fi
say "Check the signature with openssl and the exported public key"
openssl pkey -pubin -inform DER -in "$work/public.der" -out "$work/public.pem"
openssl dgst -sha256 -verify "$work/public.pem" -signature "$work/signature" "$work/file"
