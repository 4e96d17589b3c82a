//! Elements of ASN.1 written in DER: definite, shortest lengths, sets in order.

/// Writes one element.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.extend(head(tag, content.len()));
    out.extend_from_slice(content);
}

/// Identifier and length octets of an element whose content has `length` octets.
pub(crate) fn head(tag: u8, length: usize) -> Vec<u8> {
    let mut out = vec![tag];
    let octets = length.to_be_bytes();
    let short: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    match (short.as_slice(), u8::try_from(short.len())) {
        ([], _) => out.push(0),
        ([one], _) if *one < 0x80 => out.push(*one),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend_from_slice(&short);
        }
        (_, Err(_)) => {} // eight octets at most
    }
    out
}

/// An element made of parts.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = head(tag, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// SEQUENCE of parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(crate::ber::SEQUENCE, parts)
}

/// SET OF parts, in the order DER asks for.
pub(crate) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(crate::ber::SET, &[&parts.concat()])
}

/// OBJECT IDENTIFIER.
pub(crate) fn oid(content: &[u8]) -> Vec<u8> {
    element(crate::ber::OID, &[content])
}

/// OCTET STRING.
pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    element(crate::ber::OCTET_STRING, &[content])
}

/// A small INTEGER that is not negative.
pub(crate) fn small(value: u8) -> Vec<u8> {
    if value < 0x80 {
        vec![crate::ber::INTEGER, 1, value]
    } else {
        vec![crate::ber::INTEGER, 2, 0, value]
    }
}

/// NULL.
pub(crate) const NULL: &[u8] = &[5, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_the_shortest() {
        assert_eq!(head(4, 0), [4, 0]);
        assert_eq!(head(4, 127), [4, 127]);
        assert_eq!(head(4, 128), [4, 0x81, 128]);
        assert_eq!(head(4, 256), [4, 0x82, 1, 0]);
        assert_eq!(head(4, 1 << 24), [4, 0x84, 1, 0, 0, 0]);
    }
}
