//! Compressed bodies for browsers on thin lines. What may be compressed, the console says
//! ([`console::Shrink`], with the reason); here it is done, and not twice for the same bytes: fifty screens on one wall
//! swap the same picture.

use std::{
    collections::VecDeque,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use console::{Response, Shrink};
use flate2::{Compression, write::GzEncoder};
use vocabulary::Digest;

/// Bodies kept compressed: a few pages in two languages, for a few kinds of viewers.
const KEPT_MAX: usize = 16;
/// Larger ones are not kept.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Compresses, and remembers what it compressed last.
#[derive(Default)]
pub(super) struct Shrinker {
    kept: Mutex<VecDeque<(Digest, Arc<[u8]>)>>,
}

impl Shrinker {
    /// The response, compressed if it may be and becomes shorter.
    pub(super) fn shrunk(&self, shrink: Shrink, mut response: Response) -> Response {
        if !shrink.fits(&response) {
            return response;
        }
        // Whatever stands between must not give this to somebody who cannot read it.
        response.add("vary", "accept-encoding");
        if let Some(body) = self.body(&response.body) {
            response.set("content-encoding", "gzip");
            response.body = body.to_vec();
        }
        response
    }

    fn body(&self, whole: &[u8]) -> Option<Arc<[u8]>> {
        let name = Digest::of(whole);
        if let Some(known) = self.known(name) {
            return Some(known);
        }
        // The fastest level: it takes most of what there is to gain, and people wait for the answer.
        let mut encoder = GzEncoder::new(Vec::with_capacity(whole.len() / 4), Compression::fast());
        encoder.write_all(whole).ok()?;
        let body: Arc<[u8]> = encoder
            .finish()
            .ok()
            .filter(|body| body.len() < whole.len())?
            .into();
        if body.len() <= KEPT_BYTES_MAX {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_MAX {
                kept.pop_front();
            }
            kept.push_back((name, body.clone()));
        }
        Some(body)
    }

    fn known(&self, name: Digest) -> Option<Arc<[u8]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(known, _)| *known == name);
        found.map(|(_, body)| body.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use console::{Method, Request};

    use super::*;

    fn request(path: &str, query: &str, accepts: &str) -> Request {
        Request {
            method: Method::Get,
            path: path.into(),
            query: query.into(),
            headers: vec![("accept-encoding".into(), accepts.into())],
            body: Vec::new(),
            peer: std::net::IpAddr::from([127, 0, 0, 1]),
            now: vocabulary::Timestamp(0),
            entropy: [0; 32],
        }
    }

    fn page() -> Response {
        Response::html(200, "Kasse eins ○ Offen ".repeat(500))
    }

    #[test]
    fn what_comes_out_is_what_went_in_and_the_second_time_it_is_remembered() {
        let shrinker = Shrinker::default();
        let shrink = Shrink::of(&request("/", "fragment=1", "gzip, br"));
        for _ in 0..2 {
            let small = shrinker.shrunk(shrink, page());
            assert_eq!(small.header("content-encoding"), Some("gzip"));
            assert_eq!(small.header("vary"), Some("accept-encoding"));
            assert!(small.body.len() < page().body.len() / 10);
            let mut whole = Vec::new();
            flate2::read::GzDecoder::new(small.body.as_slice())
                .read_to_end(&mut whole)
                .unwrap();
            assert_eq!(whole, page().body);
        }
        assert_eq!(shrinker.kept.lock().unwrap().len(), 1);
        for n in 0..50 {
            shrinker.shrunk(shrink, Response::html(200, format!("{n} ").repeat(2000)));
        }
        assert_eq!(shrinker.kept.lock().unwrap().len(), KEPT_MAX);
    }

    #[test]
    fn what_must_not_be_compressed_is_not() {
        let shrinker = Shrinker::default();
        for (path, query, accepts) in [
            // A token beside words of the request.
            ("/", "suche=kasse", "gzip"),
            ("/suche", "was=kasse", "gzip"),
            ("/entwurf/neu", "reason=x", "gzip"),
            ("/anmelden", "", "gzip"),
            ("/ereignisse", "", "gzip"),
            ("/gibt-es-nicht", "", "gzip"),
            // Nobody asked for it.
            ("/", "", ""),
            ("/", "", "br"),
            ("/", "", "gzip;q=0"),
        ] {
            let shrink = Shrink::of(&request(path, query, accepts));
            let same = shrinker.shrunk(shrink, page());
            assert_eq!(same, page(), "{path}?{query} {accepts}");
        }
        let mut post = request("/vorfall", "", "gzip");
        post.method = Method::Post;
        assert_eq!(shrinker.shrunk(Shrink::of(&post), page()), page());
        let shrink = Shrink::of(&request("/", "", "gzip;q=0.5"));
        assert!(
            shrinker
                .shrunk(shrink, page())
                .header("content-encoding")
                .is_some()
        );
        let short = Response::html(200, "kurz".into());
        assert_eq!(shrinker.shrunk(shrink, short.clone()), short);
        let mut events = page();
        events.set("content-type", "text/event-stream");
        assert_eq!(shrinker.shrunk(shrink, events.clone()), events);
    }
}
