"""Reads a KIM mail with asn1crypto and cryptography, none of which this project wrote.

Usage: read_kim.py MAIL KEY.der CERTIFICATE.der FOLDER
Writes FOLDER/signed.der (the signed structure) and FOLDER/inner.eml (the mail that was signed). Fails loudly where the
profile is not met.
"""

import email
import hashlib
import pathlib
import sys

from asn1crypto import cms, tsp, x509  # tsp: teaches cms the attribute signing-certificate-v2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RECIPIENT_EMAILS = "1.2.276.0.76.4.173"


def main(mail, key, certificate, folder):
    mail = email.message_from_bytes(pathlib.Path(mail).read_bytes())
    assert mail["Subject"] == "KOM-LE-Nachricht", mail["Subject"]
    assert mail.get_content_type() == "application/pkcs7-mime"
    assert mail.get_param("smime-type") == "authenticated-enveloped-data"
    encoded = mail.get_payload(decode=True)
    info = cms.ContentInfo.load(encoded, strict=True)
    assert info["content_type"].native == "authenticated_enveloped_data"
    envelope = info["content"]
    assert int(envelope["version"]) == 0
    assert tsp.SigningCertificateV2 is not None
    certificate = x509.Certificate.load(pathlib.Path(certificate).read_bytes())
    wrapped = None
    for recipient in envelope["recipient_infos"]:
        recipient = recipient.chosen
        rid = recipient["rid"].chosen
        if rid["serial_number"].native == certificate.serial_number and rid["issuer"] == certificate.issuer:
            algorithm = recipient["key_encryption_algorithm"]
            assert algorithm["algorithm"].native == "rsaes_oaep", algorithm.native
            parameters = algorithm["parameters"]
            assert parameters["hash_algorithm"]["algorithm"].native == "sha256"
            assert parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native == "sha256"
            wrapped = recipient["encrypted_key"].native
    key = serialization.load_der_private_key(pathlib.Path(key).read_bytes(), None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    secret = key.decrypt(wrapped, oaep)
    content = envelope["auth_encrypted_content_info"]
    algorithm = content["content_encryption_algorithm"]
    assert algorithm["algorithm"].dotted == "2.16.840.1.101.3.4.1.46", algorithm["algorithm"].dotted
    gcm = algorithm["parameters"]
    if hasattr(gcm, "parsed"):
        gcm = gcm.parsed
    gcm = gcm.native
    nonce = gcm["aes_nonce"] if "aes_nonce" in gcm else gcm["0"]
    sealed = content["encrypted_content"].native + envelope["mac"].native
    part = AESGCM(secret).decrypt(nonce, sealed, None)

    header, body = part.split(b"\r\n\r\n", 1)
    header = email.message_from_bytes(header + b"\r\n\r\n")
    assert header.get_param("smime-type") == "signed-data"
    assert header["Content-Transfer-Encoding"] == "binary"
    pathlib.Path(folder, "signed.der").write_bytes(body)
    signed = cms.ContentInfo.load(body, strict=True)["content"]
    assert len(signed["signer_infos"]) == 1 and len(signed["certificates"]) == 1
    assert len(signed["crls"]) == 0
    signer = signed["signer_infos"][0]
    assert len(signer["unsigned_attrs"]) == 0
    wrapping = signed["encap_content_info"]["content"].native
    attributes = {attribute["type"].dotted: attribute["values"] for attribute in signer["signed_attrs"]}
    assert attributes["1.2.840.113549.1.9.4"][0].native == hashlib.sha256(wrapping).digest()
    signing_certificate = signed["certificates"][0].chosen
    named = attributes["1.2.840.113549.1.9.16.2.47"][0]["certs"][0]
    assert named["cert_hash"].native == hashlib.sha256(signing_certificate.dump()).digest()
    assert named["issuer_serial"]["serial_number"].native == signing_certificate.serial_number
    algorithm = signer["signature_algorithm"]
    assert algorithm["algorithm"].native == "rsassa_pss"
    assert algorithm["parameters"]["salt_length"].native == 32
    public = serialization.load_der_public_key(signing_certificate.public_key.dump())
    message = b"\x31" + signer["signed_attrs"].dump()[1:]
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    public.verify(signer["signature"].native, message, pss, hashes.SHA256())

    outside = [value for value in envelope["unauth_attrs"] if value["type"].dotted == RECIPIENT_EMAILS]
    assert len(outside) == 1
    # The values are of a type asn1crypto does not know; equal bytes are enough here.
    assert outside[0]["values"].dump() == attributes[RECIPIENT_EMAILS].dump()
    assert wrapping.startswith(b"Content-Type: message/rfc822\r\n\r\n")
    pathlib.Path(folder, "inner.eml").write_bytes(wrapping.split(b"\r\n\r\n", 1)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
