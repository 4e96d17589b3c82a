//! The status site, served as any web server would: files, and nothing else.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
};

/// Serves a folder until the test process ends; gives where.
pub fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let folder = folder.clone();
            std::thread::spawn(move || {
                // A browser that went away is no trouble of the site.
                let _sent = answer(stream, &folder);
            });
        }
    });
    origin
}

fn answer(stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let asked = first.split(' ').nth(1).unwrap_or("/");
    let asked = asked.split('?').next().unwrap_or("/").trim_start_matches('/');
    let mut path = PathBuf::from(asked);
    if asked.is_empty() || asked.ends_with('/') {
        path.push("index.html");
    }
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let found = std::fs::read(folder.join(&path)).ok().filter(|_| plain);
    let kind = match path.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("xml") => "application/atom+xml",
        _ => "text/plain; charset=utf-8",
    };
    let (status, body) = match found {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
