//! An answer: status, headers that every answer carries, body.

/// What the browser may do with our pages: our own style, our own script, nothing else from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers on every answer. Pages show incidents: no cache keeps them, no frame shows them, no referrer tells
/// anybody else of them. (Without any referrer at all, browsers would not say either that a form came from our own page.)
const ALWAYS: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    ),
    ("strict-transport-security", "max-age=31536000"),
];

/// An answer to one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer of a media type, with everything every answer carries.
    #[must_use]
    pub fn new(status: u16, kind: &'static str, body: Vec<u8>) -> Self {
        let mut response = Self {
            status,
            headers: ALWAYS
                .iter()
                .map(|(name, value)| (*name, String::from(*value)))
                .collect(),
            body,
        };
        response.set("content-type", kind);
        response.set("cache-control", "no-store");
        response
    }

    /// A page.
    #[must_use]
    pub fn html(status: u16, page: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", page.into_bytes())
    }

    /// Data.
    #[must_use]
    pub fn json(status: u16, data: &serde_json::Value) -> Self {
        Self::new(status, "application/json", data.to_string().into_bytes())
    }

    /// Data, written straight from its type.
    ///
    /// # Errors
    /// When the type cannot be written, which none of ours is.
    pub(crate) fn data<T: serde::Serialize>(status: u16, data: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::new(status, "application/json", serde_json::to_vec(data)?))
    }

    /// Go and look there. `path` is one of our own.
    #[must_use]
    pub fn see(path: &str) -> Self {
        let mut response = Self::new(303, "text/plain; charset=utf-8", Vec::new());
        response.set("location", path);
        response
    }

    /// Sets a header. A value that could end the line is dropped whole: it is nobody's intention.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.headers.retain(|(known, _)| *known != name);
        self.add(name, value);
    }

    /// Adds a header that may come more than once.
    pub fn add(&mut self, name: &'static str, value: &str) {
        if value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            self.headers.push((name, String::from(value)));
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cannot_be_split() {
        let mut response = Response::html(200, String::new());
        response.set("location", "/plan\r\nset-cookie: a=b");
        assert_eq!(response.header("location"), None);
        response.set("location", "/plan");
        assert_eq!(response.header("location"), Some("/plan"));
    }
}
